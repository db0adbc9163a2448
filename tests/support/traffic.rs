//! Requests to the order service, and what must have been counted when all are answered.

use std::collections::BTreeMap;

use reqwest::{Client, Method};
use tokio::task::JoinSet;

use crate::backends::Series;

/// How many requests are on their way at a time.
const AT_ONCE: usize = 50;
/// The upper bounds of the buckets of `order_bytes`.
const BOUNDS: [usize; 8] = [32, 64, 128, 256, 512, 1024, 2048, 4096];

/// A request and how it must be answered.
struct Request {
    method: Method,
    path: String,
    body: String,
    route: &'static str,
    status: u16,
}

impl Request {
    fn get(path: impl Into<String>, route: &'static str, status: u16) -> Request {
        Request { method: Method::GET, path: path.into(), body: String::new(), route, status }
    }

    fn order(item: &str, amount: usize, status: u16) -> Request {
        let body = format!(r#"{{"item":"{item}","amount":{amount}}}"#);
        Request { method: Method::POST, path: "/orders".into(), body, route: "/orders", status }
    }

    /// The nth of a mixture: four good orders in ten, every route, every way to fail.
    fn nth(n: usize) -> Request {
        match n % 10 {
            0..=3 => Request::order(&"tree ".repeat(1 + n * 37 % 900), 1 + n % 9, 201),
            4 => Request::order("tree", 0, 400),
            5 => Request::order("boom", 1, 500),
            6 => Request::get("/orders/1", "/orders/{id}", 200),
            7 => Request::get(format!("/orders/{}", 1_000_000 + n), "/orders/{id}", 404),
            8 => Request::get(format!("/treecounter?depth={}", n % 7), "/treecounter", 200),
            _ if n % 20 == 9 => Request::get("/treecounter?depth=99", "/treecounter", 400),
            _ => Request::get(format!("/scan/{n}.php"), "unmatched", 404),
        }
    }
}

/// What was sent so far.
pub(crate) struct Traffic {
    client: Client,
    address: String,
    answered: BTreeMap<(&'static str, u16), usize>,
    order_bytes: Vec<usize>,
}

impl Traffic {
    pub(crate) fn to(address: &str, client: &Client) -> Traffic {
        let (address, client) = (address.to_owned(), client.clone());
        Traffic { client, address, answered: BTreeMap::new(), order_bytes: Vec::new() }
    }

    /// Sends this many requests, many at once, each of which must be answered as expected. The first time an order goes
    /// ahead of them, for the others to find.
    pub(crate) async fn send(&mut self, requests: usize) {
        if self.answered.is_empty() {
            self.send_all(vec![Request::order("first", 1, 201)]).await;
        }
        let sent: usize = self.answered.values().sum();
        let mut lanes: Vec<Vec<Request>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
        (sent..sent + requests).for_each(|n| lanes[n % AT_ONCE].push(Request::nth(n / AT_ONCE + n)));
        let mut tasks = JoinSet::new();
        for lane in lanes {
            self.expect(&lane);
            tasks.spawn(send_in_turn(self.client.clone(), self.address.clone(), lane));
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("every request is answered as it should be");
        }
    }

    /// Sends while something else is done that takes its time; gives what came of that.
    pub(crate) async fn send_while<T>(&mut self, requests: usize, work: impl FnOnce() -> T) -> T {
        // The requests are tasks of their own, begun first; this one may be held up.
        tokio::join!(self.send(requests), async { tokio::task::block_in_place(work) }).1
    }

    async fn send_all(&mut self, requests: Vec<Request>) {
        self.expect(&requests);
        send_in_turn(self.client.clone(), self.address.clone(), requests).await;
    }

    fn expect(&mut self, requests: &[Request]) {
        for request in requests {
            *self.answered.entry((request.route, request.status)).or_default() += 1;
            if request.status == 201 {
                self.order_bytes.push(request.body.len());
            }
        }
    }

    /// What Prometheus must have.
    pub(crate) fn scraped(&self) -> Series {
        let mut series = self.counts("requests_total", "request_seconds_count", "order_save_seconds_count");
        let accepted = self.order_bytes.len() as f64;
        for (name, value) in
            [("orders_total", accepted), ("orders_stored", accepted), ("requests_in_progress", 0.0)]
        {
            series.insert(name.into(), value);
        }
        series.insert("order_bytes_count".into(), accepted);
        series.insert("order_bytes_sum".into(), self.order_bytes.iter().sum::<usize>() as f64);
        for bound in BOUNDS {
            let below = self.order_bytes.iter().filter(|bytes| **bytes <= bound).count();
            series.insert(format!("order_bytes_bucket{{le=\"{bound}\"}}"), below as f64);
        }
        series.insert("order_bytes_bucket{le=\"inf\"}".into(), accepted);
        series
    }

    /// What a database that is pushed to must have. Every one of these only grows.
    pub(crate) fn pushed(&self) -> Series {
        let mut series = self.counts("requests_count", "request_count", "order_save_count");
        let accepted = self.order_bytes.len() as f64;
        for name in ["orders_count", "orders_stored_value", "order_bytes_count"] {
            series.insert(name.into(), accepted);
        }
        series
    }

    /// Requests by route and status, timings by route, attempts to save an order by outcome.
    fn counts(&self, requests: &str, timings: &str, saves: &str) -> Series {
        let mut series = Series::new();
        for ((route, status), count) in &self.answered {
            series.insert(format!("{requests}{{route={route:?},status=\"{status}\"}}"), *count as f64);
            *series.entry(format!("{timings}{{route={route:?}}}")).or_default() += *count as f64;
        }
        let broken = self.answered.get(&("/orders", 500)).copied().unwrap_or_default();
        for (outcome, count) in
            [("ok", self.order_bytes.len()), ("error", broken), ("panic", 0), ("cancelled", 0)]
        {
            series.insert(format!("{saves}{{outcome=\"{outcome}\"}}"), count as f64);
        }
        series
    }
}

/// One after the other, on a connection that is kept.
async fn send_in_turn(client: Client, address: String, requests: Vec<Request>) {
    for Request { method, path, body, status, .. } in requests {
        let request = client.request(method.clone(), format!("http://{address}{path}")).body(body);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        answer.bytes().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    }
}
