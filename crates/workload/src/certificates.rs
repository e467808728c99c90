//! When the certificate in a kubeconfig expires. Pure.

use base64::Engine as _;
use jiff::Timestamp;
use kube::config::Kubeconfig;
use secrecy::{ExposeSecret as _, SecretString};

/// When the client certificate of the kubeconfig's first user expires; `None` when there is none or it cannot be read.
pub fn client_expires(kubeconfig: &SecretString) -> Option<Timestamp> {
    let config = Kubeconfig::from_yaml(kubeconfig.expose_secret()).ok()?;
    let user = config.auth_infos.into_iter().next()?.auth_info?;
    let encoded = user.client_certificate_data?;
    let standard = base64::engine::general_purpose::STANDARD;
    let certificate = standard.decode(encoded).ok()?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&certificate).ok()?;
    let parsed = pem.parse_x509().ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good until 2027-11-28 00:00:00 UTC; its key was thrown away.
    const CERTIFICATE: &str = include_str!("../testdata/client.crt");

    #[test]
    fn the_end_of_a_client_certificate_is_read_and_its_absence_is_no_error() {
        let expires =
            |user: &str| client_expires(&format!("users: [{{name: a, user: {{{user}}}}}]").into());
        let encoded = base64::engine::general_purpose::STANDARD.encode(CERTIFICATE);
        let expected: Timestamp = "2027-11-28T00:00:00Z".parse().unwrap();
        let found = expires(&format!("client-certificate-data: {encoded}"));
        assert_eq!(found, Some(expected));
        assert_eq!(expires("token: x"), None);
        assert_eq!(expires("client-certificate-data: bm8="), None);
        assert_eq!(client_expires(&"no: [".to_owned().into()), None);
    }
}
