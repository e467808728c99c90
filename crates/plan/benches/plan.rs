//! How long a plan takes: of one cluster (goal: below 10 ms) and of a thousand (goal: below 1 s). The cluster says everything
//! a file can say, and its flavor changes.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails like a test"
)]

use std::hint::black_box;

use capstan_plan::change::{Live, LiveObject, plan};
use capstan_plan::facts::{Facts, Surroundings};
use capstan_plan::render;
use capstan_spec::status::{PoolImage, Resolved};
use capstan_spec::{ClusterName, WorkloadClusterSpec, file};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const MANAGED: &str = include_str!("../testdata/managed.yaml");

fn resolved(spec: &WorkloadClusterSpec) -> Resolved {
    let mut resolved = Resolved {
        image_id: Some("image".into()),
        external_network_id: Some("network".into()),
        floating_ip: Some("198.51.100.7".into()),
        registry_secret: Some("demo-x7k2p-registries-1".into()),
        ..Resolved::default()
    };
    for pool in spec.pools() {
        let image = PoolImage {
            system: capstan_spec::NodeSystem::default(),
            asked: "a".into(),
            version: spec.version,
            id: "b".into(),
        };
        resolved.pool_images.insert(pool.pool.to_owned(), image);
        for group in pool.named_groups() {
            resolved.security_groups.insert(group.clone(), "id".into());
        }
    }
    resolved
}

fn owned(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, below)| (format!("f:{key}"), owned(below)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => json!({}),
    }
}

fn bench(criterion: &mut Criterion) {
    let before = file::read(MANAGED).unwrap().spec;
    let mut after = before.clone();
    after.workers[0].flavor = "m1.huge".into();
    let name = ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap());
    let around = Surroundings::default();
    let facts = |spec| Facts::collect(spec, &resolved(spec), &around).unwrap();
    let objects = render(&before, &name, &facts(&before)).unwrap().objects;
    let live = Live {
        objects: objects
            .into_iter()
            .map(|object| {
                let mut value = object.value;
                let fields = owned(&value);
                value["metadata"]["managedFields"] =
                    json!([{"manager": "capstan", "operation": "Apply", "fieldsV1": fields}]);
                LiveObject {
                    kind: object.kind,
                    name: object.name,
                    value,
                }
            })
            .collect(),
        ..Live::default()
    };
    // Rendering belongs to it: nobody plans without.
    let one = || {
        let rendered = render(&after, &name, &facts(&after)).unwrap();
        plan(&rendered, &live, "capstan")
    };
    assert!(!one().is_empty());
    criterion.bench_function("plan of one cluster", |bencher| {
        bencher.iter(|| black_box(one()));
    });
    let mut group = criterion.benchmark_group("many");
    group.sample_size(10);
    group.bench_function("plans of 1,000 clusters", |bencher| {
        bencher.iter(|| {
            for _ in 0..1000 {
                black_box(one());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
