//! A client that writes bytes, not requests.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    file::{Abort, Body, Case, Framing},
    server::Server,
};

/// What came back.
#[derive(Debug, Default)]
pub struct Answer {
    /// In the order of the responses; 0 where the connection was closed without one.
    pub statuses: Vec<u16>,
    pub interim: Vec<u16>,
    /// All bytes of the response, to search for secrets.
    pub bytes: Vec<u8>,
}

const USUAL_WAIT: Duration = Duration::from_secs(10);
const PIECE_BYTES: usize = 16 * 1024;

/// Runs a case. An error is a connection that is neither answered nor closed in time.
pub async fn run(case: &Case, server: &Server) -> Result<Answer, String> {
    let transport = &case.transport;
    let stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    stream.set_nodelay(true).expect("a socket's option");
    let (read, write) = stream.into_split();
    let expected = transport.responses_expected.unwrap_or(1);
    let wait = transport
        .max_wait_ms
        .map_or(USUAL_WAIT, Duration::from_millis);
    let late = |_| format!("neither answered nor closed within {wait:?}");
    let mut responses = Responses::new(read);

    if transport.write_all_then_read {
        let mut write = write;
        // The server may close before it has read all: what it answered has to be there anyway.
        let _ = send(case, &mut write).await;
        return tokio::time::timeout(wait, responses.read(expected))
            .await
            .map_err(late);
    }
    let writing = async move {
        let mut write = write;
        let sent = send(case, &mut write).await;
        if let Some(abort) = transport.aborts() {
            // Half of a body that is still on its way would prove nothing.
            let bytes = transport.abort_after_body_bytes.unwrap_or(0);
            let _ = server
                .received
                .clone()
                .wait_for(|count| *count >= bytes)
                .await;
            return Some((write, abort));
        }
        if sent.is_ok() && transport.half_close_after_send {
            write.shutdown().await.expect("a half-open connection");
        }
        std::future::pending().await
    };
    tokio::select! {
        answer = tokio::time::timeout(wait, responses.read(expected)) => answer.map_err(late),
        Some((write, abort)) = writing => {
            let stream = write.reunite(responses.read).expect("two halves of one stream");
            if abort == Abort::Rst {
                stream.set_zero_linger().expect("a socket's option");
            }
            drop(stream);
            Ok(Answer { statuses: vec![0; expected], ..Answer::default() })
        }
    }
}

async fn send(case: &Case, write: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let transport = &case.transport;
    let (head, raw_body) = match case.raw_http1() {
        // In one piece, like a client that has the whole request.
        Some(raw) if transport.takes_all() => return write.write_all(&raw).await,
        Some(raw) => {
            let end = find(&raw, b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
            let body = raw[end..].to_vec();
            (raw[..end].to_vec(), Some(Body::Bytes(body)))
        }
        None => (head(case), None),
    };
    write.write_all(&head).await?;
    if transport.send_headers_only
        || transport.stall_after_headers
        || transport.must_answer_before_body
    {
        return Ok(());
    }
    let chunked = raw_body.is_none() && transport.framing == Some(Framing::Chunked);
    let body = raw_body.unwrap_or_else(|| case.body());
    let length = body
        .len()
        .min(transport.abort_after_body_bytes.unwrap_or(usize::MAX));
    if let Some(pace) = transport.pace {
        for start in (0..length).step_by(pace.bytes) {
            write.write_all(&body.part(start, pace.bytes)).await?;
            tokio::time::sleep(Duration::from_millis(pace.interval_ms)).await;
        }
        return Ok(());
    }
    if !chunked {
        for start in (0..length).step_by(PIECE_BYTES) {
            let piece = PIECE_BYTES.min(length - start);
            write.write_all(&body.part(start, piece)).await?;
        }
        return Ok(());
    }
    // Many small chunks go into one write, so that the time is the server's and not the client's.
    let size = transport.chunk_size.unwrap_or(PIECE_BYTES);
    let mut written = Vec::new();
    for start in (0..length).step_by(size) {
        let chunk = body.part(start, size.min(length - start));
        written.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        written.extend_from_slice(&chunk);
        written.extend_from_slice(b"\r\n");
        if written.len() >= PIECE_BYTES {
            write.write_all(&written).await?;
            written.clear();
        }
    }
    written.extend_from_slice(b"0\r\n\r\n");
    write.write_all(&written).await
}

/// The head of a case that does not bring its bytes.
fn head(case: &Case) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/{}\r\nHost: localhost\r\n",
        case.method, case.path, case.http_version
    )
    .into_bytes();
    for (name, value) in case.headers() {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(&value);
        head.extend_from_slice(b"\r\n");
    }
    let framing = match case.transport.framing.unwrap_or(Framing::ContentLength) {
        Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
        Framing::ContentLength => format!("Content-Length: {}", case.body().len()),
    };
    head.extend_from_slice(framing.as_bytes());
    head.extend_from_slice(b"\r\n\r\n");
    head
}

/// The responses that come over one connection.
struct Responses {
    read: OwnedReadHalf,
    unread: Vec<u8>,
}

impl Responses {
    fn new(read: OwnedReadHalf) -> Self {
        Self {
            read,
            unread: Vec::new(),
        }
    }

    async fn read(&mut self, expected: usize) -> Answer {
        let mut answer = Answer::default();
        while answer.statuses.len() < expected {
            let Some(status) = self.read_one(&mut answer.bytes).await else {
                // The other expected responses did not arrive.
                answer.statuses.resize(expected, 0);
                break;
            };
            if status < 200 {
                answer.interim.push(status);
            } else {
                answer.statuses.push(status);
            }
        }
        answer
    }

    async fn read_one(&mut self, bytes: &mut Vec<u8>) -> Option<u16> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        let mut words = head.split(' ');
        let version = words.next().expect("a version");
        assert!(version.starts_with("HTTP/1."), "no response: {head:?}");
        let status: u16 = words
            .next()
            .and_then(|word| word.trim().get(..3)?.parse().ok())
            .expect("a status");
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().expect("a length"));
        while self.unread.len() < end + length {
            self.fill().await?;
        }
        bytes.extend(self.unread.drain(..end + length));
        Some(status)
    }

    /// `None` when the connection was closed, in order or not.
    async fn fill(&mut self) -> Option<()> {
        match self.read.read_buf(&mut self.unread).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
