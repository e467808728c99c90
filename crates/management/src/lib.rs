//! A management server's life: `up`, `status`, `down`, the engines that boot it, and what is installed on it.
//!
//! Pure, without input or output: [`identity`], [`settings`], [`plan`], [`steps`], [`pki`], [`kubeconfig`], [`cloudinit`],
//! [`engine`], [`console`], [`late`],
//! [`validity`]. What remains on the caller's disk is [`state`]; what exists in the cloud is found by [`survey`];
//! [`up`], for a cluster that is there already [`adoption`], and [`down`] string these together.

pub mod access;
pub mod adoption;
pub mod api;
pub mod caller_address;
pub mod cloudinit;
pub mod clouds;
pub mod console;
pub mod desk;
pub mod down;
pub mod downloads;
pub mod engine;
pub mod error;
pub mod graph;
pub mod identity;
pub mod images;
pub mod kubeconfig;
pub mod late;
pub mod lock;
mod make;
pub mod mutex;
pub mod pki;
pub mod plan;
pub mod progress;
pub mod providers;
pub mod proxy;
pub mod settings;
pub mod state;
pub mod status;
pub mod steps;
pub mod survey;
pub mod up;
pub mod validity;

pub use error::{Category, Error};
