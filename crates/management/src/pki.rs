//! The cluster's certificate authorities and the caller's client certificate, made on the caller's machine.
//!
//! kubeadm takes what it finds under `/etc/kubernetes/pki` (this is how Cluster API hands them to its own control planes), so
//! the caller can sign its own client certificate and reach the API the moment it answers, without any way into the server.
//! Keys are ECDSA P-256 in PKCS#8. `notBefore` lies an hour back, because the server's clock may be behind ours at first boot.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use secrecy::{ExposeSecret as _, SecretString};
use time::{Duration, OffsetDateTime};

/// Organisation that kubeadm ≥ 1.29 binds to `cluster-admin`; being a binding, it can be taken back (unlike `system:masters`).
pub const ADMIN_ORGANISATION: &str = "kubeadm:cluster-admins";

/// How far `notBefore` is put back.
const BACK_DATED: Duration = Duration::HOUR;
/// Life of an authority, as kubeadm's own (`CACertificateValidity`).
const CA_LIFE: Duration = Duration::days(3650);
/// Life of the caller's certificate; it is made anew from the authority by `capstan access --renew`.
const CLIENT_LIFE: Duration = Duration::days(365);

/// A certificate or key could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to make {what}")]
pub struct PkiError {
    what: &'static str,
    #[source]
    source: rcgen::Error,
}

fn failed(what: &'static str) -> impl FnOnce(rcgen::Error) -> PkiError {
    move |source| PkiError { what, source }
}

/// A certificate and its private key, both PEM.
#[derive(Debug, Clone)]
pub struct CertifiedKey {
    /// The certificate.
    pub certificate: String,
    /// Its key in PKCS#8.
    pub key: SecretString,
}

/// The key pair that service account tokens are signed with: kubeadm wants both halves as files and makes neither if one is
/// there.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// Public half, PEM.
    pub public: String,
    /// Private half in PKCS#8.
    pub key: SecretString,
}

/// Everything of the cluster that must exist before it does.
#[derive(Debug, Clone)]
pub struct ClusterPki {
    /// The cluster's authority: API server, kubelets, clients.
    pub ca: CertifiedKey,
    /// etcd's authority.
    pub etcd_ca: CertifiedKey,
    /// Authority of aggregated API servers.
    pub front_proxy_ca: CertifiedKey,
    /// Signs service account tokens.
    pub service_accounts: TokenKey,
}

/// One file of [`ClusterPki`], by its path under `/etc/kubernetes/pki`.
pub struct PkiFile<'a> {
    /// Relative path, as kubeadm names it.
    pub path: &'static str,
    /// PEM.
    pub content: &'a str,
    /// Whether only root may read it.
    pub secret: bool,
}

impl ClusterPki {
    /// Makes all of it; `now` is the caller's clock.
    ///
    /// # Errors
    /// Only if the cryptographic library fails.
    pub fn generate(now: OffsetDateTime) -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map_err(failed("the service account key"))?;
        Ok(Self {
            ca: authority("kubernetes", now)?,
            etcd_ca: authority("etcd-ca", now)?,
            front_proxy_ca: authority("front-proxy-ca", now)?,
            service_accounts: TokenKey {
                public: key.public_key_pem(),
                key: key.serialize_pem().into(),
            },
        })
    }

    /// The files kubeadm wants, with the names it wants.
    pub fn files(&self) -> [PkiFile<'_>; 8] {
        fn public<'a>(path: &'static str, content: &'a str) -> PkiFile<'a> {
            PkiFile {
                path,
                content,
                secret: false,
            }
        }
        fn private<'a>(path: &'static str, content: &'a SecretString) -> PkiFile<'a> {
            PkiFile {
                path,
                content: content.expose_secret(),
                secret: true,
            }
        }
        [
            public("ca.crt", &self.ca.certificate),
            private("ca.key", &self.ca.key),
            public("etcd/ca.crt", &self.etcd_ca.certificate),
            private("etcd/ca.key", &self.etcd_ca.key),
            public("front-proxy-ca.crt", &self.front_proxy_ca.certificate),
            private("front-proxy-ca.key", &self.front_proxy_ca.key),
            public("sa.pub", &self.service_accounts.public),
            private("sa.key", &self.service_accounts.key),
        ]
    }
}

impl CertifiedKey {
    /// Both in one text, certificate first.
    pub fn to_pem(&self) -> SecretString {
        format!("{}{}", self.certificate, self.key.expose_secret()).into()
    }

    /// Reads what [`CertifiedKey::to_pem`] wrote; `None` if one of the two is missing.
    pub fn from_pem(text: &str) -> Option<Self> {
        let (certificate, key) = text.split_at(text.find("-----BEGIN PRIVATE KEY-----")?);
        certificate.contains("BEGIN CERTIFICATE").then(|| Self {
            certificate: certificate.to_owned(),
            key: key.to_owned().into(),
        })
    }

    /// Signs a client certificate with this authority.
    ///
    /// # Errors
    /// If this is no authority, or the cryptographic library fails.
    pub fn sign_client(
        &self,
        user: &str,
        organisation: &str,
        now: OffsetDateTime,
    ) -> Result<Self, PkiError> {
        let what = "the client certificate";
        let ca_key = KeyPair::from_pem(self.key.expose_secret()).map_err(failed(what))?;
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, ca_key).map_err(failed(what))?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed(what))?;
        let mut params = params(user, now, CLIENT_LIFE);
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).map_err(failed(what))?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem().into(),
        })
    }
}

fn params(common_name: &str, now: OffsetDateTime, life: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = now - BACK_DATED;
    params.not_after = now + life;
    params
}

fn authority(common_name: &'static str, now: OffsetDateTime) -> Result<CertifiedKey, PkiError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(failed("a certificate authority"))?;
    let mut params = params(common_name, now, CA_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    let certificate = params
        .self_signed(&key)
        .map_err(failed("a certificate authority"))?;
    Ok(CertifiedKey {
        certificate: certificate.pem(),
        key: key.serialize_pem().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    fn der(pem: &str) -> Vec<u8> {
        parse_x509_pem(pem.as_bytes()).unwrap().1.contents
    }

    #[test]
    fn authorities_are_authorities_and_back_dated() {
        let pki = ClusterPki::generate(now()).unwrap();
        for (ca, name) in [
            (&pki.ca, "kubernetes"),
            (&pki.etcd_ca, "etcd-ca"),
            (&pki.front_proxy_ca, "front-proxy-ca"),
        ] {
            let der = der(&ca.certificate);
            let (_, certificate) = X509Certificate::from_der(&der).unwrap();
            assert!(certificate.is_ca());
            assert_eq!(certificate.subject().to_string(), format!("CN={name}"));
            assert!(
                certificate
                    .key_usage()
                    .unwrap()
                    .unwrap()
                    .value
                    .key_cert_sign()
            );
            assert_eq!(
                certificate.validity().not_before.timestamp(),
                now().unix_timestamp() - 3600
            );
            assert!(
                certificate.validity().not_after.timestamp()
                    > now().unix_timestamp() + 9 * 365 * 86_400
            );
            certificate.verify_signature(None).unwrap();
        }
    }

    #[test]
    fn the_caller_is_a_revocable_admin_signed_by_the_ca() {
        let pki = ClusterPki::generate(now()).unwrap();
        let client = pki
            .ca
            .sign_client("alice", ADMIN_ORGANISATION, now())
            .unwrap();
        let (ca, certificate) = (der(&pki.ca.certificate), der(&client.certificate));
        let (_, ca) = X509Certificate::from_der(&ca).unwrap();
        let (_, certificate) = X509Certificate::from_der(&certificate).unwrap();
        certificate.verify_signature(Some(ca.public_key())).unwrap();
        assert_eq!(
            certificate.subject().to_string(),
            "CN=alice, O=kubeadm:cluster-admins"
        );
        assert!(
            certificate
                .extended_key_usage()
                .unwrap()
                .unwrap()
                .value
                .client_auth
        );
        assert!(!certificate.is_ca());
        assert!(
            client
                .key
                .expose_secret()
                .starts_with("-----BEGIN PRIVATE KEY-----"),
            "PKCS#8"
        );
    }

    #[test]
    fn kubeadm_finds_every_file_it_looks_for() {
        let pki = ClusterPki::generate(now()).unwrap();
        let files = pki.files();
        let paths: Vec<_> = files.iter().map(|file| file.path).collect();
        insta::assert_snapshot!(paths.join(" "), @"ca.crt ca.key etcd/ca.crt etcd/ca.key front-proxy-ca.crt front-proxy-ca.key sa.pub sa.key");
        for file in &files {
            assert_eq!(file.secret, file.path.contains(".key"));
            assert_eq!(
                file.content.contains("PRIVATE KEY"),
                file.secret,
                "{}",
                file.path
            );
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_back_from_one_text() {
        let pki = ClusterPki::generate(now()).unwrap();
        let text = pki.ca.to_pem();
        let read = CertifiedKey::from_pem(text.expose_secret()).unwrap();
        assert_eq!(read.certificate, pki.ca.certificate);
        assert_eq!(read.key.expose_secret(), pki.ca.key.expose_secret());
        assert!(CertifiedKey::from_pem(&pki.ca.certificate).is_none());
        assert!(CertifiedKey::from_pem(pki.ca.key.expose_secret()).is_none());
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        assert!(!format!("{:?}", ClusterPki::generate(now()).unwrap()).contains("PRIVATE KEY"));
    }
}
