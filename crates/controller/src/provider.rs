//! A provider that becomes newer while the controller runs.

use std::time::Duration;

use capstan_capi::OpenStackApi;
use capstan_kubernetes::Kinds;
use capstan_workload::provider::openstack_api;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Pause between two looks. Whoever installs a newer provider waits longer than that for its Deployment.
const PAUSE: Duration = Duration::from_mins(1);

/// In which version the server's OpenStack provider is spoken to, and the guard of that: it cancels the work when it has to be
/// another, and says which. Everything that watches and remembers was begun in the one version, so the controller ends then,
/// and begins anew. What cannot be learnt at the beginning is learnt by the guard.
pub(crate) async fn begin(
    kinds: &Kinds,
    work: &CancellationToken,
) -> (OpenStackApi, JoinHandle<Option<OpenStackApi>>) {
    let spoken = openstack_api(kinds).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "which OpenStack provider is there");
        OpenStackApi::default()
    });
    tracing::info!(version = %spoken, "the OpenStack provider is spoken to");
    let (client, work) = (kinds.client().clone(), work.clone());
    let guard = async move {
        let changed = changed(client, spoken, PAUSE);
        let now = work.run_until_cancelled(changed).await?;
        work.cancel();
        Some(now)
    };
    (spoken, tokio::spawn(guard))
}

/// Ends when the server's OpenStack provider has to be spoken to in another version than `spoken`, and says in which.
/// Asking which versions are served is open to everybody, as opposed to the definitions themselves.
async fn changed(client: Client, spoken: OpenStackApi, pause: Duration) -> OpenStackApi {
    loop {
        tokio::time::sleep(pause).await;
        match openstack_api(&Kinds::new(client.clone())).await {
            Ok(now) if now != spoken => return now,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "which OpenStack provider is there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_capi::kind;
    use capstan_kubernetes::{Applier, Deadline, parse_manifest};
    use capstan_testkit::ApiServer;

    use super::*;

    fn definition(versions: &[OpenStackApi]) -> String {
        let (kind, group) = (kind::OPENSTACK_CLUSTER, kind::OPENSTACK_CLUSTER.group);
        let (plural, kind) = (kind.plural, kind.kind);
        let schema =
            "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
        let version = |version: &OpenStackApi| {
            let storage = *version == OpenStackApi::V1Beta1;
            format!("{{name: {version}, served: true, storage: {storage}, schema: {schema}}}")
        };
        let versions: Vec<String> = versions.iter().map(version).collect();
        let versions = versions.join(", ");
        format!(
            "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: {plural}, singular: openstackcluster, kind: {kind}, listKind: {kind}List}}
  versions: [{versions}]
"
        )
    }

    #[tokio::test]
    async fn a_newer_provider_is_noticed() {
        let Some(server) = ApiServer::start().await else {
            return;
        };
        let client = server.client().await.unwrap();
        let applier = Applier::new(client.clone());
        let (older, newer) = (OpenStackApi::V1Beta1, OpenStackApi::V1Beta2);
        let often = Duration::from_millis(50);
        let deadline = Deadline::after(Duration::from_secs(30));
        let serve = async |versions: &[OpenStackApi]| {
            let objects = parse_manifest("test", &definition(versions)).unwrap();
            applier.apply(&objects, deadline, |_| ()).await.unwrap();
        };
        serve(&[older]).await;
        let mut changed = std::pin::pin!(changed(client, older, often));
        let early = tokio::time::timeout(Duration::from_secs(1), &mut changed).await;
        assert!(early.is_err(), "nothing has changed: {early:?}");
        serve(&[older, newer]).await;
        let now = tokio::time::timeout(Duration::from_secs(30), changed).await;
        assert_eq!(now.unwrap(), newer);
    }
}
