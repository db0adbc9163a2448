//! An example of this crate as a process: built, started, read line by line, stopped, and never left behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to say something or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A started example.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Builds it, which does nothing after `cargo test` has, and starts it with these environment variables.
    pub(crate) fn start(name: &'static str, environment: &[(&str, &str)]) -> Running {
        let mut command = Command::new(build(name));
        for inherited in [
            "APPTUIT_API_TOKEN",
            "APPTUIT_API_ENDPOINT",
            "APPTUIT_TAGS",
            "PORT",
            "REPORT_SECONDS",
            "SPOOL_DIR",
        ] {
            command.env_remove(inherited);
        }
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        let (sender, lines) = mpsc::channel();
        read_lines(child.stdout.take(), &sender);
        read_lines(child.stderr.take(), &sender);
        Running { name, child, lines, seen: Vec::new() }
    }

    /// The rest of the next line that has `start` in it, after `start`.
    pub(crate) fn after(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(why) => {
                    panic!("{} has not printed {start:?} ({why}), only:\n{}", self.name, self.seen.join("\n"))
                }
            };
            self.seen.push(line.clone());
            if let Some((_, rest)) = line.split_once(start) {
                return rest.to_owned();
            }
        }
    }

    /// Asks it to end, as an init system does; gives everything it printed. It must end well.
    pub(crate) fn terminate(self) -> String {
        self.signal("TERM")
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(self) -> String {
        self.signal("INT")
    }

    fn signal(self, signal: &str) -> String {
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal reached {}", self.name);
        self.end()
    }

    /// Waits until it has ended by itself; gives everything it printed. It must end well.
    pub(crate) fn end(mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} does not end:\n{}", self.name, self.seen.join("\n"))
                }
            }
        }
        let status = self.child.wait();
        let printed = self.seen.join("\n");
        assert!(
            status.as_ref().is_ok_and(ExitStatus::success),
            "{} ended with {status:?}:\n{printed}",
            self.name
        );
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(output: Option<impl Read + Send + 'static>, lines: &Sender<String>) {
    let (output, lines) = (output.expect("was piped"), lines.clone());
    thread::spawn(move || {
        let all = BufReader::new(output).lines().map_while(Result::ok);
        all.take_while(|line| lines.send(line.clone()).is_ok()).for_each(drop);
    });
}

/// Where the example is, freshly built with the features this test was built with.
fn build(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("tests are in target/<profile>/deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", name, "--features", &features()]);
    cargo.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    cargo.arg("--target-dir").arg(profile.parent().expect("a profile is in target"));
    // What cargo told this test about its package would have build scripts that read it run again, here and in the next test.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_told_by_cargo(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().is_ok_and(|status| status.success()), "example {name} does not build");
    profile.join("examples").join(name)
}

fn is_told_by_cargo(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

fn features() -> String {
    let on = [
        ("full", cfg!(feature = "full")),
        ("serve", cfg!(feature = "serve")),
        ("apptuit", cfg!(feature = "apptuit")),
        ("spool", cfg!(feature = "spool")),
    ];
    on.into_iter().filter_map(|(feature, on)| on.then_some(feature)).collect::<Vec<_>>().join(",")
}
