//! Lists to their end. A list that cannot be read to its end is an error, never a shorter list.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{Call, Session, send};
use crate::error::{Error, Kind};

/// No list of a project is longer; a service that goes on and on is broken.
const MOST_PAGES: usize = 10_000;

impl Session {
    /// Every item of a list whose pages are linked: `<key>_links` (Nova, Neutron, Cinder, Octavia), `next` (Glance)
    /// or `links.next` (Keystone).
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        call: Call,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let mut call = call;
        if let Some(size) = self.inner.options.page_size {
            call = call.query("limit", size.to_string());
        }
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        for _ in 0..MOST_PAGES {
            let answer = self.send(&call).await?;
            let mut page: Value = send::read(&call, answer, None)?;
            let next = next_query(&page, key);
            let listed = page
                .get_mut(key)
                .map(Value::take)
                .ok_or_else(|| no_list(&call, key))?;
            let listed: Vec<T> = serde_json::from_value(listed).map_err(|error| {
                Error::new(
                    Kind::Other,
                    call.verb,
                    call.object.clone(),
                    "the answer cannot be read",
                )
                .with_source(error)
            })?;
            items.extend(listed);
            match next {
                None => return Ok(items),
                Some(query) if seen.insert(query.clone()) => call.query = query,
                Some(_) => return Err(endless(&call)),
            }
        }
        Err(endless(&call))
    }

    /// Every item of a list that knows only `limit` and `offset`, without links (Nova's server groups).
    pub(crate) async fn list_by_offset<T: DeserializeOwned>(
        &self,
        call: Call,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page = call.clone().query("offset", items.len().to_string());
            if let Some(size) = self.inner.options.page_size {
                page = page.query("limit", size.to_string());
            }
            let listed: Vec<T> = self.fetch(&page, Some(key)).await?;
            if listed.is_empty() {
                return Ok(items);
            }
            items.extend(listed);
        }
        Err(endless(&call))
    }
}

fn no_list(call: &Call, key: &str) -> Error {
    Error::new(
        Kind::Other,
        call.verb,
        call.object.clone(),
        format!("the answer has no {key:?}"),
    )
}

fn endless(call: &Call) -> Error {
    Error::new(
        Kind::Other,
        call.verb,
        call.object.clone(),
        "the service's pages go round in a circle",
    )
}

/// The query of the next page. Only the query of the link is used: behind proxies its host and path are often not
/// those that we can reach, and the token goes nowhere but to the endpoint of the catalogue.
fn next_query(page: &Value, key: &str) -> Option<Vec<(String, String)>> {
    let linked = page
        .get(format!("{key}_links"))
        .and_then(Value::as_array)
        .and_then(|links| {
            links
                .iter()
                .find(|link| link.get("rel").and_then(Value::as_str) == Some("next"))
                .and_then(|link| link.get("href"))
                .and_then(Value::as_str)
        });
    let href = linked
        .or_else(|| page.get("next").and_then(Value::as_str))
        .or_else(|| {
            page.get("links")
                .and_then(|links| links.get("next"))
                .and_then(Value::as_str)
        })?;
    let base = Url::parse("http://relative.invalid").ok()?;
    let url = base.join(href).ok()?;
    Some(url.query_pairs().into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"servers": [], "servers_links": [{"rel": "next", "href": "http://inside:8774/v2.1/servers/detail?limit=1&marker=a"}]}), "servers")]
    #[case(json!({"networks": [], "networks_links": [{"rel": "previous", "href": "x?marker=z"}, {"rel": "next", "href": "https://n/v2.0/networks?limit=1&marker=a"}]}), "networks")]
    #[case(json!({"images": [], "next": "/v2/images?limit=1&marker=a"}), "images")]
    #[case(json!({"projects": [], "links": {"next": "http://k/v3/projects?limit=1&marker=a", "self": "x"}}), "projects")]
    fn the_next_page_is_found_in_every_dialect(#[case] page: Value, #[case] key: &str) {
        let query = next_query(&page, key).unwrap();
        assert_eq!(
            query,
            [
                ("limit".to_owned(), "1".to_owned()),
                ("marker".to_owned(), "a".to_owned())
            ]
        );
    }

    #[rstest]
    #[case(json!({"servers": []}), "servers")]
    #[case(json!({"projects": [], "links": {"next": null}}), "projects")]
    #[case(json!({"networks": [], "networks_links": [{"rel": "previous", "href": "x"}]}), "networks")]
    fn the_last_page_has_none(#[case] page: Value, #[case] key: &str) {
        assert_eq!(next_query(&page, key), None);
    }
}
