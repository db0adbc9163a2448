//! The open connections, and which of them goes when there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::http::flights::PageNumber;

/// The open connections of a server.
#[derive(Debug, Default)]
pub(super) struct Connections {
    table: Mutex<Table>,
    /// Told whenever a connection has no unfinished answer any more.
    done: Notify,
}

#[derive(Debug, Default)]
struct Table {
    open: BTreeMap<u64, Connection>,
    /// Counts what happens: a smaller number is longer ago.
    moment: u64,
}

#[derive(Debug)]
struct Connection {
    stage: Stage,
    since: u64,
    task: Option<AbortHandle>,
}

/// What a connection is at, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// For the client to send a request.
    Waiting,
    /// The answer is being made.
    Answering,
    /// The answer is on its way: this page, where it is one.
    Writing(Option<PageNumber>),
}

impl Connections {
    /// None yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A seat for a new connection.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let mut table = self.table.lock();
        let since = table.next_moment();
        table.open.insert(since, Connection { stage: Stage::Waiting, since, task: None });
        Seat { connections: Arc::clone(self), number: since }
    }

    /// Drops connections until fewer than `most` are open.
    pub(super) fn make_room(&self, most: usize) {
        while self.table.lock().open.len() >= most && self.drop_one() {}
    }

    /// Drops the connection that has waited longest; if none waits, the one that has been at its answer longest.
    /// Whether there was one.
    pub(super) fn drop_one(&self) -> bool {
        let mut table = self.table.lock();
        table.drop_longest(|stage| stage == Stage::Waiting) || table.drop_longest(|_| true)
    }

    /// Drops the connections that wait, again and again, until there are no others.
    pub(super) async fn all_done(&self) {
        while self.drop_waiting() > 0 {
            self.done.notified().await;
        }
    }

    /// Drops them all. Returns how many had an unfinished answer.
    pub(super) fn drop_all(&self) -> usize {
        let unfinished = self.drop_waiting();
        let mut table = self.table.lock();
        table.open.values().for_each(Connection::end);
        table.open.clear();
        unfinished
    }

    /// Drops the connections that wait. Returns how many are left.
    fn drop_waiting(&self) -> usize {
        let mut table = self.table.lock();
        table.open.retain(|_, connection| {
            let waits = connection.stage == Stage::Waiting;
            if waits {
                connection.end();
            }
            !waits
        });
        table.open.len()
    }
}

impl Table {
    /// Drops the connection that has been longest at such a stage. Whether there was one.
    fn drop_longest(&mut self, at: impl Fn(Stage) -> bool) -> bool {
        let found = self.open.iter().filter(|(_, connection)| at(connection.stage));
        let Some(number) = found.min_by_key(|(_, connection)| connection.since).map(|(number, _)| *number)
        else {
            return false;
        };
        self.open.remove(&number).inspect(Connection::end);
        true
    }

    /// Drops the connections that read the page which has been read longest: a page is free when nobody reads it.
    fn drop_longest_page(&mut self) {
        let reads_page = |connection: &&Connection| matches!(connection.stage, Stage::Writing(Some(_)));
        let pages = self.open.values().filter(reads_page);
        let Some(stage) = pages.min_by_key(|connection| connection.since).map(|found| found.stage) else {
            return;
        };
        while self.drop_longest(|own| own == stage) {}
    }

    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }
}

impl Connection {
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
        let since = table.next_moment();
        if let Some(connection) = table.open.get_mut(&self.number) {
            (connection.stage, connection.since) = (stage, since);
        }
    }

    /// Says that nothing of an answer is left to be written, if one was.
    pub(super) fn written(&self) {
        let is_writing = |connection: &Connection| matches!(connection.stage, Stage::Writing(_));
        if self.connections.table.lock().open.get(&self.number).is_some_and(is_writing) {
            self.enter(Stage::Waiting);
            self.connections.done.notify_one();
        }
    }

    /// Drops the connections, of any seats, that read the page which has been read longest.
    pub(super) fn drop_slowest_readers(&self) {
        self.connections.table.lock().drop_longest_page();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.table.lock().open.remove(&self.number);
        self.connections.done.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats<const N: usize>(connections: &Arc<Connections>, stages: [Stage; N]) -> [Seat; N] {
        stages.map(|stage| {
            let seat = connections.seat();
            seat.enter(stage);
            seat
        })
    }

    /// Which of the seats are still among the connections.
    fn kept(seats: &[Seat]) -> Vec<bool> {
        seats.iter().map(|seat| seat.connections.table.lock().open.contains_key(&seat.number)).collect()
    }

    #[test]
    fn the_one_that_waits_longest_goes_first() {
        let connections = Connections::new();
        let seats =
            seats(&connections, [Stage::Answering, Stage::Waiting, Stage::Waiting, Stage::Writing(None)]);
        seats[1].enter(Stage::Waiting);
        connections.make_room(4);
        assert_eq!(kept(&seats), [true, true, false, true]);
        connections.make_room(4);
        assert_eq!(kept(&seats), [true, true, false, true]);
        connections.make_room(3);
        assert_eq!(kept(&seats), [true, false, false, true]);
    }

    #[test]
    fn where_none_waits_the_oldest_answer_goes() {
        let connections = Connections::new();
        let seats = seats(&connections, [Stage::Writing(None), Stage::Answering, Stage::Answering]);
        connections.drop_one();
        assert_eq!(kept(&seats), [false, true, true]);
        connections.make_room(0);
        assert_eq!(kept(&seats), [false; 3]);
        assert!(!connections.drop_one());
    }

    #[test]
    fn the_page_read_longest_goes_with_all_its_readers() {
        let connections = Connections::new();
        let page = |number| Stage::Writing(Some(PageNumber(number)));
        let stages = [Stage::Writing(None), Stage::Waiting, page(1), page(2), Stage::Answering, page(1)];
        let seats = seats(&connections, stages);
        seats[4].drop_slowest_readers();
        assert_eq!(kept(&seats), [true, true, false, true, true, false]);
        seats[4].drop_slowest_readers();
        seats[4].drop_slowest_readers();
        assert_eq!(kept(&seats), [true, true, false, false, true, false]);
    }

    #[test]
    fn a_dropped_seat_is_free() {
        let connections = Connections::new();
        drop(connections.seat());
        assert!(!connections.drop_one());
        let unfinished = seats(&connections, [Stage::Writing(None), Stage::Waiting, Stage::Answering]);
        assert_eq!(connections.drop_all(), 2);
        assert_eq!(kept(&unfinished), [false; 3]);
    }
}
