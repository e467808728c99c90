//! A call, described before it is made.

use http::Method;
use serde_json::Value;

use super::Service;

/// One request to one service: everything `send` needs, and the words its error is told in.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// Path below the service's endpoint; each segment is percent-encoded on its own.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// May hold secrets: never shown.
    pub(crate) body: Option<Value>,
    /// What the body is, where the service wants another word than `application/json`.
    pub(crate) media_type: Option<&'static str>,
    /// `OpenStack-API-Version`, for the services that have it.
    pub(crate) microversion: Option<&'static str>,
    pub(crate) verb: &'static str,
    pub(crate) object: String,
    /// Whether doing it twice is the same as once.
    pub(crate) repeatable: bool,
}

impl Call {
    fn new(
        service: Service,
        method: Method,
        path: &[&str],
        verb: &'static str,
        object: impl Into<String>,
    ) -> Self {
        Self {
            service,
            repeatable: method != Method::POST && method != Method::PATCH,
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            media_type: None,
            microversion: service.microversion(),
            verb,
            object: object.into(),
        }
    }

    pub(crate) fn list(service: Service, path: &[&str], objects: &str) -> Self {
        Self::new(service, Method::GET, path, "list", objects)
    }

    pub(crate) fn read(service: Service, path: &[&str], object: impl Into<String>) -> Self {
        Self::new(service, Method::GET, path, "read", object)
    }

    pub(crate) fn create(
        service: Service,
        path: &[&str],
        object: impl Into<String>,
        body: Value,
    ) -> Self {
        Self {
            body: Some(body),
            ..Self::new(service, Method::POST, path, "create", object)
        }
    }

    pub(crate) fn update(
        service: Service,
        path: &[&str],
        object: impl Into<String>,
        body: Value,
    ) -> Self {
        Self {
            body: Some(body),
            ..Self::new(service, Method::PUT, path, "update", object)
        }
    }

    /// Changes some fields: JSON Patch in the form that Glance reads.
    pub(crate) fn patch(
        service: Service,
        path: &[&str],
        object: impl Into<String>,
        body: Value,
        media_type: &'static str,
    ) -> Self {
        Self {
            body: Some(body),
            media_type: Some(media_type),
            ..Self::new(service, Method::PATCH, path, "update", object)
        }
    }

    pub(crate) fn delete(service: Service, path: &[&str], object: impl Into<String>) -> Self {
        Self::new(service, Method::DELETE, path, "delete", object)
    }

    /// Another word than the method's own.
    pub(crate) fn verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    pub(crate) fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn filters(mut self, filters: &[(&str, &str)]) -> Self {
        self.query.extend(
            filters
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned())),
        );
        self
    }

    /// A POST that says "be so", where a second one changes nothing.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}
