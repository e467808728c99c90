//! Progress, shown as suits the reader: moving lines on a terminal, plain lines in a log, JSON for a program.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use capstan_management::progress::{Event, Outcome, Reporter};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::arguments::Output;

/// The reporter that suits the output.
pub(crate) fn reporter(output: Output) -> Box<dyn Reporter> {
    match output {
        Output::Json => Box::new(JsonLines),
        _ if std::io::stderr().is_terminal() => Box::new(Moving::new()),
        _ => Box::new(Plain {
            started: Instant::now(),
        }),
    }
}

struct JsonLines;

impl Reporter for JsonLines {
    fn report(&self, event: Event) {
        if let Ok(line) = serde_json::to_string(&event) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

struct Plain {
    started: Instant,
}

impl Reporter for Plain {
    fn report(&self, event: Event) {
        if let Some(text) = told(&event) {
            let _ = writeln!(
                anstream::stderr(),
                "[{:>5.1} s] {text}",
                self.started.elapsed().as_secs_f64()
            );
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// An event in words; the beginning of a short step is not worth a line.
fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Planned { .. } => return None,
        Event::Started { step, expected } => {
            if *expected < Duration::from_secs(3) {
                return None;
            }
            format!("{step} ... (usually {})", seconds(*expected))
        }
        Event::Done {
            step,
            outcome,
            detail,
            elapsed,
        } => {
            let how = match outcome {
                Outcome::Found => "found",
                Outcome::Created => "created",
                Outcome::Removed => "removed",
                Outcome::Reached => "done",
            };
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!(" {detail}")
            };
            format!("{step} {how}{detail} ({})", seconds(*elapsed))
        }
        Event::Failed { step, elapsed } => format!("{step} failed ({})", seconds(*elapsed)),
        Event::Milestone { text, .. } => format!("server: {text}"),
        Event::Note { text } => text.clone(),
    })
}

/// A line per running step with elapsed and expected time, finished ones above.
struct Moving {
    bars: MultiProgress,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Moving {
    fn new() -> Self {
        Self {
            bars: MultiProgress::new(),
            running: Mutex::new(BTreeMap::new()),
        }
    }

    fn above(&self, text: &str) {
        let _ = self.bars.println(text);
    }

    fn end(&self, step: &str) {
        if let Some(bar) = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(step)
        {
            bar.finish_and_clear();
        }
    }
}

impl Reporter for Moving {
    fn report(&self, event: Event) {
        match &event {
            Event::Started { step, expected } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_message(format!("{step} (usually {})", seconds(*expected)));
                bar.enable_steady_tick(Duration::from_millis(120));
                self.running
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(step.clone(), bar);
            }
            Event::Done { step, .. } | Event::Failed { step, .. } => {
                self.end(step);
                if let Some(text) = told(&event) {
                    self.above(&text);
                }
            }
            _ => {
                if let Some(text) = told(&event) {
                    self.above(&text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_words() {
        let told = |event| told(&event).unwrap_or_default();
        let done = Event::Done {
            step: "router".into(),
            outcome: Outcome::Created,
            detail: "r1".into(),
            elapsed: Duration::from_millis(1_240),
        };
        assert_eq!(told(done), "router created r1 (1.2 s)");
        let started = |seconds| Event::Started {
            step: "server runs".into(),
            expected: Duration::from_secs(seconds),
        };
        assert_eq!(told(started(5)), "server runs ... (usually 5.0 s)");
        assert_eq!(told(started(1)), "");
        assert_eq!(
            told(Event::Milestone {
                number: 3,
                text: "container runtime runs".into()
            }),
            "server: container runtime runs"
        );
    }
}
