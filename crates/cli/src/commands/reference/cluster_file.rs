//! The page about the cluster file.

use std::fmt::Write as _;

use capstan_spec::file::{FieldKind, Use, keys};

/// File with the JSON Schema.
pub(super) const SCHEMA: &str = "cluster-file.schema.json";

/// JSON Schema of the file, for editors.
pub(super) fn schema() -> String {
    // A schema always has a JSON form; an empty one would show up as drift.
    let text = serde_json::to_string_pretty(&capstan_spec::schema::cluster_file());
    text.unwrap_or_default() + "\n"
}

/// Every flat key: what it sets, or why it is refused.
pub(super) fn page() -> String {
    let mut set = String::new();
    let mut refused = String::new();
    let mut renamed = String::new();
    for key in keys::all() {
        match key.usage {
            Use::Sets(field) => {
                let _ = writeln!(
                    set,
                    "| `{}` | `{}` | {} |",
                    key.name,
                    field.paths.join("`, `"),
                    values(field.kind)
                );
            }
            Use::Renamed { to } => {
                let _ = writeln!(renamed, "| `{}` | `{to}` |", key.name);
            }
            Use::Refused {
                reason,
                instead,
                harmless,
            } => {
                let harmless: Vec<String> =
                    harmless.iter().map(|value| format!("`{value}`")).collect();
                let _ = writeln!(
                    refused,
                    "| `{}` | {reason} | {instead} | {} |",
                    key.name,
                    harmless.join(", ")
                );
            }
        }
    }
    format!(
        "# The cluster file\n\nWritten by `make reference`. `capstan cluster create NAME --file clusterctl.yaml` reads a YAML map of the flat \
         keys that\nclusterctl and the SCS scripts know; the [fields of a cluster](kinds.md) may stand beside them in their structured form. \
         A key that\nnobody knows is an error with line, column and the key that was probably meant. `capstan cluster validate FILE` checks a \
         file without\na cloud. Editors take the [JSON Schema]({SCHEMA}), for instance by a first line\n`# yaml-language-server: \
         $schema=cluster-file.schema.json`.\n\n## One file over another\n\n`base: FILE` names a file, by its path from this one, whose values hold \
         where this one says nothing. Mappings are merged, worker\npools by their names, and everything else is replaced. A base has no base \
         itself. A pool of the base cannot be taken away, but\nset to no replicas.\n\n## Flat keys\n\n| key | sets | value |\n|---|---|---|\n{set}\
         \nThese are known, and refused unless they ask for what happens anyway:\n\n| key | why | instead | allowed values |\n|---|---|---|---|\n{refused}\n\
         These were variables of the scripts' environment files. `capstan cluster import` takes them; a cluster file says them by the\n\
         name of today:\n\n| variable | key |\n|---|---|\n{renamed}"
    )
}

fn values(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Version => {
            "a Kubernetes version, such as v1.36.3, or v1.36.x for the newest of that line in the catalogue"
        }
        FieldKind::Count => "a number of machines",
        FieldKind::Gib => "a size in GiB",
        FieldKind::Metadata => "a mapping of names to values, or the text of one",
        FieldKind::Spread => {
            "`true`: spread over hosts as far as there are hosts; `false`: no server groups"
        }
        FieldKind::SoftSpread => {
            "`true`: as far as there are hosts; `false`: never two on one host. Of no effect without server groups"
        }
        FieldKind::Cidr => "a range, such as 10.8.0.0/20",
        FieldKind::Addresses => "addresses, separated by commas",
        FieldKind::Cidrs => "ranges, separated by commas; `none` for no range",
    }
}
