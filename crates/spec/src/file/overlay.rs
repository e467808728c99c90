//! One file laid over another.

use serde_json::{Map, Value};

use super::{BASE, Reading, TEMPLATE, structured};
use crate::defaults;
use crate::finding::Finding;

const POOLS: &str = "workers";

impl Reading {
    /// Reads the base called `name`; `asked` is whether the template that it may name was asked for.
    pub(super) fn base(&mut self, name: &str, text: &str, asked: bool) {
        let entries = self.tree(text);
        if let Some(entry) = entries.iter().find(|entry| entry.key == BASE) {
            let finding = Finding::error(BASE, "a base has no base itself").at(entry.position);
            self.findings
                .push(finding.remedy("say everything in one of the two"));
        }
        if let (Some(entry), false) = (entries.iter().find(|entry| entry.key == TEMPLATE), asked) {
            self.unasked(entry);
        }
        let rest: Vec<_> = entries
            .into_iter()
            .filter(|entry| ![BASE, TEMPLATE].contains(&entry.key.as_str()))
            .collect();
        self.entries(&rest);
        for finding in &mut self.findings {
            finding.file = Some(name.to_owned());
        }
        for origin in &mut self.origins {
            origin.file = Some(name.to_owned());
        }
    }

    /// Lays what another file says over this one.
    pub(super) fn overlay(&mut self, mut own: Self) {
        let places = match own.spec.remove(POOLS) {
            Some(Value::Array(pools)) => self.pools(pools),
            Some(other) => {
                self.spec.insert(POOLS.to_owned(), other);
                Vec::new()
            }
            None => Vec::new(),
        };
        for (key, value) in own.spec {
            structured::merge_field(&mut self.spec, key, value);
        }
        for mut origin in own.origins {
            origin.path = moved(&origin.path, &places);
            self.origins.push(origin);
        }
        self.findings.extend(own.findings);
    }

    /// Merges pools by their names; gives for each the place it got.
    fn pools(&mut self, pools: Vec<Value>) -> Vec<usize> {
        let there = self
            .spec
            .entry(POOLS)
            .or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(list) = there else {
            *there = Value::Array(pools);
            return Vec::new();
        };
        let mut places = Vec::with_capacity(pools.len());
        for pool in pools {
            let place = list.iter().position(|known| name(known) == name(&pool));
            match (place.and_then(|place| list.get_mut(place)), pool) {
                (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
                (_, pool) => list.push(pool),
            }
            places.push(place.unwrap_or_else(|| list.len() - 1));
        }
        places
    }
}

fn name(pool: &Value) -> &str {
    pool.get("name")
        .and_then(Value::as_str)
        .unwrap_or(defaults::POOL)
}

fn merge(into: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        structured::merge_field(into, key, value);
    }
}

/// The path of a pool's field once the pool is where it got.
fn moved(path: &str, places: &[usize]) -> String {
    let index = path
        .strip_prefix("workers[")
        .and_then(|rest| rest.split_once(']'))
        .and_then(|(index, rest)| Some((places.get(index.parse::<usize>().ok()?)?, rest)));
    match index {
        Some((place, rest)) => format!("{POOLS}[{place}]{rest}"),
        None => path.to_owned(),
    }
}
