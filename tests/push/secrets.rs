//! Nothing shows the token, and nothing but the token is sent.

use std::process::Command;

use tagmeter::Registry;
use tagmeter::apptuit::Client;
use tagmeter::report::{Apptuit, Reporter};
use tagmeter::tag::Environment;
use tagmeter::transport::{Authorization, Http, HttpBuilder, Pem};

use crate::log::{self, Lines};
use crate::loopback::{FOREVER, Loopback};
use crate::proxy::Proxy;
use crate::tls::{self, pki};
use crate::{Reply, point};

const SECRET: &str = "s3cr3t-t0k3n";

/// A logger may send what it is told, also what the thread that makes requests tells it.
fn send_from_the_request_thread() {
    if std::thread::current().name() == Some("tagmeter-http") {
        let client = Client::builder().token("tok").endpoint("http://localhost").ignore_environment().build();
        assert!(client.unwrap().send(&[point("a", 1.0)]).is_err());
    }
}

fn lines() -> &'static Lines {
    log::lines(send_from_the_request_thread)
}

#[test]
fn the_token_is_shown_nowhere() {
    let lines = lines();
    let server = Loopback::start();
    let echo =
        format!(r#"{{"failed":1,"errors":[{{"error":"token {SECRET} may not","datapoint":"{SECRET}"}}]}}"#);
    for reply in [
        Reply::with_body(400, &echo),
        Reply::with_body(400, SECRET),
        Reply::with_body(200, &echo),
        Reply::Close,
    ] {
        server.reply(reply);
    }
    let client = Client::builder().token(SECRET).endpoint(server.url()).ignore_environment().build().unwrap();
    let mut shown = vec![format!("{client:?}")];
    for _ in 0..4 {
        let sent = client.send(&[point("a", 1.0)]);
        shown.push(format!("{sent:?}"));
        shown.extend(sent.err().map(|error| error.to_string()));
    }
    shown.extend(reporter_says(&server));
    shown.extend(lines.all());
    assert!(shown.iter().any(|text| text.starts_with("reqwest")), "the HTTP library logs, too: {shown:?}");
    for text in shown {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert_eq!(server.next().header("authorization"), Some(format!("Bearer {SECRET}")));
}

#[test]
fn a_token_that_is_repeated_with_escapes_is_shown_nowhere() {
    let server = Loopback::start();
    let said = r#"quoth \"the\u0020raven\"\/never\\more"#;
    let object = format!(r#"{{"metric":"a","tags":{{"{said}":["{said}"]}}}}"#);
    for (status, body) in [
        (
            400,
            format!(
                r#"{{"failed":1,"errors":[{{"error":"{said}","datapoint":{object}}}],"error":{object}}}"#
            ),
        ),
        (400, format!(r#"{{"failed":1,"errors":[{{"error":{{"of":"{said}"}},"datapoint":"{said}"}}]}}"#)),
        (400, format!(r#"["{said}"]"#)),
        (200, format!(r#"{{"failed":1,"errors":["{said}"]}}"#)),
    ] {
        server.reply(Reply::with_body(status, &body));
    }
    let token = r#"quoth "the raven"/never\more"#;
    let client = Client::builder().token(token).endpoint(server.url()).ignore_environment().build().unwrap();
    for _ in 0..4 {
        let sent = client.send(&[point("a", 1.0)]);
        let shown = format!("{sent:?}");
        assert!(shown.contains('…'), "{shown}");
        assert!(["quoth", "raven", "more"].iter().all(|part| !shown.contains(part)), "{shown}");
    }
}

fn reporter_says(server: &Loopback) -> Vec<String> {
    server.reply(Reply::with_body(400, SECRET));
    let registry = Registry::new();
    registry.counter("orders").inc();
    let sink = Apptuit::builder().token(SECRET).endpoint(server.url()).build().unwrap();
    let builder = Reporter::new(&registry, sink);
    let mut shown = vec![format!("{builder:?}")];
    let reporter = builder.tags([("host", "h1")]).start().unwrap();
    shown.push(format!("{reporter:?}"));
    let last = reporter.stop(FOREVER).unwrap();
    assert_eq!(last.failed, 1);
    shown.push(format!("{last:?} {}", last.errors[0]));
    shown
}

/// The password of a user and of a proxy, as headers hold them.
const ENCODED: [&str; 2] = ["c2hvcDpzM2NyM3QtYmFzaWM=", "c2hvcDpzM2NyM3QtcHJveHk="];

/// A backend that repeats what it was told, in a reason, a message and a point.
fn repeats(own: &str) -> Reply {
    let all = format!("{own} s3cr3t-header s3cr3t-proxy Basic {}", ENCODED[1]);
    let errors = format!(r#"[{{"error":"{all}","datapoint":"{all}"}}]"#);
    Reply::with_body(400, &format!(r#"{{"failed":1,"errors":{errors},"error":"{all}"}}"#))
}

/// Every kind of secret that options can hold, by this proxy; and how each says who we are.
fn guarded(proxy: &Proxy) -> [(HttpBuilder, String); 3] {
    let key = || Pem::text(std::fs::read(pki("client.key")).unwrap());
    let builder = || {
        Http::builder()
            .header("x-token", "s3cr3t-header")
            .proxy(format!("http://shop:s3cr3t-proxy@{}", proxy.address()))
            .trust_only(Pem::file(pki("authority.pem")))
            .client_certificate(Pem::file(pki("client.pem")), key())
    };
    let given = |_| Ok(Authorization::bearer("s3cr3t-given")?);
    [
        (builder().bearer("s3cr3t-token"), "s3cr3t-token".into()),
        (builder().basic("shop", "s3cr3t-basic"), format!("s3cr3t-basic {}", ENCODED[0])),
        (builder().authorize_with(given), "s3cr3t-given".into()),
    ]
}

/// What options, clients and errors say of themselves when such a backend refuses what it is sent, and breaks off.
fn clients_say(server: &Loopback, url: &str, proxy: &Proxy) -> Vec<String> {
    let mut shown = Vec::new();
    for (builder, own) in guarded(proxy) {
        server.reply(repeats(&own)).reply(Reply::with_body(500, "s3cr3t-header")).reply(Reply::Close);
        shown.push(format!("{builder:?}"));
        let http = builder.build().unwrap();
        shown.push(format!("{http:?}"));
        let client = Client::builder().endpoint(url).ignore_environment().transport(http);
        shown.push(format!("{client:?}"));
        let client = client.build().unwrap();
        shown.push(format!("{client:?}"));
        for _ in 0..3 {
            let error = client.send(&[point("a", 1.0)]).unwrap_err();
            shown.push(format!("{error:?} {error}"));
        }
        assert_eq!(server.next().header("x-token").as_deref(), Some("s3cr3t-header"));
    }
    let redacted = shown.iter().filter(|text| text.contains("with status 400: … …")).count();
    assert_eq!(redacted, 3, "{shown:?}");
    shown
}

#[test]
fn what_options_hold_is_shown_nowhere() {
    let (lines, proxy) = (lines(), Proxy::start_for(Some("Basic c2hvcDpzM2NyM3QtcHJveHk=")));
    let (plain, secure) = (Loopback::start(), tls::server());
    let mut shown = clients_say(&plain, &plain.url(), &proxy);
    shown.extend(clients_say(&secure, &tls::endpoint(&secure), &proxy));
    assert!(proxy.drain().iter().any(|seen| seen.line.starts_with("CONNECT")));
    shown.extend(lines.all());
    let key = std::fs::read_to_string(pki("client.key")).unwrap();
    let key = key.lines().nth(1).unwrap();
    for text in shown {
        let is_clean = [ENCODED[0], ENCODED[1], "s3cr3t", key].iter().all(|secret| !text.contains(secret));
        assert!(is_clean, "{text}");
    }
}

#[test]
fn a_deprecated_variable_gives_the_token_with_a_warning_that_does_not_show_it() {
    let lines = lines();
    let server = Loopback::start();
    let environment = Environment::new(|name| (name == "APPTUIT_PY_TOKEN").then(|| SECRET.to_owned()));
    let client = Client::builder().environment(environment).endpoint(server.url()).ignore_environment();
    client.build().unwrap().send(&[point("a", 1.0)]).unwrap();
    assert_eq!(server.next().header("authorization"), Some(format!("Bearer {SECRET}")));
    lines.wait_for("environment variable APPTUIT_PY_TOKEN is deprecated, use APPTUIT_API_TOKEN instead");
}

/// Set in the child that `netrc_is_ignored` starts.
const CHILD: &str = "TAGMETER_TEST_NETRC_ENDPOINT";

#[test]
fn netrc_is_ignored() {
    if let Ok(endpoint) = std::env::var(CHILD) {
        let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment().build().unwrap();
        client.send(&[point("a", 1.0)]).unwrap();
        return;
    }
    let server = Loopback::start();
    let home = std::env::temp_dir().join(format!("tagmeter-netrc-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join(".netrc"), "machine 127.0.0.1 login mallory password wrong\n").unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "secrets::netrc_is_ignored"])
        .env("HOME", &home)
        .env("NETRC", home.join(".netrc"))
        .env(CHILD, server.url())
        .output()
        .unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    assert!(child.status.success(), "{child:?}");
    assert_eq!(server.next().header("authorization").as_deref(), Some("Bearer tok"));
}
