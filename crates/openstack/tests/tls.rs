//! TLS with authorities the system does not know.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // the helpers of tests are tests, too

mod support;

use std::{io::Write, net::TcpListener, sync::Arc};

use capstan_openstack::{Kind, Session, config::CaBundle};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use support::{Keystone, config, options};

/// A Keystone behind TLS; returns its URL and its certificate.
fn keystone(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = Arc::new(tls);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(tls.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut request = [0; 16 * 1024];
            // A client that does not trust us goes away here.
            if std::io::Read::read(&mut stream, &mut request).is_err() {
                continue;
            }
            let body = Keystone::token("t").body("http://127.0.0.1:9").to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + &body).as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (format!("https://127.0.0.1:{port}"), made.cert.pem())
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_can_be_told() {
    let (uri, pem) = keystone("127.0.0.1");
    let mut config = config(&uri);
    let error = Session::connect_with(config.clone(), options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{error:?}");
    assert!(error.hint().unwrap().contains("cacert"));
    config.ca = Some(CaBundle { path: None, pem });
    Session::connect_with(config, options()).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_verification_is_off() {
    let (uri, pem) = keystone("elsewhere.example");
    let mut config = config(&uri);
    config.ca = Some(CaBundle { path: None, pem });
    let error = Session::connect_with(config.clone(), options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{error:?}");
    config.ca = None;
    config.verify = false;
    Session::connect_with(config, options()).await.unwrap();
}

#[tokio::test]
async fn a_file_without_certificates_is_no_authority() {
    let mut config = config("https://127.0.0.1:9");
    config.ca = Some(CaBundle {
        path: None,
        pem: "nothing here".into(),
    });
    let error = Session::connect_with(config, options()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Tls, "`cacert` holds no certificate in PEM")
    );
}
