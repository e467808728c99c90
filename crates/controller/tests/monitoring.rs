//! `deploy/monitoring`: every metric that rules and dashboard name is measured, and every path that kube-state-metrics is
//! told is one of the kinds' definitions.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use capstan_controller::metrics::{ALL, Kind};
use capstan_kubernetes::parse_manifest;
use capstan_testkit::MANIFESTS;
use capstan_workload::resource::definitions;
use serde_json::Value;

fn read(file: &str) -> Value {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/monitoring");
    let text = std::fs::read_to_string(directory.join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Names of metrics with their labels.
type Known = BTreeMap<String, BTreeSet<String>>;

/// What the controller and kube-state-metrics, as configured, tell.
fn known() -> Known {
    // Prometheus itself adds where it read something.
    let labels = |own: &[&str]| -> BTreeSet<String> {
        let added = ["instance", "job", "namespace", "pod"];
        own.iter()
            .chain(&added)
            .map(|&label| label.to_owned())
            .collect()
    };
    let mut known = Known::new();
    for one in ALL {
        if one.kind == Kind::Histogram {
            for end in ["_bucket", "_sum", "_count"] {
                let of_histogram: Vec<&str> = one.labels.iter().copied().chain(["le"]).collect();
                known.insert(format!("{}{end}", one.name), labels(&of_histogram));
            }
        } else {
            known.insert(one.name.to_owned(), labels(one.labels));
        }
    }
    for resource in list(&read("kube-state-metrics.yaml")["spec"]["resources"]) {
        for metric in list(&resource["metrics"]) {
            let mut own: Vec<&str> = keys(&resource["labelsFromPath"]).collect();
            for detail in ["gauge", "stateSet", "info"].map(|kind| &metric["each"][kind]) {
                own.push(text(&detail["labelName"]));
                own.extend(keys(&detail["labelsFromPath"]));
            }
            let prefix = text(&resource["metricNamePrefix"]);
            known.insert(format!("{prefix}_{}", text(&metric["name"])), labels(&own));
        }
    }
    known
}

/// What in `PromQL` looks like a metric's name and is none. Other functions are known by their bracket.
const WORDS: [&str; 12] = [
    "and", "or", "unless", "bool", "offset", "by", "on", "without", "ignoring", "sum", "max", "min",
];

/// The metrics an expression names, and the labels it names anywhere.
fn named(expression: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut rest = expression;
    // Within `{…}`, and within the brackets after `by`, words are labels.
    let (mut of_labels, mut grouping) = (false, false);
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = rest[1..].split_once('"').unwrap().1;
        } else if first == '[' {
            rest = rest.split_once(']').unwrap().1;
        } else if !letter(first) {
            match first {
                '{' => of_labels = true,
                '(' if grouping => of_labels = true,
                '}' | ')' => (of_labels, grouping) = (false, false),
                _ => {}
            }
            rest = &rest[first.len_utf8()..];
        } else {
            let end = rest.find(|c| !letter(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            if first.is_ascii_digit() {
            } else if of_labels {
                labels.insert(word);
            } else if WORDS.contains(&word) {
                grouping = matches!(word, "by" | "on" | "without" | "ignoring");
            } else if !after.trim_start().starts_with('(') {
                metrics.insert(word);
            }
        }
    }
    (metrics, labels)
}

fn check(known: &Known, expression: &str) {
    let (metrics, labels) = named(expression);
    assert!(!metrics.is_empty(), "no metric in {expression}");
    let mut theirs = BTreeSet::new();
    for metric in metrics {
        let of_metric = known.get(metric);
        assert!(of_metric.is_some(), "nobody tells {metric}: {expression}");
        theirs.extend(of_metric.into_iter().flatten().map(String::as_str));
    }
    for label in labels {
        assert!(
            theirs.contains(label),
            "no metric has the label {label}: {expression}"
        );
    }
}

#[test]
fn an_expression_is_read_as_prometheus_reads_it() {
    let (metrics, labels) = named(
        "histogram_quantile(0.9, sum by (le, a) (rate(x_bucket{b=~\"y|z\"}[5m]))) / on (i) y > 1e3 and time() - z < 30 * 24",
    );
    assert_eq!(metrics, ["x_bucket", "y", "z"].into());
    assert_eq!(labels, ["a", "b", "i", "le"].into());
}

#[test]
fn rules_and_dashboard_name_what_is_measured() {
    let known = known();
    let rules = read("rules.yaml");
    let mut names = BTreeSet::new();
    for rule in list(&rules["groups"])
        .iter()
        .flat_map(|group| list(&group["rules"]))
    {
        check(&known, text(&rule["expr"]));
        assert!(names.insert(text(&rule["alert"])), "twice: {rule}");
        for field in ["summary", "description"] {
            assert!(!text(&rule["annotations"][field]).is_empty(), "{rule}");
        }
    }
    assert!(!names.is_empty());
    let for_operator = read("prometheus-rule.yaml");
    assert_eq!(for_operator["kind"], "PrometheusRule");
    assert_eq!(
        for_operator["spec"]["groups"], rules["groups"],
        "two kinds of rules"
    );

    let dashboard = read("dashboard.json");
    let targets = list(&dashboard["panels"])
        .iter()
        .flat_map(|panel| list(&panel["targets"]));
    let expressions: Vec<&str> = targets.map(|target| text(&target["expr"])).collect();
    assert!(!expressions.is_empty());
    for expression in expressions {
        check(&known, expression);
    }
}

/// Follows a path and gives the schema at its end; of a list, that of its items. `None` where it leads nowhere.
fn follow<'a>(schema: &'a Value, path: &Value) -> Option<&'a Value> {
    let words: Vec<&str> = list(path).iter().map(text).collect();
    match words.as_slice() {
        // What every object has; definitions do not describe it.
        ["metadata", "name" | "namespace" | "creationTimestamp"]
        | ["metadata", "labels" | "annotations", _] => return Some(&Value::Null),
        _ => {}
    }
    let mut schema = schema;
    for word in words {
        let open = &schema["additionalProperties"];
        schema = schema["properties"]
            .get(word)
            .or_else(|| open.is_object().then_some(open))?;
    }
    Some(if schema["items"].is_object() {
        &schema["items"]
    } else {
        schema
    })
}

/// Every definition that can be had: ours always, the providers' where their releases are.
fn every_definition() -> Vec<kube::core::DynamicObject> {
    let mut found = definitions().unwrap();
    let Some(directory) = std::env::var_os(MANIFESTS).map(PathBuf::from) else {
        eprintln!("NOTE: {MANIFESTS} is not set: only Capstan's own kinds were looked at");
        return found;
    };
    for release in [
        "cluster-api/v1.14.2/core-components.yaml",
        "cluster-api/v1.14.2/control-plane-components.yaml",
        "cluster-api-provider-openstack/v0.14.7/infrastructure-components.yaml",
    ] {
        let all = std::fs::read_to_string(directory.join(release)).unwrap();
        let documents = all.split("\n---\n");
        for one in documents.filter(|one| one.contains("kind: CustomResourceDefinition")) {
            found.extend(parse_manifest(release, one).unwrap());
        }
    }
    found
}

#[test]
fn kube_state_metrics_is_told_paths_that_exist() {
    let definitions = every_definition();
    let all = std::env::var_os(MANIFESTS).is_some();
    for resource in list(&read("kube-state-metrics.yaml")["spec"]["resources"]) {
        let kind = &resource["groupVersionKind"];
        let definition = definitions.iter().find(|definition| {
            let spec = &definition.data["spec"];
            spec["group"] == kind["group"] && spec["names"]["kind"] == kind["kind"]
        });
        let Some(definition) = definition else {
            assert!(
                !all && kind["group"] != "capstan.dev",
                "no definition of {kind}"
            );
            continue;
        };
        let mut versions = list(&definition.data["spec"]["versions"]).iter();
        let version = versions.find(|version| version["name"] == kind["version"]);
        let schema = &version.unwrap()["schema"]["openAPIV3Schema"];
        let below = |schema, path: &Value| {
            let end = follow(schema, path);
            assert!(end.is_some(), "{kind} has no {path}");
            end.unwrap_or(&Value::Null)
        };
        for path in resource["labelsFromPath"].as_object().unwrap().values() {
            below(schema, path);
        }
        for metric in list(&resource["metrics"]) {
            for detail in ["gauge", "stateSet", "info"].map(|kind| &metric["each"][kind]) {
                let inner = below(schema, &detail["path"]);
                for (_, path) in detail["labelsFromPath"].as_object().into_iter().flatten() {
                    below(inner, path);
                }
                // A word that the definition does not know would never be told.
                let end = below(inner, &detail["valueFrom"]);
                let allowed = list(&end["enum"]);
                for word in list(&detail["list"]) {
                    assert!(
                        allowed.is_empty() || allowed.contains(word),
                        "{kind}: no {word}"
                    );
                }
            }
        }
    }
}
