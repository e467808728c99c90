//! Whether a wish is carried out. Pure.

use capstan_plan::RENDERER;
use capstan_plan::change::{self, Effect, Plan};
use capstan_plan::facts;
use capstan_plan::quota::Line;
use capstan_plan::upgrade::Obstacle;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{
    Condition, ConditionStatus, PendingPlan, QuotaLine, Refusal, Resolved, WorkloadClusterStatus,
    set_condition,
};
use capstan_spec::{Finding, Severity, WorkloadClusterSpec, validate};
use jiff::Timestamp;

use crate::preflight;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is carried out.
    Accepted,
    /// It breaks rules of the model.
    Invalid(Vec<Reason>),
    /// It names what the cloud does not have.
    Unresolved(Vec<Reason>),
    /// The quota does not suffice: every line that was looked at, of which at least one does not fit.
    OverQuota(Vec<Line>),
    /// Its plan has to be accepted first.
    AwaitsApproval(PendingPlan),
}

impl Verdict {
    /// What the rules of the model say against the wish; `None` when nothing.
    pub fn of_rules(name: &str, spec: &WorkloadClusterSpec) -> Option<Self> {
        Self::of_findings(validate::cluster(name, spec))
    }

    /// What stands against touching the cluster at all: it was last rendered by a newer Capstan, whose templates this one does
    /// not know, so that applying would replace machines. `None` when nothing.
    pub fn of_renderer(pinned: Option<u32>) -> Option<Self> {
        let newer = pinned.filter(|pinned| *pinned > RENDERER)?;
        Some(Self::Invalid(vec![Reason {
            code: ReasonCode::Other,
            message: format!(
                "the cluster was last changed by a newer Capstan (renderer {newer}; this one has {RENDERER})"
            ),
            remedy: "bring the management server to that version again".to_owned(),
            object: None,
            detail: None,
        }]))
    }

    /// What rules say against the wish that need what was found in the cloud, or whether it runs; `None` when nothing.
    pub fn of_facts(spec: &WorkloadClusterSpec, resolved: &Resolved, runs: bool) -> Option<Self> {
        let mut findings = facts::check(spec, resolved);
        if spec.kubeadm.encrypt_secrets && runs && !resolved.encrypted {
            // While machines are replaced, those without the key could not read what those with it write.
            let text = "a cluster that runs cannot begin to encrypt its Secrets";
            let remedy = "make a new cluster with it";
            findings.push(Finding::error("kubeadm.encryptSecrets", text).remedy(remedy));
        }
        Self::of_findings(findings)
    }

    /// That there is no way to the wanted version.
    pub fn of_obstacle(obstacle: Obstacle) -> Self {
        Self::Invalid(vec![told_of(obstacle.finding())])
    }

    pub(crate) fn of_findings(findings: Vec<Finding>) -> Option<Self> {
        let reasons: Vec<Reason> = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(told_of)
            .collect();
        (!reasons.is_empty()).then_some(Self::Invalid(reasons))
    }

    /// What the plan says against the wish: fields that cannot be changed. `None` when nothing.
    pub fn of_plan(plan: &Plan) -> Option<Self> {
        let reasons: Vec<Reason> = plan
            .forbidden()
            .flat_map(|part| &part.fields)
            .filter(|field| field.effect == Effect::Forbidden)
            .map(|field| Reason {
                code: ReasonCode::Other,
                message: format!("{} of the {} cannot be changed", field.field, field.object),
                remedy: field
                    .remedy
                    .clone()
                    .unwrap_or_else(|| "take the change back".to_owned()),
                object: Some(field.field.clone()),
                detail: Some(field.source.clone()),
            })
            .collect();
        (!reasons.is_empty()).then_some(Self::Invalid(reasons))
    }

    /// The plan waits for somebody to accept it.
    pub fn of_waiting(plan: &Plan, why: String) -> Self {
        Self::AwaitsApproval(pending(plan, why))
    }

    /// What the quota says.
    pub fn of_quota(lines: Vec<Line>) -> Self {
        if lines.iter().all(Line::fits) {
            Self::Accepted
        } else {
            Self::OverQuota(lines)
        }
    }

    /// Why it is refused; `None` when it is not.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Accepted => None,
            Self::Invalid(_) => Some(Refusal::Invalid),
            Self::Unresolved(_) => Some(Refusal::Unresolved),
            Self::OverQuota(_) => Some(Refusal::QuotaExceeded),
            Self::AwaitsApproval(_) => Some(Refusal::AwaitsApproval),
        }
    }

    /// What stands in the way, for people.
    pub fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Accepted => Vec::new(),
            Self::Invalid(reasons) | Self::Unresolved(reasons) => reasons.clone(),
            Self::OverQuota(lines) => preflight::reasons(lines),
            Self::AwaitsApproval(plan) => vec![waiting(plan)],
        }
    }

    /// Writes the verdict on the wish of this generation into the status.
    pub fn tell(
        &self,
        status: &mut WorkloadClusterStatus,
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let reasons = self.reasons();
        let messages: Vec<&str> = reasons
            .iter()
            .map(|reason| reason.message.as_str())
            .collect();
        let accepted = self.refusal().is_none();
        set_condition(
            &mut status.conditions,
            Condition {
                kind: Condition::ACCEPTED.to_owned(),
                status: if accepted {
                    ConditionStatus::True
                } else {
                    ConditionStatus::False
                },
                reason: self
                    .refusal()
                    .map_or("Accepted", Refusal::as_str)
                    .to_owned(),
                message: messages.join("; "),
                last_transition_time: now,
                observed_generation: generation,
            },
        );
        status.pending = match self {
            Self::AwaitsApproval(plan) => Some(plan.clone()),
            _ => None,
        };
        status.quota = match self {
            Self::OverQuota(lines) => lines.iter().map(told).collect(),
            _ => Vec::new(),
        };
    }
}

/// A plan as it stands in the status while it waits.
pub fn pending(plan: &Plan, why: String) -> PendingPlan {
    let changing = plan
        .parts
        .iter()
        .filter(|part| part.effect != Effect::Unchanged);
    let line = |part: &change::Part| {
        let head = format!("{}: {}", part.subject, part.effect.as_str());
        match change::text::summary(part) {
            text if text.is_empty() => head,
            text => format!("{head}, {text}"),
        }
    };
    PendingPlan {
        hash: plan.hash.clone(),
        why,
        changes: changing.map(line).collect(),
    }
}

/// The reason a plan that waits is told as.
fn waiting(plan: &PendingPlan) -> Reason {
    Reason {
        code: ReasonCode::AwaitsApproval,
        message: format!("the change waits for an approval: {}", plan.why),
        remedy: "capstan cluster apply shows the plan and accepts it".to_owned(),
        object: None,
        detail: (!plan.changes.is_empty()).then(|| plan.changes.join("; ")),
    }
}

/// Whether the wish of this generation is still to be judged: it is new, or it was refused. A wish once accepted is not
/// judged again: what Cluster API reserves for it while it works would count twice.
pub fn is_open(status: &WorkloadClusterStatus, generation: Option<i64>) -> bool {
    status
        .verdict(generation)
        .is_none_or(|verdict| verdict.status != ConditionStatus::True)
}

fn told_of(finding: Finding) -> Reason {
    Reason {
        code: ReasonCode::Other,
        message: finding.message,
        remedy: finding
            .remedy
            .unwrap_or_else(|| "change the cluster".to_owned()),
        object: Some(finding.path),
        detail: None,
    }
}

fn told(line: &Line) -> QuotaLine {
    QuotaLine {
        resource: line.resource.to_string(),
        need: line.need,
        free: line.free,
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::KubernetesVersion;

    use super::*;
    use capstan_plan::quota::Resource;

    fn line(resource: Resource, need: u64, free: Option<u64>) -> Line {
        Line {
            resource,
            need,
            free,
        }
    }

    fn judged(verdict: &Verdict) -> WorkloadClusterStatus {
        let mut status = WorkloadClusterStatus::default();
        verdict.tell(&mut status, Some(4), Timestamp::UNIX_EPOCH);
        status
    }

    #[test]
    fn a_wish_is_judged_until_it_is_accepted_and_again_when_it_changes() {
        let refused = Verdict::of_quota(vec![line(Resource::Cores, 6, Some(4))]);
        let accepted = Verdict::of_quota(vec![line(Resource::Cores, 6, None)]);
        assert!(is_open(&WorkloadClusterStatus::default(), Some(1)));
        assert!(is_open(&judged(&refused), Some(4)), "refused for ever");
        assert!(!is_open(&judged(&accepted), Some(4)), "judged twice");
        assert!(is_open(&judged(&accepted), Some(5)), "a new wish unjudged");
    }

    #[test]
    fn what_a_newer_renderer_made_is_not_touched() {
        assert_eq!(Verdict::of_renderer(None), None);
        assert_eq!(Verdict::of_renderer(Some(RENDERER)), None);
        let newer = Verdict::of_renderer(Some(RENDERER + 1)).unwrap();
        assert_eq!(newer.refusal(), Some(Refusal::Invalid));
        assert!(newer.reasons()[0].message.contains("newer Capstan"));
    }

    #[test]
    fn what_the_cloud_and_the_way_to_the_version_say_is_asked() {
        let wanted = KubernetesVersion::new(1, 36, 3);
        let spec = WorkloadClusterSpec::new(wanted, "a", "b");
        let verdict = |provider: &str| {
            let resolved = Resolved {
                load_balancer_provider: Some(provider.to_owned()),
                ..Resolved::default()
            };
            Verdict::of_facts(&spec, &resolved, false)
        };
        assert_eq!(verdict("amphora"), None);
        let closed = verdict("ovn").unwrap();
        assert_eq!(closed.refusal(), Some(Refusal::Invalid));
        let running = KubernetesVersion::new(1, 37, 0);
        let back = Verdict::of_obstacle(Obstacle::Back { wanted, running });
        assert_eq!(back.refusal(), Some(Refusal::Invalid));
        assert!(back.reasons()[0].message.contains("cannot go back"));
        assert!(back.reasons()[0].remedy.contains("new cluster"));
    }

    #[test]
    fn a_refusal_for_quota_says_need_and_free_of_every_line() {
        let lines = vec![
            line(Resource::Instances, 3, Some(3)),
            line(Resource::Cores, 6, Some(4)),
            line(Resource::Ports, 9, None),
        ];
        let verdict = Verdict::of_quota(lines);
        let mut status = judged(&verdict);
        assert_eq!(status.refusal(Some(4)), Some(Refusal::QuotaExceeded));
        let told: Vec<_> = status
            .quota
            .iter()
            .map(|line| (line.resource.as_str(), line.need, line.free, line.fits()))
            .collect();
        assert_eq!(
            told,
            [
                ("servers", 3, Some(3), true),
                ("cores", 6, Some(4), false),
                ("ports", 9, None, true),
            ]
        );
        let reasons = verdict.reasons();
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].code, ReasonCode::QuotaExceeded);
        assert!(reasons[0].message.contains("6 needed, 4 free"));
        assert!(!reasons[0].remedy.is_empty());

        Verdict::Accepted.tell(&mut status, Some(4), Timestamp::UNIX_EPOCH);
        assert_eq!(status.refusal(Some(4)), None);
        assert_eq!(status.quota, []);
    }

    #[test]
    fn a_wish_against_the_rules_is_refused_with_all_of_them() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        assert_eq!(Verdict::of_rules("demo", &spec), None);
        spec.control_plane.replicas = 2;
        spec.workers[0].flavor.clear();
        let verdict = Verdict::of_rules("demo", &spec).unwrap();
        assert_eq!(verdict.refusal(), Some(Refusal::Invalid));
        assert!(verdict.reasons().len() >= 2, "{verdict:?}");
    }
}
