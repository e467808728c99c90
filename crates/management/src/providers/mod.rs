//! What runs on a management server: Cluster API, its kubeadm and OpenStack providers, and our own controller.
//!
//! [`install`] takes release manifests, does clusterctl's part (variables, labels, inventory) and cert-manager's (webhook
//! certificates), and applies everything server-side. It is idempotent: run again after an interruption it continues, run
//! when finished it changes nothing but what is due for renewal. [`check`] says whether the result is usable; [`uninstall`]
//! takes it off a cluster that stays. Whose a cluster is says its [`Claim`].
//!
//! Pure: [`substitution`], [`webhook_certificate`], [`Components`], [`clusterctl`], [`own`]. The rest is a thin shell.

mod check;
mod claim;
pub mod clusterctl;
mod components;
mod error;
mod install;
mod manifests;
pub mod own;
mod plane;
mod release;
mod removal;
mod secret;
mod source;
pub mod substitution;
pub mod webhook_certificate;

pub use check::{CheckLine, check};
pub use claim::Claim;
pub use components::{Components, WantedCertificate};
pub use error::ProviderError;
pub use install::{InstallEvent, InstallPlan, install, renew_certificates};
pub use manifests::{Ground, survey};
pub use plane::Plane;
pub use release::{
    ProviderKind, Release, catalogued_releases, default_releases, resource_controller,
};
pub use removal::{Installed, installed, uninstall};
pub(crate) use secret::opaque;
pub use source::ManifestSource;
