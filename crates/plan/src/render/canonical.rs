//! Hashes of JSON that do not depend on the order of keys.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 in hex over the value with all keys sorted. `serde_json` sorts them too, but only while no crate of the whole
/// build turns its `preserve_order` on; a template's name must not hang on that.
pub(crate) fn hash(value: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hex::encode(hasher.finalize())
}

/// The first eight digits, as they stand in names of templates.
pub(super) fn short_hash(value: &Value) -> String {
    let mut text = hash(value);
    text.truncate(8);
    text
}

/// Every value is fed with a tag and its length, so that no two different values give the same bytes.
fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            hasher.update(format!("{{{}", keys.len()));
            for key in keys {
                text(key, hasher);
                feed(&map[key], hasher);
            }
        }
        Value::Array(items) => {
            hasher.update(format!("[{}", items.len()));
            for item in items {
                feed(item, hasher);
            }
        }
        Value::String(string) => text(string, hasher),
        Value::Null | Value::Bool(_) | Value::Number(_) => hasher.update(format!("={value};")),
    }
}

fn text(string: &str, hasher: &mut Sha256) {
    hasher.update(format!("\"{}:{string}", string.len()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_keys_does_not_matter_and_everything_else_does() {
        let one: Value =
            serde_json::from_str(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#).unwrap();
        let other: Value =
            serde_json::from_str(r#"{"b": {"d": null, "c": [1, 2]}, "a": 1}"#).unwrap();
        assert_eq!(hash(&one), hash(&other));
        let different = [
            json!({"a": 1, "b": {"c": [2, 1], "d": null}}),
            json!({"a": "1", "b": {"c": [1, 2], "d": null}}),
            json!({"a": 1, "b": {"c": [1, 2]}, "d": null}),
        ];
        for value in different {
            assert_ne!(hash(&one), hash(&value), "{value}");
        }
        assert_ne!(hash(&json!(["ab", "c"])), hash(&json!(["a", "bc"])));
        assert_eq!(short_hash(&one).len(), 8);
    }
}
