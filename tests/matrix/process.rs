//! This program again, as a process of its own in another role.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Far more than anything takes here: a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const A_MOMENT: Duration = Duration::from_millis(5);

/// The settings of this process, if it was started in this role.
pub(crate) fn role<S: DeserializeOwned>(role: &str) -> Option<S> {
    let settings = std::env::var(role).ok()?;
    Some(serde_json::from_str(&settings).unwrap())
}

/// How this program is started in a role.
pub(crate) fn command(role: &str, settings: &impl Serialize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(role, serde_json::to_string(settings).unwrap());
    command
}

/// Looks again and again, until it is as it should be.
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(becomes(is_so), "in vain for {PATIENCE:?}: {what}");
}

/// Looks again and again; whether it becomes so.
pub(crate) fn becomes(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (so, is_late) = (is_so(), Instant::now() >= deadline);
        if so || is_late {
            return so;
        }
        thread::sleep(A_MOMENT);
    }
}

/// A process that takes orders and answers, a line each. Killed when dropped; one whose parent is gone ends by itself,
/// for nobody gives it orders.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    said: Receiver<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Process {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (orders, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (say, said) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.take_while(|line| say.send(line.clone()).is_ok()).for_each(drop);
        });
        Process { child, orders, said }
    }

    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// The next line that it prints.
    pub(crate) fn next(&self) -> String {
        self.next_if_any().expect("the process goes on")
    }

    /// The next line, or `None` if it has ended.
    pub(crate) fn next_if_any(&self) -> Option<String> {
        match self.said.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the process says nothing"),
        }
    }

    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.next()
    }

    /// Ends it at once, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Prints a line for who gives the orders.
pub(crate) fn say(line: impl AsRef<OsStr>) {
    let mut line = line.as_ref().as_encoded_bytes().to_vec();
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(&line).and_then(|()| output.flush());
}
