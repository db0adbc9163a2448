//! Pages written once for all who wait for them.
//!
//! A request joins the flight for what it asks for that has not begun; where there is none, it makes one. A flight begins
//! when its turn comes, and from then on nobody joins: whatever was recorded before a request came is on its page. So
//! however many ask for the same at once, two pages are written: one that had begun, and one for all who came after.
//!
//! Waiting for the next page rather than taking the one in work costs at most the time of one page, and keeps a promise
//! that tests and people rely on: a scrape shows what its client did before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::Full;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OnceCell, OwnedSemaphorePermit, Semaphore, watch};

use crate::http::representation::Representation;
use crate::http::request::Request;
use crate::http::respond;
use crate::registry::View;

/// An answer in the words of the `http` crate.
pub(super) type Answer = http::Response<Full<Bytes>>;

/// The pages of a view.
#[derive(Debug)]
pub(super) struct Flights {
    view: View,
    turns: Arc<Semaphore>,
    until: Until,
    waiting: Arc<Mutex<Vec<Weak<Flight>>>>,
    numbers: AtomicU64,
}

/// How long a page keeps its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Until it is written.
    #[cfg(feature = "tower")]
    Written,
    /// Until nobody reads it any more.
    #[cfg(feature = "serve")]
    Read,
}

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    is_head: bool,
    wanted: Result<Representation, respond::Response>,
}

/// A page that several wait for.
#[derive(Debug)]
struct Flight {
    wanted: Representation,
    /// Set once it has begun: where the page arrives.
    begun: OnceCell<watch::Receiver<Option<Page>>>,
}

/// A page that several read.
#[derive(Debug, Clone)]
pub(super) struct Page {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    number: PageNumber,
}

/// Tells pages apart; an extension of the answer that has the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageNumber(pub(super) u64);

impl Flights {
    /// Pages of this view, of which so many have a turn at a time.
    pub(super) fn new(view: impl Into<View>, turns: usize, until: Until) -> Self {
        Flights {
            view: view.into(),
            turns: Arc::new(Semaphore::new(turns)),
            until,
            waiting: Arc::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// Whether a page that begins now has to wait for its turn.
    #[cfg(feature = "serve")]
    pub(super) fn are_full(&self) -> bool {
        self.turns.available_permits() == 0
    }

    /// The answer to this. Nothing where the page panicked or the runtime ends.
    pub(super) async fn answer(&self, asked: Asked) -> Option<Answer> {
        let page = match asked.wanted {
            Ok(wanted) => self.page(wanted).await?,
            Err(refusal) => Page::new(refusal, PageNumber(0), None),
        };
        page.into_answer(asked.is_head)
    }

    async fn page(&self, wanted: Representation) -> Option<Page> {
        let flight = self.join(wanted);
        // Who begins it may be cut off while it waits for a turn: then another does.
        let begun = flight.begun.get_or_try_init(|| self.begin(Arc::clone(&flight))).await;
        let mut landing = begun.ok()?.clone();
        landing.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn join(&self, wanted: Representation) -> Arc<Flight> {
        let mut waiting = self.waiting.lock();
        waiting.retain(|flight| flight.strong_count() > 0);
        let mut flights = waiting.iter().filter_map(Weak::upgrade);
        if let Some(flight) = flights.find(|flight| flight.wanted == wanted) {
            return flight;
        }
        let flight = Arc::new(Flight { wanted, begun: OnceCell::new() });
        waiting.push(Arc::downgrade(&flight));
        flight
    }

    async fn begin(&self, flight: Arc<Flight>) -> Result<watch::Receiver<Option<Page>>, AcquireError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let (land, landing) = watch::channel(None);
        let (view, waiting, until) = (self.view.clone(), Arc::clone(&self.waiting), self.until);
        // Relaxed: a number orders nothing, it only differs.
        let number = PageNumber(self.numbers.fetch_add(1, Ordering::Relaxed) + 1);
        let write = move || {
            waiting.lock().retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(&flight)));
            let response = flight.wanted.of_view(&view);
            land.send_replace(Some(Page::new(response, number, until.kept(turn))));
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            // A runtime that is not tokio's.
            Err(_) => write(),
        }
        Ok(landing)
    }
}

impl Asked {
    /// What this request asks for, whatever its body.
    pub(super) fn of<B>(request: &http::Request<B>) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let bare = Request::new(request.method().as_str(), target);
        let request = headers.fold(bare, |request, (name, value)| request.header(name, value));
        Asked { is_head: request.method() == "HEAD", wanted: Representation::of(&request) }
    }
}

impl Until {
    /// The turn of a page that is written, where the page keeps it.
    fn kept(self, turn: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        match self {
            #[cfg(feature = "tower")]
            Until::Written => {
                drop(turn);
                None
            }
            #[cfg(feature = "serve")]
            Until::Read => Some(turn),
        }
    }
}

impl Page {
    fn new(response: respond::Response, number: PageNumber, turn: Option<OwnedSemaphorePermit>) -> Self {
        let body = Bytes::from_owner(Held { bytes: response.body, _turn: turn });
        Page { status: response.status, headers: response.headers, body, number }
    }

    fn into_answer(self, is_head: bool) -> Option<Answer> {
        let body = if is_head { Bytes::new() } else { self.body };
        let answer = http::Response::builder().status(self.status).extension(self.number);
        let headers = self.headers.into_iter();
        headers.fold(answer, |answer, (name, value)| answer.header(name, value)).body(Full::new(body)).ok()
    }
}

/// A page's bytes, with its turn where it keeps it.
struct Held {
    bytes: Vec<u8>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use http_body_util::BodyExt;
    use tokio::runtime::Runtime;
    use tokio::task::yield_now;

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).build().unwrap()
    }

    #[cfg(feature = "serve")]
    const UNTIL: Until = Until::Read;
    #[cfg(not(feature = "serve"))]
    const UNTIL: Until = Until::Written;

    /// A registry that counts how often it is read; each reading says that it has begun and waits for its end.
    fn slow_registry() -> (Registry, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let registry = Registry::new();
        let (begun, begins) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let (reads, ended) = (AtomicUsize::new(0), Mutex::new(ended));
        registry.gauge_fn("reads", move || {
            let _ = begun.send(());
            let _ = ended.lock().recv_timeout(Duration::from_secs(30));
            reads.fetch_add(1, Ordering::Relaxed) as f64 + 1.0
        });
        (registry, begins, end)
    }

    fn get(query: &str) -> http::Request<()> {
        http::Request::builder().uri(format!("/metrics{query}")).body(()).unwrap()
    }

    async fn text(answer: Option<Answer>) -> String {
        let bytes = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn all_who_come_after_a_page_has_begun_share_the_next() {
        let (registry, begins, end) = slow_registry();
        let hits = registry.counter("hits");
        runtime().block_on(async {
            let flights = Arc::new(Flights::new(&registry, 1, UNTIL));
            let ask = |query: &'static str| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { text(flights.answer(Asked::of(&get(query))).await).await })
            };
            let first = ask("");
            yield_now().await;
            begins.recv().unwrap();
            hits.inc();
            let others: Vec<_> = (0..100).map(|_| ask("")).collect();
            yield_now().await;
            (0..2).for_each(|_| end.send(()).unwrap());
            assert!(first.await.unwrap().contains("reads 1\n"));
            for other in others {
                let page = other.await.unwrap();
                assert!(page.contains("hits_total 1\n") && page.contains("reads 2\n"), "{page}");
            }
        });
    }

    #[test]
    fn what_is_asked_for_otherwise_is_another_page() {
        let (registry, _begins, end) = slow_registry();
        runtime().block_on(async {
            let flights = Flights::new(&registry, 4, UNTIL);
            (0..2).for_each(|_| end.send(()).unwrap());
            assert!(text(flights.answer(Asked::of(&get(""))).await).await.contains("reads 1\n"));
            assert_eq!(text(flights.answer(Asked::of(&get("?name[]=other"))).await).await, "");
            assert!(text(flights.answer(Asked::of(&get("?name[]=reads"))).await).await.contains("reads 2\n"));
            assert!(flights.waiting.lock().is_empty());
        });
    }

    #[test]
    fn a_flight_goes_on_without_the_one_who_began_it() {
        let (registry, begins, end) = slow_registry();
        runtime().block_on(async {
            let flights = Arc::new(Flights::new(&registry, 1, UNTIL));
            let ask = || {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { text(flights.answer(Asked::of(&get(""))).await).await })
            };
            let running = ask();
            yield_now().await;
            begins.recv().unwrap();
            // The first of them waits for the turn, and goes.
            let (leader, joined) = (ask(), ask());
            yield_now().await;
            leader.abort();
            running.abort();
            (0..2).for_each(|_| end.send(()).unwrap());
            assert!(joined.await.unwrap().contains("reads 2\n"));
        });
    }

    #[test]
    fn a_page_that_nobody_waits_for_is_not_written() {
        let (registry, begins, end) = slow_registry();
        runtime().block_on(async {
            let flights = Arc::new(Flights::new(&registry, 1, UNTIL));
            let ask = |query: &'static str| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { text(flights.answer(Asked::of(&get(query))).await).await })
            };
            let first = ask("");
            yield_now().await;
            begins.recv().unwrap();
            let second = ask("?name[]=reads");
            yield_now().await;
            second.abort();
            assert!(second.await.unwrap_err().is_cancelled());
            (0..2).for_each(|_| end.send(()).unwrap());
            first.await.unwrap();
            assert!(ask("").await.unwrap().contains("reads 2\n"));
        });
    }
}
