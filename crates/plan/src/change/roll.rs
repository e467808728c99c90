//! How machines are replaced: how many, in what order, for how long, and what is interrupted.

use serde::{Deserialize, Serialize};

/// Seconds from a machine's creation to a ready node where none of the cluster's has told: boot of a server, kubeadm, the
/// pod network. A guess from a mid-size cloud; the cluster's own machines know better.
const PACE: u32 = 240;
/// Seconds added for a machine that is emptied and goes, where nothing holds it.
const DRAIN: u32 = 60;

/// How machines are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Roll {
    /// Machines that are replaced.
    pub machines: u32,
    /// At most so many machines more than wanted meanwhile.
    pub surge: u32,
    /// At most so many machines less than wanted meanwhile.
    pub unavailable: u32,
    /// Minutes it takes, estimated from how long the cluster's machines took to become nodes.
    pub minutes: u32,
    /// What is not there meanwhile.
    pub interruption: Interruption,
}

/// What is not there while machines are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interruption {
    /// Pods move from node to node; those with one replica are away while they do.
    PodsMove,
    /// As [`PodsMove`](Self::PodsMove), and there is room for fewer pods meanwhile.
    LessRoom,
    /// The API answers all the time.
    None,
    /// The API of a single control plane machine moves to the new one: connections break for seconds.
    ApiMoves,
    /// The API answers, and would not survive the loss of one more machine.
    LessRedundancy,
    /// Nobody gets to the nodes by ssh, and connections there break.
    NoWayIn,
}

impl Interruption {
    /// In words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodsMove => "pods move, room stays",
            Self::LessRoom => "pods move, with less room meanwhile",
            Self::None => "the API answers all the time",
            Self::ApiMoves => "the API moves to the new machine: connections break for seconds",
            Self::LessRedundancy => "the API answers, with one machine less meanwhile",
            Self::NoWayIn => "nobody gets to the nodes by ssh meanwhile",
        }
    }
}

impl Roll {
    /// The machines of a control plane are replaced one after the other (CAPI 1.14: `rollingUpdate.maxSurge` 0 or 1).
    pub fn of_control_plane(machines: u32, surge: u32, pace: Option<u32>) -> Self {
        let interruption = match (machines, surge) {
            (0 | 1, _) => Interruption::ApiMoves,
            (_, 0) => Interruption::LessRedundancy,
            _ => Interruption::None,
        };
        Self {
            machines,
            surge: surge.min(1),
            unavailable: u32::from(surge == 0),
            minutes: minutes(machines, 1, pace),
            interruption,
        }
    }

    /// The machines of a pool are replaced `surge + unavailable` at a time.
    pub fn of_pool(machines: u32, surge: u32, unavailable: u32, pace: Option<u32>) -> Self {
        let at_once = surge.saturating_add(unavailable).max(1);
        Self {
            machines,
            surge,
            unavailable,
            minutes: minutes(machines, at_once, pace),
            interruption: if unavailable > 0 {
                Interruption::LessRoom
            } else {
                Interruption::PodsMove
            },
        }
    }

    /// The bastion's server goes before the new one comes (CAPO 0.14, `reconcileBastionServer`). It becomes no node, so it
    /// takes less than `pace`.
    pub fn of_bastion(pace: Option<u32>) -> Self {
        Self {
            machines: 1,
            surge: 0,
            unavailable: 1,
            minutes: pace.unwrap_or(PACE).div_ceil(60),
            interruption: Interruption::NoWayIn,
        }
    }

    /// In what order, in words for people.
    pub fn order(&self) -> String {
        match (self.surge, self.unavailable) {
            // Of one machine there is no other after which it could come.
            (_, 0) if self.machines == 1 => "the new before the old".to_owned(),
            (0, _) if self.machines == 1 => "the old before the new".to_owned(),
            (1, 0) => "one after the other, the new before the old".to_owned(),
            (0, 1) => "one after the other, the old before the new".to_owned(),
            (surge, 0) => format!("{surge} at a time, the new before the old"),
            (surge, unavailable) => format!("up to {} at a time", surge + unavailable),
        }
    }
}

fn minutes(machines: u32, at_once: u32, pace: Option<u32>) -> u32 {
    let rounds = machines.div_ceil(at_once);
    let each = pace.unwrap_or(PACE).saturating_add(DRAIN);
    rounds.saturating_mul(each).div_ceil(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_that_of_rounds() {
        assert_eq!(Roll::of_pool(5, 2, 0, Some(60)).minutes, 6);
        assert_eq!(Roll::of_pool(5, 0, 0, Some(60)).minutes, 10);
        assert_eq!(Roll::of_control_plane(3, 1, None).minutes, 15);
        assert_eq!(Roll::of_pool(0, 1, 0, None).minutes, 0);
    }

    #[test]
    fn what_is_interrupted_depends_on_the_strategy() {
        let plane = |machines, surge| Roll::of_control_plane(machines, surge, None).interruption;
        assert_eq!(plane(1, 1), Interruption::ApiMoves);
        assert_eq!(plane(3, 1), Interruption::None);
        assert_eq!(plane(3, 0), Interruption::LessRedundancy);
        let pool = |unavailable| Roll::of_pool(3, 1, unavailable, None).interruption;
        assert_eq!(pool(0), Interruption::PodsMove);
        assert_eq!(pool(1), Interruption::LessRoom);
    }
}
