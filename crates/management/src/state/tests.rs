use std::os::unix::fs::PermissionsExt as _;

use secrecy::ExposeSecret as _;
use time::OffsetDateTime;

use super::*;
use crate::identity::Identity;
use crate::pki::ClusterPki;
use crate::settings::Settings;

fn cloud() -> CloudKey {
    CloudKey {
        auth_url: "https://keystone.example:5000/v3".into(),
        project_id: "p1".into(),
    }
}

fn record(name: &str) -> Record {
    Record {
        identity: Identity::draw(name).unwrap(),
        cloud: cloud(),
        cloud_name: "demo".into(),
        created: jiff::Timestamp::UNIX_EPOCH,
        settings: Settings::default(),
        holder: "h".into(),
        endpoint: None,
        replaces: false,
        usable_since: None,
        late_until: None,
        adopted: None,
    }
}

#[test]
fn the_cloud_is_the_same_however_its_url_is_written() {
    let plain = CloudKey {
        auth_url: "https://keystone.example:5000/".into(),
        ..cloud()
    };
    assert_eq!(plain.directory(), cloud().directory());
    let other = CloudKey {
        project_id: "p2".into(),
        ..cloud()
    };
    assert_ne!(other.directory(), cloud().directory());
}

#[test]
fn files_are_private_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let files = StateRoot::at(directory.path()).server(&cloud(), "default");
    assert!(files.record().unwrap().is_none());
    let pki = ClusterPki::generate(OffsetDateTime::UNIX_EPOCH).unwrap();
    let client = pki
        .ca
        .sign_client("a", "b", OffsetDateTime::UNIX_EPOCH)
        .unwrap();
    files.save_pki(&pki, &client).unwrap();
    files.save_record(&record("default")).unwrap();
    let (read, _) = files.pki().unwrap().unwrap();
    assert_eq!(read.ca.key.expose_secret(), pki.ca.key.expose_secret());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(files.path().join("pki/etcd/ca.key")), 0o600);
    assert_eq!(mode(files.path().join("pki/etcd")), 0o700);
    assert_eq!(mode(files.path().to_owned()), 0o700);
    fs::remove_file(files.path().join("pki/sa.pub")).unwrap();
    assert!(
        files.pki().unwrap().is_none(),
        "a set with a hole is no set"
    );
}

#[test]
fn the_first_inventory_stays() {
    let directory = tempfile::tempdir().unwrap();
    let files = StateRoot::at(directory.path()).server(&cloud(), "default");
    files.save_inventory_once(&["before"]).unwrap();
    files.save_inventory_once(&["after"]).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<String>>(
            &fs::read_to_string(files.path().join("inventory-before.json")).unwrap()
        )
        .unwrap(),
        ["before"]
    );
}

#[test]
fn lists_servers_and_forgets_removed_ones() {
    let directory = tempfile::tempdir().unwrap();
    let root = StateRoot::at(directory.path().join("none-yet"));
    assert!(root.servers().unwrap().is_empty());
    for name in ["b", "a"] {
        root.server(&cloud(), name)
            .save_record(&record(name))
            .unwrap();
    }
    let names = |root: &StateRoot| -> Vec<_> {
        root.servers()
            .unwrap()
            .into_iter()
            .map(|known| known.record.identity.name)
            .collect()
    };
    assert_eq!(names(&root), ["a", "b"]);
    root.server(&cloud(), "a").remove().unwrap();
    root.server(&cloud(), "a").remove().unwrap();
    assert_eq!(names(&root), ["b"]);
    root.server(&cloud(), "b").remove().unwrap();
    assert!(!root.0.join(cloud().directory()).exists());
}
