//! The page about the cluster file.

use std::fmt::Write as _;

use capstan_spec::file::{FieldKind, Use, keys};

/// Every flat key: what it sets, or why it is refused.
pub(super) fn page() -> String {
    let mut set = String::new();
    let mut refused = String::new();
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
         A key that\nnobody knows is an error with line, column and the key that was probably meant.\n\n| key | sets | value |\n|---|---|---|\n{set}\
         \nThese are known, and refused unless they ask for what happens anyway:\n\n| key | why | instead | allowed values |\n|---|---|---|---|\n{refused}"
    )
}

fn values(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Version => "a Kubernetes version, such as v1.36.3",
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
