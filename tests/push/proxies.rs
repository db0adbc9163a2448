//! By a proxy, which is a real one on loopback.

use tagmeter::apptuit::{Client, SendError};
use tagmeter::report::PushError;
use tagmeter::tag::Environment;
use tagmeter::transport::{Http, HttpBuilder};

use crate::loopback::Loopback;
use crate::proxy::Proxy;
use crate::{point, tls};

/// `shop:p@ss`, as the proxy gets it.
const KNOWN: &str = "Basic c2hvcDpwQHNz";

fn send(server: &Loopback, http: HttpBuilder) -> Result<(), String> {
    let sent = tls::client(server.url(), http).send(&[point("a", 1.0)]);
    sent.map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_request_is_given_to_the_proxy_with_its_address() {
    let (server, proxy) = (Loopback::start(), Proxy::start_for(Some(KNOWN)));
    let url = format!("http://shop:p%40ss@{}", proxy.address());
    assert_eq!(send(&server, Http::builder().proxy(url)), Ok(()));
    let seen = proxy.drain();
    assert_eq!(seen[0].line, format!("POST {}/api/put?details HTTP/1.1", server.url()));
    assert_eq!(seen[0].header("proxy-authorization"), Some(KNOWN));
    assert_eq!(server.next().points(), 1);
}

#[test]
fn a_secure_request_goes_through_a_tunnel_and_the_proxy_sees_none_of_it() {
    let (server, proxy) = (tls::server(), Proxy::start_for(Some(KNOWN)));
    let url = format!("http://shop:p%40ss@{}", proxy.address());
    let client = tls::client(tls::endpoint(&server), tls::trusting().proxy(url));
    (0..3).for_each(|_| assert_eq!(client.send(&[point("a", 1.0)]).unwrap().successful, 1));
    let request = server.next();
    assert_eq!(request.header("authorization").as_deref(), Some("Bearer tok"));
    assert_eq!(request.header("proxy-authorization"), None);
    let seen = proxy.drain();
    let host = server.url().replace("http://", "");
    assert_eq!((seen.len(), &seen[0].line), (1, &format!("CONNECT {host} HTTP/1.1")));
    assert_eq!((seen[0].header("proxy-authorization"), seen[0].header("authorization")), (Some(KNOWN), None));
}

#[test]
fn a_proxy_may_be_secure_where_the_server_is_not() {
    // It answers for a server that nobody else knows.
    let proxy = tls::server();
    let http = tls::trusting().proxy(tls::endpoint(&proxy));
    tls::client("http://metrics.invalid:4242".into(), http).send(&[point("a", 1.0)]).unwrap();
    assert_eq!(proxy.next().path, "http://metrics.invalid:4242/api/put?details");
}

#[test]
fn a_proxy_that_does_not_know_us_is_told() {
    let (server, proxy) = (Loopback::start(), Proxy::start_for(Some(KNOWN)));
    let url = || format!("http://shop:wrong-one@{}", proxy.address());
    let error = send(&server, Http::builder().proxy(url())).unwrap_err();
    assert!(error.contains("status 407"), "{error}");
    let client = tls::client(server.url().replace("http:", "https:"), tls::trusting().proxy(url()));
    let error = client.send(&[point("a", 1.0)]).unwrap_err();
    let SendError::Push(PushError::Unreachable { reason, .. }) = error else { panic!("{error}") };
    assert!(reason.contains("proxy auth") && !reason.contains("wrong-one"), "{reason}");
    assert!(server.drain().is_empty());
}

#[test]
fn some_hosts_are_reached_without_it() {
    let (server, proxy) = (Loopback::start(), Proxy::start());
    let url = || format!("http://{}", proxy.address());
    for (except, is_used) in
        [("127.0.0.0/8", false), ("elsewhere, 127.0.0.1", false), ("*", false), ("10.0.0.0/8", true)]
    {
        assert_eq!(send(&server, Http::builder().proxy(url()).no_proxy(except)), Ok(()));
        assert_eq!(proxy.drain().len(), usize::from(is_used), "{except}");
    }
    assert_eq!(server.drain().len(), 4);
}

#[test]
fn the_environment_names_one() {
    let (server, proxy) = (Loopback::start(), Proxy::start());
    let variables = |except: &'static str| {
        let url = proxy.address().to_string();
        Environment::new(move |name| match name {
            "HTTP_PROXY" => Some(url.clone()),
            "NO_PROXY" => Some(except.to_owned()),
            _ => None,
        })
    };
    for (except, is_used) in [("elsewhere", true), ("127.0.0.1", false)] {
        assert_eq!(send(&server, Http::builder().environment(variables(except))), Ok(()));
        assert_eq!(proxy.drain().len(), usize::from(is_used), "{except}");
    }
    // A client that was told nothing of the way looks there, too.
    let client = Client::builder().token("tok").endpoint(server.url()).ignore_environment();
    client.environment(variables("nowhere")).build().unwrap().send(&[point("a", 1.0)]).unwrap();
    assert_eq!(proxy.drain().len(), 1);
    assert_eq!(send(&server, Http::builder().environment(variables("elsewhere")).direct()), Ok(()));
    assert!(proxy.drain().is_empty());
}

#[test]
fn a_proxy_that_is_down_is_no_connection() {
    let server = Loopback::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(&server, Http::builder().proxy(format!("http://{free}"))).unwrap_err();
    assert!(error.contains("no connection") && error.contains("Connection refused"), "{error}");
    assert!(server.drain().is_empty());
}
