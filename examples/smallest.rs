//! For everybody who is new here: the smallest program with something on a page.
//! `cargo run --example smallest --features serve`, then `curl http://127.0.0.1:9100/metrics`; Ctrl-C ends it.

use tagmeter::Registry;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let requests =
        registry.define("requests").help("Requests served.").tags(["route", "status"]).counters()?;
    let server = tagmeter::serve("127.0.0.1:9100", &registry)?;

    requests.with(["/orders", "200"]).inc();
    println!("http://{}/metrics", server.addr());
    std::thread::park();
    Ok(())
}
