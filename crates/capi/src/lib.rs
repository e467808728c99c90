//! Cluster API, its kubeadm providers and its OpenStack provider, as far as Capstan writes and reads them.
//!
//! [`apply`] holds what we *write*: minimal structs whose every field is one we own. Empty values are left out, because
//! v1beta2 refuses `[]` and `{}` nearly everywhere, and because server-side apply takes what is sent as wished.
//! [`view`] holds what we *read*: tolerant structs that know only the fields we look at and accept everything else.
//! [`kind`] names the kinds and versions. An object is written through one version, never two (a field manager that writes
//! one object through two versions corrupts the ownership of fields, kubernetes/kubernetes#136919): [`OpenStackApi`] says
//! which, where a server may have two, and [`carry`] moves what was written through the older one.
//!
//! Contract tests walk everything that is written against the providers' own schemas in `testdata/`.

pub mod apply;
pub mod carry;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod kind;
pub mod label;
mod openstack_api;
pub mod view;

pub use kind::Kind;
pub use openstack_api::OpenStackApi;
