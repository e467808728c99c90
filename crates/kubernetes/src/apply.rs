//! Server-side apply of whatever objects, in an order that works.

use futures::{FutureExt, StreamExt};
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use serde_json::Value;

use crate::error::is_no_path;
use crate::order::{Stage, stages};
use crate::wait::{Deadline, crd_established, wait_for};
use crate::{Error, ErrorKind, FIELD_MANAGER, Kinds, ObjectName, Result, retry};

/// Requests under way at once. The API server's own limit for one client is far higher; a small management server
/// shares its two cores with etcd, and eight already hide the round trip.
pub(crate) const CONCURRENCY: usize = 8;

/// Whether applying made the object or met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It did not exist before.
    Created,
    /// It existed (and was changed, or already as wanted).
    Present,
}

/// One object after it was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Which object.
    pub name: ObjectName,
    /// `metadata.uid`, by which it can be removed without touching a namesake.
    pub uid: String,
    /// Whether this made it.
    pub change: Change,
}

/// Applies objects under [`FIELD_MANAGER`], forcing conflicts: what is sent is ours.
#[derive(Clone)]
pub struct Applier {
    kinds: Kinds,
    manager: &'static str,
}

impl Applier {
    /// An applier over a client.
    pub fn new(client: Client) -> Self {
        Self {
            kinds: Kinds::new(client),
            manager: FIELD_MANAGER,
        }
    }

    /// The same under another field manager: what is applied so takes no field away that the first has set.
    #[must_use]
    pub const fn writing_as(mut self, manager: &'static str) -> Self {
        self.manager = manager;
        self
    }

    /// The kinds this applier has resolved so far.
    pub const fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Applies all objects, stage by stage (see [`Stage`]), and waits after [`Stage::Definitions`] until every new
    /// kind is served. Applying the same objects again changes nothing. A webhook that does not answer yet, and every
    /// other transient failure, is tried again until `deadline`. The first lasting failure ends it: what was applied
    /// by then stays, and applying again continues.
    ///
    /// `seen` is told of each object as it is done.
    pub async fn apply(
        &self,
        objects: &[DynamicObject],
        deadline: Deadline,
        mut seen: impl FnMut(&Applied),
    ) -> Result<Vec<Applied>> {
        let mut all = Vec::with_capacity(objects.len());
        for (stage, members) in stages(objects) {
            let names: Vec<ObjectName> = members.iter().map(|o| ObjectName::of(o)).collect();
            // Boxed in a plain loop: through a closure the compiler cannot prove the stream `Send` in a spawned task.
            let mut requests = Vec::with_capacity(members.len());
            for object in members {
                requests.push(self.apply_one(object, deadline).boxed());
            }
            let mut running = futures::stream::iter(requests).buffer_unordered(CONCURRENCY);
            while let Some(applied) = running.next().await {
                let applied = applied?;
                seen(&applied);
                all.push(applied);
            }
            if stage == Stage::Definitions {
                self.wait_until_established(&names, deadline).await?;
            }
        }
        Ok(all)
    }

    /// Applies one object.
    pub async fn apply_one(&self, object: &DynamicObject, deadline: Deadline) -> Result<Applied> {
        let name = ObjectName::of(object);
        let params = PatchParams::apply(self.manager).force().validation_strict();
        let answer = retry(deadline, || async {
            let api = self.kinds.api_of(&name).await?;
            api.patch(&name.name, &params, &Patch::Apply(object))
                .await
                .map_err(|error| {
                    if is_no_path(&error) {
                        // The kind is listed already; its path is served a moment later.
                        Error::Request {
                            verb: "apply",
                            object: name.to_string(),
                            kind: ErrorKind::Server,
                            source: Box::new(error),
                        }
                    } else {
                        Error::request("apply", name.to_string(), error)
                    }
                })
        })
        .await?;
        // A creation is the only write after which the object's sole history is ours and of the same moment.
        let change = if answer.metadata.generation.unwrap_or(1) <= 1
            && written_once(&answer, self.manager)
        {
            Change::Created
        } else {
            Change::Present
        };
        Ok(Applied {
            name,
            uid: answer.metadata.uid.unwrap_or_default(),
            change,
        })
    }

    /// What an object would be if it were applied, with every admission webhook; nothing is kept.
    pub async fn preview(
        &self,
        object: &DynamicObject,
        deadline: Deadline,
    ) -> Result<DynamicObject> {
        let name = ObjectName::of(object);
        let params = PatchParams::apply(self.manager).force().dry_run();
        retry(deadline, || async {
            let api = self.kinds.api_of(&name).await?;
            api.patch(&name.name, &params, &Patch::Apply(object))
                .await
                .map_err(|error| Error::request("try the change of", name.to_string(), error))
        })
        .await
    }

    async fn wait_until_established(&self, names: &[ObjectName], deadline: Deadline) -> Result<()> {
        for name in names {
            let api = self.kinds.api_of(name).await?;
            wait_for(
                &format!("{} to be established", name.name),
                deadline,
                || async {
                    let object = api
                        .get(&name.name)
                        .await
                        .map_err(|e| Error::request("read", name.to_string(), e))?;
                    match crd_established(&object) {
                        Ok(()) => self.served(&object).await,
                        reason => Ok(reason),
                    }
                },
            )
            .await?;
        }
        Ok(())
    }

    /// Whether discovery knows the kind that a definition brings; that comes a moment after "established".
    async fn served(&self, definition: &DynamicObject) -> Result<std::result::Result<(), String>> {
        let text = |pointer: &str| definition.data.pointer(pointer).and_then(Value::as_str);
        let versions = definition.data.pointer("/spec/versions");
        let version = versions.and_then(Value::as_array).and_then(|versions| {
            let served = versions.iter().find(|version| version["served"] == true)?;
            served["name"].as_str()
        });
        let (Some(group), Some(kind), Some(version)) =
            (text("/spec/group"), text("/spec/names/kind"), version)
        else {
            return Ok(Ok(()));
        };
        match self
            .kinds
            .resolve(&format!("{group}/{version}"), kind)
            .await
        {
            Ok(_) => Ok(Ok(())),
            Err(error @ Error::UnknownKind { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }
}

/// Whether every entry of `managedFields` carries the time of creation.
fn written_once(object: &DynamicObject, manager: &str) -> bool {
    let created = object.metadata.creation_timestamp.as_ref();
    object
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .all(|entry| entry.time.as_ref() == created && entry.manager.as_deref() == Some(manager))
}

/// Asks the API server to go through the creation of an object, with every admission webhook, without keeping it.
///
/// That the name is taken already counts as success: admission runs before the name is looked at.
pub async fn dry_run_create(kinds: &Kinds, object: &DynamicObject) -> Result<()> {
    let name = ObjectName::of(object);
    let api = kinds.api_of(&name).await?;
    let params = PostParams {
        dry_run: true,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    };
    match api.create(&params, object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(Error::request(
            "try the creation of",
            name.to_string(),
            error,
        )),
    }
}
