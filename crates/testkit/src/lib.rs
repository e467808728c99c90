//! Fixtures for tests: a real etcd and kube-apiserver, and the configuration of a cloud that the test plays.
//!
//! Where the programs are is told by [`BINARIES`]; the Makefile sets it. A test that has no programs prints a note and
//! returns early, so that `cargo test` works on a machine that never built them.

mod apiserver;
mod child;
mod openstack;
mod pki;
mod process;

pub use apiserver::{ApiServer, free_port};
pub use openstack::cloud;
pub use process::Program;

/// The environment variable that names the directory with `etcd` and `kube-apiserver`.
pub const BINARIES: &str = "CAPSTAN_TEST_BIN";

/// The environment variable that names a directory of release manifests, laid out as `<component>/<version>/<file>`.
pub const MANIFESTS: &str = "CAPSTAN_TEST_MANIFESTS";
