//! Node images: fetched, checked, registered in Glance, listed with their users, and taken away again.
//!
//! What shall be done is planned by [`capstan_plan::images`]; here it is done. A run that is cut off at any point leaves at
//! most a hidden record that says so of itself, which the next run of the same finds and replaces by its id.

mod content;
mod convert;
mod error;
mod lock;
mod register;
mod source;
mod stock;

use std::sync::Arc;

pub use error::ImagesError;
pub use register::{Registered, Wish, guessed, register};
pub use source::{Sum, shown};
pub use stock::{Stocked, remove, stock};

/// How far a registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Octets of something were moved.
    Moved {
        /// What is done: "fetching", "uploading".
        verb: &'static str,
        /// Octets so far.
        done: u64,
        /// Of how many.
        of: u64,
    },
    /// A word to people.
    Note(String),
}

/// Who is told of progress; called often, so it must be quick.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;
