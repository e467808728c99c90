//! APIs that are in use and that a version no longer has, by what the API server counts itself.

use capstan_spec::{Finding, KubernetesVersion};

use super::Written;
use super::stored::writers;

/// Metric of the API server: 1 for each deprecated API that was asked for since the API server started. Stable since 1.22.
const METRIC: &str = "apiserver_requested_deprecated_apis{";

/// A deprecated API that somebody uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedApi {
    /// `<group>/<version>`, or `<version>` of the core group.
    pub group_version: String,
    /// Plural of its kind.
    pub resource: String,
    /// Major and minor that no longer has it; `None` when that is not decided.
    pub removed: Option<(u64, u64)>,
}

/// Reads the metrics of an API server. What is no such line is left out.
pub fn deprecated_apis(metrics: &str) -> Vec<RequestedApi> {
    metrics
        .lines()
        .filter_map(|line| {
            let (labels, value) = line.strip_prefix(METRIC)?.rsplit_once('}')?;
            let used: f64 = value.trim().parse().ok()?;
            if used == 0.0 {
                return None;
            }
            let label = |name: &str| {
                let start = format!("{name}=\"");
                let found = labels.split(',').find_map(|one| one.strip_prefix(&start));
                found.map(|value| value.trim_end_matches('"').to_owned())
            };
            let (group, version) = (label("group")?, label("version")?);
            let removed = label("removed_release").and_then(|release| {
                let (major, minor) = release.split_once('.')?;
                Some((major.parse().ok()?, minor.parse().ok()?))
            });
            Some(RequestedApi {
                group_version: if group.is_empty() {
                    version
                } else {
                    format!("{group}/{version}")
                },
                resource: label("resource")?,
                removed,
            })
        })
        .collect()
}

/// What is in use and will be gone in `wanted`, with who wrote by it as far as objects say.
pub fn removed_by(
    used: &[RequestedApi],
    written: &[Written],
    wanted: KubernetesVersion,
) -> Vec<Finding> {
    let gone = used.iter().filter(|api| {
        let line = (wanted.major, wanted.minor);
        api.removed.is_some_and(|removed| removed <= line)
    });
    gone.map(|api| {
        let version = &api.group_version;
        let mut text = format!("{version} is in use, and {wanted} no longer has it");
        if let Some(who) = writers(written, &api.resource, version) {
            text = format!("{text}; objects were written by it by {who}");
        }
        let remedy = "find who asks for it (audit log, `kubectl get --raw /metrics`) and move it to the API that took its \
                      place; the count begins anew when the API server restarts";
        Finding::error(api.resource.clone(), text).remedy(remedy)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"
# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="flowcontrol.apiserver.k8s.io",removed_release="1.36",resource="flowschemas",subresource="",version="v1beta3"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.37",resource="cronjobs",subresource="status",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="old",removed_release="1.36",resource="unused",subresource="",version="v1"} 0
apiserver_request_total{group="batch",resource="jobs",version="v1"} 12
"#;

    #[test]
    fn what_is_in_use_and_goes_is_named() {
        let used = deprecated_apis(METRICS);
        assert_eq!(used.len(), 3, "{used:?}");
        assert_eq!(used[1].group_version, "v1");
        let found = |version: KubernetesVersion| -> Vec<String> {
            let findings = removed_by(&used, &[], version);
            findings
                .iter()
                .map(|finding| finding.path.clone())
                .collect()
        };
        assert_eq!(found(KubernetesVersion::new(1, 35, 4)), [] as [&str; 0]);
        assert_eq!(found(KubernetesVersion::new(1, 36, 3)), ["flowschemas"]);
        assert_eq!(
            found(KubernetesVersion::new(1, 38, 0)),
            ["flowschemas", "cronjobs"]
        );
        assert_eq!(deprecated_apis("no metrics"), []);
        let written = Written {
            resource: "flowschemas".into(),
            object: "FlowSchema ours".into(),
            manager: "helm".into(),
            group_version: "flowcontrol.apiserver.k8s.io/v1beta3".into(),
        };
        let told = removed_by(&used, &[written], KubernetesVersion::new(1, 36, 3));
        assert!(
            told[0].message.ends_with("by helm (FlowSchema ours)"),
            "{}",
            told[0]
        );
    }
}
