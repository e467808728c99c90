//! JSON Schema of the model and of its file, for editors and for the custom resource definitions.

mod cluster_file;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::WorkloadClusterSpec;

pub use cluster_file::cluster_file;

/// JSON Schema (2020-12) of any type of this crate, self-contained.
pub fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
}

/// JSON Schema of a workload cluster.
pub fn workload_cluster() -> Schema {
    of::<WorkloadClusterSpec>()
}
