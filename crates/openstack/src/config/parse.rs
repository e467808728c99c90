//! The content of `clouds.yaml`: many spellings, one meaning.

use std::{collections::BTreeMap, path::Path};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use url::Url;

use super::{
    ApplicationCredentialRef, Auth, CloudConfig, ConfigError, Domain, Interface, Project, User,
};
use crate::names::closest;

/// A file shaped like `clouds.yaml`, before anything is made of it.
#[derive(Debug, Default)]
pub(super) struct Document {
    clouds: BTreeMap<String, Entry>,
}

/// A cloud's entry and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: String,
    value: Map<String, Value>,
    line: u64,
    column: u64,
}

/// A cloud, with the files it names not yet read.
pub(super) struct Parsed {
    pub(super) config: CloudConfig,
    pub(super) cacert: Option<String>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    clouds: Option<BTreeMap<String, Spanned<Value>>>,
    #[serde(default, rename = "public-clouds")]
    public_clouds: Option<BTreeMap<String, Spanned<Value>>>,
}

impl Document {
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let syntax = |source: Box<dyn std::error::Error + Send + Sync>| ConfigError::Syntax {
            path: path.to_path_buf(),
            source,
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let file: File =
            serde_saphyr::from_str(text).map_err(|error| syntax(error.to_string().into()))?;
        let mut clouds = BTreeMap::new();
        for (name, spanned) in file
            .clouds
            .into_iter()
            .flatten()
            .chain(file.public_clouds.into_iter().flatten())
        {
            let (line, column) = (spanned.referenced.line(), spanned.referenced.column());
            let value = match spanned.value {
                Value::Object(map) => normalise(map),
                Value::Null => Map::new(),
                _ => {
                    return Err(syntax(
                        format!("line {line}, column {column}: cloud {name:?} is not a mapping")
                            .into(),
                    ));
                }
            };
            clouds.insert(
                name.clone(),
                Entry {
                    name,
                    value,
                    line,
                    column,
                },
            );
        }
        Ok(Self { clouds })
    }

    /// Values of `secure.yaml` win; clouds only named there are added.
    pub(super) fn merge_secrets(&mut self, secure: &Self) {
        for (name, entry) in &secure.clouds {
            match self.clouds.get_mut(name) {
                Some(known) => merge(&mut known.value, &entry.value),
                None => drop(self.clouds.insert(name.clone(), entry.clone())),
            }
        }
    }

    pub(super) fn choose(&self, path: &Path, wanted: Option<&str>) -> Result<Entry, ConfigError> {
        let known = || self.clouds.keys().cloned().collect::<Vec<_>>();
        let path = path.to_path_buf();
        if let Some(wanted) = wanted {
            return self
                .clouds
                .get(wanted)
                .cloned()
                .ok_or_else(|| ConfigError::UnknownCloud {
                    path,
                    wanted: wanted.to_owned(),
                    close: closest(wanted, self.clouds.keys()).map(str::to_owned),
                    known: known(),
                });
        }
        let mut entries = self.clouds.values();
        match (entries.next(), entries.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(ConfigError::Ambiguous {
                path,
                known: known(),
            }),
        }
    }
}

/// `-` and `_` are the same in keys.
fn normalise(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Object(inner) => Value::Object(normalise(inner)),
                value => value,
            };
            (key.replace('-', "_"), value)
        })
        .collect()
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// Reads one cloud's fields. `vendors` are the entries `profile` may name.
pub(super) fn cloud(
    path: &Path,
    entry: &Entry,
    vendors: Option<&Document>,
) -> Result<Parsed, ConfigError> {
    let problem = |problem: String| ConfigError::Field {
        path: path.to_path_buf(),
        cloud: entry.name.clone(),
        line: entry.line,
        column: entry.column,
        problem,
    };
    Fields::of(entry, vendors)
        .and_then(|fields| fields.parse(&entry.name))
        .map_err(problem)
}

/// The fields of a cloud: the top level, and `auth` which wins over it.
struct Fields {
    top: Map<String, Value>,
    auth: Map<String, Value>,
}

impl Fields {
    fn of(entry: &Entry, vendors: Option<&Document>) -> Result<Self, String> {
        let mut top = match text(entry.value.get("profile")) {
            None => Map::new(),
            Some(profile) => vendors
                .and_then(|vendors| vendors.clouds.get(&profile))
                .map(|vendor| vendor.value.clone())
                .ok_or_else(|| format!("profile {profile:?} is in no clouds-public.yaml"))?,
        };
        merge(&mut top, &entry.value);
        let auth = match top.remove("auth") {
            Some(Value::Object(auth)) => auth,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err("`auth` is not a mapping".to_owned()),
        };
        Ok(Self { top, auth })
    }

    /// The first of several spellings.
    fn get(&self, keys: &[&str]) -> Option<String> {
        keys.iter()
            .find_map(|key| text(self.auth.get(*key)).or_else(|| text(self.top.get(*key))))
    }

    fn need(&self, keys: &[&str]) -> Result<String, String> {
        self.get(keys)
            .ok_or_else(|| format!("`auth.{}` is missing", keys.join("` or `auth.")))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.top.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(value)) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(value)) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(format!("`{key}` is neither true nor false: {other}")),
        }
    }

    fn parse(&self, name: &str) -> Result<Parsed, String> {
        let verify = match (self.flag("verify")?, self.flag("insecure")?) {
            (Some(verify), _) => verify,
            (None, insecure) => !insecure.unwrap_or(false),
        };
        let config = CloudConfig {
            name: name.to_owned(),
            file: None,
            auth_url: auth_url(&self.need(&["auth_url"])?)?,
            auth: self.auth()?,
            region: self.region()?,
            interface: self.interface()?,
            ca: None,
            verify,
            client_identity: None,
            endpoint_overrides: self.endpoint_overrides()?,
        };
        let cert = self.get(&["cert"]);
        let key = self.get(&["key"]);
        if key.is_some() && cert.is_none() {
            return Err("`key` is given without `cert`".to_owned());
        }
        Ok(Parsed {
            config,
            cacert: self.get(&["cacert"]),
            cert,
            key,
        })
    }

    fn auth(&self) -> Result<Auth, String> {
        let auth_type = match text(self.top.get("auth_type")) {
            Some(auth_type) => auth_type,
            None if self
                .get(&["application_credential_id", "application_credential_name"])
                .is_some() =>
            {
                "v3applicationcredential".to_owned()
            }
            None if self.get(&["token"]).is_some() && self.get(&["password"]).is_none() => {
                "token".to_owned()
            }
            None => "password".to_owned(),
        };
        match auth_type.as_str() {
            "password" | "v3password" => Ok(Auth::Password {
                user: self.user()?,
                password: self.need(&["password"])?.into(),
                project: self
                    .project()
                    .ok_or("`auth.project_name` or `auth.project_id` is missing")?,
            }),
            "v3applicationcredential" => Ok(Auth::ApplicationCredential {
                credential: match self.get(&["application_credential_id"]) {
                    Some(id) => ApplicationCredentialRef::Id(id),
                    None => ApplicationCredentialRef::Name(
                        self.get(&["application_credential_name"])
                            .ok_or("`auth.application_credential_id` is missing")?,
                        self.user()?,
                    ),
                },
                secret: SecretString::from(self.need(&["application_credential_secret"])?),
            }),
            "token" | "v3token" => Ok(Auth::Token {
                token: self.need(&["token", "auth_token"])?.into(),
                project: self.project(),
            }),
            other => Err(format!(
                "`auth_type: {other}` is not supported; use password, v3applicationcredential or token"
            )),
        }
    }

    fn user(&self) -> Result<User, String> {
        match self.get(&["user_id"]) {
            Some(id) => Ok(User::Id(id)),
            None => Ok(User::Name(
                self.get(&["username", "user_name"])
                    .ok_or("`auth.username` is missing")?,
                self.domain("user_domain"),
            )),
        }
    }

    fn project(&self) -> Option<Project> {
        if let Some(id) = self.get(&["project_id", "tenant_id"]) {
            return Some(Project::Id(id));
        }
        self.get(&["project_name", "tenant_name"])
            .map(|name| Project::Name(name, self.domain("project_domain")))
    }

    fn domain(&self, which: &str) -> Domain {
        let id = format!("{which}_id");
        let name = format!("{which}_name");
        if let Some(id) = self.get(&[&id]) {
            return Domain::Id(id);
        }
        if let Some(name) = self.get(&[&name]) {
            return Domain::Name(name);
        }
        match (
            self.get(&["domain_id", "default_domain"]),
            self.get(&["domain_name"]),
        ) {
            (Some(id), _) => Domain::Id(id),
            (None, Some(name)) => Domain::Name(name),
            (None, None) => Domain::default(),
        }
    }

    fn region(&self) -> Result<Option<String>, String> {
        if let Some(region) = self.get(&["region_name", "region"]) {
            return Ok(Some(region));
        }
        match self.top.get("regions") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(regions)) => match regions.as_slice() {
                [] => Ok(None),
                [only] => Ok(text(Some(only)).or_else(|| text(only.get("name")))),
                _ => Err("`regions` has several entries; name one in `region_name`".to_owned()),
            },
            Some(_) => Err("`regions` is not a list".to_owned()),
        }
    }

    fn interface(&self) -> Result<Interface, String> {
        let Some(value) = self.get(&["interface", "endpoint_type"]) else {
            return Ok(Interface::Public);
        };
        match value.strip_suffix("URL").unwrap_or(&value) {
            "public" => Ok(Interface::Public),
            "internal" => Ok(Interface::Internal),
            "admin" => Ok(Interface::Admin),
            _ => Err(format!(
                "`interface: {value}` is none of public, internal, admin"
            )),
        }
    }

    fn endpoint_overrides(&self) -> Result<BTreeMap<String, Url>, String> {
        let mut overrides = BTreeMap::new();
        for (key, value) in &self.top {
            let Some(service) = key
                .strip_suffix("_endpoint_override")
                .or_else(|| key.strip_suffix("_endpoint"))
            else {
                continue;
            };
            let Some(value) = text(Some(value)) else {
                continue;
            };
            let url = Url::parse(&value)
                .map_err(|error| format!("`{key}: {value}` is not a URL: {error}"))?;
            overrides.insert(service.replace('_', "-"), url);
        }
        Ok(overrides)
    }
}

/// A scalar as text: YAML makes a number of a password like `123456`.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Keystone's v3 root: `auth_url` is written with `/v3`, with `/v2.0` from old times, or without a version.
fn auth_url(value: &str) -> Result<Url, String> {
    let mut url = Url::parse(value)
        .map_err(|error| format!("`auth.auth_url: {value}` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!(
            "`auth.auth_url: {value}` is not an http or https URL"
        ));
    }
    let path = url
        .path()
        .trim_end_matches('/')
        .trim_end_matches("/v2.0")
        .to_owned();
    let path = if path.ends_with("/v3") {
        path
    } else {
        format!("{path}/v3")
    };
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
