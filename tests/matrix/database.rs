//! A real time-series database, and in front of it a real proxy as a switch for faults.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Url;
use serde_json::{Value, json};
use socket2::Socket;

use crate::backends::{Server, script};
use crate::endpoint::{Endpoint, check_down, keep_port};
use crate::faults::{Fault, Kind};
use crate::ledger::{Held, Point};

/// VictoriaMetrics behind nginx. It is nginx that goes down and fails: what reached the database is there.
pub(crate) struct Database {
    _servers: [Server; 2],
    url: String,
    proxy: &'static str,
    _port: Socket,
    address: SocketAddr,
}

impl Endpoint for Database {
    const NAME: &'static str = "VictoriaMetrics behind nginx";

    const FAULTS: &'static [Fault] = &[
        Fault::NONE,
        Fault::share(20, Kind::ServerError),
        Fault::always(Kind::ServerError),
        Fault::always(Kind::ResetWhileReading),
    ];

    fn new(_scratch: &Path) -> Self {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        // A run starts a handful of servers: their names may stay.
        let name = |base: &str| -> &'static str { format!("{base}:matrix{number}").leak() };
        let (name, proxy) = (name("victoria-new"), name("nginx"));
        let database = Server::start_at(name, 0, &[]);
        let put = script(&["url", name, "opentsdb"]);
        let upstream = put.strip_suffix("/api/put").expect("the address of a put");
        let (port, address) = keep_port();
        let started = Server::start_at(proxy, address.port(), &[("NGINX_UPSTREAM", upstream)]);
        let url = script(&["url", name]);
        let mut new = Database { _servers: [database, started], url, proxy, _port: port, address };
        new.down();
        new
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn up(&mut self) {
        self.fault(Fault::NONE);
        script(&["start", "--keep", self.proxy]);
    }

    fn down(&mut self) {
        script(&["kill", self.proxy]);
        check_down(self.address);
    }

    fn fault(&mut self, fault: Fault) {
        let control = PathBuf::from(script(&["url", self.proxy, "control"]));
        for file in fs::read_dir(&control).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        let file = match (fault.kind, fault.percent) {
            (Kind::None, _) => return,
            (Kind::ServerError, 100) => "503",
            (Kind::ServerError, 20) => "some",
            (Kind::Rest, 100) => "429",
            (Kind::ResetWhileReading, 100) => "drop",
            _ => panic!("nginx cannot do {fault:?}"),
        };
        File::create(control.join(file)).unwrap();
    }

    fn held(&self) -> Held {
        let get = |path: &str, query: &[(&str, &str)]| {
            let url = Url::parse_with_params(&format!("{}{path}", self.url), query).unwrap();
            get(url)
        };
        get("/internal/force_flush", &[]);
        // Otherwise up to now: a clock that is ahead makes later points.
        let end = ("end", "2100-01-01T00:00:00Z");
        let lines = get("/api/v1/export", &[("match[]", "reports_count"), end]);
        let mut held = Held::default();
        lines.lines().flat_map(points).for_each(|point| held.add(point, true));
        held
    }
}

/// The points of a line, which is a series.
fn points(line: &str) -> Vec<Point> {
    let line: Value = serde_json::from_str(line).expect("VictoriaMetrics exports lines of JSON");
    let mut tags = line["metric"].clone();
    let metric = tags.as_object_mut().unwrap().remove("__name__").unwrap();
    let numbers = |key: &str| line[key].as_array().unwrap().clone();
    let put = |(millis, value): (Value, Value)| {
        let seconds = millis.as_i64().unwrap() / 1000;
        Point::of(&json!({"metric": metric, "tags": tags, "timestamp": seconds, "value": value}))
    };
    numbers("timestamps").into_iter().zip(numbers("values")).map(put).collect()
}

fn get(url: Url) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.text().await.unwrap()
    })
}
