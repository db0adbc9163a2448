//! A test of this program in a process of its own, which may be killed or given less than it wants.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where a child finds the spool it is to use.
const SPOOL: &str = "TAGMETER_TEST_SPOOL";
/// What the lines begin with that a child prints for its parent.
const MARK: &str = "child: ";

/// The spool of a child, if this is one.
pub(crate) fn spool() -> Option<PathBuf> {
    env::var_os(SPOOL).map(PathBuf::from)
}

/// Tells the parent.
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("\n{MARK}{line}");
}

/// A test that runs once more, in a process that may be killed.
pub(crate) struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(test: &str, spool: &Path) -> Self {
        Running::of(command(&["sh", "-c", "exec \"$0\" \"$@\""], test, spool))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Running { child, output }
    }

    /// The next line it says; none when it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(said) = line.strip_prefix(MARK) {
                return Some(said.trim_end().to_owned());
            }
        }
    }

    /// Kills it, and gives all that it had said by then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a test holds in a process that is started by these words. The test's name has its module.
pub(crate) fn holds_with(words: &[&str], test: &str, spool: &Path) -> bool {
    let output = command(words, test, spool).output().unwrap();
    if !output.status.success() {
        eprintln!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

fn command(words: &[&str], test: &str, spool: &Path) -> Command {
    let (program, words) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(words).arg(env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]);
    command.env(SPOOL, spool);
    command
}
