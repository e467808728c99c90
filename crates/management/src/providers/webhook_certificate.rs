//! Certificates of the providers' webhooks, made and renewed by us, so that no cert-manager is needed.
//!
//! One authority lives for ten years in a Secret; its certificate is what every `caBundle` holds. Only leaves are renewed,
//! so no `caBundle` ever changes while a manager still serves the old leaf. Managers watch their mounted Secret and take a
//! new leaf without a restart.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use secrecy::{ExposeSecret, SecretString};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// `notBefore` is put back by this, because the server's clock may be behind ours.
const BACK_DATED: Duration = Duration::HOUR;
/// Life of the authority.
const AUTHORITY_LIFE: Duration = Duration::days(3650);
/// Life of a leaf.
const LEAF_LIFE: Duration = Duration::days(365);

/// A certificate that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The cryptographic library failed, or the authority's key is damaged.
    #[error("failed to make {what}")]
    Make {
        /// Which certificate.
        what: String,
        /// The library's word.
        #[source]
        source: rcgen::Error,
    },
}

/// A certificate with its key, both PEM.
#[derive(Debug, Clone)]
pub struct KeyPairPem {
    /// The certificate.
    pub certificate: String,
    /// Its key, PKCS#8.
    pub key: SecretString,
}

/// Makes the authority of one management server's webhooks.
pub fn authority(now: OffsetDateTime) -> Result<KeyPairPem, CertificateError> {
    let failed = |source| CertificateError::Make {
        what: "the authority of the webhooks".to_owned(),
        source,
    };
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "capstan-webhooks");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.not_before = now - BACK_DATED;
    params.not_after = now + AUTHORITY_LIFE;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(KeyPairPem {
        certificate: certificate.pem(),
        key: key.serialize_pem().into(),
    })
}

/// Signs a leaf for a webhook service.
pub fn leaf(
    authority: &KeyPairPem,
    names: &[String],
    now: OffsetDateTime,
) -> Result<KeyPairPem, CertificateError> {
    let what = || names.first().cloned().unwrap_or_default();
    let failed = |source| CertificateError::Make {
        what: format!("the certificate of {}", what()),
        source,
    };
    let issuer_key = KeyPair::from_pem(authority.key.expose_secret()).map_err(failed)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, issuer_key).map_err(failed)?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    // A common name has at most 64 characters (X.520); the names that count are in the extension.
    params
        .distinguished_name
        .push(DnType::CommonName, "capstan-webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - BACK_DATED;
    params.not_after = now + LEAF_LIFE;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(KeyPairPem {
        certificate: certificate.pem(),
        key: key.serialize_pem().into(),
    })
}

/// What is known of a certificate that decides whether it is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// DNS names it is for.
    pub names: Vec<String>,
    /// Whether the authority's signature on it is good.
    pub from_authority: bool,
}

/// Reads a PEM certificate; `None` if it is none.
pub fn facts(certificate: &str, authority: &str) -> Option<Facts> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).ok()?;
    let (_, leaf) = X509Certificate::from_der(&pem.contents).ok()?;
    let (_, issuer_pem) = x509_parser::pem::parse_x509_pem(authority.as_bytes()).ok()?;
    let (_, issuer) = X509Certificate::from_der(&issuer_pem.contents).ok()?;
    let names = leaf
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter())
        .into_iter()
        .flatten()
        .filter_map(|name| {
            if let GeneralName::DNSName(name) = name {
                Some((*name).to_owned())
            } else {
                None
            }
        })
        .collect();
    Some(Facts {
        not_before: leaf.validity().not_before.to_datetime(),
        not_after: leaf.validity().not_after.to_datetime(),
        names,
        // The key identifier, not the signature: whoever can write this Secret can also write the caBundle.
        from_authority: leaf.issuer() == issuer.subject() && same_key(&leaf, &issuer),
    })
}

fn same_key(leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    use x509_parser::extensions::ParsedExtension;
    let wanted =
        leaf.extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    id.key_identifier.as_ref().map(|id| id.0)
                }
                _ => None,
            });
    let held =
        issuer
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
                _ => None,
            });
    wanted.is_some() && wanted == held
}

/// Whether a leaf has to be made anew: it is missing or unreadable, of another authority, lacks a name, or two thirds of
/// its life are over (a third is left for the renewal to fail and be noticed).
pub fn renewal_due(leaf: Option<&Facts>, names: &[String], now: OffsetDateTime) -> bool {
    let Some(leaf) = leaf else { return true };
    let renew_at = leaf.not_before + (leaf.not_after - leaf.not_before) * 2 / 3;
    !leaf.from_authority || now >= renew_at || !names.iter().all(|name| leaf.names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = time::macros::datetime!(2026-11-22 18:00 UTC);

    fn names() -> Vec<String> {
        vec!["capi-webhook-service.capi-system.svc".to_owned()]
    }

    #[test]
    fn a_leaf_is_kept_for_two_thirds_of_its_life() {
        let ca = authority(START).unwrap();
        let leaf = leaf(&ca, &names(), START).unwrap();
        let facts = facts(&leaf.certificate, &ca.certificate).unwrap();
        assert!(facts.from_authority);
        assert!(!renewal_due(Some(&facts), &names(), START));
        assert!(!renewal_due(
            Some(&facts),
            &names(),
            START + Duration::days(240)
        ));
        assert!(renewal_due(
            Some(&facts),
            &names(),
            START + Duration::days(245)
        ));
    }

    #[test]
    fn a_leaf_of_another_authority_or_for_another_service_is_made_anew() {
        let (ca, other) = (authority(START).unwrap(), authority(START).unwrap());
        let leaf = leaf(&ca, &names(), START).unwrap();
        let facts_of_other = facts(&leaf.certificate, &other.certificate).unwrap();
        assert!(renewal_due(Some(&facts_of_other), &names(), START));
        let facts = facts(&leaf.certificate, &ca.certificate).unwrap();
        assert!(renewal_due(Some(&facts), &["else.svc".to_owned()], START));
        assert!(renewal_due(None, &names(), START));
    }

    #[test]
    fn keys_never_show_in_debug() {
        let ca = authority(START).unwrap();
        assert!(!format!("{ca:?}").contains("PRIVATE KEY"));
    }
}
