//! `https`: a certificate that the system trusts is taken, any other is refused.

use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tagmeter::apptuit::Client;

use crate::loopback::Loopback;
use crate::point;

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/push/tls/certificate.pem");
const KEY: &[u8] = include_bytes!("tls/key.pem");
/// Set in the child, which then is the client.
const CHILD: &str = "TAGMETER_TEST_TLS_ENDPOINT";

fn server() -> Loopback {
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    Loopback::start_over(move |stream: TcpStream| {
        StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
    })
}

fn endpoint(server: &Loopback) -> String {
    server.url().replace("http:", "https:")
}

/// Runs one test of this file again as a client whose system trusts what `SSL_CERT_FILE` says.
fn child(test: &str, server: &Loopback) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tls::{test}")])
        .env("SSL_CERT_FILE", CERTIFICATE)
        .env(CHILD, endpoint(server))
        .output()
        .unwrap()
}

#[test]
fn a_certificate_that_the_system_trusts_is_taken() {
    if let Ok(endpoint) = std::env::var(CHILD) {
        let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment().build().unwrap();
        assert_eq!(client.send(&[point("a", 1.0)]).unwrap().successful, 1);
        return;
    }
    let server = server();
    let child = child("a_certificate_that_the_system_trusts_is_taken", &server);
    assert!(child.status.success(), "{child:?}");
    assert_eq!(server.next().points(), 1);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = server();
    let client =
        Client::builder().token("tok").endpoint(endpoint(&server)).ignore_environment().build().unwrap();
    assert!(client.send(&[point("a", 1.0)]).is_err());
    assert!(server.drain().is_empty());
}
