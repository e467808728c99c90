//! What of a wish is carried out now, and when the next move begins.

use capstan_capi::view::{self, Condition, Machine};
use capstan_spec::status::{NodeImage, Resolved};
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};

use super::route::{KUBELET_SKEW, Move, Obstacle, Versions, route};
use crate::Observation;
use crate::progress::control_plane_settled;

/// The part of a wish that has begun, and the moves that are left.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// The wish with the version of the control plane that was told to Cluster API, and the image that goes with it. That
    /// of the workers, where it is another, is pinned in [`Resolved::workers`].
    pub spec: WorkloadClusterSpec,
    /// What was told to Cluster API.
    pub told: Versions,
    /// What is still to be done, in this order.
    pub left: Vec<Move>,
}

impl Carried {
    /// Splits a wish. A cluster whose API never answered has nothing to go up from, and is brought to the wish at once.
    ///
    /// # Errors
    /// An [`Obstacle`] on the way to the wanted version.
    pub fn of(
        wish: &WorkloadClusterSpec,
        resolved: &Resolved,
        initialized: bool,
        known: &[KubernetesVersion],
    ) -> Result<Self, Obstacle> {
        let wanted = wish.version;
        let Some(control_plane) = resolved.version.filter(|_| initialized) else {
            let told = Versions {
                control_plane: wanted,
                workers: wanted,
            };
            let spec = wish.clone();
            let left = Vec::new();
            return Ok(Self { spec, told, left });
        };
        let lagging = resolved.workers.as_ref().map(|image| image.version);
        let told = Versions {
            control_plane,
            workers: lagging.unwrap_or(control_plane),
        };
        let left = route(told, wanted, known)?;
        let mut spec = wish.clone();
        if control_plane != wanted {
            spec.version = control_plane;
            spec.image.clone_from(&resolved.image_asked);
            for pool in &mut spec.workers {
                if let Some(image) = resolved.pool_images.get(&pool.name) {
                    pool.image = Some(image.asked.clone());
                }
            }
        }
        Ok(Self { spec, told, left })
    }

    /// The next move, if it may begin: when the control plane runs what it was told last, and no kubelet would be left too
    /// far behind. Another patch of the same minor waits for nothing: it may be the remedy.
    pub fn next(&self, seen: &Observation) -> Option<Move> {
        let next = *self.left.first()?;
        let remedy = matches!(next, Move::ControlPlane(version)
            if version.minor == self.told.control_plane.minor);
        let may = remedy || (self.control_plane_runs(seen) && kubelets_follow(next, seen));
        may.then_some(next)
    }

    fn control_plane_runs(&self, seen: &Observation) -> bool {
        let wanted = self.spec.control_plane.replicas;
        let version = self.told.control_plane.to_string();
        let told = seen.control_plane.as_ref().map(|plane| &plane.spec.version);
        let machines: Vec<&Machine> = seen
            .machines
            .iter()
            .filter(|machine| machine.is_control_plane())
            .collect();
        told == Some(&version)
            && control_plane_settled(seen, wanted)
            && u32::try_from(machines.len()) == Ok(wanted)
            && machines
                .iter()
                .all(|machine| machine.spec.version == version && serves(machine))
    }
}

fn serves(machine: &Machine) -> bool {
    let ready = view::condition(&machine.status.conditions, "NodeReady");
    !machine.metadata.is_deleting() && ready.is_some_and(Condition::is_true)
}

/// Whether every worker that is there may serve a control plane of the next version.
fn kubelets_follow(next: Move, seen: &Observation) -> bool {
    let Move::ControlPlane(version) = next else {
        return true;
    };
    let workers = seen.machines.iter().filter(|m| !m.is_control_plane());
    workers
        .filter_map(|machine| machine.spec.version.parse::<KubernetesVersion>().ok())
        .all(|kubelet| version.minor.saturating_sub(kubelet.minor) <= KUBELET_SKEW)
}

/// Writes down that a move begins, with the image of its version; `asked` is what the spec calls it. What is written down
/// is what is told to Cluster API.
pub fn take(
    next: Move,
    image: NodeImage,
    name: String,
    asked: Option<String>,
    resolved: &mut Resolved,
) {
    match next {
        Move::ControlPlane(version) => {
            let before = resolved.version.zip(resolved.image_id.take());
            if let Some((version, id)) = before {
                resolved.workers.get_or_insert(NodeImage { version, id });
            }
            resolved.version = Some(version);
            resolved.image_id = Some(image.id);
            resolved.image_name = Some(name);
            resolved.image_asked = asked;
        }
        // The image is that of the control plane, which is there already.
        Move::Workers(_) => resolved.workers = None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use capstan_capi::label;

    use super::*;

    const CHAIN: [&str; 3] = ["v1.36.4", "v1.35.4", "v1.34.4"];

    fn v(text: &str) -> KubernetesVersion {
        text.parse().unwrap()
    }

    fn image(version: &str) -> NodeImage {
        NodeImage {
            version: v(version),
            id: format!("id-{version}"),
        }
    }

    fn wish(version: &str) -> WorkloadClusterSpec {
        let mut spec = WorkloadClusterSpec::new(v(version), "a", "b");
        spec.control_plane.replicas = 1;
        spec
    }

    fn pinned(version: &str) -> Resolved {
        Resolved {
            version: Some(v(version)),
            image_id: Some(image(version).id),
            ..Resolved::default()
        }
    }

    fn machine(control_plane: bool, version: &str, ready: bool) -> Machine {
        let mut machine = Machine::default();
        machine.spec.version = version.to_owned();
        if control_plane {
            machine.metadata.labels =
                BTreeMap::from([(label::CONTROL_PLANE.to_owned(), String::new())]);
        }
        let status = if ready { "True" } else { "False" };
        let condition = serde_json::json!({"type": "NodeReady", "status": status});
        machine.status.conditions = vec![serde_json::from_value(condition).unwrap()];
        machine
    }

    /// A cluster of one control plane machine and one worker, at rest.
    fn seen(control_plane: &str, workers: &str) -> Observation {
        let mut plane = view::ControlPlane::default();
        plane.spec.version = control_plane.to_owned();
        plane.spec.replicas = Some(1);
        plane.status.replicas = 1;
        plane.status.up_to_date_replicas = 1;
        plane.status.initialization.control_plane_initialized = true;
        Observation {
            control_plane: Some(plane),
            machines: vec![
                machine(true, control_plane, true),
                machine(false, workers, true),
            ],
            ..Observation::default()
        }
    }

    fn carried(wish: &WorkloadClusterSpec, resolved: &Resolved) -> Carried {
        Carried::of(wish, resolved, true, &CHAIN.map(v)).unwrap()
    }

    #[test]
    fn a_chain_is_carried_out_move_by_move() {
        let wish = wish("v1.36.4");
        let mut resolved = pinned("v1.34.4");
        let mut now = Versions {
            control_plane: v("v1.34.4"),
            workers: v("v1.34.4"),
        };
        let mut done = Vec::new();
        loop {
            let part = carried(&wish, &resolved);
            assert_eq!(part.told, now);
            assert_eq!(part.spec.version, now.control_plane);
            let (plane, workers) = (now.control_plane.to_string(), now.workers.to_string());
            let Some(next) = part.next(&seen(&plane, &workers)) else {
                assert_eq!(part.left, [], "it stands still");
                break;
            };
            let version = next.version().to_string();
            take(next, image(&version), version.clone(), None, &mut resolved);
            match next {
                Move::ControlPlane(version) => now.control_plane = version,
                Move::Workers(version) => now.workers = version,
            }
            done.push(next.to_string());
        }
        assert_eq!(
            done,
            [
                "control plane to v1.35.4",
                "control plane to v1.36.4",
                "workers to v1.36.4"
            ]
        );
        assert_eq!(resolved.workers, None);
        assert_eq!(resolved.image_id.as_deref(), Some("id-v1.36.4"));
    }

    #[test]
    fn workers_keep_the_image_they_were_made_of_until_it_is_their_turn() {
        let mut resolved = pinned("v1.34.4");
        for version in ["v1.35.4", "v1.36.4"] {
            let next = Move::ControlPlane(v(version));
            take(next, image(version), version.into(), None, &mut resolved);
            assert_eq!(resolved.workers, Some(image("v1.34.4")), "{version}");
        }
    }

    #[test]
    fn the_next_move_waits_for_the_control_plane() {
        let part = carried(&wish("v1.36.4"), &pinned("v1.35.4"));
        let rest = seen("v1.35.4", "v1.35.4");
        assert_eq!(part.next(&rest), Some(Move::ControlPlane(v("v1.36.4"))));
        let spoiled: [fn(&mut Observation); 6] = [
            |seen| seen.machines[0] = machine(true, "v1.34.4", true),
            |seen| seen.machines[0] = machine(true, "v1.35.4", false),
            |seen| seen.machines.push(machine(true, "v1.35.4", true)),
            |seen| seen.machines[0].metadata.deletion_timestamp = Some(jiff::Timestamp::UNIX_EPOCH),
            |seen| seen.control_plane.as_mut().unwrap().spec.version = "v1.34.4".into(),
            |seen| {
                seen.control_plane
                    .as_mut()
                    .unwrap()
                    .status
                    .up_to_date_replicas = 0;
            },
        ];
        for (index, spoil) in spoiled.into_iter().enumerate() {
            let mut seen = rest.clone();
            spoil(&mut seen);
            assert_eq!(part.next(&seen), None, "{index}");
        }
        let patch = carried(&wish("v1.35.4"), &pinned("v1.35.3"));
        assert_eq!(
            patch.next(&Observation::default()),
            Some(Move::ControlPlane(v("v1.35.4"))),
            "a patch may be the remedy"
        );
    }

    #[test]
    fn a_worker_left_behind_holds_the_control_plane_back() {
        let mut resolved = pinned("v1.35.4");
        let part = carried(&wish("v1.36.4"), &resolved);
        assert_eq!(part.next(&seen("v1.35.4", "v1.32.4")), None);
        resolved.workers = Some(image("v1.34.4"));
        let part = carried(&wish("v1.35.4"), &resolved);
        assert_eq!(
            part.next(&seen("v1.35.4", "v1.32.4")),
            Some(Move::Workers(v("v1.35.4")))
        );
    }

    #[test]
    fn a_cluster_that_never_answered_goes_straight_to_the_wish() {
        let part = Carried::of(&wish("v1.34.4"), &pinned("v1.36.4"), false, &[]).unwrap();
        assert_eq!((part.left, part.spec.version), (Vec::new(), v("v1.34.4")));
    }

    #[test]
    fn a_named_image_goes_with_its_version() {
        let mut wish = wish("v1.36.4");
        wish.image = Some("new".into());
        let mut resolved = pinned("v1.35.4");
        resolved.image_asked = Some("old".into());
        assert_eq!(carried(&wish, &resolved).spec.image.as_deref(), Some("old"));
        let next = Move::ControlPlane(v("v1.36.4"));
        take(
            next,
            image("v1.36.4"),
            "n".into(),
            Some("new".into()),
            &mut resolved,
        );
        assert_eq!(carried(&wish, &resolved).spec.image.as_deref(), Some("new"));
    }
}
