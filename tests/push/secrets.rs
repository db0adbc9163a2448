//! Nothing shows the token, and nothing but the token is sent.

use std::process::Command;

use tagmeter::Registry;
use tagmeter::apptuit::Client;
use tagmeter::report::{Apptuit, Reporter};

use crate::log::{self, Lines};
use crate::loopback::{FOREVER, Loopback};
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
