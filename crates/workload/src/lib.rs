//! A workload cluster's life as functions: resolve, check, gate, prepare, apply, observe, equip, remove.
//!
//! [`resource`] makes the model of `capstan-spec` kinds of the Kubernetes API; everything else works on those. Each module
//! is one step; the reconciler strings them together and holds no rule of its own.
//!
//! | module | step |
//! |---|---|
//! | [`clouds`] | one session for each cloud, for all of its clusters |
//! | [`surroundings`] | the `Cloud`, its credentials, a session, and what the management server says of itself |
//! | [`resolve`] | names of the spec → what they mean in the cloud (pure) |
//! | [`preflight`] | quota needed and free (pure) |
//! | [`mod@change`] | what a wish changes, before it is carried out |
//! | [`wish`], [`gate`] | whether a wish is carried out |
//! | [`template`] | whether a wish is within what its template offers |
//! | [`history`] | what was asked, by whom, and what became of it (pure) |
//! | [`prepare`] | what we make ourselves: floating IP, server groups, credential |
//! | [`bastion`] | the bastion's floating IP and security group, and their end |
//! | [`encryption`] | the key for Secrets |
//! | [`registries`] | what nodes log in by at mirrors of registries |
//! | [`apply`] | Cluster API objects, by server-side apply |
//! | [`provider`] | the OpenStack provider: in which version it is spoken to |
//! | [`rollout`] | rollouts that are paused |
//! | [`observe`] | everything seen of a cluster, for progress |
//! | [`replace`] | machines whose server failed |
//! | [`equip`] | addons, in order and with health |
//! | [`autoscaler`] | the cluster autoscaler, on the management server |
//! | [`hook`] | hooks, in the cluster itself |
//! | [`certificates`] | when the kubeconfig expires (pure) |
//! | [`etcd`] | the space that etcd no longer needs |
//! | [`upgrade`] | what in a cluster an upgrade would meet |
//! | [`fingerprint`] | whether anything of a cluster has changed (pure) |
//! | [`image_use`] | which clusters use which image |
//! | [`wake`] | machines that may join are told so |
//! | [`ledger`], [`removal`] | what exists in the cloud, and taking it away |

pub mod apply;
pub mod autoscaler;
pub mod bastion;
pub mod certificates;
pub mod change;
pub mod clouds;
pub mod encryption;
pub mod equip;
mod error;
pub mod etcd;
pub mod fingerprint;
pub mod gate;
pub mod history;
pub mod hook;
pub mod image_use;
pub mod ledger;
mod mark;
pub mod observe;
pub mod preflight;
pub mod prepare;
pub mod provider;
pub mod registries;
pub mod removal;
pub mod replace;
pub mod resolve;
pub mod resource;
pub mod rollout;
mod secret;
pub mod surroundings;
pub mod template;
pub mod upgrade;
pub mod wake;
pub mod wish;

pub use error::Error;
