use std::net::{IpAddr, Ipv4Addr};

use secrecy::ExposeSecret as _;
use time::OffsetDateTime;

use super::super::Download;
use super::*;
use crate::cloudinit::{USER_DATA_MAX, encoded_len};
use crate::identity::Identity;
use crate::pki::ClusterPki;
use crate::settings::Mirror;

/// What the sandbox's images hide from the product (cgroup v1, missing capabilities): none of it may be rendered.
const HOST_DIFFERENCES: [&str; 9] = [
    "fail-cgroupv1",
    "SystemVerification",
    "KubeletInUserNamespace",
    "restrict_oom_score_adj",
    "cgroup-driver=cgroupfs",
    "cgroupfs",
    "ignore-preflight-errors",
    "fail-swap-on",
    "make-rshared",
];

fn rendered(base: &Base, mirror: Option<&Mirror>) -> UserData {
    rendered_through(base, mirror, None)
}

fn rendered_through(base: &Base, mirror: Option<&Mirror>, proxy: Option<&ServerProxy>) -> UserData {
    let identity = Identity {
        name: "default".into(),
        uid: "x7k2p".parse().unwrap(),
    };
    let pki = ClusterPki::generate(OffsetDateTime::UNIX_EPOCH).unwrap();
    let facts = Facts {
        identity: &identity,
        pki: &pki,
        public_address: IpAddr::V4(Ipv4Addr::new(198, 18, 0, 10)),
        private_address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 20)),
        kubernetes_version: "v1.36.3",
        pod_cidr: "10.244.0.0/24".parse().unwrap(),
        service_cidr: "10.96.0.0/16".parse().unwrap(),
        mtu: 1442,
        mirror,
        proxy,
        base,
    };
    Kubeadm.render(&facts).unwrap()
}

fn mirror() -> Mirror {
    Mirror {
        files: Some("http://198.18.0.2:8080".into()),
        registry: Some("http://198.18.0.2:5001/".into()),
    }
}

fn vanilla() -> Base {
    let place = |name: &str| match name {
        "kubeadm" => Place::Program("/usr/local/bin/kubeadm".into()),
        _ => Place::Archive("/opt/cni/bin".into()),
    };
    let download = |name: &str| Download {
        url: format!("http://198.18.0.2:8080/{name}"),
        sha256: "0123456789abcdef".repeat(4),
        place: place(name),
    };
    Base::Vanilla(vec![download("kubeadm"), download("cni.tgz")])
}

#[test]
fn what_a_node_image_gets() {
    let config = rendered(&Base::NodeImage, Some(&mirror()));
    let paths: Vec<_> = config.written().iter().map(File::path).collect();
    insta::assert_snapshot!("node-image-files", paths.join("\n"));
    for part in [
        "/etc/capstan/kubeadm.yaml",
        "/etc/cni/net.d/10-capstan.conflist",
        "/etc/containerd/certs.d/_default/hosts.toml",
    ] {
        let file = config
            .written()
            .iter()
            .find(|file| file.path() == part)
            .unwrap();
        insta::assert_snapshot!(part.rsplit('/').next().unwrap(), file.content());
    }
}

#[test]
fn what_a_vanilla_image_gets_besides() {
    let config = rendered(&vanilla(), None);
    let list = config
        .written()
        .iter()
        .find(|file| file.path() == "/etc/capstan/downloads")
        .unwrap();
    insta::assert_snapshot!("downloads", list.content());
    assert!(
        config
            .written()
            .iter()
            .all(|file| !file.path().starts_with("/etc/containerd/")),
        "no mirror, no drop-in"
    );
}

#[test]
fn a_proxy_is_in_one_secret_file_and_nowhere_else() {
    let proxy = ServerProxy {
        url: "http://ops:hidden@proxy:3128".to_owned().into(),
        no_proxy: vec!["localhost".into(), "10.0.0.0/24".into()],
    };
    let config = rendered_through(&vanilla(), None, Some(&proxy));
    let written = config.written().iter();
    let (holding, others): (Vec<_>, Vec<_>) =
        written.partition(|file| file.content().contains("hidden"));
    assert_eq!(holding.len(), 1);
    assert_eq!(holding[0].path(), PROXY);
    assert_eq!(
        serde_json::to_value(holding[0]).unwrap()["permissions"],
        "0600"
    );
    assert_eq!(holding[0].content(), proxy.environment());
    let readers: Vec<_> = others
        .iter()
        .filter(|file| file.content().contains(holding[0].path()))
        .map(|file| file.path())
        .collect();
    let drop_ins = ["containerd", "kubelet"]
        .map(|unit| format!("/etc/systemd/system/{unit}.service.d/50-capstan-proxy.conf"));
    assert!(drop_ins.iter().all(|path| readers.contains(&path.as_str())));
    assert!(readers.contains(&"/usr/local/lib/capstan/download.sh"));
    assert_eq!(readers.len(), 3, "{readers:?}");
}

#[test]
fn host_peculiarities_are_never_rendered() {
    for base in [Base::NodeImage, vanilla()] {
        let document = rendered(&base, Some(&mirror())).document().unwrap();
        for difference in HOST_DIFFERENCES {
            assert!(
                !document.expose_secret().contains(difference),
                "{difference}"
            );
        }
    }
}

#[test]
fn half_of_what_nova_takes_is_enough() {
    let document = rendered(&vanilla(), Some(&mirror())).document().unwrap();
    let size = encoded_len(document.expose_secret().len());
    assert!(size < USER_DATA_MAX / 2, "{size}");
}

#[test]
fn boot_programs_are_sound_shell() {
    for program in [BOOT, DOWNLOAD, SYSCTL] {
        let mut shell = std::process::Command::new("sh")
            .arg("-n")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut shell.stdin.take().unwrap(), program.as_bytes()).unwrap();
        assert!(shell.wait().unwrap().success());
    }
}

#[test]
fn a_kernel_that_is_not_as_it_should_be_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    // A kernel that takes nothing and has one of two values right.
    let kernel = "#!/bin/sh\n[ \"$1\" = -n ] || exit 1\n[ \"$2\" = a.right ] && echo 1 || echo 0\n";
    for (name, text) in [
        ("sysctl", kernel),
        ("sysctl.sh", SYSCTL),
        ("conf", "a.right = 1\na.wrong = 1\n"),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    let mut executable = std::fs::metadata(at("sysctl")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut executable, 0o755);
    std::fs::set_permissions(at("sysctl"), executable).unwrap();
    let told = std::process::Command::new("/bin/sh")
        .args([at("sysctl.sh"), at("conf")])
        .env("PATH", directory.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(told.stdout).unwrap(),
        "the kernel's a.wrong is 0, not 1\n"
    );
}
