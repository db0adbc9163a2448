//! `https`: who is trusted, who is not and why, and clients that show who they are.

use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tagmeter::apptuit::Client;
use tagmeter::transport::{Http, HttpBuilder, Pem};

use crate::loopback::Loopback;
use crate::point;

/// Set in the child, which then is the client.
const CHILD: &str = "TAGMETER_TEST_TLS_ENDPOINT";

/// The path of one of the tests' certificates.
pub(crate) fn pki(name: &str) -> String {
    format!("{}/tests/pki/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(pki(name)).unwrap()
}

/// A server with this certificate; one that asks clients for theirs, if it is to.
fn server_with(name: &str, asks: bool) -> Loopback {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("authority.pem")).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(pki("server.key")).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![certificate(name)], key).unwrap());
    Loopback::start_over(move |stream: TcpStream| {
        StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
    })
}

/// A server whose certificate is right.
pub(crate) fn server() -> Loopback {
    server_with("server.pem", false)
}

pub(crate) fn endpoint(server: &Loopback) -> String {
    server.url().replace("http:", "https:")
}

/// Options that trust the tests' authority and nobody else.
pub(crate) fn trusting() -> HttpBuilder {
    Http::builder().direct().trust_only(Pem::file(pki("authority.pem")))
}

pub(crate) fn client(endpoint: String, http: HttpBuilder) -> Client {
    let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment();
    client.transport(http.build().unwrap()).build().unwrap()
}

/// What sending a point came to: taken, or the error's text.
fn sent(server: &Loopback, http: HttpBuilder) -> Result<(), String> {
    let sent = client(endpoint(server), http).send(&[point("a", 1.0)]).map_err(|error| error.to_string());
    assert_eq!(server.drain().len(), usize::from(sent.is_ok()));
    sent.map(drop)
}

#[test]
fn a_certificate_that_the_system_trusts_is_taken() {
    if let Ok(endpoint) = std::env::var(CHILD) {
        for http in [Http::builder(), Http::builder().trust(Pem::file(pki("stranger.pem")))] {
            assert_eq!(client(endpoint.clone(), http).send(&[point("a", 1.0)]).unwrap().successful, 1);
        }
        return;
    }
    let server = server();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::a_certificate_that_the_system_trusts_is_taken"])
        .env("SSL_CERT_FILE", pki("authority.pem"))
        .env(CHILD, endpoint(&server))
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    assert_eq!(server.drain().len(), 2);
}

#[test]
fn an_authority_of_ours_is_trusted_besides_the_systems_or_alone() {
    let server = server();
    let text = std::fs::read(pki("authority.pem")).unwrap();
    for pem in [Pem::file(pki("authority.pem")), Pem::text(text)] {
        assert_eq!(sent(&server, Http::builder().direct().trust(pem.clone())), Ok(()));
        assert_eq!(sent(&server, Http::builder().direct().trust_only(pem)), Ok(()));
    }
}

#[test]
fn an_error_says_what_is_wrong_with_a_certificate() {
    let stranger = || Http::builder().direct().trust_only(Pem::file(pki("stranger.pem")));
    for (name, http, expected) in [
        ("server.pem", Http::builder().direct(), "UnknownIssuer"),
        ("server.pem", stranger(), "UnknownIssuer"),
        ("expired.pem", trusting(), "certificate expired"),
        ("elsewhere.pem", trusting(), "not valid for name \"127.0.0.1\""),
        ("elsewhere.pem", trusting(), "elsewhere.example"),
    ] {
        let server = server_with(name, false);
        let error = sent(&server, http).unwrap_err();
        assert!(error.contains("no connection to") && error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_client_shows_its_certificate_where_it_is_asked() {
    let server = server_with("server.pem", true);
    let pair = |key| (Pem::file(pki("client.pem")), Pem::file(pki(key)));
    let (certificate, key) = pair("client.key");
    assert_eq!(sent(&server, trusting().client_certificate(certificate, key)), Ok(()));
    let error = sent(&server, trusting()).unwrap_err();
    assert!(error.contains("CertificateRequired"), "{error}");
    let (expired, key) = (Pem::file(pki("expired.pem")), Pem::file(pki("server.key")));
    let error = sent(&server, trusting().client_certificate(expired, key)).unwrap_err();
    assert!(error.contains("CertificateExpired"), "{error}");
}
