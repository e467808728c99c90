//! `capstan access`: how the caller reaches a server from this machine, and for how long.

use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use time::OffsetDateTime;

use crate::adoption::Entrance;
use crate::desk::Desk;
use crate::error::Error;
use crate::kubeconfig;
use crate::pki::ADMIN_ORGANISATION;
use crate::state::{Record, ServerFiles};
use crate::validity::Validity;

/// Common name of the caller's certificate.
pub(crate) const CALLER: &str = "capstan";

/// The way in.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// `https://<address>:6443`.
    pub endpoint: Option<String>,
    /// Whether it is a cluster that was there before.
    pub adopted: bool,
    /// Where the kubeconfig is.
    pub kubeconfig: PathBuf,
    /// Until when the caller's certificate is good.
    pub certificate_until: Option<Validity>,
}

/// How a server is reached.
///
/// # Errors
/// [`Error::NoServer`] for one not made from here, [`Error::NoAddress`] before it has an address.
pub fn access(desk: &Desk, name: &str) -> Result<Access, Error> {
    let files = desk.files(name);
    let record = known(desk, &files, name)?;
    let kubeconfig = files.kubeconfig_path();
    if !kubeconfig.exists() {
        return Err(Error::NoAddress(name.to_owned()));
    }
    let certificate_until = if record.adopted.is_some() {
        Entrance::stored(&kubeconfig)?.validity()
    } else {
        let client = files.pki()?.map(|(_, client)| client);
        client.and_then(|client| Validity::of(&client.certificate))
    };
    Ok(Access {
        endpoint: record.endpoint,
        adopted: record.adopted.is_some(),
        kubeconfig,
        certificate_until,
    })
}

/// Signs the caller a new certificate with the authority on disk and writes the kubeconfig anew; the old one stays good until
/// its own end. Each file changes in one step, and a run that is cut off between them leaves two that work. The caller holds
/// the lock on the server's files.
///
/// # Errors
/// [`Error::NoServer`], [`Error::KeysLost`] where the authority is not on this machine, [`Error::Invalid`] for an adopted
/// cluster.
pub fn renew(desk: &Desk, name: &str, now: Timestamp) -> Result<Access, Error> {
    let files = desk.files(name);
    let record = known(desk, &files, name)?;
    if record.adopted.is_some() {
        return Err(Error::Invalid {
            problem: "the cluster was adopted, and its certificates are not Capstan's to make".into(),
            hint: "get a new kubeconfig where the old one came from, and give it with capstan up --kubeconfig".into(),
        });
    }
    write_anew(&files, &record, now)?;
    access(desk, name)
}

fn write_anew(files: &ServerFiles, record: &Record, now: Timestamp) -> Result<(), Error> {
    let (pki, _) = files.pki()?.ok_or_else(|| Error::KeysLost {
        identity: record.identity.clone(),
        clusters: true,
    })?;
    let now = OffsetDateTime::from(SystemTime::from(now));
    let client = pki.ca.sign_client(CALLER, ADMIN_ORGANISATION, now)?;
    files.save_client(&client)?;
    if let Some(endpoint) = &record.endpoint {
        let context = record.identity.resource_name();
        let text = kubeconfig::render(&context, endpoint, &pki.ca.certificate, &client)
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        files.save_kubeconfig(&text)?;
    }
    Ok(())
}

fn known(desk: &Desk, files: &ServerFiles, name: &str) -> Result<Record, Error> {
    files.record()?.ok_or_else(|| Error::NoServer {
        name: name.to_owned(),
        project: desk.project().to_owned(),
        known: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::identity::Identity;
    use crate::pki::ClusterPki;
    use crate::settings::Settings;
    use crate::state::{CloudKey, StateRoot};

    #[test]
    fn renewing_changes_the_certificate_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let cloud = CloudKey {
            auth_url: "http://a".into(),
            project_id: "p".into(),
        };
        let files = StateRoot::at(directory.path()).server(&cloud, "default");
        let record = Record {
            identity: Identity::draw("default").unwrap(),
            cloud,
            cloud_name: "demo".into(),
            created: Timestamp::UNIX_EPOCH,
            settings: Settings::default(),
            holder: "h".into(),
            endpoint: Some("https://198.51.100.7:6443".into()),
            replaces: false,
            usable_since: None,
            late_until: None,
            adopted: None,
        };
        let lost = write_anew(&files, &record, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(lost, Error::KeysLost { .. }));

        let pki = ClusterPki::generate(OffsetDateTime::UNIX_EPOCH).unwrap();
        let first = pki
            .ca
            .sign_client(CALLER, ADMIN_ORGANISATION, OffsetDateTime::UNIX_EPOCH);
        files.save_pki(&pki, &first.unwrap()).unwrap();
        let later = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(340 * 24);
        write_anew(&files, &record, later).unwrap();

        let (kept, client) = files.pki().unwrap().unwrap();
        assert_eq!(kept.ca.certificate, pki.ca.certificate);
        let validity = Validity::of(&client.certificate).unwrap();
        assert_eq!(validity.days_left(later), 365);
        let path = files.kubeconfig_path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        let user = kubeconfig.auth_infos[0].auth_info.as_ref().unwrap();
        let encode = |pem: &str| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(pem)
        };
        assert_eq!(
            user.client_certificate_data,
            Some(encode(&client.certificate)),
            "the kubeconfig has the new one"
        );
    }
}
