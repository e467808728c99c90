//! What becomes of one part of a cluster.

use std::fmt;

use capstan_capi::{Kind, kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compare::{Difference, FieldChange, differences};
use super::rule::Rule;
use super::{Live, LiveObject, Roll, bastion};
use crate::facts::CONTROL_PLANE;
use crate::render::{DesiredObject, POOL_LABEL, Rendered};

/// A part of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "camelCase")]
pub enum Subject {
    /// The cluster itself: network, security groups, load balancer.
    Surroundings,
    /// The server by way of which people log in to nodes.
    Bastion,
    /// The machines that run the Kubernetes API.
    ControlPlane,
    /// The machines of a worker pool.
    Pool {
        /// Its name.
        name: String,
    },
}

impl Subject {
    /// The name under which its machines are counted; `None` for the surroundings and the bastion, which have none.
    pub fn pool(&self) -> Option<&str> {
        match self {
            Self::Surroundings | Self::Bastion => None,
            Self::ControlPlane => Some(CONTROL_PLANE),
            Self::Pool { name } => Some(name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Surroundings => f.pad("network and API access"),
            Self::Bastion => f.pad("bastion"),
            Self::ControlPlane => f.pad("control plane"),
            Self::Pool { name } => f.pad(&format!("pool {name}")),
        }
    }
}

/// What a change does; what is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Nothing.
    Unchanged,
    /// Changed without replacing a machine; scaling is such a change.
    InPlace,
    /// Made anew.
    Created,
    /// Its machines are replaced.
    Rolled,
    /// Its machines are emptied and taken away.
    Removed,
    /// Cannot be; nothing of the change is begun.
    Forbidden,
}

impl Effect {
    /// In words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::InPlace => "in place",
            Self::Created => "created",
            Self::Rolled => "rolled",
            Self::Removed => "removed",
            Self::Forbidden => "forbidden",
        }
    }
}

/// What becomes of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Which.
    #[serde(flatten)]
    pub subject: Subject,
    /// The worst of its fields.
    pub effect: Effect,
    /// Machines wanted before; absent for the surroundings and where the autoscaler decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// Machines wanted after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// How its machines are replaced, when they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll: Option<Roll>,
    /// The fields that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// The templates behind the two references of machines.
const TEMPLATES: [(&str, Kind); 3] = [
    (
        "spec.machineTemplate.spec.infrastructureRef.name",
        kind::OPENSTACK_MACHINE_TEMPLATE,
    ),
    (
        "spec.template.spec.infrastructureRef.name",
        kind::OPENSTACK_MACHINE_TEMPLATE,
    ),
    (
        "spec.template.spec.bootstrap.configRef.name",
        kind::KUBEADM_CONFIG_TEMPLATE,
    ),
];

/// A template's content is its name's.
const BY_NAME: Rule = Rule {
    kind: None,
    path: "**",
    effect: Effect::Rolled,
    source: "the template is named after its content, and machines are replaced when the name changes",
    remedy: None,
};

/// All parts, in their order.
pub(super) fn all(rendered: &Rendered, live: &Live, manager: &str) -> Vec<Part> {
    let look = Look {
        rendered,
        live,
        manager,
    };
    let mut parts = look.surroundings();
    parts.extend(
        rendered
            .of(kind::KUBEADM_CONTROL_PLANE)
            .map(|plane| look.machines(Subject::ControlPlane, CONTROL_PLANE, plane)),
    );
    for pool in rendered.of(kind::MACHINE_DEPLOYMENT) {
        let name = pool_of(&pool.value).unwrap_or(&pool.name).to_owned();
        parts.push(look.machines(Subject::Pool { name: name.clone() }, &name, pool));
    }
    parts.extend(look.removed());
    parts
}

fn pool_of(object: &Value) -> Option<&str> {
    object
        .pointer("/metadata/labels")?
        .get(POOL_LABEL)?
        .as_str()
}

fn number(object: &Value, path: &str) -> Option<u32> {
    u32::try_from(object.pointer(path)?.as_u64()?).ok()
}

struct Look<'a> {
    rendered: &'a Rendered,
    live: &'a Live,
    manager: &'a str,
}

impl Look<'_> {
    fn is_begun(&self) -> bool {
        self.live.of(kind::CLUSTER).next().is_some()
    }

    /// The surroundings, and the bastion where there is one.
    fn surroundings(&self) -> Vec<Part> {
        let (mut fields, mut of_bastion) = (Vec::new(), None);
        for kind in [kind::CLUSTER, kind::OPENSTACK_CLUSTER] {
            for desired in self.rendered.of(kind) {
                let live = self.live.object(kind, &desired.name);
                let changed = live.map(|live| self.fields(live, desired));
                let (about, rest): (Vec<_>, Vec<_>) = changed
                    .unwrap_or_default()
                    .into_iter()
                    .partition(bastion::is_about);
                fields.extend(rest);
                if kind == kind::OPENSTACK_CLUSTER {
                    let before = live.map(|live| &live.value);
                    of_bastion = bastion::part(before, &desired.value, about, self.live.pace);
                }
            }
        }
        let effect = if self.is_begun() {
            worst(&fields)
        } else {
            Effect::Created
        };
        let surroundings = Part {
            subject: Subject::Surroundings,
            effect,
            before: None,
            after: None,
            roll: None,
            fields,
        };
        std::iter::once(surroundings).chain(of_bastion).collect()
    }

    /// The control plane or a pool.
    fn machines(&self, subject: Subject, pool: &str, desired: &DesiredObject) -> Part {
        let wanted = number(&desired.value, "/spec/replicas");
        let Some(live) = self.live.object(desired.kind, &desired.name) else {
            return Part {
                subject,
                effect: Effect::Created,
                before: None,
                after: wanted,
                roll: None,
                fields: Vec::new(),
            };
        };
        let mut fields = self.fields(live, desired);
        fields.extend(self.health(pool));
        let machines = self.live.count(pool);
        let mut effect = worst(&fields);
        if effect == Effect::Rolled && machines == 0 {
            effect = Effect::InPlace;
        }
        Part {
            roll: (effect == Effect::Rolled).then(|| self.roll(desired, machines)),
            subject,
            effect,
            before: number(&live.value, "/spec/replicas"),
            after: wanted,
            fields,
        }
    }

    fn roll(&self, desired: &DesiredObject, machines: u32) -> Roll {
        let strategy = |field: &str| {
            let path = format!("/spec/rollout/strategy/rollingUpdate/{field}");
            number(&desired.value, &path)
        };
        let surge = strategy("maxSurge").unwrap_or(1);
        let pace = self.live.pace;
        if desired.kind == kind::KUBEADM_CONTROL_PLANE {
            Roll::of_control_plane(machines, surge, pace)
        } else {
            Roll::of_pool(
                machines,
                surge,
                strategy("maxUnavailable").unwrap_or(0),
                pace,
            )
        }
    }

    /// Fields of the health check of a pool. One that comes or goes is told as a whole.
    fn health(&self, pool: &str) -> Vec<FieldChange> {
        let kind = kind::MACHINE_HEALTH_CHECK;
        let of_pool = |value: &Value| pool_of(value) == Some(pool);
        let live = self.live.of(kind).find(|check| check.pool() == Some(pool));
        let desired = self.rendered.of(kind).find(|check| of_pool(&check.value));
        let whole = |before: Option<&str>, after: Option<&str>| {
            let difference = Difference {
                path: "spec".to_owned(),
                before: before.map(Into::into),
                after: after.map(Into::into),
            };
            vec![difference.judged(kind)]
        };
        match (live, desired) {
            (Some(live), Some(desired)) => self.fields(live, desired),
            (Some(_), None) => whole(Some("on"), None),
            (None, Some(_)) => whole(None, Some("on")),
            (None, None) => Vec::new(),
        }
    }

    /// Pools that are there and not wished any more.
    fn removed(&self) -> impl Iterator<Item = Part> {
        self.live
            .of(kind::MACHINE_DEPLOYMENT)
            .filter(|live| {
                let wished = |desired: &DesiredObject| desired.name == live.name;
                let going = live.value.pointer("/metadata/deletionTimestamp").is_some();
                !going && !self.rendered.of(kind::MACHINE_DEPLOYMENT).any(wished)
            })
            .map(|live| {
                let name = live.pool().unwrap_or(&live.name).to_owned();
                Part {
                    effect: Effect::Removed,
                    before: Some(self.live.count(&name)),
                    after: Some(0),
                    roll: None,
                    fields: Vec::new(),
                    subject: Subject::Pool { name },
                }
            })
    }

    /// The fields in which an object changes; those of templates in place of their names.
    fn fields(&self, live: &LiveObject, desired: &DesiredObject) -> Vec<FieldChange> {
        differences(&live.value, &desired.value, self.manager)
            .into_iter()
            .flat_map(|difference| {
                let template = self.template(&difference);
                template.unwrap_or_else(|| vec![difference.judged(desired.kind)])
            })
            .collect()
    }

    /// What is other in the template that a reference will name; `None` when it is no such reference, or when the old
    /// template is gone or the same.
    fn template(&self, difference: &Difference) -> Option<Vec<FieldChange>> {
        let (_, kind) = TEMPLATES
            .into_iter()
            .find(|(path, _)| *path == difference.path)?;
        let old = self
            .live
            .object(kind, difference.before.as_ref()?.as_str()?)?;
        let new = difference.after.as_ref()?.as_str()?;
        let new = self.rendered.of(kind).find(|desired| desired.name == new)?;
        let mut found: Vec<FieldChange> = differences(&old.value, &new.value, self.manager)
            .into_iter()
            .filter(|difference| !difference.path.starts_with("metadata"))
            .map(|difference| difference.told(kind, &BY_NAME))
            .collect();
        found.retain(|field| field.before != field.after || field.field.ends_with(".content"));
        (!found.is_empty()).then_some(found)
    }
}

fn worst(fields: &[FieldChange]) -> Effect {
    fields
        .iter()
        .map(|field| field.effect)
        .max()
        .unwrap_or(Effect::Unchanged)
}
