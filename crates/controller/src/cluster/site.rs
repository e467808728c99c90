//! A cluster as the later steps of a reconciliation need it.

use capstan_spec::ClusterName;
use capstan_spec::status::Resolved;
use capstan_workload::surroundings::Context;

use super::recent::Recent;

/// A cluster whose names are resolved, on its cloud. The steps are in modules of their own.
pub(super) struct Site<'a> {
    pub(super) context: &'a Context,
    pub(super) name: &'a ClusterName,
    pub(super) resolved: &'a Resolved,
    pub(super) recent: &'a Recent,
}
