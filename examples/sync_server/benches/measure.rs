//! Measures the program as processes on loopback, and prints one line per figure.
//!
//! ```text
//! cargo bench -p sync_server --bench measure              # all of it, about three minutes
//! cargo bench -p sync_server --bench measure -- minute    # one: one three burst thousand restart minute
//! ```
//!
//! "Changed" means that the port for SDKs serves the new bytes. Each replica is asked without a pause until it does.
//! A decision by Optimizely's own SDK is measured by `sdk/run`. The source, the deliveries and the replicas share the
//! processors of this machine.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/program/server.rs"]
mod server;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/program/source.rs"]
mod source;

use std::{
    collections::HashMap,
    env, fs,
    future::pending,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Full};
use support::{
    download::{self, Transport},
    stand_in::{SECRET, delivery},
    testing::{Process, free_port, redis},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, time};
use tower::ServiceExt;
use tower_webhook_auth::{Secret, provider, server::Server as Http, testing::Signer};

use crate::server::Server;

/// About as large as the datafile of a project with many flags.
const DOCUMENT_BYTES: usize = 36_000;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // `cargo test` runs benches, too, without this option.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("left out: it measures only with `cargo bench`");
        return;
    }
    let names = ["one", "three", "burst", "thousand", "restart", "minute"];
    let chosen = |name: &str| {
        let mut named = arguments
            .iter()
            .filter(|argument| names.contains(&&***argument));
        named.clone().next().is_none() || named.any(|argument| argument == name)
    };
    if chosen("one") {
        let replicas = Replicas::start(1, 50, Wire::None, DOCUMENT_BYTES).await;
        changed("one replica", &replicas).await;
    }
    if chosen("three") {
        if let Some(wire) = Wire::redis() {
            let replicas = Replicas::start(3, 50, wire, DOCUMENT_BYTES).await;
            changed("three replicas over Redis", &replicas).await;
        }
        let replicas = Replicas::start(3, 50, Wire::Peers, DOCUMENT_BYTES).await;
        changed("three replicas without a broker", &replicas).await;
    }
    if chosen("burst") {
        burst().await;
    }
    if chosen("thousand") {
        thousand().await;
    }
    if chosen("restart") {
        restart().await;
    }
    if chosen("minute") {
        let wire = Wire::redis().unwrap_or(Wire::Peers);
        minute(wire).await;
    }
}

/// The source: a revision per SDK key, and how many requests it got.
#[derive(Clone)]
struct Cdn {
    revisions: Arc<Mutex<HashMap<String, u64>>>,
    requests: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
    padding: Arc<str>,
}

impl Cdn {
    async fn start(bytes: usize) -> (Self, SocketAddr) {
        let flag = r#"{"id":"1","key":"a_flag_with_a_name","rolloutId":"2","experimentIds":["3"],"variables":[]}"#;
        let flags = vec![flag; bytes / flag.len()].join(",");
        let cdn = Self {
            revisions: Arc::default(),
            requests: Arc::default(),
            down: Arc::default(),
            padding: flags.into(),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/datafiles/{file}", get(datafile))
            .with_state(cdn.clone());
        tokio::spawn(Http::new().serve_until(listener, router, pending()));
        (cdn, address)
    }

    fn publish(&self, sdk_key: &str, revision: u64) {
        let mut revisions = self.revisions.lock().expect("whole");
        revisions.insert(sdk_key.to_owned(), revision);
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn datafile(
    State(cdn): State<Cdn>,
    UrlPath(file): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    cdn.requests.fetch_add(1, Ordering::Relaxed);
    if cdn.down.load(Ordering::Relaxed) == 1 {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let sdk_key = file.trim_end_matches(".json");
    let revisions = cdn.revisions.lock().expect("whole");
    let revision = revisions.get(sdk_key).copied().unwrap_or(1);
    drop(revisions);
    let etag = format!("\"{revision}\"");
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tag| *tag == etag)
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let flags = &cdn.padding;
    let body = format!(
        r#"{{"version":"4","sdkKey":"{sdk_key}","revision":"{revision}","projectId":"{revision}","featureFlags":[{flags}]}}"#
    );
    ([(header::ETAG, etag)], body).into_response()
}

enum Wire {
    None,
    /// On this port, for as long as the process lives.
    Redis {
        _process: Process,
        port: u16,
    },
    Peers,
}

impl Wire {
    fn redis() -> Option<Self> {
        let port = free_port();
        redis(port).map(|_process| Self::Redis { _process, port })
    }
}

struct Replicas {
    cdn: Cdn,
    client: Transport,
    signer: Signer,
    sdk_keys: Vec<String>,
    servers: Vec<Server>,
    configs: Vec<String>,
    folders: Vec<TempDir>,
    _wire: Wire,
}

impl Replicas {
    /// Starts the replicas, and waits until they are ready and connected to each other.
    async fn start(number: usize, environments: usize, wire: Wire, bytes: usize) -> Self {
        let (cdn, source) = Cdn::start(bytes).await;
        let sdk_keys: Vec<String> = (0..environments)
            .map(|number| format!("{number:08}-environment"))
            .collect();
        let ports: Vec<u16> = (0..number).map(|_| free_port()).collect();
        let folders: Vec<TempDir> = (0..number)
            .map(|_| tempfile::tempdir().expect("a folder"))
            .collect();
        let configs: Vec<String> = folders
            .iter()
            .zip(&ports)
            .map(|(folder, port)| {
                configuration(folder.path(), *port, &sdk_keys, source, &wire, &ports)
            })
            .collect();
        let servers = folders
            .iter()
            .zip(&configs)
            .map(|(folder, config)| Server::start(folder.path(), config))
            .collect();
        let secret = Secret::new(SECRET).expect("a secret");
        let signer = Signer::new(&provider::optimizely(secret.clone()), &secret).expect("a signer");
        let replicas = Self {
            cdn,
            client: download::http(),
            signer,
            sdk_keys,
            servers,
            configs,
            folders,
            _wire: wire,
        };
        for server in &replicas.servers {
            replicas.until_ready(server).await;
        }
        // The first look after a subscription, and the spacing after it.
        time::sleep(Duration::from_secs(4)).await;
        replicas
    }

    async fn until_ready(&self, server: &Server) {
        let url = format!("http://{}/readyz", server.admin);
        while self.get(&url).await.0 != 200 {
            time::sleep(Duration::from_micros(200)).await;
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> (u16, Bytes) {
        match self.client.clone().oneshot(request).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let body = response.into_body().collect().await;
                (status, body.map(|body| body.to_bytes()).unwrap_or_default())
            }
            Err(_) => (0, Bytes::new()),
        }
    }

    async fn get(&self, url: &str) -> (u16, Bytes) {
        let request = Request::get(url).body(Full::default()).expect("a request");
        self.send(request).await
    }

    async fn deliver(&self, server: &Server, body: String) -> u16 {
        let url = format!("http://{}/webhooks/optimizely", server.hooks);
        let request = Request::post(url)
            .body(Bytes::from(body))
            .expect("a request");
        self.send(self.signer.sign(request).map(Full::new)).await.0
    }

    /// Waits until each replica serves this revision.
    async fn until_served(&self, sdk_key: &str, revision: u64) {
        let expected = format!("\"revision\":\"{revision}\"");
        join_all(self.servers.iter().map(async |server| {
            let url = format!("http://{}/datafiles/{sdk_key}.json", server.api);
            loop {
                let (_, body) = self.get(&url).await;
                // The revision is at the beginning of the document.
                let begin = &body[..body.len().min(200)];
                if String::from_utf8_lossy(begin).contains(&expected) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }))
        .await;
    }

    async fn metric(&self, server: &Server, name: &str) -> f64 {
        let url = format!("http://{}/metrics", server.admin);
        let (_, text) = self.get(&url).await;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let values = lines
            .filter(|(metric, _)| metric.split('{').next() == Some(name))
            .filter_map(|(_, value)| value.parse::<f64>().ok());
        values.sum()
    }

    fn memory(&self) -> String {
        let each = self.servers.iter().map(|server| memory(server.pid()));
        each.collect::<Vec<_>>().join(", ")
    }
}

fn configuration(
    folder: &Path,
    hooks: u16,
    sdk_keys: &[String],
    source: SocketAddr,
    wire: &Wire,
    ports: &[u16],
) -> String {
    let (secret, store) = (folder.join("secret"), folder.join("store"));
    fs::write(&secret, SECRET).expect("a file");
    let fleet = match wire {
        Wire::None => String::new(),
        Wire::Redis { port, .. } => {
            let file = folder.join("redis");
            fs::write(&file, format!("redis://127.0.0.1:{port}")).expect("a file");
            format!("[fleet]\nredis = {{ file = {file:?} }}")
        }
        Wire::Peers => {
            let peers: Vec<_> = ports
                .iter()
                .map(|port| format!("127.0.0.1:{port}"))
                .collect();
            format!("[fleet]\npeers = {peers:?}")
        }
    };
    let environments: String = sdk_keys
        .iter()
        .map(|sdk_key| format!("[[optimizely.project.environment]]\nsdk_key = {sdk_key:?}\n"))
        .collect();
    format!(
        r#"
        [listen]
        hooks = "127.0.0.1:{hooks}"
        api = "127.0.0.1:0"
        admin = "127.0.0.1:0"
        [store]
        folder = {store:?}
        {fleet}
        [[optimizely.project]]
        id = 11387641093
        secrets = [{{ name = "now", file = {secret:?} }}]
        url = "http://{source}/datafiles/{{sdk_key}}.json"
        {environments}
        "#
    )
}

/// The resident memory of a process.
fn memory(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.map_or("unknown".into(), |kilobytes| {
        format!("{:.1} MB", kilobytes / 1000.0)
    })
}

/// The median, the 99th percentile and the worst.
fn figures(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    format!(
        "median {:?}, 99 % {:?}, worst {:?}",
        at(50),
        at(99),
        times[times.len() - 1]
    )
}

/// 1,000 deliveries, one after the other. Each environment rests for more than a second between two of its deliveries,
/// because the program asks its source at most once a second for each environment.
async fn changed(name: &str, replicas: &Replicas) {
    let before = replicas.cdn.requests();
    let mut times = Vec::new();
    for number in 0..1000 {
        let next = time::Instant::now() + Duration::from_millis(1300) / 50;
        let sdk_key = &replicas.sdk_keys[number % replicas.sdk_keys.len()];
        let revision = 2 + (number / replicas.sdk_keys.len()) as u64;
        replicas.cdn.publish(sdk_key, revision);
        let server = &replicas.servers[number % replicas.servers.len()];
        let begin = Instant::now();
        assert_eq!(
            replicas.deliver(server, delivery(sdk_key, revision)).await,
            200
        );
        replicas.until_served(sdk_key, revision).await;
        times.push(begin.elapsed());
        time::sleep_until(next).await;
    }
    let requests = replicas.cdn.requests() - before;
    let figures = figures(&mut times);
    println!(
        "{name}: delivery to new bytes served, 1,000 deliveries: {figures}; {requests} requests to the source"
    );
}

/// 500 deliveries at the same time, to one replica and to three.
async fn burst() {
    let mut wires = vec![(1, Wire::None, "one replica")];
    if let Some(wire) = Wire::redis() {
        wires.push((3, wire, "three replicas over Redis"));
    }
    wires.push((3, Wire::Peers, "three replicas without a broker"));
    for (number, wire, name) in wires {
        let replicas = Replicas::start(number, 1, wire, DOCUMENT_BYTES).await;
        for moves in [false, true] {
            let first = if moves { 501 } else { 1 };
            let sdk_key = &replicas.sdk_keys[0];
            let last = first + 500;
            if !moves {
                replicas.cdn.publish(sdk_key, last);
            }
            let before = replicas.cdn.requests();
            let begin = Instant::now();
            for some in (first + 1..=last).collect::<Vec<_>>().chunks(50) {
                let sent = some.iter().map(async |revision| {
                    if moves {
                        replicas.cdn.publish(sdk_key, *revision);
                    }
                    let server = &replicas.servers[*revision as usize % number];
                    replicas.deliver(server, delivery(sdk_key, *revision)).await
                });
                assert!(join_all(sent).await.iter().all(|status| *status == 200));
            }
            // Deliveries overlap, so an earlier one may have published last.
            replicas.cdn.publish(sdk_key, last);
            let answered = begin.elapsed();
            replicas.until_served(sdk_key, last).await;
            let served = begin.elapsed();
            time::sleep(Duration::from_secs(3)).await;
            let requests = replicas.cdn.requests() - before;
            let source = if moves {
                "the source moves with them"
            } else {
                "the source has the last revision"
            };
            println!(
                "{name}: 500 deliveries, {source}: answered after {answered:?}, the last one served after {served:?}, {requests} requests to the source"
            );
        }
    }
}

/// 1,000 environments in one process.
async fn thousand() {
    let replicas = Replicas::start(1, 1, Wire::None, DOCUMENT_BYTES).await;
    let idle = replicas.memory();
    drop(replicas);
    let begin = Instant::now();
    let replicas = Replicas::start(1, 1000, Wire::None, DOCUMENT_BYTES).await;
    let ready = begin.elapsed() - Duration::from_secs(4);
    let server = &replicas.servers[0];
    println!(
        "1,000 environments of {DOCUMENT_BYTES} bytes: all there {ready:?} after the start of the process, {} tasks, {} resident ({idle} with one environment)",
        replicas.metric(server, "runtime_tasks").await,
        replicas.memory(),
    );
    for round in 2..5_u64 {
        for sdk_key in &replicas.sdk_keys {
            replicas.cdn.publish(sdk_key, round);
        }
        let begin = Instant::now();
        // An authentic delivery that cannot be read concerns all environments of the project.
        assert_eq!(replicas.deliver(server, "[]".into()).await, 200);
        let answered = begin.elapsed();
        let all = (round * 1000) as f64;
        while replicas.metric(server, "sync_revision").await < all {
            time::sleep(Duration::from_millis(5)).await;
        }
        println!(
            "1,000 environments: one delivery for all of them is answered after {answered:?}, all swapped after {:?}, {} resident",
            begin.elapsed(),
            replicas.memory(),
        );
        time::sleep(Duration::from_secs(3)).await;
    }
}

/// From the start of the process until `/readyz` is 200, while the source responds with 503.
async fn restart() {
    for environments in [1, 100] {
        let mut replicas = Replicas::start(1, environments, Wire::None, DOCUMENT_BYTES).await;
        replicas.cdn.down.store(1, Ordering::Relaxed);
        let mut times = Vec::new();
        for _ in 0..20 {
            replicas.servers.pop().expect("a server").stop();
            let begin = Instant::now();
            let server = Server::start(replicas.folders[0].path(), &replicas.configs[0]);
            replicas.until_ready(&server).await;
            times.push(begin.elapsed());
            replicas.servers.push(server);
        }
        let figures = figures(&mut times);
        println!(
            "{environments} environments: ready after a restart with the source down, 20 restarts: {figures}"
        );
    }
}

/// 500 deliveries per second over three replicas for a minute. Each of them has a new revision.
async fn minute(wire: Wire) {
    const SECONDS: u64 = 60;
    const PER_SECOND: u64 = 500;
    let name = match wire {
        Wire::Redis { .. } => "over Redis",
        _ => "without a broker",
    };
    let replicas = Arc::new(Replicas::start(3, 1, wire, DOCUMENT_BYTES).await);
    let (memory, requests) = (replicas.memory(), replicas.cdn.requests());
    let sdk_key = replicas.sdk_keys[0].clone();
    let begin = Instant::now();
    let mut ticks = time::interval(Duration::from_secs(1) / PER_SECOND as u32);
    let mut sent = Vec::new();
    for number in 0..SECONDS * PER_SECOND {
        ticks.tick().await;
        let revision = number + 2;
        replicas.cdn.publish(&sdk_key, revision);
        let (replicas, body) = (Arc::clone(&replicas), delivery(&sdk_key, revision));
        sent.push(tokio::spawn(async move {
            let begin = Instant::now();
            let server = &replicas.servers[number as usize % 3];
            let status = replicas.deliver(server, body).await;
            (status, begin.elapsed())
        }));
    }
    let mut times = Vec::new();
    let mut lost = 0;
    for answer in sent {
        let (status, time) = answer.await.expect("it ends");
        lost += u64::from(status != 200);
        times.push(time);
    }
    let took = begin.elapsed();
    let last = Instant::now();
    replicas
        .until_served(&sdk_key, SECONDS * PER_SECOND + 1)
        .await;
    let served = last.elapsed();
    let deliveries = times.len();
    let figures = figures(&mut times);
    println!(
        "three replicas {name}: {deliveries} deliveries in {took:?}, {lost} not answered with 200, answers: {figures}; the last one is served by all {served:?} later"
    );
    println!(
        "three replicas {name}: {} requests to the source; resident before: {memory}; after: {}",
        replicas.cdn.requests() - requests,
        replicas.memory(),
    );
}
