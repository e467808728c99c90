//! A hook in a workload cluster: its manifest is read, applied, and looked after until it has ended.
//!
//! Which hook that is, and what becomes of it, is said by [`capstan_plan::hook`].

mod look;
mod manifest;

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, Error as KubernetesError, ObjectName};
use capstan_plan::hook::{self, JobStep, Seen};
use capstan_spec::ClusterName;
use capstan_spec::cluster::Hook;
use capstan_spec::status::HookRun;
use kube::Client;
use kube::api::{DeleteParams, Preconditions};
use kube::core::DynamicObject;

use crate::Error;
use crate::equip::Access;

use self::look::Words;

/// Annotation of what a hook applies: its name.
const HOOK: &str = "capstan.dev/hook";
/// Annotation of a hook's Jobs: which run has made it.
const RUN: &str = "capstan.dev/hook-run";
/// Field manager of hooks: a namespace that a hook names, too, keeps what the addon in it needs.
const MANAGER: &str = "capstan-hooks";
/// Limit for applying everything in one look. What is not applied by then is in the next: until the hook's own time is over.
const APPLY: Duration = Duration::from_secs(20);

/// Goes on with a hook that was begun, and tells how far it is. Everything that may pass, an API that does not answer above
/// all, is something it waits for: its own time limit ends that. `access` is `None` where nobody knows how the cluster is
/// reached.
pub async fn go_on(
    management: &Client,
    name: &ClusterName,
    access: Option<&Access>,
    hook: &Hook,
    run: &HookRun,
) -> Seen {
    let words = Words::about(hook);
    let pending = |message: String| Seen::Pending {
        applied: false,
        message,
    };
    let Some(access) = access else {
        return pending("there is no kubeconfig for the cluster".to_owned());
    };
    let text = match manifest::text(management, name, hook).await {
        Ok(Ok(text)) => text,
        Ok(Err(missing)) => return pending(missing),
        Err(error) => return pending(told(&error)),
    };
    let objects = match manifest::objects(&text, words) {
        Ok(objects) => objects,
        Err(fault) => return Seen::Failed(fault),
    };
    match bring_about(access, objects, run, words).await {
        Ok(seen) => seen,
        Err(error) => pending(words.of_error(&error)),
    }
}

fn told(error: &Error) -> String {
    error.reason().message
}

async fn bring_about(
    access: &Access,
    mut objects: Vec<DynamicObject>,
    run: &HookRun,
    words: Words,
) -> Result<Seen, Error> {
    let applier = Applier::new(access.client().await?).writing_as(MANAGER);
    if !run.applied {
        for object in &mut objects {
            mark(object, run);
        }
        if let Some(seen) = make_room(&applier, &objects, run).await? {
            return Ok(seen);
        }
        applier
            .apply(&objects, Deadline::after(APPLY), |_| ())
            .await?;
    }
    look::look(applier.kinds(), &objects, words).await
}

/// Says on the object whose it is.
fn mark(object: &mut DynamicObject, run: &HookRun) {
    let is_job = look::is_job(object);
    let annotations = object.metadata.annotations.get_or_insert_default();
    annotations.insert(HOOK.to_owned(), run.name.clone());
    if is_job {
        annotations.insert(RUN.to_owned(), hook::mark(run));
    }
}

/// Deletes Jobs of earlier runs that are in the way. `Some` while they are, or when one is somebody else's.
async fn make_room(
    applier: &Applier,
    objects: &[DynamicObject],
    run: &HookRun,
) -> Result<Option<Seen>, Error> {
    for object in objects.iter().filter(|object| look::is_job(object)) {
        let job = ObjectName::of(object);
        let api = applier.kinds().api_of(&job).await?;
        let found = api.get_opt(&job.name).await;
        let found = found.map_err(|e| KubernetesError::request("read", job.to_string(), e))?;
        let seen = found.as_ref().map(look::job);
        let step = hook::job(seen.as_ref(), run);
        let gone = || Seen::Pending {
            applied: false,
            message: format!("{job} of an earlier run goes first"),
        };
        match (step, found) {
            (JobStep::Apply, _) | (_, None) => {}
            (JobStep::Wait, _) => return Ok(Some(gone())),
            (JobStep::Foreign, _) => {
                let text = format!("{job} is there and was made by no hook; it is not touched");
                return Ok(Some(Seen::Failed(text)));
            }
            (JobStep::Replace, Some(found)) => {
                let preconditions = Preconditions {
                    uid: found.metadata.uid,
                    resource_version: None,
                };
                // Its pods go with it.
                let params = DeleteParams::background().preconditions(preconditions);
                match api.delete(&job.name, &params).await {
                    Ok(_) => {}
                    Err(kube::Error::Api(status)) if status.is_not_found() => {}
                    Err(error) => {
                        return Err(
                            KubernetesError::request("delete", job.to_string(), error).into()
                        );
                    }
                }
                return Ok(Some(gone()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use capstan_spec::status::HookState;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_applied_says_whose_it_is_and_keeps_what_it_says() {
        let run = HookRun {
            state: HookState::Running,
            attempts: 2,
            ..HookRun::waiting("setup", "abc")
        };
        let marked = |kind: &str, version: &str| {
            let mut object: DynamicObject = serde_json::from_value(json!({
                "apiVersion": version, "kind": kind,
                "metadata": {"name": "a", "annotations": {"x": "y"}},
            }))
            .unwrap();
            mark(&mut object, &run);
            object.metadata.annotations.unwrap()
        };
        let job = marked("Job", "batch/v1");
        assert_eq!(job["x"], "y");
        assert_eq!((job[HOOK].as_str(), job[RUN].as_str()), ("setup", "abc.2"));
        assert!(!marked("Job", "example.org/v1").contains_key(RUN));
        assert!(!marked("ConfigMap", "v1").contains_key(RUN));
    }
}
