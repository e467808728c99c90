//! What the services write into the body of a refusal. Each has its own shape.

use serde_json::Value;

/// A page of HTML or a stack trace is cut to this many characters: enough to recognise it by.
const LONGEST: usize = 600;

/// The service's words out of the body of an error answer, in one line; empty when there are none.
///
/// Shapes: Nova and Cinder `{"itemNotFound": {"message", "code"}}`, Neutron `{"NeutronError": {"message", "type",
/// "detail"}}` or a bare string under that key, Octavia `{"faultstring"}`, Keystone `{"error": {"message"}}`,
/// Placement `{"errors": [{"detail"}]}`, Glance an HTML page or plain text.
pub(crate) fn message_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let message = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| from_json(&value))
        .unwrap_or_else(|| text.into_owned());
    // Glance writes HTML into its JSON, too.
    let message = if message.trim_start().starts_with('<') || message.contains("<br") {
        from_html(&message)
    } else {
        message
    };
    one_line(&message)
}

fn from_json(value: &Value) -> Option<String> {
    for key in ["faultstring", "message", "detail"] {
        if let Some(text) = value
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            return Some(text.to_owned());
        }
    }
    if let Some(errors) = value.get("errors").and_then(Value::as_array) {
        return errors.first().and_then(from_json);
    }
    match value {
        // One key whose value is the error: {"NeutronError": …}, {"error": …}, {"badRequest": …}
        Value::Object(map) if map.len() == 1 => map.values().next().and_then(|inner| match inner {
            Value::String(text) => Some(text.clone()),
            inner => from_json(inner),
        }),
        _ => None,
    }
}

/// The text of a page, without its head.
fn from_html(page: &str) -> String {
    let body = page.find("<body").map_or(page, |start| &page[start..]);
    let mut text = String::with_capacity(body.len());
    let mut inside_tag = false;
    for character in body.chars() {
        match character {
            '<' => inside_tag = true,
            '>' => {
                inside_tag = false;
                text.push(' ');
            }
            _ if !inside_tag => text.push(character),
            _ => {}
        }
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

/// Whether a refusal is about a quota or limit of the project, or about addresses that are used up.
pub(crate) fn says_quota(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("quota") && !message.contains("policy")
        || message.contains("limitexceeded")
        || message.contains("limit of") && message.contains("reached")
        || message.contains("maximum number of")
        // The external network's pool is empty (409 of Neutron).
        || message.contains("no more ip addresses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        r#"{"itemNotFound": {"code": 404, "message": "Instance nope could not be found."}}"#,
        "Instance nope could not be found."
    )]
    #[case(r#"{"NeutronError": {"type": "NetworkNotFound", "message": "Network nope could not be found.", "detail": ""}}"#, "Network nope could not be found.")]
    #[case(r#"{"NeutronError": "plain"}"#, "plain")]
    #[case(r#"{"faultcode": "Client", "faultstring": "Load Balancer nope not found.", "debuginfo": null}"#, "Load Balancer nope not found.")]
    #[case(
        r#"{"error":{"code":404,"message":"Could not find project: nope.","title":"Not Found"}}"#,
        "Could not find project: nope."
    )]
    #[case(
        r#"{"errors": [{"status": 409, "detail": "There was a conflict"}]}"#,
        "There was a conflict"
    )]
    #[case(
        r#"{"overLimit": {"code": 413, "message": "VolumeLimitExceeded: …", "retryAfter": "0"}}"#,
        "VolumeLimitExceeded: …"
    )]
    #[case(
        "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image found with ID nope<br /><br />\n\n\n\n </body>\n</html>",
        "404 Not Found No image found with ID nope"
    )]
    #[case(r#"{"message": "No image found with ID x<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}"#, "No image found with ID x")]
    #[case("no healthy upstream", "no healthy upstream")]
    #[case("", "")]
    #[case("<<<", "")]
    fn bodies(#[case] body: &str, #[case] message: &str) {
        assert_eq!(message_of(body.as_bytes()), message);
    }

    #[test]
    fn a_long_page_is_cut() {
        assert_eq!(
            message_of("x".repeat(5000).as_bytes()).chars().count(),
            LONGEST + 1
        );
    }
}
