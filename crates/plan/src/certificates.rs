//! When certificates expire, and what to do about it.
//!
//! kubeadm's are good for a year, and only a new machine has new ones. Nothing is replaced by itself unless the spec says so
//! (`controlPlane.rollout.certificatesExpiryDays`): a control plane that rolls unasked would be a surprise. So people are
//! told in time.

use capstan_spec::status::{Certificates, Condition, ConditionStatus};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::{SignedDuration, Timestamp};

use crate::progress::Observation;

/// Days before the end from which on people are told: two maintenance windows of a month.
const SOON_DAYS: i64 = 60;
/// Days that a renewal which begins by itself may take before people are told.
const PATIENCE_DAYS: i64 = 3;
/// Days before the end of the kubeconfig: Cluster API renews it after half of its year.
const KUBECONFIG_DAYS: i64 = 30;

/// What is known by now; what was not seen this time stays as it was.
pub fn seen(before: Option<Certificates>, seen: &Observation) -> Option<Certificates> {
    let machines = seen.machines.iter();
    let control_plane = machines
        .filter(|machine| machine.is_control_plane() && !machine.metadata.is_deleting())
        .filter_map(|machine| machine.status.certificates_expiry_date)
        .min();
    let before = before.unwrap_or_default();
    let known = Certificates {
        control_plane: control_plane.or(before.control_plane),
        kubeconfig: seen.kubeconfig_expires.or(before.kubeconfig),
    };
    (known != Certificates::default()).then_some(known)
}

/// The condition [`Condition::CERTIFICATES`]; nothing before there are any.
pub fn condition(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    known: Option<Certificates>,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Condition> {
    let known = known?;
    let within = |end: Option<Timestamp>, days: i64| {
        end.filter(|end| end.duration_since(now) < SignedDuration::from_hours(24 * days))
    };
    let renewal = spec.control_plane.rollout.certificates_expiry_days;
    let days = renewal.map_or(SOON_DAYS, |days| i64::from(days) - PATIENCE_DAYS);
    let mut told = Vec::new();
    if let Some(end) = within(known.control_plane, days) {
        let why = if renewal.is_some() {
            "they should have been renewed by now: a paused rollout or a failed machine keeps it from happening"
                .to_owned()
        } else {
            format!(
                "capstan cluster rollout restart {} --control-plane makes new ones; \
                 controlPlane.rollout.certificatesExpiryDays: 30 does so in time",
                name.name()
            )
        };
        told.push(format!(
            "certificates of the control plane expire on {}; {why}",
            end.strftime("%Y-%m-%d")
        ));
    }
    if let Some(end) = within(known.kubeconfig, KUBECONFIG_DAYS) {
        told.push(format!(
            "the kubeconfig expires on {}; Cluster API should have renewed it: a paused control plane keeps it from that",
            end.strftime("%Y-%m-%d")
        ));
    }
    let (status, reason) = if told.is_empty() {
        (ConditionStatus::True, "Valid")
    } else {
        (ConditionStatus::False, "ExpireSoon")
    };
    Some(Condition {
        kind: Condition::CERTIFICATES.to_owned(),
        status,
        reason: reason.to_owned(),
        message: told.join("; "),
        last_transition_time: now,
        observed_generation: generation,
    })
}

#[cfg(test)]
mod tests {
    use capstan_capi::{label, view};
    use capstan_spec::KubernetesVersion;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    #[test]
    fn the_first_to_expire_counts_and_what_is_not_seen_stays() {
        let machine = |expires: Option<i64>, going: bool| {
            let mut machine = view::Machine::default();
            let labels = &mut machine.metadata.labels;
            labels.insert(label::CONTROL_PLANE.to_owned(), String::new());
            machine.status.certificates_expiry_date = expires.map(day);
            machine.metadata.deletion_timestamp = going.then(|| day(0));
            machine
        };
        let observed = Observation {
            machines: vec![
                machine(Some(7), false),
                machine(Some(5), false),
                machine(None, false),
                machine(Some(1), true),
            ],
            kubeconfig_expires: Some(day(9)),
            ..Observation::default()
        };
        let known = Certificates {
            control_plane: Some(day(5)),
            kubeconfig: Some(day(9)),
        };
        assert_eq!(seen(None, &observed), Some(known));
        assert_eq!(seen(Some(known), &Observation::default()), Some(known));
        assert_eq!(seen(None, &Observation::default()), None);
    }

    #[test]
    fn people_are_told_in_time_and_not_of_what_renews_itself() {
        let told = |renewal: Option<u32>, control_plane: i64, kubeconfig: i64| {
            let version = KubernetesVersion::new(1, 36, 3);
            let mut spec = WorkloadClusterSpec::new(version, "a", "b");
            spec.control_plane.rollout.certificates_expiry_days = renewal;
            let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
            let known = Certificates {
                control_plane: Some(day(control_plane)),
                kubeconfig: Some(day(kubeconfig)),
            };
            let condition = condition(&spec, &name, Some(known), Some(1), day(0)).unwrap();
            assert_eq!(
                condition.status == ConditionStatus::True,
                condition.message.is_empty()
            );
            condition.message
        };
        assert_eq!(told(None, 61, 61), "");
        let soon = told(None, 59, 61);
        assert!(
            soon.starts_with("certificates of the control plane expire on 1970-03-01; capstan cluster rollout restart demo"),
            "{soon}"
        );
        assert_eq!(told(Some(30), 29, 61), "");
        assert!(told(Some(30), 20, 61).contains("should have been renewed"));
        assert!(told(None, 99, 29).starts_with("the kubeconfig expires on 1970-01-30"));
    }
}
