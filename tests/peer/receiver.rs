//! The server that both push to, and the original: Python programs.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Far more than anything takes here.
const FOREVER: Duration = Duration::from_secs(60);

/// A started server; ended when dropped.
pub(crate) struct Receiver {
    server: Child,
    lines: mpsc::Receiver<String>,
    port: u16,
}

impl Receiver {
    pub(crate) fn start() -> Receiver {
        let mut server =
            python("receiver.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
        let stdout = BufReader::new(server.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let port = lines.recv_timeout(FOREVER).expect("the server starts").parse().expect("a port");
        Receiver { server, lines, port }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next so many requests, and that there were no more so far.
    pub(crate) fn take(&self, requests: usize) -> Vec<Value> {
        let next = |_| self.lines.recv_timeout(FOREVER).expect("a request comes");
        let taken: Vec<Value> =
            (0..requests).map(next).map(|line| serde_json::from_str(&line).unwrap()).collect();
        assert!(self.lines.try_recv().is_err(), "there are more requests than {requests}");
        taken
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Has the original push a plan.
pub(crate) fn push_as_python(plan: &Value, endpoint: &str) {
    let mut pushing = python("push.py").arg(endpoint).stdin(Stdio::piped()).spawn().expect("Python");
    pushing.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
    assert!(pushing.wait().unwrap().success());
}

/// Python with the original in it, about to run a program of ours that asks no proxy and knows no settings.
fn python(program: &str) -> Command {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let backends =
        std::env::var_os("BACKENDS_DIR").map_or_else(|| here.join("target/backends"), PathBuf::from);
    let python = backends.join("venv-apptuit/bin/python");
    assert!(python.exists(), "{} is missing: tests/run installs what the tests need", python.display());
    let mut command = Command::new(python);
    command.args(["-W", "ignore"]).arg(here.join("tests/peer").join(program)).env("NO_PROXY", "127.0.0.1");
    for variable in ["APPTUIT_TAGS", "APPTUIT_PY_TAGS", "APPTUIT_API_TOKEN", "APPTUIT_PY_TOKEN"] {
        command.env_remove(variable);
    }
    command
}
