//! Bodies in every coding, read by a server and taken by a real database.

#[path = "../support/backends.rs"]
#[allow(dead_code, reason = "other tests have other servers")]
mod backends;

use backends::Victoria;
use tagmeter::apptuit::{Client, DataPoint};
use tagmeter::transport::{Coding, Http};

use crate::loopback::Loopback;
use crate::point;

fn codings() -> Vec<(Option<&'static str>, Coding)> {
    vec![
        (None, Coding::identity()),
        (Some("deflate"), Coding::deflate()),
        (Some("deflate"), Coding::deflate().level(1)),
        (Some("gzip"), Coding::gzip()),
        (Some("gzip"), Coding::gzip().level(9)),
        #[cfg(feature = "zstd")]
        (Some("zstd"), Coding::zstd()),
        #[cfg(feature = "zstd")]
        (Some("zstd"), Coding::zstd().level(19)),
    ]
}

fn client(endpoint: &str, coding: Coding) -> Client {
    let http = Http::builder().direct().coding(coding).build().unwrap();
    let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment();
    client.transport(http).build().unwrap()
}

#[test]
fn a_server_reads_the_same_points_from_each() {
    let server = Loopback::start();
    let points: Vec<DataPoint> = (0..1_000).map(|n| point("a.b", f64::from(n))).collect();
    client(&server.url(), Coding::identity()).send(&points).unwrap();
    let plain = server.next();
    let expected = plain.json();
    assert_eq!(expected.as_array().unwrap().len(), 1_000);
    for (name, coding) in codings() {
        client(&server.url(), coding).send(&points).unwrap();
        let request = server.next();
        assert_eq!((request.header("content-encoding").as_deref(), request.json()), (name, expected.clone()));
        assert!(name.is_none() || request.body.len() < plain.body.len() / 10, "{coding:?}");
    }
}

#[tokio::test]
async fn a_real_database_takes_each() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let database = Victoria::start("victoria-new:codings", &http);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    for (n, (_, coding)) in codings().into_iter().enumerate() {
        let name = format!("coding_{n}");
        let point = DataPoint::new(name.as_str(), [("host", "h1")], now, n as f64 + 0.5).unwrap();
        client(database.endpoint(), coding).send_async(&[point]).await.unwrap();
        let stored = database.newest(&format!("{{__name__={name:?}}}"), &["host"]).await;
        assert_eq!(
            stored.get(&format!("{name}{{host=\"h1\"}}")),
            Some(&(n as f64 + 0.5)),
            "{coding:?}: {stored:?}"
        );
    }
}
