//! A source whose faults the test chooses.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use support::stand_in::datafile;

/// What the source does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A good datafile of this revision, with an `ETag`.
    Datafile(u64),
    /// A good datafile of this revision for another SDK key.
    Foreign(u64),
    /// VWO's settings with this version.
    Settings(u64),
    Status(&'static str),
    Text(&'static str),
    /// The head, and half of the body.
    Truncated,
    /// Nothing, until the client closes the connection.
    Hang,
    /// More than the limit of a document: 64 MiB.
    Endless,
    /// A good datafile of this revision, compressed.
    Gzip(u64),
    /// 64 MiB of spaces, compressed to 64 KiB.
    Bomb,
    Bytes(&'static [u8]),
}

#[derive(Clone)]
pub struct Source {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    answer: Answer,
    /// The heads of the requests so far.
    requests: Vec<String>,
}

impl Source {
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Vec::new();
        let state = Arc::new(Mutex::new(State { answer, requests }));
        let source = Self { address, state };
        let accepting = source.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let source = accepting.clone();
                thread::spawn(move || source.serve(stream));
            }
        });
        source
    }

    pub fn answer(&self, answer: Answer) {
        self.state.lock().expect("whole").answer = answer;
    }

    pub fn requests(&self) -> Vec<String> {
        self.state.lock().expect("whole").requests.clone()
    }

    /// One request per connection. An error means that the client closed it.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text");
        let answer = {
            let mut state = self.state.lock().expect("whole");
            state.requests.push(head.clone());
            state.answer.clone()
        };
        let sdk_key = head
            .split(['/', '.', '?', ' '])
            .find(|part| part.starts_with("QMV"));
        let sdk_key = sdk_key.unwrap_or("none");
        let mut good = |tag: String, body: String| {
            let tag = format!("\"{tag}\"");
            let known = head
                .to_ascii_lowercase()
                .contains(&format!("if-none-match: {tag}"));
            let (status, body) = if known {
                ("304 Not Modified", "")
            } else {
                ("200 OK", &*body)
            };
            let length = body.len();
            let length = if known {
                String::new()
            } else {
                format!("content-length: {length}\r\n")
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\netag: {tag}\r\n{length}connection: close\r\n\r\n{body}"
            )
            .ok()
        };
        match answer {
            Answer::Datafile(revision) => good(
                format!("{revision}"),
                datafile(sdk_key, revision, revision % 2 == 1),
            ),
            Answer::Foreign(revision) => {
                good("foreign".into(), datafile("another", revision, true))
            }
            Answer::Settings(version) => good(
                format!("v{version}"),
                json!({ "accountId": 1001, "version": version, "features": [] }).to_string(),
            ),
            Answer::Status(status) => write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .ok(),
            Answer::Text(text) => {
                let length = text.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
                )
                .ok()
            }
            Answer::Bytes(bytes) => body(&mut stream, "", bytes),
            Answer::Gzip(revision) => {
                let body_text = datafile(sdk_key, revision, revision % 2 == 1);
                body(&mut stream, GZIP, &gzip(&[body_text.as_bytes()]))
            }
            Answer::Bomb => {
                let spaces = vec![b' '; 64 * 1024];
                body(&mut stream, GZIP, &gzip(&[&spaces[..]; 1024]))
            }
            Answer::Truncated => {
                let body = datafile(sdk_key, 99, true);
                let (half, length) = (&body[..body.len() / 2], body.len());
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{half}"
                )
                .ok()
            }
            Answer::Hang => {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                let _ = stream.read(&mut [0]);
                Some(())
            }
            Answer::Endless => {
                write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").ok()?;
                let spaces = [b' '; 64 * 1024];
                for _ in 0..1024 {
                    stream.write_all(&spaces).ok()?;
                }
                Some(())
            }
        }
    }
}

const GZIP: &str = "content-encoding: gzip\r\n";

fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for part in parts {
        encoder.write_all(part).expect("memory");
    }
    encoder.finish().expect("memory")
}

fn body(stream: &mut TcpStream, headers: &str, body: &[u8]) -> Option<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    stream.write_all(body).ok()
}
