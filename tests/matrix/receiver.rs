//! A server under control, as a process: takes puts as Apptuit does, keeps a ledger, and does wrong what it is told to.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde::{Deserialize, Serialize};
use socket2::SockRef;

use crate::faults::{Chance, Fault, Kind};
use crate::ledger::{Ledger, Point, Request};
use crate::loopback::{Received, answer, read_head};
use crate::process::say;

/// The variable that says so, and how.
pub(crate) const ROLE: &str = "TAGMETER_MATRIX_RECEIVER";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: PathBuf,
    /// A certificate and its key, both PEM files; not given: no TLS.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) seed: u64,
}

/// Serves until nobody gives orders any more. An order is a fault, and answered when it holds.
pub(crate) fn run(settings: Settings) -> ExitCode {
    let listener = TcpListener::bind(settings.address).unwrap();
    let tls = settings.tls.as_ref().map(|(certificate, key)| Arc::new(tls_config(certificate, key)));
    let server = Arc::new(Mutex::new(Server::new(&settings)));
    let control = server.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (server, tls) = (server.clone(), tls.clone());
            thread::spawn(move || accept(stream, tls, &server));
        }
    });
    say("listening");
    for order in io::stdin().lines().map_while(Result::ok) {
        control.lock().unwrap().fault = serde_json::from_str(&order).unwrap();
        say("done");
    }
    ExitCode::SUCCESS
}

fn tls_config(certificate: &PathBuf, key: &PathBuf) -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// A client that goes away in the middle is none of the server's concern.
fn accept(stream: TcpStream, tls: Option<Arc<ServerConfig>>, server: &Mutex<Server>) {
    let socket = stream.try_clone().unwrap();
    let served = match tls {
        None => serve(stream, server),
        Some(tls) => serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), server),
    };
    if served.is_ok_and(|end| end == End::Reset) {
        // Without a time to linger, closing sends RST.
        let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
    }
}

/// How a connection ends.
#[derive(PartialEq)]
enum End {
    Closed,
    Reset,
}

struct Server {
    ledger: Ledger,
    fault: Fault,
    chance: Chance,
    requests: u64,
}

/// What becomes of one request.
struct Plan {
    request: Request,
    kind: Kind,
    status: u16,
}

impl Server {
    fn new(settings: &Settings) -> Server {
        let chance = Chance::seeded(settings.seed);
        Server { ledger: Ledger::open(&settings.ledger), fault: Fault::NONE, chance, requests: 0 }
    }

    fn plan(&mut self) -> Plan {
        self.requests += 1;
        let is_met = self.chance.below(100) < self.fault.percent;
        Plan {
            request: (std::process::id(), self.requests),
            kind: if is_met { self.fault.kind } else { Kind::None },
            status: [500, 502, 503, 504][self.chance.below(4) as usize],
        }
    }
}

fn serve<S: Read + Write>(stream: S, server: &Mutex<Server>) -> io::Result<End> {
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream)? {
        let plan = server.lock().unwrap().plan();
        let Some(request) = read_body(&mut stream, head, plan.kind)? else { return Ok(End::Reset) };
        if plan.kind == Kind::Silence {
            // Until the other side gives up.
            io::copy(&mut stream, &mut io::sink())?;
            return Ok(End::Closed);
        }
        let points = points(&request);
        if plan.kind == Kind::ResetBeforeAnswering {
            server.lock().unwrap().ledger.store(plan.request, &points)?;
            return Ok(End::Reset);
        }
        let (status, body) = take(&plan, &points, server)?;
        let rest = [("retry-after".to_owned(), "1".to_owned())];
        let headers = if status == 429 { &rest[..] } else { &[] };
        answer(stream.get_mut(), status, headers, &body)?;
    }
    Ok(End::Closed)
}

/// Bytes of a body that are read at a time where that goes slowly.
const SIP: usize = 64;

/// The request with its body; `None` where the connection breaks off before its end.
fn read_body(stream: &mut impl Read, mut head: Received, kind: Kind) -> io::Result<Option<Received>> {
    head.body.resize(head.length(), 0);
    match kind {
        Kind::ResetWhileReading => {
            let half = head.body.len() / 2;
            stream.read_exact(&mut head.body[..half])?;
            return Ok(None);
        }
        Kind::SlowReading(pause) => {
            for sip in head.body.chunks_mut(SIP) {
                stream.read_exact(sip)?;
                thread::sleep(pause);
            }
        }
        _ => stream.read_exact(&mut head.body)?,
    }
    Ok(Some(head))
}

fn points(request: &Received) -> Vec<Point> {
    assert_eq!(request.path, "/api/put?details");
    request.json().as_array().unwrap().iter().map(Point::of).collect()
}

/// Stores what is to be stored; status and body of the answer.
fn take(plan: &Plan, points: &[Point], server: &Mutex<Server>) -> io::Result<(u16, String)> {
    let store = |points: &[Point]| server.lock().unwrap().ledger.store(plan.request, points);
    let acknowledge = || server.lock().unwrap().ledger.acknowledge(plan.request);
    match plan.kind {
        Kind::ServerError => Ok((plan.status, String::new())),
        Kind::ServerErrorAfterStoring => store(points).map(|()| (plan.status, String::new())),
        Kind::Rest => Ok((429, String::new())),
        Kind::WrongToken => Ok((401, String::new())),
        Kind::TooLargeAbove(most) if points.len() > most => Ok((413, String::new())),
        Kind::RefusePoints => {
            let (refused, taken): (Vec<&Point>, Vec<&Point>) =
                points.iter().partition(|point| is_first(point));
            let taken: Vec<Point> = taken.into_iter().cloned().collect();
            store(&taken)?;
            acknowledge()?;
            Ok((if refused.is_empty() { 200 } else { 400 }, details(taken.len(), &refused)))
        }
        kind => {
            store(points)?;
            if let Kind::Latency(long) = kind {
                thread::sleep(long);
            }
            acknowledge()?;
            Ok((200, details(points.len(), &[])))
        }
    }
}

fn is_first(point: &Point) -> bool {
    point.tags.get("series").is_some_and(|series| series == "0")
}

/// What Apptuit says of a put: how many points it took, and which it did not.
fn details(taken: usize, refused: &[&Point]) -> String {
    let error = |point: &&Point| {
        let Point { metric, tags, timestamp, report } = point;
        let datapoint =
            serde_json::json!({"metric": metric, "timestamp": timestamp, "value": report, "tags": tags});
        serde_json::json!({"datapoint": datapoint, "error": "not wanted"})
    };
    let errors: Vec<_> = refused.iter().map(error).collect();
    serde_json::json!({"success": taken, "failed": refused.len(), "errors": errors}).to_string()
}
