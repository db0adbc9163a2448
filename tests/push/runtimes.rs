//! Everything works wherever it is called: outside a runtime, inside one of either kind, and in destructors there.

use std::time::Duration;

use tagmeter::Registry;
use tagmeter::apptuit::Client;
use tagmeter::report::{Apptuit, Reporter};

use crate::loopback::{FOREVER, Loopback};
use crate::{client, point};

/// Sends, reports, stops and drops, and sees each arrive.
fn use_everything(server: &Loopback) {
    let client = client(server);
    assert_eq!(client.send(&[point("a", 1.0)]).unwrap().successful, 1);
    assert_eq!(server.next().points(), 1);

    let registry = Registry::new();
    registry.counter("orders").inc();
    let reporter = start(&registry, server);
    assert_eq!(reporter.report_now().unwrap().successful, 1);
    assert_eq!(reporter.stop(FOREVER).unwrap().successful, 1);
    assert_eq!(server.drain().len(), 3, "two reports and the reporter's own metrics");

    drop(start(&registry, server));
    assert_eq!(server.drain().len(), 1, "dropping pushes once more");
    drop(SendsWhenDropped(client));
    assert_eq!(server.drain().len(), 1);
}

fn start(registry: &Registry, server: &Loopback) -> Reporter {
    let sink = Apptuit::builder().token("tok").endpoint(server.url()).build().unwrap();
    Reporter::new(registry, sink).every(Duration::from_secs(3600)).tags([("host", "h1")]).start().unwrap()
}

struct SendsWhenDropped(Client);

impl Drop for SendsWhenDropped {
    fn drop(&mut self) {
        self.0.send(&[point("last", 1.0)]).unwrap();
    }
}

#[test]
fn in_no_runtime() {
    use_everything(&Loopback::start());
}

#[test]
fn in_a_current_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { use_everything(&Loopback::start()) });
}

#[test]
fn in_a_multi_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let task = runtime.spawn(async { use_everything(&Loopback::start()) });
    runtime.block_on(task).unwrap();
}

#[test]
fn in_a_task_that_has_used_up_its_budget() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..1000).for_each(|n| sender.send(n).unwrap());
        // Polled by hand until the runtime wants this task to yield, which it does not.
        let poll = |context: &mut std::task::Context<'_>| {
            while receiver.poll_recv(context).is_ready() {}
            use_everything(&Loopback::start());
            std::task::Poll::Ready(())
        };
        std::future::poll_fn(poll).await;
    });
}

#[test]
fn a_reporter_dropped_by_a_runtime_that_ends_pushes_once_more() {
    let server = Loopback::start();
    let registry = Registry::new();
    registry.counter("orders").inc();
    let reporter = start(&registry, &server);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move {
        let _reporter = reporter;
        std::future::pending::<()>().await;
    });
    drop(runtime);
    assert_eq!(server.next().points(), 1);
    assert!(server.drain().is_empty());
}

#[test]
fn sending_asynchronously_needs_no_particular_runtime() {
    let server = Loopback::start();
    let client = client(&server);
    let points = [point("a", 1.0)];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(client.send_async(&points)).unwrap();
    assert_eq!((outcome.successful, server.next().points()), (1, 1));
}

#[test]
fn a_future_that_is_dropped_gives_its_request_up() {
    let server = Loopback::start();
    let (silence, _held) = crate::Reply::held();
    server.reply(silence);
    let client = client(&server);
    let points = [point("a", 1.0)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let given_up = async {
        let seen = tokio::task::spawn_blocking(move || (server.next(), server));
        tokio::select! {
            sent = client.send_async(&points) => panic!("the server does not answer, but: {sent:?}"),
            seen = seen => seen.unwrap(),
        }
    };
    let (_, _server) = runtime.block_on(given_up);
    assert_eq!(client.send(&[point("b", 1.0)]).unwrap().successful, 1);
}
