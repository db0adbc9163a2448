//! Where a program pushes to: a backend that can be switched off and on, and be made to fail.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::faults::{Fault, Kind};
use crate::ledger::Held;
use crate::process::{Process, command};
use crate::receiver::{ROLE, Settings};

pub(crate) trait Endpoint {
    /// What it is, for the table.
    const NAME: &'static str;

    /// Ways in which it can fail while it is up, and none.
    const FAULTS: &'static [Fault];

    /// In a directory of its own; not there yet.
    fn new(scratch: &Path) -> Self;

    fn url(&self) -> String;

    /// Starts it, at the address that it always has.
    fn up(&mut self);

    /// Ends it at once: nobody listens any more.
    fn down(&mut self);

    /// Has it fail in this way from now on.
    fn fault(&mut self, fault: Fault);

    fn held(&self) -> Held;
}

/// The server under control.
pub(crate) struct Controlled {
    settings: Settings,
    /// Keeps the port while nobody listens there, and keeps it from being the near end of somebody's connection.
    _port: Socket,
    process: Option<Process>,
}

impl Controlled {
    /// With a certificate and its key from now on.
    pub(crate) fn tls(&mut self, certificate: &Path, key: &Path) {
        self.settings.tls = Some((certificate.to_owned(), key.to_owned()));
    }
}

impl Endpoint for Controlled {
    const NAME: &'static str = "controlled";

    const FAULTS: &'static [Fault] = &[
        Fault::NONE,
        Fault::share(30, Kind::ServerError),
        Fault::share(30, Kind::ServerErrorAfterStoring),
        Fault::share(50, Kind::ResetBeforeAnswering),
        Fault::always(Kind::Latency(Duration::from_millis(3))),
    ];

    fn new(scratch: &Path) -> Self {
        let (port, address) = keep_port();
        let ledger = scratch.join("ledger");
        Controlled {
            settings: Settings { address, ledger, tls: None, seed: seed() },
            _port: port,
            process: None,
        }
    }

    fn url(&self) -> String {
        let scheme = if self.settings.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.settings.address)
    }

    fn up(&mut self) {
        let process = Process::start(&mut command(ROLE, &self.settings));
        assert_eq!(process.next(), "listening");
        self.process = Some(process);
    }

    fn down(&mut self) {
        self.process.take().expect("it was up").kill();
        check_down(self.settings.address);
    }

    fn fault(&mut self, fault: Fault) {
        let process = self.process.as_mut().expect("it is up");
        assert_eq!(process.ask(&serde_json::to_string(&fault).unwrap()), "done");
    }

    fn held(&self) -> Held {
        Held::read(&self.settings.ledger)
    }
}

/// A port of loopback, taken by a socket that does not listen.
pub(crate) fn keep_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// Nobody listens there.
pub(crate) fn check_down(address: SocketAddr) {
    assert!(TcpStream::connect(address).is_err(), "somebody listens at {address}");
}

/// What chance begins with: `MATRIX_SEED`, or always the same.
pub(crate) fn seed() -> u64 {
    std::env::var("MATRIX_SEED").map_or(1, |seed| seed.parse().expect("MATRIX_SEED is a number"))
}

/// An empty directory for a case.
pub(crate) fn scratch(case: &str) -> PathBuf {
    let name: String = case.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix").join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
