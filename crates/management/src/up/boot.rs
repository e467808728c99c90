//! The wait for the API while the server boots for the first time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use capstan_openstack::Session;

use crate::api::{Api, Readiness};
use crate::console;
use crate::error::Error;
use crate::make::Done;
use crate::pki::CertifiedKey;
use crate::progress::{Event, Outcome, Reporter};

/// Longest that the first boot may take, downloads included.
const BOOT_LIMIT: Duration = Duration::from_mins(15);

/// A server that boots.
pub(super) struct Boot<'a> {
    pub(super) session: &'a Session,
    pub(super) server: String,
    pub(super) endpoint: String,
    pub(super) reporter: &'a dyn Reporter,
}

/// What has been told of a console.
#[derive(Default)]
struct Told {
    milestones: usize,
    warnings: BTreeSet<String>,
}

impl Boot<'_> {
    /// Waits for the API, telling meanwhile what the server says on its console.
    pub(super) async fn wait(&self, ca_certificate: &str, client: &CertifiedKey) -> Done {
        /// Between two looks at the API: each is one small request to the server itself.
        const LOOK: Duration = Duration::from_millis(700);
        /// Between two looks at the console, which Nova has to fetch from the host.
        const CONSOLE: Duration = Duration::from_secs(3);
        let endpoint = self.endpoint.clone();
        let api = Api::new(&endpoint, ca_certificate, client)?;
        let end = Instant::now() + BOOT_LIMIT;
        let mut console_due = Instant::now();
        let mut told = Told::default();
        let mut failure = None;
        loop {
            let state = match api.readiness().await {
                Readiness::Ready(nodes) => {
                    return Ok((
                        Outcome::Reached,
                        format!("{endpoint}, nodes Ready: {nodes}"),
                    ));
                }
                Readiness::NotYet(state) => state,
            };
            if Instant::now() >= console_due {
                // The console is for telling; without it the wait goes on all the same.
                if let Ok(log) = self.session.compute().console_log(&self.server, None).await {
                    failure = self.tell(&console::lines(&log), &mut told, failure.as_ref());
                }
                console_due = Instant::now() + CONSOLE;
            }
            if Instant::now() >= end {
                return Err(match failure {
                    Some((what, context)) => Error::Boot { what, context },
                    None => Error::Api { endpoint, state },
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reports milestones and warnings that are new, and a failure when it is another than `before`.
    fn tell(
        &self,
        lines: &[console::Line],
        told: &mut Told,
        before: Option<&(String, Vec<String>)>,
    ) -> Option<(String, Vec<String>)> {
        let milestones = lines.iter().filter_map(|line| match line {
            console::Line::Milestone { number, text } => Some((*number, text)),
            _ => None,
        });
        for (number, text) in milestones.clone().skip(told.milestones) {
            self.reporter.report(Event::Milestone {
                number,
                text: text.clone(),
            });
        }
        told.milestones = milestones.count();
        for line in lines {
            if let console::Line::Warning(text) = line
                // Every try of the boot says it again.
                && told.warnings.insert(text.clone())
            {
                self.reporter.report(Event::Note {
                    text: format!("server warns: {text}"),
                });
            }
        }
        let failure = console::failure(lines);
        if let Some((what, context)) = failure.as_ref().filter(|failure| Some(*failure) != before) {
            let context = crate::error::log_lines(context);
            self.reporter.report(Event::Note {
                text: format!("the server failed {what} and tries again{context}"),
            });
        }
        failure
    }
}
