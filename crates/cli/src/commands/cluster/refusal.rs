//! A wish that is refused: the end of watching it.

use std::time::Duration;

use capstan_spec::status::{QuotaLine, Refusal};
use capstan_workload::resource::WorkloadCluster;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::table;

/// What was wished, for the advice after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A new cluster.
    Creation,
    /// The same new cluster once more, which may have been refused the first time.
    Again,
    /// Another cluster than there is.
    Change,
    /// The plan that waited is accepted; the wish is the same.
    Acceptance,
}

impl Wish {
    /// How long a refusal that stands may still be the old one: the controller is woken, reads the cloud's quota and judges;
    /// left alone it would do so every 30 s.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Creation | Self::Change => Duration::ZERO,
            Self::Again | Self::Acceptance => Duration::from_mins(1),
        }
    }
}

/// The failure of a wish whose newest form is refused; `None` while it is accepted or not judged yet.
pub(super) fn refusal(cluster: &WorkloadCluster, wish: Wish) -> Option<Failure> {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let status = cluster.status.as_ref()?;
    let refusal = status.refusal(cluster.metadata.generation)?;
    let (exit, why) = match refusal {
        Refusal::QuotaExceeded => (Exit::Quota, "the project's quota does not suffice"),
        Refusal::Unresolved => (Exit::NotFound, "it names what the cloud does not have"),
        Refusal::Invalid => (Exit::Input, "it breaks the rules of clusters"),
        Refusal::AwaitsApproval => (Exit::NeedsAnswer, "its plan waits for an approval"),
    };
    let short: Vec<&QuotaLine> = status.quota.iter().filter(|line| !line.fits()).collect();
    let causes: Vec<String> = if short.is_empty() {
        let reasons = status.progress.as_ref().map(|progress| &progress.reasons);
        reasons
            .into_iter()
            .flatten()
            .map(|reason| format!("{}; what to do: {}", reason.message, reason.remedy))
            .collect()
    } else {
        short.into_iter().map(missing).collect()
    };
    let message = match wish {
        Wish::Creation | Wish::Again => format!("cluster {name} is refused: {why}"),
        Wish::Change | Wish::Acceptance => {
            format!("the change of cluster {name} is refused: {why}")
        }
    };
    let remedy = match refusal {
        Refusal::QuotaExceeded => "free something, ask for more quota, or wish for less",
        Refusal::Unresolved | Refusal::Invalid => "put right what is named above",
        Refusal::AwaitsApproval => "capstan cluster apply shows the plan and accepts it",
    };
    let meanwhile = match wish {
        Wish::Creation | Wish::Again => format!(
            "Nothing was made; the cluster stays wished for and goes on by itself when there is room: capstan cluster show \
             {name} --watch follows it, capstan cluster delete {name} takes it back"
        ),
        Wish::Change | Wish::Acceptance if refusal == Refusal::AwaitsApproval => {
            format!("Nothing was changed yet; capstan cluster show {name} shows what waits")
        }
        Wish::Change | Wish::Acceptance => format!(
            "Nothing was changed; the change goes on by itself when there is room: capstan cluster show {name} --watch \
             follows it, the same command with the former numbers takes it back"
        ),
    };
    Some(Failure {
        exit,
        message,
        causes,
        hint: Some(format!("{remedy}. {meanwhile}")),
    })
}

/// The quota that was looked at, line by line; `None` when the wish is not refused for quota.
pub(super) fn quota_table(cluster: &WorkloadCluster) -> Option<String> {
    let lines = &cluster.status.as_ref()?.quota;
    let row = |line: &QuotaLine| {
        let free = line
            .free
            .map_or_else(|| "no limit".to_owned(), |free| free.to_string());
        let verdict = if line.fits() { "" } else { "too little" };
        vec![
            line.resource.clone(),
            line.need.to_string(),
            free,
            verdict.to_owned(),
        ]
    };
    (!lines.is_empty()).then(|| table(&["quota", "needed", "free", ""], lines.iter().map(row)))
}

fn missing(line: &QuotaLine) -> String {
    let free = line.free.unwrap_or_default();
    let missing = line.need.saturating_sub(free);
    format!(
        "{}: {} needed, {free} free, {missing} missing",
        line.resource, line.need
    )
}

#[cfg(test)]
mod tests {
    use capstan_spec::progress::{Progress, Reason, ReasonCode};
    use capstan_spec::status::{Condition, ConditionStatus, WorkloadClusterStatus};
    use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
    use jiff::Timestamp;

    use super::*;

    fn cluster(reason: &str, observed: i64) -> WorkloadCluster {
        let spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        let mut cluster = WorkloadCluster::new("team", "demo", spec);
        cluster.metadata.generation = Some(2);
        let accepted = reason == "Accepted";
        cluster.status = Some(WorkloadClusterStatus {
            conditions: vec![Condition {
                kind: Condition::ACCEPTED.to_owned(),
                status: if accepted {
                    ConditionStatus::True
                } else {
                    ConditionStatus::False
                },
                reason: reason.to_owned(),
                message: String::new(),
                last_transition_time: Timestamp::UNIX_EPOCH,
                observed_generation: Some(observed),
            }],
            ..WorkloadClusterStatus::default()
        });
        cluster
    }

    #[test]
    fn only_a_verdict_on_the_newest_wish_ends_the_watching() {
        assert!(refusal(&cluster("QuotaExceeded", 2), Wish::Change).is_some());
        assert!(refusal(&cluster("QuotaExceeded", 1), Wish::Change).is_none());
        assert!(refusal(&cluster("Accepted", 2), Wish::Change).is_none());
        let mut unseen = cluster("QuotaExceeded", 2);
        unseen.status = None;
        assert!(refusal(&unseen, Wish::Creation).is_none());
    }

    #[test]
    fn a_refusal_for_quota_ends_with_the_code_of_quota_and_says_what_is_missing() {
        let mut refused = cluster("QuotaExceeded", 2);
        let line = |resource: &str, need, free| QuotaLine {
            resource: resource.to_owned(),
            need,
            free,
        };
        refused.status.as_mut().unwrap().quota = vec![
            line("servers", 3, Some(3)),
            line("cores", 6, Some(4)),
            line("ports", 6, None),
        ];
        let failure = refusal(&refused, Wish::Creation).unwrap();
        assert_eq!(failure.exit, Exit::Quota);
        assert_eq!(failure.causes, ["cores: 6 needed, 4 free, 2 missing"]);
        let hint = failure.hint.unwrap();
        for says in [
            "more quota",
            "by itself",
            "capstan cluster delete demo",
            "show demo --watch",
        ] {
            assert!(hint.contains(says), "{hint}");
        }
        let table = quota_table(&refused).unwrap();
        assert!(
            table.contains("no limit") && table.contains("too little"),
            "{table}"
        );
        let change = refusal(&refused, Wish::Change).unwrap().hint.unwrap();
        assert!(!change.contains("cluster delete"), "{change}");
    }

    #[test]
    fn other_refusals_have_a_code_of_their_own_and_their_remedy() {
        for (word, exit) in [("Unresolved", Exit::NotFound), ("Invalid", Exit::Input)] {
            let mut refused = cluster(word, 2);
            refused.status.as_mut().unwrap().progress = Some(Progress {
                reasons: vec![Reason {
                    code: ReasonCode::FlavorUnusable,
                    message: "failed to find flavor \"m1.huge\"".to_owned(),
                    remedy: "the cloud has m1.small".to_owned(),
                    object: None,
                    detail: None,
                }],
                ..Progress::default()
            });
            let failure = refusal(&refused, Wish::Creation).unwrap();
            assert_eq!(failure.exit, exit);
            assert!(
                failure.causes[0].contains("the cloud has m1.small"),
                "{failure:?}"
            );
            assert_eq!(quota_table(&refused), None);
        }
    }
}
