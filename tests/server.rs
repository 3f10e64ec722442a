//! The server of feature `server`: what it closes, what it leaves open, and how it stops.
//!
//! tokio's clock is paused, so the time limits take no time. Most connections are in memory.
#![cfg(all(feature = "axum", feature = "server", feature = "tracing", unix))]

#[path = "common/log.rs"]
mod common_log;

use std::{
    convert::Infallible,
    future::pending,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep},
};
use tower::service_fn;
use tower_webhook_auth::server::{Server, Stopped, serve};

const SECOND: Duration = Duration::from_secs(1);
const IDLE_LIMIT: Duration = Duration::from_secs(30);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingpong";
/// SETTINGS_INITIAL_WINDOW_SIZE = 0: no byte of a response body may be sent.
const NO_WINDOW: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
/// `GET http://test/`, with END_STREAM and END_HEADERS.
const HTTP2_REQUEST: &[u8] = b"\0\0\x09\x01\x05\0\0\0\x01\x82\x86\x84\x41\x04test";
/// The same without END_HEADERS.
const OPEN_HEADERS: &[u8] = b"\0\0\x09\x01\x01\0\0\0\x01\x82\x86\x84\x41\x04test";

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// A connection in memory to a server with the default limits.
fn connect(app: Router) -> DuplexStream {
    let (client, server) = duplex(1024);
    tokio::spawn(async move {
        // How the connection ended is what the client sees.
        let _ = Server::new().serve_connection(server, app).await;
    });
    client
}

/// Reads until the server closes the connection. It returns what was read and how long it took.
async fn closed(mut client: DuplexStream) -> (Vec<u8>, Duration) {
    let begin = Instant::now();
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("in memory");
    (read, begin.elapsed())
}

fn assert_limit(name: &str, elapsed: Duration) {
    assert!(
        (IDLE_LIMIT..=IDLE_LIMIT + SECOND).contains(&elapsed),
        "{name}: closed after {elapsed:?}"
    );
}

// The idle limit ----------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_at_the_limit() {
    let open_headers = [PREFACE, EMPTY_SETTINGS, OPEN_HEADERS].concat();
    for (name, sent) in [
        ("nothing", &b""[..]),
        ("one letter", b"P"),
        ("half of a request line", b"POST /webhooks"),
        ("half of a head", b"POST / HTTP/1.1\r\nhost: test\r\nx-hub"),
        ("half of HTTP/2's preface", &PREFACE[..12]),
        ("HTTP/2's preface", PREFACE),
        ("HTTP/2's settings", &[PREFACE, EMPTY_SETTINGS].concat()),
        ("HEADERS without END_HEADERS", &open_headers),
    ] {
        let mut client = connect(hello());
        client.write_all(sent).await.expect("in memory");
        let (_, elapsed) = closed(client).await;
        assert_limit(name, elapsed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_grows_slowly_is_closed_at_the_limit() {
    let mut client = connect(hello());
    let begin = Instant::now();
    let head = [b"GET / HTTP/1.1\r\nx: ", &[b'x'; 100][..]].concat();
    for byte in head {
        sleep(SECOND).await;
        if client.write_all(&[byte]).await.is_err() {
            break;
        }
    }
    let elapsed = begin.elapsed();
    assert!(elapsed <= IDLE_LIMIT + 2 * SECOND, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_keep_a_connection_open() {
    let mut client = connect(hello());
    client.write_all(PREFACE).await.expect("in memory");
    client.write_all(EMPTY_SETTINGS).await.expect("in memory");
    let begin = Instant::now();
    while client.write_all(PING).await.is_ok() {
        sleep(SECOND).await;
        assert!(begin.elapsed() <= IDLE_LIMIT + 2 * SECOND);
    }
    assert!(begin.elapsed() >= IDLE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn an_http2_client_is_told_before_its_connection_is_closed() {
    let mut client = connect(hello());
    client.write_all(PREFACE).await.expect("in memory");
    client.write_all(EMPTY_SETTINGS).await.expect("in memory");
    let (read, _) = closed(client).await;
    // The type of a frame is its fourth byte, and 7 is GOAWAY.
    let goaway = read.windows(5).any(|frame| frame == b"\0\0\x08\x07\0");
    assert!(goaway, "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_from_the_last_response_of_a_kept_connection() {
    let mut client = connect(hello());
    for _ in 0..5 {
        sleep(IDLE_LIMIT - SECOND).await;
        client.write_all(REQUEST).await.expect("still open");
        let mut response = Vec::new();
        while !response.ends_with(b"hello") {
            let read = client.read_buf(&mut response).await.expect("in memory");
            assert_ne!(read, 0, "the connection is closed");
        }
    }
    let (_, elapsed) = closed(client).await;
    assert_limit("idle", elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_progress_keeps_its_connection_open() {
    let app = Router::new().route(
        "/",
        get(async || {
            sleep(600 * SECOND).await;
            "late"
        }),
    );
    for sent in [
        REQUEST.to_vec(),
        [PREFACE, EMPTY_SETTINGS, HTTP2_REQUEST].concat(),
    ] {
        let mut client = connect(app.clone());
        client.write_all(&sent).await.expect("in memory");
        let (read, elapsed) = closed(client).await;
        assert!(read.windows(4).any(|window| window == b"late"));
        assert!(elapsed >= 600 * SECOND + IDLE_LIMIT, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_body_that_is_not_ready_keeps_its_connection_open() {
    let app = Router::new().route(
        "/",
        get(async || {
            Body::from_stream(stream::unfold(0, async |count| {
                sleep(100 * SECOND).await;
                (count < 5).then(|| (Ok::<_, Infallible>(format!("part {count} ")), count + 1))
            }))
        }),
    );
    let mut client = connect(app);
    client.write_all(REQUEST).await.expect("in memory");
    let (read, _) = closed(client).await;
    let text = String::from_utf8(read).expect("text");
    assert!(text.contains("part 4"), "{text}");
    assert!(
        text.contains("\r\n0\r\n\r\n"),
        "the body has no end: {text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_response_is_closed_at_the_limit() {
    let endless = Router::new().route(
        "/",
        get(async || Body::from_stream(stream::repeat(Ok::<_, Infallible>("many bytes")))),
    );
    let (mut client, server) = duplex(1024);
    client.write_all(REQUEST).await.expect("in memory");
    let begin = Instant::now();
    let _ = Server::new().serve_connection(server, endless).await;
    assert_limit("HTTP/1", begin.elapsed());

    // A small response that may not be sent: the window of HTTP/2 is 0.
    let mut client = connect(hello());
    let sent = [PREFACE, NO_WINDOW, HTTP2_REQUEST].concat();
    client.write_all(&sent).await.expect("in memory");
    let (read, elapsed) = closed(client).await;
    assert!(!read.windows(5).any(|window| window == b"hello"));
    assert_limit("HTTP/2", elapsed);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_an_option() {
    let (client, server) = duplex(1024);
    tokio::spawn(async move {
        let short = Server::new().idle_limit(2 * SECOND);
        let _ = short.serve_connection(server, hello()).await;
    });
    let (_, elapsed) = closed(client).await;
    assert!(elapsed <= 3 * SECOND, "{elapsed:?}");
}

// A listener --------------------------------------------------------------------------------------

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Stopped>,
}

impl Running {
    async fn start(server: Server, app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let server = server.serve_until(listener, app, async { _ = stopped.await });
        Self {
            address,
            stop,
            server: tokio::spawn(server),
        }
    }

    async fn connect(&self, sent: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a server");
        stream.write_all(sent).await.expect("a connection");
        stream
    }

    /// Stops it. It returns what was dropped, and how long the stop took.
    async fn stop(self) -> (Stopped, Duration) {
        let begin = Instant::now();
        self.stop.send(()).expect("the server waits for it");
        let stopped = self.server.await.expect("no panic");
        (stopped, begin.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_unfinished_heads_are_all_closed_at_the_limit() {
    let running = Running::start(Server::new(), hello()).await;
    let begin = Instant::now();
    let mut clients = Vec::new();
    for number in 0..200 {
        let sent = match number % 2 {
            0 => &b""[..],
            _ => b"POST /webhooks/optimizely HTTP/1.1\r\nhost: x\r\nX-Hub-Sig",
        };
        clients.push(running.connect(sent).await);
    }
    for mut client in clients {
        // An error means that the connection is closed, too.
        let _ = client.read_to_end(&mut Vec::new()).await;
    }
    let elapsed = begin.elapsed();
    assert!(elapsed <= IDLE_LIMIT + 2 * SECOND, "{elapsed:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_allowed_wait_until_one_ends() {
    let running = Running::start(Server::new().max_connections(1), hello()).await;
    let mut silent = running.connect(b"").await;
    let begin = Instant::now();
    let mut waiting = running.connect(REQUEST).await;
    let mut response = [0; 15];
    waiting.read_exact(&mut response).await.expect("a response");
    assert_eq!(&response, b"HTTP/1.1 200 OK");
    assert!(begin.elapsed() >= IDLE_LIMIT, "{:?}", begin.elapsed());
    assert_eq!(silent.read(&mut [0; 1]).await.expect("the end"), 0);
}

// The stop ----------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn unfinished_heads_do_not_delay_the_stop() {
    let running = Running::start(Server::new(), hello()).await;
    let _silent = running.connect(b"").await;
    let _head = running
        .connect(b"POST / HTTP/1.1\r\nhost: x\r\nX-Hub")
        .await;
    let _preface = running.connect(PREFACE).await;
    // Answered, so the connections before it are accepted.
    let mut answered = running.connect(REQUEST).await;
    answered.read_exact(&mut [0; 15]).await.expect("a response");
    let (stopped, elapsed) = running.stop().await;
    assert_eq!(stopped.dropped_requests(), 0);
    assert_eq!(stopped.dropped_connections(), 0);
    assert!(elapsed <= SECOND + SECOND / 100, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_in_progress_is_finished_before_the_stop() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let app = Router::new().route(
        "/",
        get(async move || {
            begun.send(()).expect("the test runs");
            sleep(9 * SECOND).await;
            "late"
        }),
    );
    let running = Running::start(Server::new(), app).await;
    let mut client = running.connect(REQUEST).await;
    begins.recv().await.expect("a request");
    let (stopped, elapsed) = running.stop().await;
    assert_eq!(stopped.dropped_requests(), 0);
    assert!(elapsed >= 9 * SECOND, "{elapsed:?}");
    let mut response = String::new();
    client.read_to_string(&mut response).await.expect("text");
    assert!(response.ends_with("late"), "{response}");
}

/// The receiver gets one message for each request that begins.
fn app_that_never_responds() -> (Router, mpsc::UnboundedReceiver<()>) {
    let (begun, begins) = mpsc::unbounded_channel();
    let app = Router::new().route(
        "/",
        get(async move || {
            begun.send(()).expect("the test runs");
            pending::<()>().await;
        }),
    );
    (app, begins)
}

#[tokio::test(start_paused = true)]
async fn the_stop_drops_what_is_in_progress_when_the_grace_time_is_over() {
    let (app, mut begins) = app_that_never_responds();
    let server = Server::new().grace(7 * SECOND);
    let running = Running::start(server, app).await;
    let mut client = running.connect(REQUEST).await;
    begins.recv().await.expect("a request");
    let (stopped, elapsed) = running.stop().await;
    assert_eq!(stopped.dropped_requests(), 1);
    assert_eq!(stopped.dropped_connections(), 1);
    assert_eq!(elapsed.as_secs(), 7);
    let read = client.read(&mut [0; 1]).await;
    assert!(!matches!(read, Ok(1..)), "there is a response: {read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_ends_its_request() {
    let dropped = Arc::new(());
    let inside = dropped.clone();
    let app = service_fn(move |_: Request<Incoming>| {
        let inside = inside.clone();
        async move {
            pending::<()>().await;
            drop(inside);
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    let (mut client, server) = duplex(1024);
    client.write_all(REQUEST).await.expect("in memory");
    drop(client);
    let _ = Server::new().serve_connection(server, app).await;
    assert_eq!(Arc::strong_count(&dropped), 1, "the handler is still there");
}

/// A service that is no `Router`, and is not ready at first.
#[tokio::test(start_paused = true)]
async fn any_tower_service_is_served_when_it_is_ready() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let echo = service_fn(move |request: Request<Incoming>| {
        log.lock()
            .expect("no panic")
            .push(request.uri().to_string());
        async { Ok::<_, Infallible>(Response::new(http_body_util::Full::<Bytes>::from("echo"))) }
    });
    let limited = tower::limit::ConcurrencyLimit::new(echo, 1);
    let (mut client, server) = duplex(1024);
    client.write_all(REQUEST).await.expect("in memory");
    client.write_all(REQUEST).await.expect("in memory");
    tokio::spawn(async move {
        let _ = Server::new().serve_connection(server, limited).await;
    });
    let (read, _) = closed(client).await;
    let echoes = read.windows(4).filter(|window| window == b"echo").count();
    assert_eq!(echoes, 2);
    assert_eq!(*seen.lock().expect("no panic"), ["/", "/"]);
}

// HTTP of the responses ----------------------------------------------------------------------------

fn respond_with(
    body: &'static str,
) -> impl tower::Service<
    Request<Incoming>,
    Response = Response<http_body_util::Full<Bytes>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send {
    service_fn(move |_| async move { Ok(Response::new(body.into())) })
}

#[tokio::test(start_paused = true)]
async fn the_length_of_a_response_is_declared_to_the_client() {
    let (mut client, server) = duplex(1024);
    client.write_all(REQUEST).await.expect("in memory");
    tokio::spawn(async move {
        let _ = Server::new()
            .serve_connection(server, respond_with("hello"))
            .await;
    });
    let (read, _) = closed(client).await;
    let text = String::from_utf8(read).expect("text");
    assert!(text.contains("content-length: 5\r\n"), "{text}");
    assert!(!text.contains("transfer-encoding"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_is_one_frame_of_http2() {
    for (body, expected) in [("", &[HEADERS][..]), ("hello", &[HEADERS, DATA])] {
        let (mut client, server) = duplex(1024);
        let sent = [PREFACE, EMPTY_SETTINGS, HTTP2_REQUEST].concat();
        client.write_all(&sent).await.expect("in memory");
        tokio::spawn(async move {
            let _ = Server::new()
                .serve_connection(server, respond_with(body))
                .await;
        });
        let (read, _) = closed(client).await;
        assert_eq!(frames(&read), expected, "{body:?}");
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// The types of the frames that belong to a stream.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, _, id @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if id[..4] != [0; 4] {
            types.push(*kind);
        }
        bytes = &bytes[9 + length..];
    }
    types
}

// The log -----------------------------------------------------------------------------------------

/// The lines that the crate logs, until the guard is dropped. The tests run on one thread each.
fn log() -> (Lines, tracing::subscriber::DefaultGuard) {
    common_log::keep_the_events_of_each_thread();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn of_the_crate(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("no panic").clone();
        let text = String::from_utf8(bytes).expect("text");
        let lines = text
            .lines()
            .filter(|line| line.contains(" tower_webhook_auth: "));
        lines.map(|line| line.trim_start().to_owned()).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_says_what_the_stop_waits_for_and_what_it_dropped() {
    let (lines, _guard) = log();
    let (app, mut begins) = app_that_never_responds();
    let server = Server::new().grace(7 * SECOND);
    let running = Running::start(server.clone(), app).await;
    let _client = running.connect(REQUEST).await;
    begins.recv().await.expect("a request");
    running.stop().await;
    Running::start(server, hello()).await.stop().await;
    let waiting = "waiting at most 7s; a second signal stops at once";
    assert_eq!(
        lines.of_the_crate(),
        [
            format!(
                "INFO tower_webhook_auth: stopping: 1 requests in progress on 1 connections, {waiting}"
            ),
            "WARN tower_webhook_auth: stopped, 1 requests were dropped".to_owned(),
            format!(
                "INFO tower_webhook_auth: stopping: 0 requests in progress on 0 connections, {waiting}"
            ),
            "INFO tower_webhook_auth: stopped, no request was dropped".to_owned(),
        ]
    );
}

/// Any client can cause it, so it is not a warning.
#[tokio::test(start_paused = true)]
async fn a_connection_that_violates_http_is_logged_for_debugging_only() {
    let (lines, _guard) = log();
    let running = Running::start(Server::new(), hello()).await;
    let mut client = running.connect(b"this is not HTTP\r\n\r\n").await;
    client.read_to_end(&mut Vec::new()).await.expect("an end");
    let lines = lines.of_the_crate();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let begin = "DEBUG tower_webhook_auth: connection failed: ";
    assert!(lines[0].starts_with(begin), "{lines:?}");
}

/// A socket that does not listen fails at each attempt, like one of a process without file descriptors.
#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_an_error_in_the_log_once_a_second_until_the_stop() {
    let (lines, _guard) = log();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let peer = std::net::TcpStream::connect(address).expect("a connection");
    drop(listener.accept().expect("a connection"));
    peer.set_nonblocking(true).expect("an option");
    let broken = std::net::TcpListener::from(OwnedFd::from(peer));
    let broken = TcpListener::from_std(broken).expect("a runtime");

    let begin = Instant::now();
    let stop = sleep(5 * SECOND + SECOND / 2);
    Server::new().serve_until(broken, hello(), stop).await;
    assert_eq!(begin.elapsed().as_secs(), 5);
    let lines = lines.of_the_crate();
    let error = "ERROR tower_webhook_auth: cannot accept a connection, trying again in 1 s: ";
    let errors = lines.iter().filter(|line| line.starts_with(error));
    assert_eq!(errors.count(), 6, "{lines:?}");
}

// The signals -------------------------------------------------------------------------------------

/// It sends signals to the process of the tests. No other test here installs handlers.
#[tokio::test]
async fn the_first_signal_lets_requests_finish_and_the_second_one_stops_at_once() {
    let (app, mut begins) = app_that_never_responds();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(Server::default().grace(600 * SECOND).serve(listener, app));
    let mut client = TcpStream::connect(address).await.expect("a server");
    client.write_all(REQUEST).await.expect("a connection");
    begins.recv().await.expect("a request");

    let signal = |name: &str| {
        let id = std::process::id().to_string();
        let killed = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(killed.expect("a program `kill`").success());
    };
    signal("-TERM");
    // The listener is closed, and the request goes on.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished(), "the request did not finish");
    signal("-INT");
    let stopped = server.await.expect("no panic").expect("handlers");
    assert_eq!(stopped.dropped_requests(), 1);

    // With the default limits.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(serve(listener, hello()));
    let mut client = TcpStream::connect(address).await.expect("a server");
    client.write_all(REQUEST).await.expect("a connection");
    let mut begin = [0; 15];
    client.read_exact(&mut begin).await.expect("a response");
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    signal("-INT");
    let stopped = server.await.expect("no panic").expect("handlers");
    assert_eq!(
        (stopped.dropped_requests(), stopped.dropped_connections()),
        (0, 0)
    );
}
