//! What in a cluster suffers when its nodes are emptied one by one, or keeps them from being emptied.

use capstan_spec::Finding;

/// A `PodDisruptionBudget`, as its controller counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `<namespace>/<name>`.
    pub name: String,
    /// Pods that may be evicted now.
    pub allowed: i64,
    /// Pods it speaks about.
    pub expected: i64,
    /// Pods that must be healthy.
    pub needed: i64,
}

/// A `Deployment` or `StatefulSet`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// Its kind.
    pub kind: &'static str,
    /// `<namespace>/<name>`.
    pub name: String,
    /// Pods wanted.
    pub count: i64,
}

/// Errors for what keeps nodes from being emptied, warnings for what will be away for a moment. `patience` is how many
/// seconds a node is given before it is removed all the same.
pub fn hazards(budgets: &[Budget], programs: &[Replicas], patience: u32) -> Vec<Finding> {
    let blocked = budgets
        .iter()
        .filter(|budget| budget.expected > 0 && budget.allowed <= 0)
        .map(|budget| {
            let text = format!(
                "lets no pod go ({} of {} must stay): a node is removed all the same after {patience} s",
                budget.needed, budget.expected
            );
            let remedy = "run one pod more, or relax the budget while nodes are rolled";
            Finding::error(format!("PodDisruptionBudget {}", budget.name), text).remedy(remedy)
        });
    let alone = programs
        .iter()
        .filter(|program| program.count == 1)
        .map(|program| {
            let text = "has one replica, which is away while its node is rolled";
            Finding::warning(format!("{} {}", program.kind, program.name), text)
        });
    blocked.chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_lets_nothing_go_stops_and_a_single_replica_is_only_said() {
        let budget = |name: &str, allowed, expected| Budget {
            name: name.into(),
            allowed,
            expected,
            needed: expected,
        };
        let program = |name: &str, count| Replicas {
            kind: "Deployment",
            name: name.into(),
            count,
        };
        let found = hazards(
            &[
                budget("a/tight", 0, 2),
                budget("a/loose", 1, 2),
                budget("a/empty", 0, 0),
            ],
            &[
                program("a/one", 1),
                program("a/two", 2),
                program("a/none", 0),
            ],
            600,
        );
        let told: Vec<(bool, &str)> = found
            .iter()
            .map(|finding| (finding.is_error(), finding.path.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (true, "PodDisruptionBudget a/tight"),
                (false, "Deployment a/one")
            ]
        );
        assert!(found[0].message.contains("after 600 s"), "{}", found[0]);
    }
}
