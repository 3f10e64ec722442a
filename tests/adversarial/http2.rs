//! Cases that need HTTP/2: they send frames that are not those of a usual request.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{
    Ping, PingPong, Reason,
    client::{self, SendRequest},
};
use http::{HeaderName, HeaderValue, Method, Request};
use tokio::{net::TcpStream, task::JoinHandle};

use super::{file::Case, http1::Answer, server::Server};

/// After this many frames the server must answer a ping. Otherwise the client queues the frames, and its
/// memory is measured.
const FRAMES_BETWEEN_PINGS: usize = 200;
/// After this many streams the server must answer a ping, so it has accepted them before their resets
/// arrive. Resets of streams that were not accepted are another attack, which ends the connection.
const STREAMS_BETWEEN_PINGS: usize = 10;

struct Connection {
    requests: SendRequest<Bytes>,
    pings: PingPong,
    task: JoinHandle<()>,
}

impl Connection {
    async fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        stream.set_nodelay(true).expect("a socket's option");
        let (requests, mut connection) = client::handshake(stream).await.expect("a handshake");
        let pings = connection.ping_pong().expect("nothing else sends pings");
        let task = tokio::spawn(async move {
            // A server may end the connection. The case says whether this is allowed.
            let _ = connection.await;
        });
        Self {
            requests,
            pings,
            task,
        }
    }

    /// All that was queued is with the server. False when the server has closed the connection.
    async fn flush(&mut self) -> bool {
        self.pings.ping(Ping::opaque()).await.is_ok()
    }

    async fn close(self) {
        drop(self.requests);
        drop(self.pings);
        let _ = self.task.await;
    }
}

pub async fn run(case: &Case, server: &Server) -> Answer {
    let what = case.transport.h2.unwrap_or_default();
    match what.rst_stream_after_bytes {
        Some(bytes) => {
            assert!(what.empty_data_frames.is_none(), "{}: two attacks", case.id);
            reset(case, server, bytes, what.repeat.unwrap_or(1)).await
        }
        None => {
            assert!(what.repeat.is_none(), "{}: repeated what?", case.id);
            send(case, server, what.empty_data_frames.unwrap_or(0)).await
        }
    }
}

/// Empty frames first, then the body.
async fn send(case: &Case, server: &Server, empty_frames: usize) -> Answer {
    let mut connection = Connection::open(server).await;
    poll_fn(|context| connection.requests.poll_ready(context))
        .await
        .expect("a place for a stream");
    let Some(request) = request(case) else {
        return Answer {
            // The request cannot even be built, and every server would reject it.
            statuses: vec![400],
            ..Answer::default()
        };
    };
    let (response, mut body) = connection
        .requests
        .send_request(request, false)
        .expect("a stream");
    for sent in 1..=empty_frames {
        let queued = body.send_data(Bytes::new(), false).is_ok();
        if !queued || (sent % FRAMES_BETWEEN_PINGS == 0 && !connection.flush().await) {
            break;
        }
    }
    // The request may be rejected already. The end of the body is sent anyway, and the response is
    // read.
    let _ = body.send_data(case.body().whole().into(), true);
    let mut answer = Answer::default();
    match response.await {
        Err(_) => answer.statuses.push(0),
        Ok(response) => {
            let (head, mut body) = response.into_parts();
            answer.statuses.push(head.status.as_u16());
            answer
                .bytes
                .extend_from_slice(format!("{:?}", head.headers).as_bytes());
            while let Some(Ok(data)) = body.data().await {
                answer.bytes.extend_from_slice(&data);
            }
        }
    }
    drop(body);
    connection.close().await;
    answer
}

/// Opens streams and resets each of them before the end of its body. If the server closes the connection,
/// it opens another one.
async fn reset(case: &Case, server: &Server, bytes: usize, repeat: usize) -> Answer {
    let part: Bytes = case.body().part(0, bytes).into();
    let mut connection = Connection::open(server).await;
    let mut left = repeat;
    let mut answers = 0;
    while left > 0 {
        let mut streams = Vec::new();
        for _ in 0..left.min(STREAMS_BETWEEN_PINGS) {
            let ready = poll_fn(|context| connection.requests.poll_ready(context)).await;
            let Ok(()) = ready else { break };
            let request = request(case).expect("a request that HTTP carries");
            let Ok((response, mut body)) = connection.requests.send_request(request, false) else {
                break;
            };
            body.send_data(part.clone(), false).expect("an open stream");
            streams.push((response, body));
        }
        let flushed = connection.flush().await;
        left -= streams.len();
        for (mut response, mut body) in streams {
            let answered = poll_fn(|context| {
                let polled = std::pin::Pin::new(&mut response).poll(context);
                std::task::Poll::Ready(matches!(polled, std::task::Poll::Ready(Ok(_))))
            });
            answers += usize::from(answered.await);
            body.send_reset(Reason::CANCEL);
        }
        if !flushed || !connection.flush().await {
            connection.close().await;
            connection = Connection::open(server).await;
        }
    }
    connection.close().await;
    println!(
        "{}: {} of {repeat} halves came to the layer",
        case.id,
        *server.received.borrow() / bytes.max(1)
    );
    Answer {
        // A client that left must get no response: its body was incomplete.
        statuses: vec![if answers == 0 { 0 } else { 200 }],
        ..Answer::default()
    }
}

/// `None` when HTTP does not carry such headers.
fn request(case: &Case) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = case.method.parse::<Method>().expect("a method");
    *request.uri_mut() = format!("http://localhost{}", case.path)
        .parse()
        .expect("a path");
    for (name, value) in case.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(&value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}
