//! A program that forks its workers before they work: a registry each, served with a tag that tells them apart.
#![cfg(all(target_os = "linux", feature = "serve"))]
#![allow(unsafe_code, reason = "there is no fork without")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use tagmeter::{Counter, Registry};

const WORKERS: u64 = 3;
/// Seconds after which a worker that hangs ends.
const PATIENCE: u32 = 60;

static ALL_HITS: Counter = Counter::new("all_hits");

/// A forked worker, and where it serves.
struct Worker {
    process: libc::pid_t,
    addr: SocketAddr,
    /// Closed, it lets the worker end.
    line: UnixStream,
}

impl Worker {
    fn fork(number: u64) -> Worker {
        let (mut line, theirs) = UnixStream::pair().unwrap();
        // SAFETY: the child only uses what this crate promises to work in one, and leaves by `_exit`.
        let process = unsafe { libc::fork() };
        assert!(process >= 0, "no fork");
        if process == 0 {
            drop(line);
            // SAFETY: ends a child that hangs; sets no handler.
            unsafe { libc::alarm(PATIENCE) };
            let worked = work(number, theirs).is_some();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(if worked { 0 } else { 1 }) }
        }
        drop(theirs);
        let mut addr = [0; 64];
        let length = line.read(&mut addr).unwrap();
        let addr = std::str::from_utf8(&addr[..length]).unwrap().parse().unwrap();
        Worker { process, addr, line }
    }

    fn page(&self) -> String {
        let mut connection = TcpStream::connect(self.addr).unwrap();
        write!(connection, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Whether it ended as it should.
    fn end(self) -> bool {
        drop(self.line);
        let mut status = 0;
        // SAFETY: waits for that child; `status` is a local.
        assert_eq!(unsafe { libc::waitpid(self.process, &mut status, 0) }, self.process);
        status == 0
    }
}

/// What a worker does: a registry of its own, made after the fork, and the program's, both with its number.
fn work(number: u64, mut line: UnixStream) -> Option<()> {
    let registry = Registry::new();
    registry.counter("requests").add(10 + number);
    ALL_HITS.add(number);
    let tags = [("worker", number.to_string())];
    let both = registry.view().and(tagmeter::global()).ok()?.tags(tags);
    let server = tagmeter::serve("127.0.0.1:0", both).ok()?;
    line.write_all(server.addr().to_string().as_bytes()).ok()?;
    line.read_to_end(&mut Vec::new()).ok()?;
    Some(())
}

#[test]
fn each_worker_serves_its_own_numbers_under_its_own_tag() {
    // Recorded before the fork, it is in every worker: the reason to begin after it.
    ALL_HITS.add(100);
    let workers: Vec<Worker> = (0..WORKERS).map(Worker::fork).collect();
    for (number, worker) in (0..).zip(&workers) {
        let page = worker.page();
        assert!(page.contains(&format!("requests_total{{worker=\"{number}\"}} {}\n", 10 + number)), "{page}");
        assert!(
            page.contains(&format!("all_hits_total{{worker=\"{number}\"}} {}\n", 100 + number)),
            "{page}"
        );
        assert_eq!(page.matches("worker=").count(), 2, "{page}");
    }
    // The last one first: it has copies of the lines of those before it.
    assert!(workers.into_iter().rev().all(Worker::end));
    assert_eq!(ALL_HITS.get(), 100, "the parent has none of it");
}
