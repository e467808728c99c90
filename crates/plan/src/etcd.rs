//! Whether, when and in which order the members of etcd give back the space they no longer need.
//!
//! A member that is defragmented answers nobody meanwhile (seconds per GiB). So it is done to one after the other, to the
//! leader last, and only while every member is there and healthy: with one away already, the next would take the majority.

use capstan_spec::cluster::kubeadm::Defragmentation;
use capstan_spec::status::{ClusterPhase, WorkloadClusterStatus};
use capstan_spec::{Uid, WorkloadClusterSpec};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Files below this are left alone, as by the etcd operator of `OpenShift`.
const LEAST_BYTES: u64 = 100 << 20;
/// How long after its minute a cluster may begin: as long as a controller may be away without a night being left out.
const WINDOW_MINUTES: i64 = 60;

/// One member of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Name of its machine.
    pub name: String,
    /// Where its clients reach it.
    pub endpoint: String,
    /// Whether it leads.
    pub leader: bool,
    /// Bytes of its file.
    pub size: u64,
    /// Bytes of it that hold something.
    pub in_use: u64,
}

impl Member {
    /// Percent of the file that is free.
    pub fn free_percent(&self) -> u64 {
        let free = self.size.saturating_sub(self.in_use);
        free.saturating_mul(100)
            .checked_div(self.size)
            .unwrap_or_default()
    }

    fn is_worth_it(&self, rule: Defragmentation) -> bool {
        self.size >= LEAST_BYTES && self.free_percent() >= u64::from(rule.worth_percent())
    }
}

/// Why nothing is done to etcd now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it told of itself cannot be read.
    #[error("what etcd says of itself cannot be read: {0}")]
    Unreadable(String),
    /// Not every machine of the control plane is a member, or more are.
    #[error("etcd has {there} members and should have {wanted}")]
    Count {
        /// Members.
        there: usize,
        /// Machines of the control plane.
        wanted: u32,
    },
    /// A member is not what it should be.
    #[error("member {0} {1}")]
    Unwell(String, String),
    /// The members do not agree on one leader.
    #[error("the members do not agree on a leader")]
    NoLeader,
    /// A command to it failed.
    #[error("etcdctl {0} failed: {1}")]
    Failed(String, String),
    /// The cluster itself is under way.
    #[error("the cluster is not settled: {0}")]
    Unsettled(String),
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "ID")]
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "clientURLs")]
    urls: Vec<String>,
    #[serde(default, rename = "isLearner")]
    learner: bool,
}

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "Status")]
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    header: Header,
    leader: u64,
    #[serde(rename = "dbSize")]
    size: u64,
    #[serde(rename = "dbSizeInUse")]
    in_use: u64,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    member_id: u64,
}

/// Reads what `etcdctl member list` and `etcdctl endpoint status --cluster` wrote as JSON, followers first.
///
/// # Errors
/// Unless there are `wanted` members, all of them answered, have no alarm and agree on their leader.
pub fn members(list: &str, status: &str, wanted: u32) -> Result<Vec<Member>, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::Unreadable(error.to_string());
    let listed: Members = serde_json::from_str(list).map_err(unreadable)?;
    let told: Vec<Told> = serde_json::from_str(status).map_err(unreadable)?;
    let there = listed.members.len();
    if u32::try_from(there) != Ok(wanted) {
        return Err(Refusal::Count { there, wanted });
    }
    let leader = told.first().map_or(0, |told| told.status.leader);
    if leader == 0 || told.iter().any(|told| told.status.leader != leader) {
        return Err(Refusal::NoLeader);
    }
    let mut members = Vec::new();
    for one in listed.members {
        let id = one.id;
        let name = if one.name.is_empty() {
            format!("{id:x}")
        } else {
            one.name
        };
        let unwell = |why: &str| Refusal::Unwell(name.clone(), why.to_owned());
        let status = told.iter().map(|told| &told.status);
        let status = status.into_iter().find(|told| told.header.member_id == id);
        let (Some(status), Some(endpoint)) = (status, one.urls.into_iter().next()) else {
            return Err(unwell("does not answer"));
        };
        if one.learner {
            return Err(unwell("has not caught up yet"));
        }
        if !status.errors.is_empty() {
            return Err(unwell(&format!("says: {}", status.errors.join(", "))));
        }
        members.push(Member {
            endpoint,
            leader: id == leader,
            size: status.size,
            in_use: status.in_use,
            name,
        });
    }
    members.sort_by(|one, other| (one.leader, &one.name).cmp(&(other.leader, &other.name)));
    Ok(members)
}

/// Those of the members for which it is worth it, in their order.
pub fn worth_it(members: &[Member], rule: Defragmentation) -> Vec<Member> {
    let worth = members.iter().filter(|member| member.is_worth_it(rule));
    worth.cloned().collect()
}

/// Whether a cluster may be worked on: ready, nothing of its control plane under way, and nobody wants it left alone.
///
/// # Errors
/// [`Refusal::Unsettled`] with the reason.
pub fn settled(
    spec: &WorkloadClusterSpec,
    generation: Option<i64>,
    status: &WorkloadClusterStatus,
) -> Result<(), Refusal> {
    let not = |why: &str| Err(Refusal::Unsettled(why.to_owned()));
    if spec.paused {
        return not("it is paused");
    }
    if status.phase != Some(ClusterPhase::Ready) {
        return not("it is not ready");
    }
    if status.observed_generation != generation {
        return not("its newest change was not looked at yet");
    }
    let wanted = spec.control_plane.replicas;
    let whole = status
        .control_plane
        .as_ref()
        .is_some_and(|counts| [counts.current, counts.ready, counts.up_to_date] == [wanted; 3]);
    if whole {
        Ok(())
    } else {
        not("machines of its control plane come or go")
    }
}

/// Whether it is time: the cluster's own minute of the hour has come, and since then nothing was tried. `last` is when it was
/// tried last.
pub fn due(rule: Defragmentation, uid: &Uid, now: Timestamp, last: Option<Timestamp>) -> bool {
    if rule.disabled {
        return false;
    }
    let utc = now.to_zoned(TimeZone::UTC);
    let today = i64::from(utc.hour()) * 60 + i64::from(utc.minute());
    let letters = uid
        .as_str()
        .bytes()
        .fold(0_i64, |sum, letter| (sum * 31 + i64::from(letter)) % 60);
    let begins = i64::from(rule.at_hour()) * 60 + letters;
    // Of the day before, when the hour is the last one.
    let since = (today - begins).rem_euclid(24 * 60);
    let began = now.as_second() - since * 60 - i64::from(utc.second());
    since < WINDOW_MINUTES && last.is_none_or(|last| last.as_second() < began)
}

#[cfg(test)]
mod tests {
    use capstan_spec::KubernetesVersion;
    use capstan_spec::status::ReplicaCounts;
    use serde_json::json;

    use super::*;

    fn list(count: u64) -> String {
        let member = |id: u64| json!({"ID": id, "name": format!("m{id}"), "clientURLs": [format!("https://10.0.0.{id}:2379")]});
        let members: Vec<_> = (1..=count).map(member).collect();
        json!({"header": {"member_id": 1}, "members": members}).to_string()
    }

    fn status(of: &[(u64, u64, u64, u64)]) -> String {
        let one = |&(id, leader, size, in_use): &(u64, u64, u64, u64)| {
            json!({"Endpoint": "e", "Status": {"header": {"member_id": id}, "version": "3.6.14", "leader": leader,
                   "dbSize": size, "dbSizeInUse": in_use}})
        };
        json!(of.iter().map(one).collect::<Vec<_>>()).to_string()
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_leader_comes_last() {
        let told = status(&[(1, 2, 9, 1), (2, 2, 9, 1), (3, 2, 9, 1)]);
        let members = members(&list(3), &told, 3).unwrap();
        let order: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(order, ["m1", "m3", "m2"]);
        assert_eq!(members[2].endpoint, "https://10.0.0.2:2379");
    }

    #[test]
    fn nothing_is_done_unless_all_are_there_and_well() {
        let all = [(1, 2, 9, 1), (2, 2, 9, 1), (3, 2, 9, 1)];
        let said = |count, told: &str| members(&list(count), told, 3).unwrap_err().to_string();
        assert_eq!(
            said(2, &status(&all)),
            "etcd has 2 members and should have 3"
        );
        assert_eq!(said(3, &status(&all[..2])), "member m3 does not answer");
        let mut split = all;
        split[1].1 = 1;
        assert_eq!(
            said(3, &status(&split)),
            "the members do not agree on a leader"
        );
        let leaderless = all.map(|(id, _, size, in_use)| (id, 0, size, in_use));
        assert_eq!(
            said(3, &status(&leaderless)),
            "the members do not agree on a leader"
        );
        let alarm = status(&all).replacen(
            "\"version\"",
            "\"errors\": [\"memberID:1 alarm:NOSPACE\"], \"version\"",
            1,
        );
        assert_eq!(said(3, &alarm), "member m1 says: memberID:1 alarm:NOSPACE");
        let learner = list(3).replace("\"ID\":3", "\"isLearner\": true, \"ID\":3");
        let told = members(&learner, &status(&all), 3).unwrap_err();
        assert_eq!(told.to_string(), "member m3 has not caught up yet");
        assert!(said(3, "no").starts_with("what etcd says of itself cannot be read"));
    }

    #[test]
    fn only_what_is_large_and_mostly_free_is_worth_it() {
        let told = status(&[
            (1, 1, 200 * MIB, 100 * MIB),
            (2, 1, 99 * MIB, MIB),
            (3, 1, 200 * MIB, 120 * MIB),
        ]);
        let members = members(&list(3), &told, 3).unwrap();
        let names = |rule| -> Vec<String> {
            let worth = worth_it(&members, rule);
            worth.into_iter().map(|member| member.name).collect()
        };
        assert_eq!(names(Defragmentation::default()), ["m1"]);
        let eager = Defragmentation {
            gain_percent: Some(40),
            ..Defragmentation::default()
        };
        assert_eq!(names(eager), ["m3", "m1"]);
        let empty = Member {
            size: 0,
            in_use: 0,
            ..members[0].clone()
        };
        assert_eq!(empty.free_percent(), 0);
    }

    #[test]
    fn a_cluster_under_way_is_left_alone() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        let mut status = WorkloadClusterStatus {
            phase: Some(ClusterPhase::Ready),
            observed_generation: Some(2),
            control_plane: Some(ReplicaCounts {
                desired: 1,
                current: 1,
                ready: 1,
                up_to_date: 1,
            }),
            ..WorkloadClusterStatus::default()
        };
        spec.control_plane.replicas = 1;
        assert_eq!(settled(&spec, Some(2), &status), Ok(()));
        assert!(settled(&spec, Some(3), &status).is_err());
        spec.control_plane.replicas = 3;
        assert!(settled(&spec, Some(2), &status).is_err());
        spec.control_plane.replicas = 1;
        spec.paused = true;
        assert!(settled(&spec, Some(2), &status).is_err());
        spec.paused = false;
        status.phase = Some(ClusterPhase::Updating);
        assert!(settled(&spec, Some(2), &status).is_err());
    }

    #[test]
    fn once_a_night_at_the_minute_of_the_cluster() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let rule = Defragmentation::default();
        let begins = |uid: &str| {
            let uid: Uid = uid.parse().unwrap();
            (0..24 * 60)
                .map(|minute| at("2026-12-01T00:00:07Z") + jiff::SignedDuration::from_mins(minute))
                .filter(|now| due(rule, &uid, *now, None))
                .collect::<Vec<_>>()
        };
        let (one, other) = (begins("x7k2p"), begins("bcdfg"));
        assert_eq!(one.len(), 60);
        assert_ne!(one, other);
        for first in [one[0], other[0]] {
            assert!(first >= at("2026-12-01T02:00:00Z") && first < at("2026-12-01T03:00:00Z"));
        }
        let uid: Uid = "x7k2p".parse().unwrap();
        assert!(!due(rule, &uid, one[5], Some(one[0])));
        let night_before = one[0] - jiff::SignedDuration::from_hours(24);
        assert!(due(rule, &uid, one[5], Some(night_before)));
        let last_hour = Defragmentation {
            hour: Some(23),
            ..rule
        };
        let midnight: Vec<_> = (0..24 * 60)
            .map(|minute| at("2026-12-01T00:00:00Z") + jiff::SignedDuration::from_mins(minute))
            .filter(|now| due(last_hour, &uid, *now, None))
            .collect();
        assert_eq!(midnight.len(), 60);
        let off = Defragmentation {
            disabled: true,
            ..rule
        };
        assert!(!due(off, &uid, one[0], None));
    }
}
