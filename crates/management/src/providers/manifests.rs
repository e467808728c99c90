//! What an installation consists of, fetched and put together.

use capstan_kubernetes::{Applier, Inventory, ObjectName, Ownership};
use futures::FutureExt as _;
use futures::future::try_join_all;
use kube::Client;
use kube::core::DynamicObject;

use super::components::Components;
use super::install::INVENTORY;
use super::{
    InstallPlan, ProviderError, Release, WantedCertificate, clusterctl, own, resource_controller,
};

/// The manifests of a plan, read, before there is an authority for their webhooks.
#[derive(Debug, Clone)]
pub(super) struct Manifests {
    components: Vec<Components>,
    definitions: Vec<DynamicObject>,
}

/// What of an installation is on a cluster already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// How many objects the installation has.
    pub objects: usize,
    /// How many of them are there, all of them ours.
    pub there: usize,
}

impl Manifests {
    /// Fetches all of them.
    pub(super) async fn fetch(plan: &InstallPlan) -> Result<Self, ProviderError> {
        let components = try_join_all(
            plan.releases
                .iter()
                .map(|release| component(plan, release).boxed()),
        );
        let definitions = async {
            let file = resource_controller(&plan.catalogue)?;
            let text = plan.source.fetch(&file).await?;
            let mut objects = capstan_kubernetes::parse_manifest(&file.path(), &text)?;
            // Upstream publishes the controller in the same file.
            objects.retain(|o| ObjectName::of(o).kind == "CustomResourceDefinition");
            Ok::<_, ProviderError>(objects)
        };
        let (components, definitions) = futures::try_join!(components, definitions)?;
        Ok(Self {
            components,
            definitions,
        })
    }

    /// Every object that is applied, with the authority's certificate (PEM) in the webhooks, and the leaves they want.
    pub(super) fn objects(
        self,
        plan: &InstallPlan,
        authority: &str,
    ) -> Result<(Vec<DynamicObject>, Vec<WantedCertificate>), ProviderError> {
        let mut objects = self.definitions;
        objects.extend(capstan_workload::resource::definitions()?);
        objects.push(clusterctl::definition()?);
        let mut certificates = Vec::new();
        for (release, component) in plan.releases.iter().zip(self.components) {
            objects.push(clusterctl::inventory(release, &component.namespace)?);
            certificates.extend(component.certificates.clone());
            objects.extend(component.with_authority(authority));
        }
        objects.extend(own::controller(&plan.controller, &plan.owner)?);
        objects.extend(plan.objects.iter().cloned());
        if let Some(proxy) = &plan.proxy {
            proxy.give(&mut objects)?;
        }
        Ok((objects, certificates))
    }

    /// Makes sure that nothing of it is on the cluster and somebody else's.
    pub(super) async fn ground(
        &self,
        applier: &Applier,
        plan: &InstallPlan,
    ) -> Result<Ground, ProviderError> {
        let (objects, _) = self.clone().objects(plan, "")?;
        let names: Vec<ObjectName> = objects.iter().map(ObjectName::of).collect();
        let inventory = Inventory::new(own::NAMESPACE, INVENTORY);
        let whose = inventory.ownership(applier, &names).await?;
        let there = whose.iter().filter(|one| **one == Ownership::Ours).count();
        let foreign: Vec<_> = names
            .into_iter()
            .zip(whose)
            .filter_map(|(name, one)| match one {
                Ownership::Foreign(by) => Some((name, by)),
                _ => None,
            })
            .collect();
        if foreign.is_empty() {
            Ok(Ground {
                objects: objects.len(),
                there,
            })
        } else {
            Err(ProviderError::Foreign(foreign))
        }
    }
}

async fn component(plan: &InstallPlan, release: &Release) -> Result<Components, ProviderError> {
    let text = plan
        .source
        .fetch(&release.manifest(&plan.catalogue)?)
        .await?;
    Components::read(release, &text, &plan.variables)
}

/// Fetches everything and looks whether it may be installed; changes nothing.
///
/// # Errors
/// [`ProviderError::Foreign`] with all that is there and somebody else's.
pub async fn survey(client: Client, plan: &InstallPlan) -> Result<Ground, ProviderError> {
    let manifests = Manifests::fetch(plan).await?;
    manifests.ground(&Applier::new(client), plan).await
}
