//! The moves between two versions.

use std::fmt;

use capstan_spec::{Finding, KubernetesVersion};

/// Minors that a kubelet may be older than the API server ("Version Skew Policy" of Kubernetes, from 1.28 on).
pub const KUBELET_SKEW: u64 = 3;

/// Versions of the two parts of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of the control plane.
    pub control_plane: KubernetesVersion,
    /// Of the worker pools; never newer than the control plane's minor.
    pub workers: KubernetesVersion,
}

/// One part of the cluster that is rolled to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The control plane.
    ControlPlane(KubernetesVersion),
    /// All worker pools.
    Workers(KubernetesVersion),
}

impl Move {
    /// Where it leads.
    pub const fn version(self) -> KubernetesVersion {
        match self {
            Self::ControlPlane(version) | Self::Workers(version) => version,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane(version) => write!(f, "control plane to {version}"),
            Self::Workers(version) => write!(f, "workers to {version}"),
        }
    }
}

/// Why there is no way to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It lies behind.
    #[error("{wanted} is older than {running}, which runs: Kubernetes cannot go back")]
    Back {
        /// What is wanted.
        wanted: KubernetesVersion,
        /// What the control plane runs, or is being brought to.
        running: KubernetesVersion,
    },
    /// The catalogue does not have it.
    #[error("{wanted} is not in the catalogue")]
    Unknown {
        /// What is wanted.
        wanted: KubernetesVersion,
    },
    /// The catalogue has no version of a minor in between, and none can be left out.
    #[error(
        "the way from {running} to {wanted} leads through a {major}.{minor}, and the catalogue has none"
    )]
    Gap {
        /// What the control plane runs, or is being brought to.
        running: KubernetesVersion,
        /// What is wanted.
        wanted: KubernetesVersion,
        /// Of the minor that is missing.
        major: u64,
        /// Of the minor that is missing.
        minor: u64,
    },
}

impl Obstacle {
    /// As the rules of the model tell it.
    pub fn finding(self) -> Finding {
        let remedy = match self {
            Self::Back { .. } => "make a new cluster of the older version".to_owned(),
            Self::Unknown { .. } => "choose a version of the catalogue".to_owned(),
            Self::Gap { running, .. } => {
                format!("stay at {}, or take a newer Capstan", running.line())
            }
        };
        Finding::error("version", self.to_string()).remedy(remedy)
    }
}

/// The moves from what Cluster API was told last to what is wanted; none when it is told already. `known` are the versions
/// that may be gone through, newest first.
///
/// The control plane goes through the newest known version of every minor in between. The workers follow at the end, and
/// earlier only where the next move of the control plane would leave them more than [`KUBELET_SKEW`] minors behind.
///
/// # Errors
/// An [`Obstacle`]. Within a minor the way back is open: Cluster API and Kubernetes allow it, and it is how a bad patch is
/// undone.
pub fn route(
    told: Versions,
    wanted: KubernetesVersion,
    known: &[KubernetesVersion],
) -> Result<Vec<Move>, Obstacle> {
    let running = told.control_plane;
    let line = |version: KubernetesVersion| (version.major, version.minor);
    if line(wanted) < line(running) {
        return Err(Obstacle::Back { wanted, running });
    }
    if wanted == running && wanted == told.workers {
        return Ok(Vec::new());
    }
    if !known.contains(&wanted) {
        return Err(Obstacle::Unknown { wanted });
    }
    let (major, mut stops) = (running.major, Vec::new());
    // Nobody knows what a second major version would ask for.
    let gap = |minor| Obstacle::Gap {
        running,
        wanted,
        major,
        minor,
    };
    if wanted.major != major {
        return Err(gap(running.minor + 1));
    }
    for minor in running.minor + 1..wanted.minor {
        let newest = known.iter().copied().filter(|v| line(*v) == (major, minor));
        stops.push(newest.max().ok_or_else(|| gap(minor))?);
    }
    if wanted != running {
        stops.push(wanted);
    }
    let mut moves = Vec::new();
    let (mut control_plane, mut workers) = (running, told.workers);
    for stop in stops {
        if stop.minor.saturating_sub(workers.minor) > KUBELET_SKEW {
            moves.push(Move::Workers(control_plane));
            workers = control_plane;
        }
        moves.push(Move::ControlPlane(stop));
        control_plane = stop;
    }
    if workers != wanted {
        moves.push(Move::Workers(wanted));
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v(text: &str) -> KubernetesVersion {
        text.parse().unwrap()
    }

    fn told(control_plane: &str, workers: &str) -> Versions {
        Versions {
            control_plane: v(control_plane),
            workers: v(workers),
        }
    }

    /// Two patches of each minor, newest first.
    fn known() -> Vec<KubernetesVersion> {
        let minors = (31..=38).rev();
        minors
            .flat_map(|minor| [4, 2].map(|patch| KubernetesVersion::new(1, minor, patch)))
            .collect()
    }

    fn way(from: Versions, to: &str) -> Vec<String> {
        let moves = route(from, v(to), &known()).unwrap();
        moves.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_hop_rolls_the_control_plane_first() {
        assert_eq!(
            way(told("v1.35.2", "v1.35.2"), "v1.36.4"),
            ["control plane to v1.36.4", "workers to v1.36.4"]
        );
        assert_eq!(
            way(told("v1.35.4", "v1.35.4"), "v1.35.4"),
            [] as [&str; 0],
            "nothing to do"
        );
    }

    #[test]
    fn a_chain_rolls_the_workers_once_where_kubelets_may_lag() {
        assert_eq!(
            way(told("v1.33.2", "v1.33.2"), "v1.36.2"),
            [
                "control plane to v1.34.4",
                "control plane to v1.35.4",
                "control plane to v1.36.2",
                "workers to v1.36.2"
            ]
        );
    }

    #[test]
    fn a_longer_chain_takes_the_workers_along_before_they_fall_behind() {
        assert_eq!(
            way(told("v1.31.4", "v1.31.4"), "v1.36.4"),
            [
                "control plane to v1.32.4",
                "control plane to v1.33.4",
                "control plane to v1.34.4",
                "workers to v1.34.4",
                "control plane to v1.35.4",
                "control plane to v1.36.4",
                "workers to v1.36.4"
            ]
        );
    }

    #[test]
    fn what_was_broken_off_goes_on_from_where_it_is() {
        assert_eq!(
            way(told("v1.35.4", "v1.33.2"), "v1.36.4"),
            ["control plane to v1.36.4", "workers to v1.36.4"]
        );
        assert_eq!(
            way(told("v1.35.4", "v1.33.2"), "v1.35.4"),
            ["workers to v1.35.4"],
            "a chain that shall end where it is"
        );
    }

    #[test]
    fn within_a_minor_both_ways_are_open() {
        let both = |to: &str| [format!("control plane to {to}"), format!("workers to {to}")];
        assert_eq!(way(told("v1.36.2", "v1.36.2"), "v1.36.4"), both("v1.36.4"));
        assert_eq!(way(told("v1.36.4", "v1.36.4"), "v1.36.2"), both("v1.36.2"));
    }

    #[test]
    fn there_is_no_way_back_over_a_gap_or_to_what_nobody_knows() {
        let error = |from: &str, to: &str, known: &[KubernetesVersion]| {
            let finding = route(told(from, from), v(to), known).unwrap_err().finding();
            finding.to_string()
        };
        let back = error("v1.36.4", "v1.35.4", &known());
        assert!(back.contains("cannot go back"), "{back}");
        let unknown = error("v1.36.4", "v1.36.9", &known());
        assert!(unknown.contains("not in the catalogue"), "{unknown}");
        let gap = error("v1.34.4", "v1.36.3", &[v("v1.36.3"), v("v1.34.4")]);
        assert!(gap.contains("through a 1.35"), "{gap}");
        assert!(route(told("v1.36.4", "v1.36.4"), v("v2.0.0"), &[v("v2.0.0")]).is_err());
    }

    #[test]
    fn a_version_that_the_catalogue_has_dropped_may_be_left_but_need_not() {
        let from = told("v1.35.1", "v1.35.1");
        assert_eq!(route(from, v("v1.35.1"), &known()), Ok(Vec::new()));
        assert_eq!(way(from, "v1.36.4").len(), 2);
    }

    proptest! {
        /// Whatever the way: it ends at the goal, no minor is left out, kubelets never lag too far and never lead, and the
        /// workers are rolled no more often than the skew demands.
        #[test]
        fn every_way_keeps_the_skew_policy(from in 31u64..38, lag in 0u64..=3, hops in 0u64..7) {
            let at = |minor| KubernetesVersion::new(1, minor, 4);
            let workers = from.saturating_sub(lag).max(31);
            let to = (from + hops).min(38);
            let mut now = Versions { control_plane: at(from), workers: at(workers) };
            let moves = route(now, at(to), &known()).unwrap();
            for one in &moves {
                match *one {
                    Move::ControlPlane(version) => {
                        prop_assert!(version.minor == now.control_plane.minor + 1);
                        now.control_plane = version;
                    }
                    Move::Workers(version) => {
                        prop_assert_eq!(version, now.control_plane);
                        prop_assert!(version.minor > now.workers.minor);
                        now.workers = version;
                    }
                }
                prop_assert!(now.control_plane.minor - now.workers.minor <= KUBELET_SKEW);
            }
            prop_assert_eq!(now, Versions { control_plane: at(to), workers: at(to) });
            let rolls = moves.iter().filter(|one| matches!(one, Move::Workers(_))).count() as u64;
            prop_assert!(rolls <= (to - workers).div_ceil(KUBELET_SKEW));
        }
    }
}
