//! From the words of a service to a reason in plain words with a remedy.

use capstan_spec::progress::{Reason, ReasonCode};
use serde_json::Value;

/// A cause: the words by which it is known (any of them, in lower case), and what to tell.
struct Cause {
    code: ReasonCode,
    words: &'static [&'static str],
    message: &'static str,
    remedy: &'static str,
}

/// First match wins: a refused quota comes as "403 forbidden", a full subnet as "409 conflict", so the special causes
/// stand before the general ones. Sources of the words: Nova 33, Neutron 28, Cinder 28, Octavia 18, gophercloud 2,
/// CAPO 0.14.7.
const CAUSES: &[Cause] = &[
    Cause {
        code: ReasonCode::QuotaExceeded,
        words: &[
            "quota exceeded",
            "quotaexceeded",
            "overquota",
            "over quota",
            "exceeds allowed",
            "exceeded for resources",
            "has been met",
            "limitexceeded",
            "quota has been",
        ],
        message: "a quota of the OpenStack project is used up",
        remedy: "ask for more quota or remove what is not needed; the work goes on by itself afterwards",
    },
    Cause {
        code: ReasonCode::NoValidHost,
        words: &[
            "no valid host",
            "novalidhost",
            "not enough hosts available",
            // All hosts of the zone are disabled (Nova, 400 on the creating request).
            "requested availability zone is not available",
        ],
        message: "the cloud has no host with room for this flavor",
        remedy: "choose another flavor or availability zone, or wait until there is room",
    },
    Cause {
        code: ReasonCode::FlavorUnusable,
        words: &[
            "flavor's disk is too small",
            "flavor's memory is too small",
            "flavordisksmallerthan",
            "flavormemorytoosmall",
            "no flavor",
            "flavor could not be found",
            "unable to find flavor",
            "can not find flavor",
            "invalid flavorref",
        ],
        message: "the flavor cannot be used",
        remedy: "choose a flavor that the cloud offers and that is large enough for the node image",
    },
    Cause {
        code: ReasonCode::ImageUnusable,
        words: &[
            "no images were found",
            "no image with",
            "could not find image",
            "can not find requested image",
            "imagenotfound",
            "no image matching",
            "image is not active",
            "is not active.\"",
            "invalid imageref",
            "unacceptable image",
            "is unacceptable",
            "multiple images were found",
        ],
        message: "the node image cannot be used",
        remedy: "check that the image exists, is active and visible to the project, or name another one",
    },
    Cause {
        code: ReasonCode::NetworkUnusable,
        words: &[
            "no more ip addresses",
            "ipaddressgenerationfailure",
            "externalipaddressexhausted",
            "no available networks",
            "network could not be found",
            "networknotfound",
            "found no external network",
            "external network not found",
            "overlapping cidr",
            "overlaps with another subnet",
            "binding failed",
            "portbindingfailed",
            "virtualinterfacecreateexception",
            "virtual interface creation failed",
        ],
        message: "a network cannot be used: it is missing, full, or its ports are not wired",
        remedy: "check the external network and the address ranges; if ports are not wired, ask the cloud's operator",
    },
    Cause {
        code: ReasonCode::FloatingIpUnusable,
        words: &["floating ip", "floatingip"],
        message: "the floating IP of the API cannot be used",
        remedy: "check that the address belongs to this project and to the external network of the cluster",
    },
    Cause {
        code: ReasonCode::LoadBalancerError,
        words: &[
            "load balancer",
            "loadbalancer",
            "octavia",
            "listener",
            "load-balancer",
            "lbaas",
        ],
        message: "the load balancer of the API does not become usable",
        remedy: "look at its state with `openstack loadbalancer status show`; a load balancer in ERROR must be removed \
                 and is then made anew",
    },
    Cause {
        code: ReasonCode::Unauthorized,
        words: &[
            "requires authentication",
            "authentication failed",
            "got 401",
            "unauthorized",
            "got 403",
            "forbidden",
            "policy doesn't allow",
            "application credential",
            "could not find user",
        ],
        message: "the cloud refuses the credentials",
        remedy: "check that the application credential exists, has not expired and has the roles it needs",
    },
    Cause {
        code: ReasonCode::ApiUnreachable,
        words: &[
            "connection refused",
            "no route to host",
            "network is unreachable",
            "i/o timeout",
            "context deadline exceeded",
            "tls handshake",
            "no such host",
            "connection reset",
            "unexpected eof",
            "got 502",
            "got 503",
            "got 504",
            "x509:",
        ],
        message: "an API does not answer",
        remedy: "check that the cloud's API is up and reachable from the management server; it is tried again all the time",
    },
];

/// What kind of cause speaks from these words.
pub fn classify(words: &str) -> ReasonCode {
    find(words).map_or(ReasonCode::Other, |cause| cause.code)
}

/// The reason that speaks from the words of a service. `object` is kind and name of the object that carried them, and
/// `fallback` is told when the cause is not known.
pub fn reason(words: &str, object: Option<String>, fallback: (ReasonCode, &str, &str)) -> Reason {
    let (code, message, remedy) =
        find(words).map_or(fallback, |cause| (cause.code, cause.message, cause.remedy));
    let detail = detail(words);
    Reason {
        code,
        message: message.to_owned(),
        remedy: remedy.to_owned(),
        object,
        detail: (!detail.is_empty()).then_some(detail),
    }
}

fn find(words: &str) -> Option<&'static Cause> {
    let words = words.to_lowercase();
    CAUSES
        .iter()
        .find(|cause| cause.words.iter().any(|word| words.contains(word)))
}

/// The sentence of the service itself: gophercloud wraps the JSON body of an error into its own text.
fn detail(words: &str) -> String {
    let inner = words
        .find('{')
        .and_then(|start| {
            serde_json::Deserializer::from_str(&words[start..])
                .into_iter()
                .next()
        })
        .and_then(Result::ok)
        .as_ref()
        .and_then(sentence)
        .map(str::to_owned);
    inner.unwrap_or_else(|| words.trim().to_owned())
}

/// Nova: `{"forbidden": {"message": …}}`, Neutron: `{"NeutronError": {"message": …}}`, Octavia: `{"faultstring": …}`.
fn sentence(body: &Value) -> Option<&str> {
    let Value::Object(map) = body else {
        return None;
    };
    ["message", "faultstring"]
        .iter()
        .find_map(|key| map.get(*key).and_then(Value::as_str))
        .or_else(|| map.values().find_map(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts as the services and CAPO write them.
    const TEXTS: &[(&str, ReasonCode)] = &[
        (
            r#"failed to create server: Expected HTTP response code [201 202] when accessing [POST http://198.18.0.2:8774/v2.1/servers], but got 403 instead: {"forbidden": {"code": 403, "message": "Quota exceeded for cores: Requested 2, but already used 20 of 20 cores"}}"#,
            ReasonCode::QuotaExceeded,
        ),
        (
            r#"got 409 instead: {"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for resources: ['port'].", "detail": ""}}"#,
            ReasonCode::QuotaExceeded,
        ),
        (
            r#"got 403 instead: {"faultcode": "Client", "faultstring": "Quota has been met for resources: Load Balancer", "debuginfo": null}"#,
            ReasonCode::QuotaExceeded,
        ),
        (
            "VolumeSizeExceedsAvailableQuota: Requested volume exceeds allowed gigabytes quota.",
            ReasonCode::QuotaExceeded,
        ),
        (
            "No valid host was found. There are not enough hosts available.",
            ReasonCode::NoValidHost,
        ),
        (
            r#"got 400 instead: {"badRequest": {"code": 400, "message": "The requested availability zone is not available"}}"#,
            ReasonCode::NoValidHost,
        ),
        (
            "no images were found with the given image filter: name=foo",
            ReasonCode::ImageUnusable,
        ),
        (
            r#"got 400 instead: {"badRequest": {"code": 400, "message": "Flavor's disk is too small for requested image."}}"#,
            ReasonCode::FlavorUnusable,
        ),
        (
            r#"got 409 instead: {"NeutronError": {"type": "IpAddressGenerationFailure", "message": "No more IP addresses available on network 1."}}"#,
            ReasonCode::NetworkUnusable,
        ),
        (
            "Failed to reconcile control plane endpoint: load balancer \"x\" with id y is not active after timeout",
            ReasonCode::LoadBalancerError,
        ),
        (
            "Failed to reconcile control plane endpoint: floating IP 198.51.100.7 is not available",
            ReasonCode::FloatingIpUnusable,
        ),
        (
            r#"got 401 instead: {"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}"#,
            ReasonCode::Unauthorized,
        ),
        (
            "Get \"http://198.18.0.2:5000/\": dial tcp 198.18.0.2:5000: connect: connection refused",
            ReasonCode::ApiUnreachable,
        ),
        ("something never seen", ReasonCode::Other),
    ];

    #[test]
    fn words_of_services_are_understood() {
        for (text, code) in TEXTS {
            assert_eq!(classify(text), *code, "{text}");
        }
    }

    #[test]
    fn the_detail_is_the_sentence_of_the_service() {
        let of = |index: usize| detail(TEXTS[index].0);
        assert_eq!(
            of(0),
            "Quota exceeded for cores: Requested 2, but already used 20 of 20 cores"
        );
        assert_eq!(of(1), "Quota exceeded for resources: ['port'].");
        assert_eq!(of(2), "Quota has been met for resources: Load Balancer");
        assert_eq!(
            of(4),
            "No valid host was found. There are not enough hosts available."
        );
        assert_eq!(detail("{broken"), "{broken");
    }

    #[test]
    fn every_cause_has_a_remedy_and_every_word_is_in_lower_case() {
        for cause in CAUSES {
            assert!(!cause.remedy.is_empty());
            for word in cause.words {
                assert_eq!(*word, word.to_lowercase());
            }
        }
    }
}
