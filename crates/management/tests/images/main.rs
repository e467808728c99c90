//! Images against a Glance in memory: right ones, wrong ones, and runs that were cut off.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers of tests are tests, too

mod glance;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use capstan_catalog::{Catalogue, DiskFormat, ImageMetadata};
use capstan_management::Category;
use capstan_management::images::{
    ImagesError, Registered, Sum, Tell, Wish, register, remove, stock,
};
use capstan_openstack::Session;
use capstan_workload::image_use::ImageUse;
use glance::Glance;
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A cloud, a place to fetch from, and a directory of our own.
struct Bed {
    glance: Glance,
    session: Session,
    server: MockServer,
    home: tempfile::TempDir,
    content: Vec<u8>,
}

fn qcow2() -> Vec<u8> {
    let mut content: Vec<u8> = (0..300_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    content[..512].fill(0);
    content[..4].copy_from_slice(b"QFI\xfb");
    content[7] = 3;
    content[24..32].copy_from_slice(&(3_u64 << 30).to_be_bytes());
    content
}

impl Bed {
    async fn new() -> Self {
        let (glance, server, content) = (Glance::default(), MockServer::start().await, qcow2());
        let session = glance.serve(&server).await;
        let list = format!("{}  *node.qcow2\n", hex::encode(Sha256::digest(&content)));
        for (at, body) in [
            ("/node.qcow2", content.clone()),
            ("/SHA256SUMS", list.into_bytes()),
        ] {
            let answer = ResponseTemplate::new(200)
                .set_body_bytes(body)
                .insert_header("Last-Modified", "Sun, 01 Nov 2026 17:00:00 GMT");
            Mock::given(path(at))
                .respond_with(answer)
                .mount(&server)
                .await;
        }
        let home = tempfile::tempdir().unwrap();
        Self {
            glance,
            session,
            server,
            home,
            content,
        }
    }

    fn wish(&self) -> Wish {
        let url = |file: &str| format!("{}/{file}", self.server.uri()).parse().unwrap();
        Wish {
            name: "node-v1.36.3".into(),
            url: url("node.qcow2"),
            sum: Sum::List(url("SHA256SUMS")),
            format: None,
            raw: false,
            web_download: false,
            visibility: "private".into(),
            min_ram: 512,
            metadata: ImageMetadata {
                kubernetes: "v1.36.3".parse().ok(),
                os_distro: "ubuntu".into(),
                os_version: "24.04".into(),
                architecture: "x86_64".into(),
                description: "a node image".into(),
                original_user: "ubuntu".into(),
                replace_frequency: "never".into(),
                provided_until: "none".into(),
                uuid_validity: "none".into(),
                ..ImageMetadata::default()
            },
            replace: false,
            take_over: false,
            who: "me@here".into(),
            directory: self.home.path().to_owned(),
        }
    }

    fn by_sha512(&self) -> Sum {
        Sum::Digest(hex::encode(Sha512::digest(&self.content)).parse().unwrap())
    }

    async fn register(&self, wish: &Wish) -> Result<Registered, ImagesError> {
        let catalogue = Catalogue::bundled().unwrap();
        let tell: Tell = Arc::new(|_| {});
        register(&self.session, catalogue.node_image_rules(), wish, tell).await
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.glance.state().calls)
    }
}

#[tokio::test]
async fn an_image_is_registered_once_and_says_what_it_is() {
    let bed = Bed::new().await;
    let first = bed.register(&bed.wish()).await.unwrap();
    assert!(!first.was_there);
    let image = bed.glance.only();
    for (name, value) in [
        ("name", json!("node-v1.36.3")),
        ("status", json!("active")),
        ("os_hidden", json!(false)),
        ("disk_format", json!("qcow2")),
        ("min_disk", json!(3)),
        ("min_ram", json!(512)),
        ("kube_version", json!("v1.36.3")),
        ("image_build_date", json!("2026-11-01")),
        (
            "image_source",
            json!(format!("{}/node.qcow2", bed.server.uri())),
        ),
        ("tags", json!(["managed_by_capstan", "os:ubuntu"])),
    ] {
        assert_eq!(image[name], value, "{name}");
    }
    assert!(!image.contains_key("capstan_registering"));
    assert_eq!(
        bed.glance.state().contents,
        std::slice::from_ref(&bed.content)
    );
    bed.calls();
    let again = bed.register(&bed.wish()).await.unwrap();
    assert!(again.was_there && again.image.id == first.image.id);
    assert_eq!(bed.calls(), Vec::<String>::new());
    // Nothing lies about.
    let left = std::fs::read_dir(bed.home.path()).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().path()).collect();
    assert!(
        left.iter().all(|path| path.extension().unwrap() == "lock"),
        "{left:?}"
    );
}

/// A web server that does not say how long its one file is.
fn chunked(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/node.qcow2", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            for piece in content.chunks(70_000) {
                write!(stream, "{:x}\r\n", piece.len()).unwrap();
                stream.write_all(piece).unwrap();
                stream.write_all(b"\r\n").unwrap();
            }
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_file_of_unknown_length_comes_by_way_of_the_disk() {
    let mut bed = Bed::new().await;
    // More than is read from a file at once, and a raw disk: its size is known only once it is there.
    bed.content = vec![7; (2 << 20) + 5];
    let url = chunked(bed.content.clone()).parse().unwrap();
    let wish = Wish {
        url,
        sum: bed.by_sha512(),
        format: Some(DiskFormat::Raw),
        ..bed.wish()
    };
    let wrong = Wish {
        sum: Sum::Digest("0".repeat(64).parse().unwrap()),
        ..wish.clone()
    };
    let error = bed.register(&wrong).await.unwrap_err();
    assert!(matches!(error, ImagesError::Mismatch { .. }), "{error:?}");
    assert_eq!(bed.calls(), Vec::<String>::new());
    bed.register(&wish).await.unwrap();
    let image = bed.glance.only();
    assert_eq!(image["disk_format"], "raw");
    assert_eq!(
        (&image["size"], &image["min_disk"]),
        (&json!((2 << 20) + 5), &json!(1))
    );
    assert_eq!(
        bed.glance.state().contents,
        std::slice::from_ref(&bed.content)
    );
    let left = std::fs::read_dir(bed.home.path()).unwrap().count();
    assert_eq!(left, 1, "the lock alone");
}

#[tokio::test]
async fn a_wrong_checksum_keeps_the_last_piece_from_the_cloud_and_leaves_nothing() {
    let bed = Bed::new().await;
    let wrong = Wish {
        sum: Sum::Digest("0".repeat(64).parse().unwrap()),
        ..bed.wish()
    };
    let error = bed.register(&wrong).await.unwrap_err();
    assert!(matches!(error, ImagesError::Mismatch { .. }), "{error:?}");
    assert_eq!(error.category(), Category::Input);
    assert!(bed.glance.state().images.is_empty());
    assert!(
        bed.glance.state().contents.is_empty(),
        "the cloud never had the whole"
    );
    // The right one comes after it.
    bed.register(&bed.wish()).await.unwrap();
    assert_eq!(bed.glance.only()["status"], "active");
}

#[tokio::test]
async fn what_a_killed_run_left_is_replaced_by_its_id() {
    let bed = Bed::new().await;
    let left = |who: &str, status: &str| {
        json!({"name": "node-v1.36.3", "status": status, "os_hidden": true, "tags": ["managed_by_capstan"],
               "capstan_digest": format!("sha256:{}", "1".repeat(64)), "capstan_registering": who})
    };
    for status in ["queued", "saving", "active"] {
        bed.glance.put("left", &left("me@here", status));
        let done = bed.register(&bed.wish()).await.unwrap();
        assert_eq!(done.leftovers, ["left"], "{status}");
        let id = bed.glance.only()["id"].as_str().unwrap().to_owned();
        assert_eq!(bed.calls()[0], "DELETE images/left");
        remove(&bed.session, &id).await.unwrap();
        bed.calls();
    }
    // What another machine is at is not ours to end, unless it is said.
    bed.glance.put("theirs", &left("you@there", "saving"));
    let error = bed.register(&bed.wish()).await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict);
    assert!(error.to_string().contains("you@there"));
    assert_eq!(bed.calls(), Vec::<String>::new());
    let wish = Wish {
        take_over: true,
        ..bed.wish()
    };
    assert_eq!(bed.register(&wish).await.unwrap().leftovers, ["theirs"]);
}

#[tokio::test]
async fn a_cloud_that_loses_or_refuses_content_ends_with_nothing_there() {
    let bed = Bed::new().await;
    bed.glance.state().corrupts = true;
    let error = bed.register(&bed.wish()).await.unwrap_err();
    assert!(matches!(error, ImagesError::Stored { .. }), "{error:?}");
    bed.glance.state().corrupts = false;
    bed.glance.state().refuse = Some((413, "Quota exceeded: image_size_total is over limit"));
    let error = bed.register(&bed.wish()).await.unwrap_err();
    assert_eq!(error.category(), Category::Quota, "{error:?}");
    assert!(bed.glance.state().images.is_empty());
    // What does not fit is not even begun.
    bed.glance.state().usage = Some((10, 10));
    bed.calls();
    let error = bed.register(&bed.wish()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ImagesError::Quota {
                need: 1,
                free: 0,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(bed.calls(), Vec::<String>::new());
    bed.glance.state().usage = Some((-1, 10));
    bed.register(&bed.wish()).await.unwrap();
}

#[tokio::test]
async fn bad_sources_are_told_before_anything_is_made() {
    let bed = Bed::new().await;
    let at = |file: &str| format!("{}/{file}", bed.server.uri()).parse().unwrap();
    let page = Wish {
        url: at("SHA256SUMS"),
        ..bed.wish()
    };
    let missing = Wish {
        url: at("gone.qcow2"),
        sum: bed.by_sha512(),
        ..bed.wish()
    };
    let unsaid = Wish {
        metadata: ImageMetadata {
            os_version: String::new(),
            ..bed.wish().metadata
        },
        ..bed.wish()
    };
    for (wish, category, text) in [
        (page, Category::Input, "list of checksums"),
        (missing, Category::Unreachable, "gone.qcow2"),
        (unsaid, Category::Input, "os_version is missing"),
    ] {
        let error = bed.register(&wish).await.unwrap_err();
        assert_eq!(error.category(), category, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    let raw = Wish {
        raw: true,
        ..bed.wish()
    };
    if let Err(error) = bed.register(&raw).await {
        // Where there is a qemu-img, it finds this image to be none.
        assert!(
            matches!(error, ImagesError::NoConverter | ImagesError::Convert(_)),
            "{error:?}"
        );
    }
    assert_eq!(bed.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn the_cloud_may_fetch_what_it_can_be_checked_by() {
    let bed = Bed::new().await;
    let wish = Wish {
        web_download: true,
        sum: bed.by_sha512(),
        ..bed.wish()
    };
    let by_sha256 = Wish {
        sum: bed.wish().sum,
        ..wish.clone()
    };
    let error = bed.register(&by_sha256).await.unwrap_err();
    assert!(error.to_string().contains("SHA-512"), "{error}");
    let error = bed.register(&wish).await.unwrap_err();
    assert!(matches!(error, ImagesError::Import(_)), "{error:?}");
    bed.glance.state().fetches = Some(b"something else".to_vec());
    let error = bed.register(&wish).await.unwrap_err();
    assert!(matches!(error, ImagesError::Mismatch { .. }), "{error:?}");
    assert!(
        bed.glance.state().images.is_empty(),
        "what failed never stays"
    );
    bed.glance.state().fetches = Some(bed.content.clone());
    bed.register(&wish).await.unwrap();
    assert_eq!(bed.glance.only()["os_hidden"], json!(false));
}

#[tokio::test]
async fn an_old_image_gives_its_name_up_and_keeps_its_id() {
    let bed = Bed::new().await;
    bed.glance.put("old", &json!({"name": "node-v1.36.3", "tags": ["managed_by_capstan"], "created_at": "2026-10-01T08:00:00Z",
               "capstan_digest": format!("sha256:{}", "1".repeat(64))}),
    );
    let error = bed.register(&bed.wish()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--replace"));
    let wish = Wish {
        replace: true,
        ..bed.wish()
    };
    bed.register(&wish).await.unwrap();
    let old = bed.glance.state().images["old"].clone();
    assert_eq!(
        (&old["name"], &old["os_hidden"]),
        (&json!("node-v1.36.3 20261001"), &json!(true))
    );
    // Foreign ones keep theirs.
    bed.glance.put(
        "foreign",
        &json!({"name": "theirs", "owner": "q", "visibility": "public"}),
    );
    let wish = Wish {
        name: "theirs".into(),
        ..wish
    };
    assert_eq!(
        bed.register(&wish).await.unwrap_err().category(),
        Category::Conflict
    );
}

#[tokio::test]
async fn the_stock_says_what_is_ours_used_and_seen_by_others() {
    let bed = Bed::new().await;
    let ours = |visibility: &str| json!({"name": "n", "tags": ["managed_by_capstan"], "capstan_digest": "sha256:1", "visibility": visibility});
    bed.glance.put("running", &ours("private"));
    bed.glance.put("shared", &ours("shared"));
    bed.glance.put("public", &ours("public"));
    let mut foreign = ours("community");
    foreign["owner"] = json!("q");
    bed.glance.put("foreign", &foreign);
    let mut hidden = ours("private");
    hidden["os_hidden"] = json!(true);
    bed.glance.put("hidden", &hidden);
    let catalogue = Catalogue::bundled().unwrap();
    let rules = catalogue.node_image_rules();
    let all = stock(&bed.session, rules, &ImageUse::default())
        .await
        .unwrap();
    let known = |id: &str| {
        all.iter()
            .find(|one| one.image.id == id)
            .unwrap()
            .known
            .clone()
    };
    assert_eq!(known("running").users, ["a server of the project"]);
    assert_eq!(
        known("shared").seen_by.as_deref(),
        Some("shared with friend")
    );
    assert_eq!(known("public").seen_by.as_deref(), Some("public"));
    assert!(!known("foreign").ours && known("hidden").ours && known("hidden").hidden);
    assert_eq!(known("hidden").seen_by, None);
}
