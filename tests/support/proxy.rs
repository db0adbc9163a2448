//! A real HTTP proxy on loopback: tunnels for `CONNECT`, and requests in absolute form passed on.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What a proxy was asked for at the start of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `CONNECT host:port HTTP/1.1`, or with an address.
    pub(crate) line: String,
    /// All headers.
    pub(crate) headers: Vec<String>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The proxy. Listens until the process ends.
pub(crate) struct Proxy {
    address: SocketAddr,
    seen: Receiver<Seen>,
}

impl Proxy {
    /// One that anybody may use.
    pub(crate) fn start() -> Proxy {
        Proxy::start_for(None)
    }

    /// One for whoever shows this `Proxy-Authorization`; others get 407.
    pub(crate) fn start_for(authorization: Option<&'static str>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (tell, seen) = channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let tell = tell.clone();
                // A connection that breaks is a test's own doing.
                thread::spawn(move || drop(serve(client, authorization, &tell)));
            }
        });
        Proxy { address, seen }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for so far.
    pub(crate) fn drain(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

fn serve(client: TcpStream, authorization: Option<&str>, tell: &Sender<Seen>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (seen, head) = read_head(&mut reader)?;
    let is_known = authorization.is_none() || seen.header("proxy-authorization") == authorization;
    let line = seen.line.clone();
    let _ = tell.send(seen);
    if !is_known {
        // The body is read, so that closing does not reset the connection under the answer.
        let refused = b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        (&client).write_all(refused)?;
        client.shutdown(Shutdown::Write)?;
        return io::copy(&mut reader, &mut io::sink()).map(drop);
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut server = if method == "CONNECT" {
        let server = TcpStream::connect(target)?;
        (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        server
    } else {
        let host = target.strip_prefix("http://").unwrap_or(target).split('/').next().unwrap_or_default();
        TcpStream::connect(host)?
    };
    if method != "CONNECT" {
        // Servers take the absolute form, too: RFC 9112, section 3.2.2.
        server.write_all(&head)?;
    }
    join(reader, &client, &server)
}

/// Carries bytes both ways until either side closes.
fn join(mut reader: BufReader<TcpStream>, client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut to_server: &TcpStream = server;
            let _ = io::copy(&mut reader, &mut to_server);
            server.shutdown(Shutdown::Write)
        });
        let (mut from_server, mut to_client) = (server, client);
        let _ = io::copy(&mut from_server, &mut to_client);
        client.shutdown(Shutdown::Both)
    })
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(Seen, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.take(64 << 10).read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let line = lines.next().unwrap_or_default();
    Ok((Seen { line, headers: lines.filter(|line| !line.is_empty()).collect() }, head))
}
