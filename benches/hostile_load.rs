//! The cost of clients without the key, for the server and for the clients with the key. All
//! traffic is on loopback.
//!
//! ```sh
//! ulimit -n 4096
//! cargo bench --bench hostile_load
//! ```
//!
//! Counts are asserted. Times and bytes are only printed, because they depend on the machine.

use std::{
    convert::Infallible,
    env,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use h2::{Ping, Reason, client};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::server::conn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use peak_alloc::PeakAlloc;
use sha1::Sha1;
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_webhook_auth::{
    Encoding, KeyEncoding, Piece, Provider, Secret, SignatureScheme, Timestamp, WebhookAuthLayer,
    provider,
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const EVENT: &str = r#"{"project_id": 1234, "timestamp": 1468447113, "event": "project.datafile_updated", "data": {"revision": 1, "origin_url": "https://optimizely.s3.amazonaws.com/json/1234.json", "cdn_url": "https://cdn.optimizely.com/json/1234.json", "environment": "Production"}}"#;

const SLOW_UPLOADS: usize = 1000;
/// How often each of them sends a byte.
const SLOW_INTERVAL: Duration = Duration::from_millis(500);
const DELIVERIES: usize = 1000;
const ROUNDS: usize = 4;
const RESETS: usize = 10_000;
const HOSTILE_REQUESTS: usize = 1000;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, address] = arguments.as_slice()
        && role == "slow-clients"
    {
        return slow_clients(address.parse().expect("an address"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    endless_empty_frames();
    runtime.block_on(hostile_requests());
    runtime.block_on(resets());
    runtime.block_on(slow_uploads());
}

// --- a thousand slow uploads next to genuine deliveries ---

async fn slow_uploads() {
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(&calls, Protocol::Http1).await;
    let (mut idle, mut loaded, mut held) = (Vec::new(), Vec::new(), 0);
    deliver(address, DELIVERIES).await; // not measured: the first requests are slower

    // Both take turns, so that other work of the machine affects both.
    for _ in 0..ROUNDS {
        idle.extend(deliver(address, DELIVERIES).await);
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let slow_clients = SlowClients::start(address);
        loaded.extend(deliver(address, DELIVERIES).await);
        held = held.max(ALLOCATOR.peak_usage() - before);
        slow_clients.stop();
    }

    // Each genuine delivery was answered with 200, or `deliver` had panicked; nothing else got in.
    let genuine = DELIVERIES * (1 + 2 * ROUNDS);
    assert_eq!(calls.load(Ordering::SeqCst), genuine);
    println!("{SLOW_UPLOADS} slow uploads, an inner service that takes one request at a time:");
    let (idle, loaded) = (percentiles(idle), percentiles(loaded));
    for (what, [median, p99, most]) in [("idle", idle), ("loaded", loaded)] {
        println!("  {what:6} median {median:?}, p99 {p99:?}, most {most:?}");
    }
    let ratio = loaded[1].as_secs_f64() / idle[1].as_secs_f64();
    println!("  p99 loaded / idle: {ratio:.2}");
    println!(
        "  heap: {} bytes for each upload, with its connection",
        held / SLOW_UPLOADS
    );
    println!("  {genuine} genuine deliveries, all answered with 200");
}

#[derive(Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
}

/// A server whose inner service takes one request at a time.
async fn serve(calls: &Arc<AtomicUsize>, protocol: Protocol) -> SocketAddr {
    let calls = Arc::clone(calls);
    let inner = tower::service_fn(move |_: Request<Full<Bytes>>| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let secret = Secret::new(SECRET).expect("a secret");
    let service = ServiceBuilder::new()
        .layer(WebhookAuthLayer::new(provider::optimizely(secret)))
        .concurrency_limit(1)
        .service(inner);
    let service = TowerToHyperService::new(service);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port of loopback");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("open files: ulimit -n 4096");
            stream.set_nodelay(true).expect("a socket's option");
            let io = TokioIo::new(stream);
            let service = service.clone();
            tokio::spawn(async move {
                // Clients disconnect on purpose, so errors are expected.
                let _ = match protocol {
                    Protocol::Http1 => {
                        let server = conn::http1::Builder::new();
                        server.serve_connection(io, service).await
                    }
                    Protocol::Http2 => {
                        let server = conn::http2::Builder::new(TokioExecutor::new());
                        server.serve_connection(io, service).await
                    }
                };
            });
        }
    });
    address
}

fn signature() -> String {
    let mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("a key");
    let tag = mac.chain_update(EVENT).finalize().into_bytes();
    format!("sha1={}", HEXLOWER.encode(&tag))
}

fn head(signature: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature: {signature}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        EVENT.len()
    )
}

/// Genuine deliveries, one after the other: how long each took.
async fn deliver(address: SocketAddr, count: usize) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket's option");
    let delivery = [head(&signature()).as_bytes(), EVENT.as_bytes()].concat();
    let mut times = Vec::with_capacity(count);
    let mut answer = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        stream.write_all(&delivery).await.expect("an open socket");
        answer.clear();
        while !answer.ends_with(b"\r\n\r\n") {
            let read = stream.read_buf(&mut answer).await;
            assert_ne!(read.expect("an open socket"), 0, "not answered");
        }
        times.push(began.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
        // Not a closed loop at full speed: a sender pauses, and the machine also serves the slow
        // clients.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times
}

fn percentiles(mut times: Vec<Duration>) -> [Duration; 3] {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    [at(50), at(99), at(100)]
}

/// The slow uploads come from another process, so that its work and memory are not measured.
struct SlowClients(Child);

impl SlowClients {
    /// Returns when all of them are connected and have sent their heads.
    fn start(address: SocketAddr) -> Self {
        let mut child = Command::new(env::current_exe().expect("a program"))
            .args(["slow-clients", &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        assert_eq!(line, "ready\n");
        Self(child)
    }

    /// At its end, the process reports how many of its clients are still uploading.
    fn stop(mut self) {
        drop(self.0.stdin.take());
        let ended = self.0.wait().expect("its end");
        assert!(ended.success(), "not all slow clients were kept waiting");
    }
}

fn slow_clients(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let answered = Arc::new(AtomicUsize::new(0));
        let forged = head(&format!("sha1={}", "0".repeat(40)));
        for index in 0..SLOW_UPLOADS {
            let mut stream = TcpStream::connect(address)
                .await
                .expect("open files: ulimit -n 4096");
            stream
                .write_all(forged.as_bytes())
                .await
                .expect("a connection");
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                // Spread over the interval, as independent clients are.
                let offset = SLOW_INTERVAL * u32::try_from(index % 100).expect("small") / 100;
                tokio::time::sleep(offset).await;
                let mut byte = [0];
                loop {
                    tokio::select! {
                        _ = stream.read(&mut byte) => break,
                        () = tokio::time::sleep(SLOW_INTERVAL) => {}
                    }
                    if stream.write_all(b"a").await.is_err() {
                        break;
                    }
                }
                answered.fetch_add(1, Ordering::SeqCst);
            });
        }
        println!("ready");
        let (mut byte, mut stdin) = ([0], tokio::io::stdin());
        let _ = stdin.read(&mut byte).await;
        assert_eq!(answered.load(Ordering::SeqCst), 0, "some were answered");
        // Reading from a terminal cannot be ended: the runtime would wait for it.
        std::process::exit(0);
    });
}

// --- ten thousand streams that are reset half-way ---

async fn resets() {
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(&calls, Protocol::Http2).await;
    let forged = HeaderValue::from_str(&signature()).expect("a value");
    let half = Bytes::from_static(EVENT.as_bytes()).slice(..EVENT.len() / 2);

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let began = Instant::now();
    let mut connections = 0;
    let mut left = RESETS;
    while left > 0 {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket's option");
        let (requests, mut connection) = client::handshake(stream).await.expect("a handshake");
        let mut pings = connection.ping_pong().expect("the only one who pings");
        let connection = tokio::spawn(connection);
        connections += 1;
        // A server that is shown a reset before it has accepted the stream closes the connection
        // after twenty of them. So each round waits until its streams are accepted, then resets
        // them; if the server closes the connection anyway, a new one is opened.
        'rounds: while left > 0 {
            let mut streams = Vec::new();
            for _ in 0..10 {
                let Ok(mut requests) = requests.clone().ready().await else {
                    break 'rounds;
                };
                let mut request = Request::post("http://localhost/")
                    .body(())
                    .expect("a request");
                request
                    .headers_mut()
                    .insert("x-hub-signature", forged.clone());
                let Ok((response, mut body)) = requests.send_request(request, false) else {
                    break 'rounds;
                };
                body.send_data(half.clone(), false).expect("an open stream");
                streams.push((response, body));
            }
            let accepted = pings.ping(Ping::opaque()).await.is_ok();
            left = left.saturating_sub(streams.len());
            for (_, body) in &mut streams {
                body.send_reset(Reason::CANCEL);
            }
            drop(streams);
            if !accepted || pings.ping(Ping::opaque()).await.is_err() {
                break;
            }
        }
        drop((requests, pings));
        let _ = connection.await;
    }
    let took = began.elapsed();
    let most = ALLOCATOR.peak_usage() - before;

    assert_eq!(calls.load(Ordering::SeqCst), 0);
    println!("{RESETS} streams, signed, and reset half-way, over {connections} connections:");
    println!(
        "  {took:?}, {:?} each, client and server together",
        took / u32::try_from(RESETS).expect("small")
    );
    println!("  heap: {most} bytes more at most, client and server together");
}

// --- requests that cost their sender nothing ---

async fn hostile_requests() {
    let standard = SignatureScheme::hmac_sha256("webhook-signature")
        .encoding(Encoding::Base64)
        .item_separator(' ')
        .tags(',', ["v1"])
        .id_header("webhook-id")
        .timestamp(Timestamp::header("webhook-timestamp"))
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
        .key_encoding(KeyEncoding::Base64)
        .build()
        .expect("a scheme");
    let key = b"twenty-four bytes of key";
    let secret = Secret::new(BASE64.encode(key)).expect("a secret");
    let provider = Provider::new("standard", standard, secret).expect("a provider");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_674_087_231);
    let layer = WebhookAuthLayer::new(provider).clock(move || now);

    let sign = |secret: &[u8]| {
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key");
        let message = mac.chain_update("msg_1.1674087231.").chain_update(EVENT);
        format!("v1,{}", BASE64.encode(&message.finalize().into_bytes()))
    };
    let good = sign(key);
    let forged = |count| vec![sign(b"another"); count].join(" ");
    let plain: &[(&str, &str)] = &[];
    println!("requests to the service itself, {HOSTILE_REQUESTS} of each, on average:");
    for (what, signatures, extra, status) in [
        ("genuine", vec![good.clone()], plain, StatusCode::OK),
        ("forged", vec![forged(1)], plain, StatusCode::UNAUTHORIZED),
        (
            "60 kB",
            vec!["a".repeat(60_000)],
            plain,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "16 candidates",
            vec![forged(16)],
            plain,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "600 candidates",
            vec![forged(600)],
            plain,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "90 copies",
            vec![good.clone(); 90],
            plain,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "2^62 declared",
            vec![good.clone()],
            &[("content-length", "4611686018427387904")],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let calls = Arc::new(AtomicUsize::new(0));
        let inner = tower::service_fn({
            let calls = Arc::clone(&calls);
            move |_: Request<Full<Bytes>>| {
                calls.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
            }
        });
        let service = layer.layer(inner);
        let requests: Vec<_> = (0..HOSTILE_REQUESTS)
            .map(|_| {
                let mut request = Request::new(Full::new(Bytes::from_static(EVENT.as_bytes())));
                let headers = request.headers_mut();
                headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
                headers.insert("webhook-timestamp", HeaderValue::from_static("1674087231"));
                for signature in &signatures {
                    let value = HeaderValue::from_str(signature).expect("a value");
                    headers.append("webhook-signature", value);
                }
                for (name, value) in extra {
                    headers.insert(*name, HeaderValue::from_static(value));
                }
                request
            })
            .collect();
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let began = Instant::now();
        for request in requests {
            let response = service.clone().oneshot(request).await;
            assert_eq!(response.expect("infallible").status(), status, "{what}");
        }
        let took = began.elapsed() / u32::try_from(HOSTILE_REQUESTS).expect("small");
        let most = ALLOCATOR.peak_usage().saturating_sub(before);
        let accepted = if status == StatusCode::OK {
            HOSTILE_REQUESTS
        } else {
            0
        };
        assert_eq!(calls.load(Ordering::SeqCst), accepted, "{what}");
        println!("  {what:15} {took:>10?}, heap {most} bytes more at most");
    }
}

// --- a body of endless empty frames ---

struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

fn endless_empty_frames() {
    let secret = Secret::new(SECRET).expect("a secret");
    let mut service = WebhookAuthLayer::new(provider::optimizely(secret)).layer(tower::service_fn(
        |_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        },
    ));
    let mut request = Request::new(Empty);
    let value = HeaderValue::from_str(&signature()).expect("a value");
    request.headers_mut().insert("x-hub-signature", value);
    request.headers_mut().insert(CONTENT_LENGTH, 5.into());

    let began = Instant::now();
    let response = futures_executor::block_on(service.call(request));
    let took = began.elapsed();
    let status = response.expect("an infallible service").status();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    println!("endless empty frames: rejected after {took:?}");
}
