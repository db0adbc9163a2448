//! A real HTTP server on loopback that keeps what it is sent and answers what it is told.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::Value;

/// Far more than anything takes here: a test that waits so long has failed.
pub(crate) const FOREVER: Duration = Duration::from_secs(30);

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(String, String)>, body: String },
    /// Answers `204`, and closes the connection without having said so.
    #[allow(dead_code, reason = "not every test needs one")]
    Farewell,
    /// Answers `200` with a body that does not end.
    #[allow(dead_code, reason = "not every test needs one")]
    Endless,
    /// Answers `200` with half of its body, and the rest when the sender is dropped or sends.
    Half(Arc<Mutex<Receiver<()>>>),
    /// Keeps the connection open and says nothing, until the sender is dropped or sends.
    Silence(Arc<Mutex<Receiver<()>>>),
    /// Closes the connection.
    Close,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Reply {
        Reply::with_body(status, "")
    }

    pub(crate) fn with_body(status: u16, body: &str) -> Reply {
        Reply::Answer { status, headers: Vec::new(), body: body.into() }
    }

    /// Half an answer, and what ends the wait for the rest.
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn half() -> (Reply, Sender<()>) {
        let (release, held) = channel();
        (Reply::Half(Arc::new(Mutex::new(held))), release)
    }

    /// Silence, and what ends it: a `204` follows.
    pub(crate) fn held() -> (Reply, Sender<()>) {
        let (release, held) = channel();
        (Reply::Silence(Arc::new(Mutex::new(held))), release)
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        // Latin-1, as HTTP means it.
        Some(value.iter().map(|byte| char::from(*byte)).collect())
    }

    /// Bytes of the body.
    pub(crate) fn length(&self) -> usize {
        self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    /// The body, decoded and parsed.
    pub(crate) fn json(&self) -> Value {
        let body = &self.body[..];
        let text = match self.header("content-encoding").as_deref() {
            None => io::read_to_string(body),
            Some("deflate") => io::read_to_string(ZlibDecoder::new(body)),
            Some("gzip") => io::read_to_string(GzDecoder::new(body)),
            #[cfg(feature = "zstd")]
            Some("zstd") => io::read_to_string(zstd::Decoder::new(body).expect("a decoder")),
            Some(other) => panic!("no such coding: {other}"),
        };
        serde_json::from_str(&text.expect("the body is in its coding")).expect("the body is JSON")
    }

    pub(crate) fn points(&self) -> usize {
        self.json().as_array().expect("the body is an array").len()
    }
}

/// The server. Listens until the process ends.
pub(crate) struct Loopback {
    url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Receiver<Received>,
    connections: Arc<AtomicUsize>,
}

impl Loopback {
    pub(crate) fn start() -> Loopback {
        Loopback::start_over(|stream| stream)
    }

    /// A server that speaks over what `wrap` makes of a connection.
    pub(crate) fn start_over<S: Read + Write + Send + 'static>(
        wrap: impl Fn(TcpStream) -> S + Send + 'static,
    ) -> Loopback {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let accept = move || listener.accept().map(|(stream, _)| wrap(stream));
        Loopback::serve(format!("http://{address}"), accept)
    }

    /// A server on a socket of this machine.
    #[cfg(unix)]
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn start_on(path: &std::path::Path) -> Loopback {
        let listener = std::os::unix::net::UnixListener::bind(path).expect("the path is free");
        Loopback::serve("http://localhost".to_owned(), move || listener.accept().map(|(stream, _)| stream))
    }

    fn serve<S: Read + Write + Send + 'static>(
        url: String,
        accept: impl Fn() -> io::Result<S> + Send + 'static,
    ) -> Loopback {
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let (seen, requests) = channel();
        let connections: Arc<AtomicUsize> = Arc::default();
        let (script, accepted) = (replies.clone(), connections.clone());
        thread::spawn(move || {
            while let Ok(stream) = accept() {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (seen, script) = (seen.clone(), script.clone());
                // A connection that breaks is a test's own doing.
                thread::spawn(move || drop(serve(stream, &seen, &script)));
            }
        });
        Loopback { url, replies, requests, connections }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Answers requests to come in this way, in turn; those after with `204`.
    pub(crate) fn reply(&self, reply: Reply) -> &Self {
        self.replies.lock().unwrap().push_back(reply);
        self
    }

    /// Answers requests to come with `204`, whatever was said before.
    pub(crate) fn forget_replies(&self) {
        self.replies.lock().unwrap().clear();
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next request; waits for it.
    pub(crate) fn next(&self) -> Received {
        self.requests.recv_timeout(FOREVER).expect("a request comes")
    }

    /// The requests so far that nobody has looked at.
    pub(crate) fn drain(&self) -> Vec<Received> {
        self.requests.try_iter().collect()
    }
}

fn serve<S: Read + Write>(
    stream: S,
    seen: &Sender<Received>,
    replies: &Mutex<VecDeque<Reply>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream)? {
        // Chosen before the test is told: it may go on at once.
        let reply = replies.lock().unwrap().pop_front().unwrap_or_else(|| Reply::status(204));
        let _ = seen.send(request);
        match reply {
            Reply::Answer { status, headers, body } => answer(stream.get_mut(), status, &headers, &body)?,
            Reply::Silence(held) => {
                let _ = held.lock().unwrap().recv();
                answer(stream.get_mut(), 204, &[], "")?;
            }
            Reply::Farewell => return answer(stream.get_mut(), 204, &[], ""),
            Reply::Endless => return endless(stream.get_mut()),
            Reply::Half(held) => {
                write!(stream.get_mut(), "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n{{")?;
                stream.get_mut().flush()?;
                let _ = held.lock().unwrap().recv();
                write!(stream.get_mut(), "}}")?;
            }
            Reply::Close => return Ok(()),
        }
    }
    Ok(())
}

/// Writes until nobody reads any more.
fn endless(writer: &mut impl Write) -> io::Result<()> {
    write!(writer, "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let megabyte = vec![b'x'; 1 << 20];
    loop {
        writer.write_all(b"100000\r\n")?;
        writer.write_all(&megabyte)?;
        writer.write_all(b"\r\n")?;
    }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let Some(mut request) = read_head(reader)? else { return Ok(None) };
    request.body.resize(request.length(), 0);
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// A request whose body is still to be read; `None` where the client has none left.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = read_headers(reader)?;
    Ok(Some(Received { method, path, headers, body: Vec::new() }))
}

fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        // One blank after the colon; those of the value itself stay.
        let value = value.strip_prefix(b" ").unwrap_or(value);
        headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), value.to_vec()));
    }
}

pub(crate) fn answer(
    writer: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {status} X\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    // A 204 or 304 has no body and no length.
    if !matches!(status, 204 | 304) {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text += "\r\n";
    if !matches!(status, 204 | 304) {
        text += body;
    }
    writer.write_all(text.as_bytes())?;
    writer.flush()
}
