//! Whether a Job of a hook is made, kept or made anew.

use capstan_spec::status::HookRun;

/// A Job of that name that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSeen {
    /// Which run of a hook made it, as [`mark`] says; `None` when none did.
    pub mark: Option<String>,
    /// How far it is.
    pub state: JobState,
}

/// How far a Job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has pods, or will have.
    Active,
    /// It is done.
    Complete,
    /// It has failed for good.
    Failed,
    /// It is being deleted.
    Going,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStep {
    /// It is applied: made, or left as it is.
    Apply,
    /// It is deleted first, because Kubernetes cannot change or restart it.
    Replace,
    /// It goes already.
    Wait,
    /// It is somebody else's, and is not touched.
    Foreign,
}

/// What a Job is marked with by the run that makes it.
pub fn mark(run: &HookRun) -> String {
    format!("{}.{}", run.content, run.attempts)
}

/// What is done about a Job before a run applies it. One of an earlier try that is done, or may still be done, is kept: what
/// succeeded is not done twice, and what takes longer than expected is not killed.
pub fn job(found: Option<&JobSeen>, run: &HookRun) -> JobStep {
    let Some(found) = found else {
        return JobStep::Apply;
    };
    let Some(made_by) = &found.mark else {
        return JobStep::Foreign;
    };
    let same_content = made_by.split_once('.').map(|(content, _)| content) == Some(&run.content);
    match found.state {
        JobState::Going => JobStep::Wait,
        _ if !same_content => JobStep::Replace,
        JobState::Failed if *made_by != mark(run) => JobStep::Replace,
        _ => JobStep::Apply,
    }
}
