//! From the text of a provider's release to the objects that are applied.

use std::collections::BTreeMap;

use capstan_kubernetes::{ObjectName, parse_manifest};
use kube::core::DynamicObject;
use serde_json::Value;

use super::substitution::{Variables, substitute};
use super::{ProviderError, Release};

/// Annotation by which cert-manager's injector would find what to put into `caBundle`: `namespace/certificate`.
const INJECT: &str = "cert-manager.io/inject-ca-from";
/// Label that clusterctl puts on everything it installs.
pub(super) const CLUSTERCTL: &str = "clusterctl.cluster.x-k8s.io";
/// Label whose value says which provider an object belongs to.
pub(super) const PROVIDER: &str = "cluster.x-k8s.io/provider";

/// A certificate that a release asks of cert-manager, and gets from us.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedCertificate {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Secret that the manager mounts.
    pub secret: String,
    /// DNS names it is for.
    pub names: Vec<String>,
}

/// A release, ready to be applied but for the authority in its webhooks.
#[derive(Debug, Clone)]
pub struct Components {
    objects: Vec<DynamicObject>,
    /// Certificates the managers mount.
    pub certificates: Vec<WantedCertificate>,
    /// The namespace the managers run in.
    pub namespace: String,
}

impl Components {
    /// Substitutes, parses, drops cert-manager's kinds and labels the rest as clusterctl would.
    pub fn read(
        release: &Release,
        text: &str,
        variables: &Variables,
    ) -> Result<Self, ProviderError> {
        let text = substitute(text, variables).map_err(|source| ProviderError::Substitution {
            release: release.to_string(),
            source,
        })?;
        let mut objects = parse_manifest(&release.to_string(), &text)?;
        let certificates: BTreeMap<String, WantedCertificate> = objects
            .iter()
            .filter(|o| is_cert_manager(o))
            .filter_map(wanted_certificate)
            .collect();
        objects.retain(|o| !is_cert_manager(o));
        let wants = |message: String| ProviderError::Manifest {
            release: release.to_string(),
            message,
        };
        for object in &mut objects {
            if let Some(from) = object
                .metadata
                .annotations
                .as_ref()
                .and_then(|a| a.get(INJECT))
                && has_webhook(object)
                && !certificates.contains_key(from)
            {
                return Err(wants(format!(
                    "{} wants the certificate {from}, which it lacks",
                    ObjectName::of(object)
                )));
            }
            let labels = object.metadata.labels.get_or_insert_default();
            labels.insert(CLUSTERCTL.to_owned(), String::new());
            labels.insert(PROVIDER.to_owned(), release.label());
        }
        let namespace = objects
            .iter()
            .map(ObjectName::of)
            .find(|name| name.kind == "Namespace")
            .map(|name| name.name)
            .ok_or_else(|| wants("there is no Namespace in it".to_owned()))?;
        Ok(Self {
            objects,
            certificates: certificates.into_values().collect(),
            namespace,
        })
    }

    /// The objects, with the authority's certificate (PEM) wherever cert-manager would have put its own.
    pub fn with_authority(mut self, authority: &str) -> Vec<DynamicObject> {
        use base64::Engine as _;
        let bundle = base64::engine::general_purpose::STANDARD.encode(authority);
        for object in &mut self.objects {
            inject(object, &bundle);
        }
        self.objects
    }
}

fn is_cert_manager(object: &DynamicObject) -> bool {
    ObjectName::of(object).group() == "cert-manager.io"
}

fn wanted_certificate(object: &DynamicObject) -> Option<(String, WantedCertificate)> {
    let name = ObjectName::of(object);
    if name.kind != "Certificate" {
        return None;
    }
    let namespace = name.namespace?;
    let secret = object
        .data
        .pointer("/spec/secretName")?
        .as_str()?
        .to_owned();
    let names = object.data.pointer("/spec/dnsNames")?.as_array()?;
    let names = names
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    Some((
        format!("{namespace}/{}", name.name),
        WantedCertificate {
            namespace,
            secret,
            names,
        },
    ))
}

fn has_webhook(object: &DynamicObject) -> bool {
    object.data.get("webhooks").is_some()
        || object.data.pointer("/spec/conversion/webhook").is_some()
}

fn inject(object: &mut DynamicObject, bundle: &str) {
    let annotated = object
        .metadata
        .annotations
        .as_mut()
        .is_some_and(|a| a.remove(INJECT).is_some());
    if !annotated {
        return;
    }
    if let Some(Value::Array(webhooks)) = object.data.get_mut("webhooks") {
        for webhook in webhooks {
            webhook["clientConfig"]["caBundle"] = Value::from(bundle);
        }
    }
    if let Some(webhook) = object.data.pointer_mut("/spec/conversion/webhook") {
        webhook["clientConfig"]["caBundle"] = Value::from(bundle);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProviderKind;
    use super::*;

    const TEXT: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: x-system}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: converted, annotations: {cert-manager.io/inject-ca-from: x-system/x-cert, keep: me}}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {name: x}}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: plain, annotations: {cert-manager.io/inject-ca-from: x-system/x-cert}}
spec: {group: x}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x-cert, namespace: x-system}
spec: {secretName: x-webhook-service-cert, dnsNames: [x.x-system.svc]}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: x-issuer, namespace: x-system}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: x, annotations: {cert-manager.io/inject-ca-from: x-system/x-cert}}
webhooks: [{name: a, clientConfig: {}}, {name: b, clientConfig: {}}]
";

    fn release() -> Release {
        Release::new(ProviderKind::Bootstrap, "kubeadm", "v1.14.2")
    }

    #[test]
    fn cert_managers_part_is_taken_over_everywhere() {
        let components = Components::read(&release(), TEXT, &Variables::new()).unwrap();
        assert_eq!(components.namespace, "x-system");
        assert_eq!(
            components.certificates,
            [WantedCertificate {
                namespace: "x-system".into(),
                secret: "x-webhook-service-cert".into(),
                names: vec!["x.x-system.svc".into()],
            }]
        );
        let objects = components.with_authority("PEM");
        let text = serde_json::to_string(&objects).unwrap();
        assert!(!text.contains("cert-manager.io"), "{text}");
        assert_eq!(
            text.matches("\"caBundle\":\"UEVN\"").count(),
            3,
            "two webhooks and one conversion: {text}"
        );
        assert!(text.contains("\"keep\":\"me\""));
        assert!(
            objects[2].data.pointer("/spec/conversion").is_none(),
            "a definition without conversion gets none"
        );
        for object in &objects {
            assert_eq!(
                object.metadata.labels.as_ref().unwrap()[PROVIDER],
                "bootstrap-kubeadm"
            );
        }
    }

    #[test]
    fn a_webhook_whose_certificate_is_not_in_the_release_is_refused() {
        let error = Components::read(
            &release(),
            &TEXT.replace("name: x-cert,", "name: y-cert,"),
            &Variables::new(),
        );
        assert!(error.unwrap_err().to_string().contains("x-system/x-cert"));
    }
}
