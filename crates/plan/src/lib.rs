//! Pure functions from what is wished, what fits together and what is there, to what shall be.
//!
//! | module | answers |
//! |---|---|
//! | [`mod@render`] | which objects describe this cluster, in which order are they applied |
//! | [`mod@change`] | what a change will do: which nodes are rolled, what is in place, what cannot be |
//! | [`facts`] | what must be known of the cloud before that |
//! | [`bastion`] | how far the bastion is, and when what was made for it may go |
//! | [`offline`] | the same without a look at the cloud, for people without Capstan |
//! | [`addons`] | which charts with which values the cluster gets |
//! | [`autoscaling`] | how large the pools are whose size an autoscaler sets |
//! | [`autoscaler`] | what that program is run as |
//! | [`images`] | what registering a node image will do, and which images may go |
//! | [`quota`] | what a cluster needs of the project's quota, and whether it fits |
//! | [`replacement`] | which machines are made anew because their server failed, and when |
//! | [`hook`] | which hook is begun, goes on, has ended or is tried again |
//! | [`etcd`] | when and in which order its members give back the space they no longer need |
//! | [`spread`] | whether machines that were to be spread are on different hosts |
//! | [`upgrade`] | by which moves a cluster gets to another version, and what stands in the way |
//! | [`waking`] | which machines may join and have not noticed |
//! | [`mod@progress`] | how far the work is, and why it stands still |
//!
//! Nothing here does I/O, looks at a clock or draws a random number: the same input gives the same output, byte by byte.

pub mod addons;
pub mod autoscaler;
pub mod autoscaling;
pub mod bastion;
pub mod certificates;
pub mod change;
pub mod etcd;
pub mod facts;
pub mod hook;
pub mod images;
pub mod offline;
pub mod progress;
pub mod quota;
pub mod render;
pub mod replacement;
pub mod rollout;
pub mod spread;
pub mod upgrade;
pub mod waking;

pub use facts::Facts;
pub use progress::{Observation, progress};
pub use render::{DesiredObject, RENDERER, RenderError, Rendered, render};
