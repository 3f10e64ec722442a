//! End to end over loopback with hyper: the same server with the layer and without it. And how long
//! after a body's last byte the handler starts.
//!
//! Both servers parse the same event out of the same requests; the one without the layer verifies
//! nothing. They take turns of less than a second, so that other load of the machine disturbs
//! both.

mod cases;

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sha1::Sha1;
use sha2::Sha256;
use tower::{Layer, Service, service_fn};
use tower_webhook_auth::{
    FromBody, Provider, Secret, SignatureScheme, Verified, WebhookAuthLayer,
    provider::{self, optimizely::Event},
};

const KEY: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 60;
const REQUESTS_PER_ROUND: usize = 4_000;

fn main() {
    throughput();
    for mebibytes in [1, 5, 25] {
        start_after_the_last_byte(mebibytes << 20);
    }
}

fn throughput() {
    let layer = WebhookAuthLayer::new(provider::optimizely(secret()));
    let with = serve("with", layer.layer(service_fn(handler)));
    let without = serve("without", service_fn(parse_alone));

    let body = cases::OPTIMIZELY.as_bytes();
    let mac = Hmac::<Sha1>::new_from_slice(KEY.as_bytes()).expect("any length");
    let tag = mac.chain_update(body).finalize().into_bytes();
    let mut request = format!(
        "POST /webhooks/optimizely HTTP/1.1\r\nhost: hooks.example.com\r\n\
         content-type: application/json\r\nuser-agent: AppEngine-Google\r\n\
         x-hub-signature: sha1={}\r\ncontent-length: {}\r\n\r\n",
        HEXLOWER.encode(&tag),
        body.len(),
    )
    .into_bytes();
    request.extend_from_slice(body);

    let mut with = Client::new(with, request.clone());
    let mut without = Client::new(without, request);
    let mut ratios = Vec::new();
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        // The server that is first in one round was second in the round before.
        let (layer, bare) = if round % 2 == 0 {
            let layer = with.rate();
            (layer, without.rate())
        } else {
            let bare = without.rate();
            (with.rate(), bare)
        };
        ratios.push(layer / bare);
        rates.push(bare);
    }
    println!(
        "loopback: {:.0} requests a second without the layer, with it {:.3} of that",
        median(rates),
        median(ratios),
    );
}

async fn handler(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let event = request.extensions().get::<Verified<Event>>();
    Ok(answer(event.expect("an event").datafile().is_some()))
}

async fn parse_alone(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("a whole body");
    let event = Event::from_body(&body.to_bytes());
    Ok(answer(event.expect("an event").datafile().is_some()))
}

fn answer(seen: bool) -> Response<Full<Bytes>> {
    assert!(seen, "a datafile");
    Response::new(Full::from("ok"))
}

/// A server with its own thread, which has a name for profilers.
fn serve<S, B>(name: &str, service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: 'static,
    B: http_body::Body<Data = Bytes, Error = Infallible> + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    let serving = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
                .await
                .expect("a port");
            let address = listener.local_addr().expect("an address");
            sender.send(address).expect("the address is awaited");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let service = TowerToHyperService::new(service.clone());
                tokio::task::spawn_local(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    connection.await.ok();
                });
            }
        });
    };
    thread.spawn(serving).expect("a thread");
    receiver.recv().expect("an address")
}

/// Writes one request on each of its connections, then reads all the answers: the server always
/// has work, and the client has little.
struct Client {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr, request: Vec<u8>) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            stream
        };
        let mut connections: Vec<_> = (0..CONNECTIONS).map(connect).collect();
        // All answers are as long as the first.
        connections[0].write_all(&request).expect("a request");
        let mut answer = vec![0; 4096];
        let length = connections[0].read(&mut answer).expect("an answer");
        answer.truncate(length);
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
        Self {
            connections,
            request,
            answer,
        }
    }

    fn rate(&mut self) -> f64 {
        let start = Instant::now();
        for _ in 0..REQUESTS_PER_ROUND / CONNECTIONS {
            for connection in &mut self.connections {
                connection.write_all(&self.request).expect("a request");
            }
            for connection in &mut self.connections {
                connection.read_exact(&mut self.answer).expect("an answer");
            }
        }
        REQUESTS_PER_ROUND as f64 / start.elapsed().as_secs_f64()
    }
}

/// The time from the last frame of a body to the call of the handler, compared with the time of
/// hashing one frame.
fn start_after_the_last_byte(size: usize) {
    const FRAME: usize = 16 * 1024;
    let body = Bytes::from(vec![b'a'; size]);
    let keyed = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
    let tag = keyed.clone().chain_update(&body).finalize().into_bytes();
    let scheme = SignatureScheme::hmac_sha256("x-hub-signature-256").tags('=', ["sha256"]);
    let provider = Provider::new("github", scheme.build().expect("a scheme"), secret());
    let handed_out = Arc::new(Mutex::new(Instant::now()));
    let mut waits = Vec::new();
    let mut hashes = Vec::new();
    let last = Arc::clone(&handed_out);
    let (sender, receiver) = mpsc::channel();
    let mut service = WebhookAuthLayer::new(provider.expect("a provider"))
        .max_body_bytes(size)
        .layer(service_fn(move |_: Request<Full<Bytes>>| {
            let wait = last.lock().expect("one thread").elapsed();
            sender.send(wait).expect("the time is awaited");
            std::future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        }));
    for _ in 0..30 {
        let stamped = Stamped {
            frames: cases::Frames(body.clone(), FRAME),
            handed_out: Arc::clone(&handed_out),
        };
        let mut request = Request::new(stamped);
        let headers = request.headers_mut();
        let signature = format!("sha256={}", HEXLOWER.encode(&tag));
        headers.insert(
            "x-hub-signature-256",
            HeaderValue::from_str(&signature).expect("a header's value"),
        );
        headers.insert("content-length", HeaderValue::from(size));
        cases::complete(service.call(request)).expect("infallible");
        waits.push(nanoseconds(receiver.recv().expect("a call")));
        let start = Instant::now();
        let frame = keyed.clone().chain_update(&body[..FRAME]);
        std::hint::black_box(frame.finalize());
        hashes.push(nanoseconds(start.elapsed()));
    }
    println!(
        "{:>2} MiB: the handler starts {:.1} µs after the last byte; one frame is hashed in {:.1} µs",
        size >> 20,
        median(waits) / 1e3,
        median(hashes) / 1e3,
    );
}

/// Notes the time of each frame. After the last frame the time does not change any more.
struct Stamped {
    frames: cases::Frames,
    handed_out: Arc<Mutex<Instant>>,
}

impl http_body::Body for Stamped {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let frame = self.frames.next();
        if frame.is_some() {
            *self.handed_out.lock().expect("one thread") = Instant::now();
        }
        Poll::Ready(frame.map(|frame| Ok(http_body::Frame::data(frame))))
    }
}

fn secret() -> Secret {
    Secret::new(KEY).expect("a secret")
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
