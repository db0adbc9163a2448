//! The server behind TLS and passwords, as curl and as odd clients see it.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/log.rs"]
mod log;

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tagmeter::Registry;
use tagmeter::http::{ServeError, Server, ServerBuilder, Tls, TlsError};

const FIRST: &str = include_str!("tls/first.pem");
const FIRST_KEY: &str = include_str!("tls/first.key.pem");
const SECOND: &str = include_str!("tls/second.pem");
const SECOND_KEY: &str = include_str!("tls/second.key.pem");

const PASSWORD: &str = "pa55-w0rd";
const TOKEN: &str = "t0k3n-of-today";

/// After this long something that should happen has not.
const LIMIT: Duration = Duration::from_secs(30);

/// What curl ends with when it does not know who signed a certificate.
const UNKNOWN_SIGNER: i32 = 60;

fn serve(how: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    let registry = Registry::new();
    let orders = registry.define("orders").tags(["number"]).counters().unwrap();
    (0..5_000).for_each(|n| orders.with([n.to_string().as_str()]).inc());
    how(Server::builder(&registry)).start("127.0.0.1:0").unwrap()
}

fn serve_tls() -> Server {
    serve(|builder| builder.tls(Tls::from_pem(FIRST, FIRST_KEY).unwrap()))
}

/// A folder of this test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tagmeter-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What curl gets from a server whose certificate must be this one: status and body, or how it ends.
fn curl(server: &Server, path: &str, certificate: &str, options: &[&str]) -> Result<(u16, String), i32> {
    let trusted = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let output = Command::new("curl")
        .args([
            "--silent",
            "--disable",
            "--noproxy",
            "*",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(["--cacert", &format!("{trusted}/{certificate}.pem")])
        .args(options)
        .arg(format!("https://localhost:{}{path}", server.addr().port()))
        .args(["--resolve", &format!("localhost:{}:127.0.0.1", server.addr().port())])
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(output.status.code().unwrap());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    Ok((status.parse().unwrap(), body.to_owned()))
}

#[test]
fn curl_reads_the_page_over_either_tls() {
    let server = serve_tls();
    for options in [&["--tls-max", "1.2"][..], &["--tlsv1.3"], &["--http2"], &["--head"]] {
        let (status, page) = curl(&server, "/metrics", "first", options).unwrap();
        assert_eq!(status, 200);
        assert!(options[0] == "--head" || page.ends_with("orders_total{number=\"4999\"} 1\n"), "{options:?}");
    }
    assert_eq!(curl(&server, "/health", "first", &[]).unwrap().1, "ok\n");
    assert_eq!(curl(&server, "/health", "second", &[]), Err(UNKNOWN_SIGNER));
    server.stop(LIMIT).unwrap();
}

/// A connection without TLS on it.
fn connect_bare(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Whatever comes until the server closes; a reset is a close.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("not closed: {error}"),
        _ => rest,
    }
}

/// A connection with TLS on it.
fn connect(server: &Server) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(FIRST.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect_bare(server))
}

#[test]
fn a_client_that_closed_its_side_of_tls_gets_its_answer() {
    let server = serve_tls();
    let mut stream = connect(&server);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("orders_total{number=\"4999\"} 1\n"));
    server.stop(LIMIT).unwrap();
}

#[test]
fn a_client_that_vanishes_in_tls_leaves_nothing_to_wait_for() {
    let server = serve_tls();
    let mut stream = connect(&server);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    drop(stream);
    assert_eq!(curl(&server, "/health", "first", &[]).unwrap().0, 200);
    server.stop(LIMIT).unwrap();
}

#[test]
fn what_is_not_tls_ends_the_connection_and_nothing_else() {
    let server = serve(|builder| {
        let tls = Tls::from_pem(FIRST, FIRST_KEY).unwrap();
        builder.tls(tls).max_connections(8).request_timeout(Duration::from_secs(2))
    });
    // More who are silent, or begin, than there are connections: they go, or run out of time.
    let silent: Vec<TcpStream> = (0..16).map(|_| connect_bare(&server)).collect();
    let mut half = connect_bare(&server);
    half.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).unwrap();
    let mut plain = connect_bare(&server);
    plain.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let answer = rest(plain);
    assert!(!answer.starts_with(b"HTTP"), "an alert of TLS at most: {answer:?}");
    assert_eq!(curl(&server, "/health", "first", &[]).unwrap().0, 200);
    assert_eq!(rest(half), b"");
    for client in silent {
        assert_eq!(rest(client), b"");
    }
    server.stop(LIMIT).unwrap();
}

#[test]
fn new_connections_get_what_the_files_hold_now() {
    let folder = Folder::new("reload");
    let (certificate, key) = (folder.write("tls.crt", FIRST), folder.write("tls.key", FIRST_KEY));
    let server = serve(|builder| builder.tls(Tls::from_files(&certificate, &key).unwrap()));
    let is = |name: &str| {
        assert_eq!(curl(&server, "/health", name, &[]).map(|answer| answer.0), Ok(200), "{name}")
    };
    let mut kept = connect(&server);
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    is("first");
    // One is written before the other.
    folder.write("tls.crt", SECOND);
    is("first");
    folder.write("tls.key", SECOND_KEY);
    is("second");
    assert_eq!(curl(&server, "/health", "first", &[]), Err(UNKNOWN_SIGNER));
    for broken in ["", "-----BEGIN CERTIFICATE-----\nnonsense"] {
        folder.write("tls.crt", broken);
        is("second");
    }
    fs::remove_file(&certificate).unwrap();
    is("second");
    folder.write("tls.crt", FIRST);
    folder.write("tls.key", FIRST_KEY);
    is("first");
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    kept.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "a connection goes on with what it began with");
    server.stop(LIMIT).unwrap();
}

#[test]
fn what_is_no_pair_is_refused_and_not_shown() {
    let folder = Folder::new("refused");
    let file = folder.write("tls.crt", FIRST);
    let cases = [
        (Tls::from_pem(FIRST, SECOND_KEY), "certificate and private key cannot be used"),
        (Tls::from_pem(FIRST, ""), "no private key"),
        (Tls::from_pem(FIRST, FIRST), "no private key"),
        (Tls::from_pem(FIRST_KEY, FIRST_KEY), "no certificate"),
        (Tls::from_pem(vec![0xff; 9], FIRST_KEY), "no certificate"),
        (Tls::from_files(&file, &file), "no private key"),
        (Tls::from_files(&file, folder.0.join("none")), "cannot read"),
        (Tls::from_files(&folder.0, &file), "cannot read"),
    ];
    for (tls, begins) in cases {
        let error = tls.unwrap_err();
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        let shown = format!("{error} {error:?} {source}");
        assert!(shown.starts_with(begins), "{shown}");
        assert!(!shows_a_key(&shown), "{shown}");
        assert_eq!(matches!(error, TlsError::Read { .. }), begins == "cannot read");
    }
}

/// Whether a line of one of the keys is in a text.
fn shows_a_key(text: &str) -> bool {
    let lines = [FIRST_KEY, SECOND_KEY].into_iter().flat_map(str::lines);
    lines.filter(|line| !line.starts_with('-')).any(|line| text.contains(line))
}

fn guarded(builder: ServerBuilder) -> ServerBuilder {
    builder.basic_auth("prometheus", PASSWORD).bearer_token(TOKEN).bearer_token("t0k3n-of-tomorrow")
}

#[test]
fn everything_but_health_is_for_those_who_may() {
    let server = serve(|builder| guarded(builder.tls(Tls::from_pem(FIRST, FIRST_KEY).unwrap())));
    let status = |path: &str, options: &[&str]| curl(&server, path, "first", options).unwrap().0;
    let user = |password: &str| format!("prometheus:{password}");
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    for path in ["/metrics", "/"] {
        assert_eq!(status(path, &["--user", &user(PASSWORD)]), 200, "{path}");
        assert_eq!(status(path, &["--header", &bearer(TOKEN)]), 200, "{path}");
        assert_eq!(status(path, &["--header", &bearer("t0k3n-of-tomorrow")]), 200, "{path}");
    }
    for path in ["/metrics", "/", "/nothing"] {
        assert_eq!(status(path, &[]), 401, "{path}");
        assert_eq!(status(path, &["--head"]), 401, "{path}");
        assert_eq!(status(path, &["--data", "x"]), 401, "{path}");
        assert_eq!(status(path, &["--user", &user("pa55-w0re")]), 401, "{path}");
        assert_eq!(status(path, &["--user", &format!("admin:{PASSWORD}")]), 401, "{path}");
        assert_eq!(status(path, &["--header", &bearer("t0k3n-of-yesterday")]), 401, "{path}");
        assert_eq!(status(path, &["--header", &bearer(PASSWORD)]), 401, "{path}");
    }
    assert_eq!(status("/health", &[]), 200);
    assert_eq!(status("/nothing", &["--user", &user(PASSWORD)]), 404);
    assert_eq!(status("/metrics", &["--user", &user(PASSWORD), "--data", "x"]), 405);
    server.stop(LIMIT).unwrap();
}

#[test]
fn secrets_are_shown_nowhere() {
    let lines = log::lines(|| ());
    let folder = Folder::new("secrets");
    let (certificate, key) = (folder.write("tls.crt", FIRST), folder.write("tls.key", FIRST_KEY));
    let tls = Tls::from_files(&certificate, &key).unwrap();
    let builder = guarded(Server::builder(&Registry::new()).tls(tls.clone()));
    let mut shown = vec![format!("{tls:?} {builder:?}")];
    let server = builder.clone().start("127.0.0.1:0").unwrap();
    shown.push(format!("{server:?}"));
    let refused = builder.basic_auth("with:colon", PASSWORD).start("127.0.0.1:0").unwrap_err();
    assert!(matches!(refused, ServeError::Credentials { .. }));
    shown.push(format!("{refused} {refused:?}"));
    // What the server has to say of it, and of what clients say.
    folder.write("tls.key", SECOND_KEY);
    for token in [TOKEN, "t0k3n-of-nobody"] {
        let header = format!("Authorization: Bearer {token}");
        let (_, said) = curl(&server, "/metrics", "first", &["--include", "--header", &header]).unwrap();
        shown.push(said);
    }
    let broken = format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\0\r\n\r\n");
    let mut stream = connect(&server);
    stream.write_all(broken.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    shown.push(answer);
    drop(stream);
    lines.wait_for("ended early");
    server.stop(LIMIT).unwrap();
    shown.extend(lines.all());
    let logged = |text: &str| shown.iter().any(|line| line.contains(text));
    assert!(logged("the last good certificate is kept"), "{shown:?}");
    assert!(
        logged("www-authenticate: Basic realm=\"metrics\"") && logged("www-authenticate: Bearer "),
        "{shown:?}"
    );
    let encoded = "cHJvbWV0aGV1czpwYTU1LXcwcmQ=";
    for text in &shown {
        let has_secret = [PASSWORD, "t0k3n", encoded].iter().any(|secret| text.contains(secret));
        assert!(!has_secret && !shows_a_key(text), "{text}");
    }
}
