//! The server's console log, as far as it concerns us: milestones, and the reason of a failed first boot.

use std::time::Duration;

/// What a line of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A stage was reached.
    Milestone {
        /// Counted from 1.
        number: u32,
        /// In words.
        text: String,
    },
    /// Something is not as it should be, and the boot goes on.
    Warning(String),
    /// The first boot failed and will be tried again.
    Failed(String),
    /// A line of the log that led to the failure.
    Context(String),
}

/// The stages `boot.sh` writes and when each is usually reached, counted from the server's creation.
pub const STAGES: [(u32, &str, Duration); 6] = [
    (1, "booted", Duration::from_secs(10)),
    (2, "fetching Kubernetes", Duration::from_secs(11)),
    (3, "container runtime runs", Duration::from_secs(15)),
    (4, "starting the control plane", Duration::from_secs(16)),
    (5, "control plane runs", Duration::from_secs(28)),
    (6, "ready", Duration::from_secs(29)),
];

/// All our lines of a console log, oldest first. Anything may stand before the mark: kernels print time stamps, podman and
/// serial consoles add colour codes and carriage returns.
pub fn lines(log: &str) -> Vec<Line> {
    log.lines().filter_map(line).collect()
}

fn line(raw: &str) -> Option<Line> {
    let (_, text) = raw.split_once("capstan: ")?;
    let text = text.trim_end();
    if let Some(milestone) = text.strip_prefix("milestone ") {
        let (number, text) = milestone.split_once(' ')?;
        return Some(Line::Milestone {
            number: number.parse().ok()?,
            text: text.to_owned(),
        });
    }
    if let Some(context) = text.strip_prefix("| ") {
        return Some(Line::Context(context.to_owned()));
    }
    if let Some(warning) = text.strip_prefix("warning ") {
        return Some(Line::Warning(warning.to_owned()));
    }
    text.strip_prefix("failed ")
        .map(|what| Line::Failed(what.to_owned()))
}

/// The latest failure that no later milestone has made good, with the lines that led to it.
pub fn failure(lines: &[Line]) -> Option<(String, Vec<String>)> {
    let at = lines
        .iter()
        .rposition(|line| matches!(line, Line::Failed(_)))?;
    if lines[at..]
        .iter()
        .any(|line| matches!(line, Line::Milestone { number, .. } if *number > 1))
    {
        return None;
    }
    let Line::Failed(what) = &lines[at] else {
        return None;
    };
    let context = lines[..at].iter().rev().map_while(|line| match line {
        Line::Context(text) => Some(text.clone()),
        _ => None,
    });
    let mut context: Vec<_> = context.collect();
    context.reverse();
    Some((what.clone(), context))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[    0.1] Linux version 6\r\n\u{1b}[0mcapstan: milestone 1 booted\r\n[  12.3] capstan: milestone 3 container runtime runs\n\
                       capstan: | old\ncapstan: milestone x\ncapstan: milestone 4 starting the control plane\n\
                       capstan: | [ERROR NumCPU]: too few\ncapstan: | more\ncapstan: failed to start the control plane\n";

    #[test]
    fn milestones_are_found_among_everything_else() {
        let found = lines(LOG);
        assert_eq!(
            found[0],
            Line::Milestone {
                number: 1,
                text: "booted".into()
            }
        );
        assert_eq!(
            found
                .iter()
                .filter(|line| matches!(line, Line::Milestone { .. }))
                .count(),
            3
        );
    }

    #[test]
    fn a_warning_stands_between_milestones() {
        let log =
            "capstan: milestone 1 booted\n[ 3.1] capstan: warning the kernel's a.b is 0, not 1\r\n";
        assert_eq!(
            lines(log)[1],
            Line::Warning("the kernel's a.b is 0, not 1".into())
        );
        assert_eq!(failure(&lines(log)), None);
    }

    #[test]
    fn a_failure_comes_with_its_own_lines_only() {
        let (what, context) = failure(&lines(LOG)).unwrap();
        assert_eq!(what, "to start the control plane");
        assert_eq!(context, ["[ERROR NumCPU]: too few", "more"]);
    }

    #[test]
    fn a_later_milestone_makes_it_good() {
        let log =
            format!("{LOG}capstan: milestone 1 booted\ncapstan: milestone 5 control plane runs\n");
        assert_eq!(failure(&lines(&log)), None);
        assert!(
            failure(&lines(&format!("{LOG}capstan: milestone 1 booted\n"))).is_some(),
            "the next try has only begun"
        );
        assert_eq!(failure(&lines("nothing of ours")), None);
    }
}
