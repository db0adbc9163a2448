//! What an earlier reporter left on disk, as a backend gets it.

use std::path::Path;

use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::report::{Apptuit, Reporter, ReporterBuilder};
use tagmeter::tag::Environment;

use crate::Reply;
use crate::loopback::{FOREVER, Loopback};

/// A reporter of one counter that calls everything `name`, with that spool.
fn reporter(registry: &Registry, server: &Loopback, name: &str, spool: &Path) -> ReporterBuilder<Apptuit> {
    let sink = Apptuit::builder().token("tok").endpoint(server.url()).build().unwrap();
    Reporter::new(registry, sink)
        .prefix(format!("{name}."))
        .tags([("env", name)])
        .host_tag(false)
        .push_own_metrics(false)
        .environment(Environment::empty())
        .on_error(|_| ())
        .spool(spool)
}

#[test]
fn it_has_the_names_and_tags_it_was_measured_with_and_goes_where_the_next_one_pushes() {
    let spool = std::env::temp_dir().join(format!("tagmeter-push-{}", std::process::id()));
    let (clock, first, second) = (ManualClock::new(), Loopback::start(), Loopback::start());
    let registry = Registry::builder().clock(clock.clone()).build();
    registry.counter("a").inc();
    let first = reporter(&registry, first.reply(Reply::Close), "old", &spool).start().unwrap();
    assert_eq!(first.stop(FOREVER).unwrap().waiting, 1);
    clock.advance(std::time::Duration::from_secs(60));
    let next = reporter(&registry, &second, "new", &spool).start().unwrap();
    let last = next.stop(FOREVER).unwrap();
    assert_eq!((last.caught_up, last.successful), (1, 1));
    let sent: Vec<_> = second.drain().iter().map(|request| request.json()[0].clone()).collect();
    for (at, (name, second)) in [("old", 0), ("new", 60)].into_iter().enumerate() {
        let expected = serde_json::json!({
            "metric": format!("{name}_a_count"), "timestamp": second, "value": 1.0, "tags": {"env": name},
        });
        assert_eq!(sent[at], expected);
    }
    std::fs::remove_dir_all(&spool).unwrap();
}
