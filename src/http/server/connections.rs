//! The open connections, and which of them goes when there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::http::flights::PageNumber;
use crate::http::server::limits::Limits;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    table: Mutex<Table>,
    /// Told whenever a connection has no unfinished answer any more.
    done: Notify,
    /// Told whenever a connection ends, or may be ended at once.
    room: Notify,
}

#[derive(Debug)]
struct Table {
    open: BTreeMap<u64, Connection>,
    /// Counts the connections there were.
    seated: u64,
    limits: Limits,
}

#[derive(Debug)]
struct Connection {
    stage: Stage,
    /// When it got there, or last moved on.
    since: Instant,
    task: Option<AbortHandle>,
}

/// What a connection is at, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// For the client to send its first request, or the body of one.
    Asking,
    /// For the client to send another request, or nothing more.
    Idle,
    /// The answer is being made.
    Answering,
    /// The answer is being made, and is a page.
    Scraping,
    /// The answer is on its way: this page, where it is one.
    Writing(Option<PageNumber>),
}

impl Stage {
    /// Whether there is no answer to finish.
    fn waits(self) -> bool {
        matches!(self, Stage::Asking | Stage::Idle)
    }

    fn reads_page(self) -> bool {
        matches!(self, Stage::Writing(Some(_)))
    }

    fn scrapes(self) -> bool {
        self == Stage::Scraping || self.reads_page()
    }
}

impl Connections {
    /// None yet.
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let table = Table { open: BTreeMap::new(), seated: 0, limits };
        Arc::new(Connections { table: Mutex::new(table), done: Notify::new(), room: Notify::new() })
    }

    /// A seat for a new connection, once there is room.
    pub(super) async fn seat(self: &Arc<Self>) -> Seat {
        loop {
            let room = self.room.notified();
            let next_look = match self.table.lock().take_seat(Instant::now()) {
                Ok(number) => return Seat { connections: Arc::clone(self), number },
                Err(next_look) => next_look,
            };
            let _ = timeout_at(next_look, room).await;
        }
    }

    /// Drops the connection that has waited longest for its client. Whether there was one.
    pub(super) fn drop_waiting(&self) -> bool {
        self.table.lock().drop_longest(|connection| connection.stage.waits())
    }

    /// Drops the connections that wait, again and again, until there are no others.
    pub(super) async fn all_done(&self) {
        while self.drop_all_waiting() > 0 {
            self.done.notified().await;
        }
    }

    /// Drops them all. Returns how many had an unfinished answer.
    pub(super) fn drop_all(&self) -> usize {
        let unfinished = self.drop_all_waiting();
        self.table.lock().drop_where(|_| true);
        unfinished
    }

    /// Drops the connections that wait. Returns how many are left.
    fn drop_all_waiting(&self) -> usize {
        let mut table = self.table.lock();
        table.drop_where(|connection| connection.stage.waits());
        table.open.len()
    }
}

impl Table {
    /// Takes a seat if there is one, or can be; if not, when to look again.
    fn take_seat(&mut self, now: Instant) -> Result<u64, Instant> {
        let idle = |connection: &Connection| connection.stage == Stage::Idle;
        let limits = self.limits;
        let slow = move |connection: &Connection| connection.is_slow(now, &limits);
        if self.open.len() >= limits.connections && !self.drop_longest(idle) && !self.drop_longest(slow) {
            return Err(self.next_slow().unwrap_or(now + limits.slow_reader));
        }
        self.seated += 1;
        self.open.insert(self.seated, Connection { stage: Stage::Asking, since: now, task: None });
        Ok(self.seated)
    }

    /// When the next connection will have been too slow.
    fn next_slow(&self) -> Option<Instant> {
        self.open.values().filter_map(|connection| connection.slow_at(&self.limits)).min()
    }

    /// Drops the connection that has been longest at its stage, of these. Whether there was one.
    fn drop_longest(&mut self, of: impl Fn(&Connection) -> bool) -> bool {
        let found = self.open.iter().filter(|(_, connection)| of(connection));
        let Some(number) = found.min_by_key(|(_, connection)| connection.since).map(|(number, _)| *number)
        else {
            return false;
        };
        self.open.remove(&number).inspect(Connection::end);
        true
    }

    fn drop_where(&mut self, goes: impl Fn(&Connection) -> bool) {
        self.open.retain(|_, connection| {
            let goes = goes(connection);
            if goes {
                connection.end();
            }
            !goes
        });
    }
}

impl Connection {
    /// When its client will have been too slow, if it is the client who has to move on.
    fn slow_at(&self, limits: &Limits) -> Option<Instant> {
        match self.stage {
            Stage::Asking | Stage::Idle => Some(self.since + limits.slow_request),
            Stage::Writing(_) => Some(self.since + limits.slow_reader),
            Stage::Answering | Stage::Scraping => None,
        }
    }

    fn is_slow(&self, now: Instant, limits: &Limits) -> bool {
        self.slow_at(limits).is_some_and(|at| at <= now)
    }

    fn end(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// One connection's place among the [`Connections`], free again when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    number: u64,
}

impl Seat {
    /// Says which task ends with the connection.
    pub(super) fn taken_by(&self, task: AbortHandle) {
        if let Some(connection) = self.connections.table.lock().open.get_mut(&self.number) {
            connection.task = Some(task);
        }
    }

    /// Says what the connection is at from now on.
    pub(super) fn enter(&self, stage: Stage) {
        let mut table = self.connections.table.lock();
        if let Some(connection) = table.open.get_mut(&self.number) {
            (connection.stage, connection.since) = (stage, Instant::now());
        }
    }

    /// Begins a scrape, unless too many scrape.
    #[must_use]
    pub(super) fn scrape(&self) -> bool {
        let mut table = self.connections.table.lock();
        let (limits, now) = (table.limits, Instant::now());
        let slow =
            |connection: &Connection| connection.stage.reads_page() && connection.is_slow(now, &limits);
        let scraping = table.open.values().filter(|connection| connection.stage.scrapes()).count();
        if scraping >= limits.scrapes() && !table.drop_longest(slow) {
            return false;
        }
        drop(table);
        self.enter(Stage::Scraping);
        true
    }

    /// Says that the client took a good part of its answer.
    pub(super) fn progressed(&self) {
        if let Some(connection) = self.connections.table.lock().open.get_mut(&self.number) {
            connection.since = Instant::now();
        }
    }

    /// Says that nothing of an answer is left to be written, if one was.
    pub(super) fn written(&self) {
        let is_writing = |connection: &Connection| matches!(connection.stage, Stage::Writing(_));
        if self.connections.table.lock().open.get(&self.number).is_some_and(is_writing) {
            self.enter(Stage::Idle);
            self.connections.done.notify_one();
            self.connections.room.notify_one();
        }
    }

    /// Drops the connections, of any seats, that are slow in reading their page.
    pub(super) fn drop_slow_readers(&self) {
        let mut table = self.connections.table.lock();
        let (limits, now) = (table.limits, Instant::now());
        table.drop_where(|connection| connection.stage.reads_page() && connection.is_slow(now, &limits));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.table.lock().open.remove(&self.number);
        self.connections.done.notify_one();
        self.connections.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    const SECOND: Duration = Duration::from_secs(1);

    fn connections(most: usize) -> Arc<Connections> {
        Connections::new(Limits {
            connections: most,
            slow_request: 2 * SECOND,
            slow_reader: 5 * SECOND,
            ..Limits::default()
        })
    }

    /// Connections at these stages, each a moment after the one before.
    async fn seats<const N: usize>(connections: &Arc<Connections>, stages: [Stage; N]) -> Vec<Seat> {
        let mut seats = Vec::new();
        for stage in stages {
            let seat = connections.seat().await;
            seat.enter(stage);
            seats.push(seat);
            advance(Duration::from_millis(1)).await;
        }
        seats
    }

    /// Which of the seats are still among the connections.
    fn kept(seats: &[Seat]) -> Vec<bool> {
        seats.iter().map(|seat| seat.connections.table.lock().open.contains_key(&seat.number)).collect()
    }

    fn page(number: u64) -> Stage {
        Stage::Writing(Some(PageNumber(number)))
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_go_for_new_ones_the_longest_idle_first() {
        let connections = connections(4);
        let seats =
            seats(&connections, [Stage::Answering, Stage::Idle, Stage::Idle, Stage::Writing(None)]).await;
        seats[1].enter(Stage::Idle);
        let begun = Instant::now();
        let _third = connections.seat().await;
        assert_eq!(kept(&seats), [true, true, false, true]);
        let _fourth = connections.seat().await;
        assert_eq!(kept(&seats), [true, false, false, true]);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn where_none_is_idle_the_first_client_that_is_slow_goes() {
        let connections = connections(3);
        let seats = seats(&connections, [page(1), Stage::Scraping, Stage::Asking]).await;
        let begun = Instant::now();
        let _new = connections.seat().await;
        // Its request has been due since a moment before the others'.
        assert!(begun.elapsed() < 2 * SECOND && begun.elapsed() > SECOND, "{:?}", begun.elapsed());
        assert_eq!(kept(&seats), [true, true, false]);
        _new.enter(Stage::Answering);
        let _newer = connections.seat().await;
        assert!(begun.elapsed() < 5 * SECOND && begun.elapsed() > 4 * SECOND, "{:?}", begun.elapsed());
        assert_eq!(kept(&seats), [false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_goes_on_reading_is_not_slow() {
        let connections = connections(1);
        let seats = seats(&connections, [page(1)]).await;
        for _ in 0..10 {
            assert!(timeout(3 * SECOND, connections.seat()).await.is_err());
            seats[0].progressed();
        }
        assert_eq!(kept(&seats), [true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_seat_that_becomes_free_is_taken_at_once() {
        let connections = connections(2);
        let mut seats = seats(&connections, [Stage::Scraping, page(1)]).await;
        let (waiting, begun) = (Arc::clone(&connections), Instant::now());
        let new = tokio::spawn(async move { waiting.seat().await });
        tokio::task::yield_now().await;
        drop(seats.pop());
        let new = new.await.unwrap();
        seats[0].enter(page(1));
        seats[0].written();
        let newer = connections.seat().await;
        assert_eq!((kept(&seats), kept(&[new, newer])), (vec![false], vec![true, true]));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn some_seats_are_not_for_scrapes() {
        let connections = connections(3);
        let seats = seats(&connections, [Stage::Asking, page(1), Stage::Asking]).await;
        assert!(seats[0].scrape());
        assert!(!seats[2].scrape());
        assert_eq!(kept(&seats), [true; 3]);
        advance(5 * SECOND).await;
        assert!(seats[2].scrape(), "the slow reader goes");
        assert_eq!(kept(&seats), [true, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_readers_of_pages_go_all_at_once() {
        let connections = connections(9);
        let seats =
            seats(&connections, [Stage::Writing(None), Stage::Asking, page(1), page(2), page(1)]).await;
        seats[0].drop_slow_readers();
        assert_eq!(kept(&seats), [true; 5]);
        advance(5 * SECOND).await;
        seats[3].progressed();
        seats[0].drop_slow_readers();
        assert_eq!(kept(&seats), [true, true, false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_seat_is_free() {
        let connections = connections(9);
        drop(connections.seat().await);
        assert!(!connections.drop_waiting());
        let stages = [Stage::Writing(None), Stage::Asking, Stage::Answering, Stage::Idle];
        let unfinished = seats(&connections, stages).await;
        assert!(connections.drop_waiting());
        assert_eq!(kept(&unfinished), [true, false, true, true]);
        assert_eq!(connections.drop_all(), 2);
        assert_eq!(kept(&unfinished), [false; 4]);
    }
}
