//! The metrics page inside other people's servers, as a client on a socket sees it.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tagmeter::Registry;
use tagmeter::http::tower::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

const OPENMETRICS: &str = "Accept: application/openmetrics-text;version=1.0.0\r\n";

fn registry() -> Registry {
    let registry = Registry::new();
    registry.counter("orders").inc();
    registry.gauge("depth").set(2.0);
    registry
}

/// A server by axum, with a state and a route of its own.
async fn start_axum(registry: &Registry) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let metrics = tagmeter::http::axum::metrics(registry);
    let app = Router::new().route("/metrics", metrics).route("/", get(|| async { "hello" })).with_state(7_u8);
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

/// A server by hyper alone.
async fn start_hyper(registry: &Registry) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let metrics = Metrics::new(registry);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let metrics = metrics.clone();
            let service = service_fn(move |request| metrics.clone().call(request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    addr
}

async fn ask(addr: SocketAddr, method: &str, target: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// What every server has to answer, whoever wrote it.
async fn check(addr: SocketAddr) {
    let text = ask(addr, "GET", "/metrics", "").await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{text}");
    assert!(text.ends_with("orders_total 1\n"), "{text}");

    let open = ask(addr, "GET", "/metrics?name[]=depth", OPENMETRICS).await;
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert!(open.contains("vary: Accept, Accept-Encoding\r\n"), "{open}");
    assert!(open.ends_with("\r\n\r\n# TYPE depth gauge\ndepth 2.0\n# EOF\n"), "{open}");

    let head = ask(addr, "HEAD", "/metrics?name[]=depth", OPENMETRICS).await;
    assert!(head.contains("content-length: 35\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let post = ask(addr, "POST", "/metrics", "Content-Length: 0\r\n").await;
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"), "{post}");
    let refused = ask(addr, "GET", "/metrics", "Accept-Encoding: br, identity;q=0\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 406 "), "{refused}");
}

#[tokio::test]
async fn axum_serves_the_page() {
    let addr = start_axum(&registry()).await;
    check(addr).await;
    assert!(ask(addr, "GET", "/", "").await.ends_with("hello"));
}

#[tokio::test]
async fn hyper_serves_the_page() {
    check(start_hyper(&registry()).await).await;
}

#[tokio::test]
async fn a_slow_page_keeps_nobody_else_waiting() {
    let registry = registry();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    registry.gauge_fn("slow", move || {
        let _ = ended.lock().unwrap().recv_timeout(Duration::from_secs(30));
        1.0
    });
    let addr = start_axum(&registry).await;
    let page = tokio::spawn(async move { ask(addr, "GET", "/metrics", "").await });
    assert!(ask(addr, "GET", "/", "").await.ends_with("hello"));
    assert!(ask(addr, "GET", "/metrics?name[]=depth", "").await.ends_with("depth 2\n"));
    assert!(!page.is_finished());
    drop(end);
    assert!(page.await.unwrap().contains("slow 1\n"));
}
