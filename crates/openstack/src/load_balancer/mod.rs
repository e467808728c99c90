//! Octavia: load balancers and what is in them.

mod balancer;
mod child;
mod offer;

pub use balancer::{
    LoadBalancer, LoadBalancerCreate, StatusTree, StatusTreeListener, StatusTreeMember,
    StatusTreePool,
};
pub use child::{HealthMonitor, Listener, ListenerCreate, Member, MemberCreate, Pool, PoolCreate};
pub use offer::{LoadBalancerFlavor, LoadBalancerProvider};

use crate::Session;

/// The load balancer service. By value everywhere: it is only a borrowed [`Session`].
///
/// Octavia works on one change of a load balancer at a time: others are [`Kind::Conflict`](crate::Kind::Conflict) until
/// it is `ACTIVE` again ([`wait_for_load_balancer`](LoadBalancerApi::wait_for_load_balancer)).
#[derive(Debug, Clone, Copy)]
pub struct LoadBalancerApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The load balancer service.
    pub fn load_balancer(&self) -> LoadBalancerApi<'_> {
        LoadBalancerApi(self)
    }
}
