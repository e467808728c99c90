//! The page about the kinds of Capstan's API.

use std::fmt::Write as _;

use capstan_workload::resource::definitions;
use serde_json::Value;

/// Every field of every kind, from the definitions that are installed.
pub(super) fn page() -> String {
    let mut text = "# Kinds\n\nWritten by `make reference` from the installed definitions. All are namespaced, of the group \
                    `capstan.dev`, version `v1alpha1`.\n"
        .to_owned();
    // They cannot fail for the kinds of this program; an empty page would show up as drift.
    for definition in definitions().unwrap_or_default() {
        let definition = &definition.data;
        let names = &definition["spec"]["names"];
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let _ = write!(
            text,
            "\n## {}\n\n`kubectl get {}` or `{}`.\n\n| field | type | default | meaning |\n|---|---|---|---|\n",
            word(&names["kind"]),
            word(&names["plural"]),
            word(&names["shortNames"][0]),
        );
        for part in ["spec", "status"] {
            rows(part, &schema["properties"][part], &mut text);
        }
        for rule in schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let _ = writeln!(
                text,
                "\nThe API server refuses: {}.",
                word(&rule["message"])
            );
        }
    }
    text
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rows(path: &str, schema: &Value, text: &mut String) {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .map(word)
        .collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let default = match &field["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            // What a nested default says is said again by its fields.
            Value::Null | Value::Object(_) => String::new(),
            value => format!("`{value}`"),
        };
        let meaning = word(&field["description"])
            .replace('\n', " ")
            .replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{path}` | {} | {default} | {meaning} |",
            kind(field)
        );
        inside(&path, field, text);
    }
}

/// The fields below: of an object itself, of a list's items, of a map's values.
fn inside(path: &str, field: &Value, text: &mut String) {
    if field["items"].is_object() {
        rows(&format!("{path}[]"), &field["items"], text);
    } else if field["additionalProperties"].is_object() {
        rows(&format!("{path}.*"), &field["additionalProperties"], text);
    } else {
        rows(path, field, text);
    }
}

fn kind(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|w| !w.is_null())
            .map(|w| format!("`{}`", word(w)))
            .collect();
        return words.join(", ");
    }
    match (word(&field["type"]), word(&field["format"])) {
        ("array", _) => format!("list of {}", kind(&field["items"])),
        ("object", _) if field["additionalProperties"].is_object() => {
            format!("map to {}", kind(&field["additionalProperties"]))
        }
        (name, "") => name.to_owned(),
        (name, format) => format!("{name} ({format})"),
    }
}
