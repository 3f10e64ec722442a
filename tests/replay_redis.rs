//! The Redis store with a real Redis or Valkey on loopback, which each test starts and stops. Where neither
//! is installed, the tests say that they were left out.
#![cfg(all(feature = "replay-redis", feature = "testing"))]

#[path = "common/two_tenants.rs"]
mod two_tenants;

use std::{
    collections::BTreeMap,
    future::pending,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use redis::aio::MultiplexedConnection;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_webhook_auth::{
    BoxError, Identity, Provider, Rejection, RejectionKind, ResponseBody, Secret, WebhookAuthLayer,
    provider,
    replay::{Claimed, Duplicate, Owner, RedisStore, ReplayGuardLayer, ReplayStore},
    testing::Signer,
};

/// A server of this test's own. It writes every change to its file, and is killed when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// `None` where no server is installed.
    async fn start(name: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{name}"));
        // What is left of an earlier run would be read.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let server = ["valkey-server", "redis-server"]
            .into_iter()
            .find_map(|program| Self::spawn(program, port, folder.clone()));
        match server {
            Some(server) => {
                server.connection().await;
                Some(server)
            }
            None => {
                println!("left out: neither valkey-server nor redis-server is installed");
                None
            }
        }
    }

    fn spawn(program: &str, port: u16, folder: PathBuf) -> Option<Self> {
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args([
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self {
            child,
            port,
            folder,
        })
    }

    /// Kills the server, and starts another one with what it had written.
    async fn restart(&mut self) {
        self.stop();
        let again = ["valkey-server", "redis-server"]
            .into_iter()
            .find_map(|program| Self::spawn(program, self.port, self.folder.clone()));
        *self = again.expect("it was installed a moment ago");
        self.connection().await;
    }

    fn stop(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("its end");
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn store(&self) -> RedisStore {
        RedisStore::connect(&self.url()).expect("a URL")
    }

    /// A connection, as soon as the server accepts commands.
    async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("a URL");
        until(async || {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let pong: Result<String, _> = redis::cmd("PING").query_async(&mut connection).await;
            pong.ok().map(|_| connection)
        })
        .await
    }

    async fn keys(&self) -> Vec<String> {
        let mut connection = self.connection().await;
        let mut command = redis::cmd("KEYS");
        let keys = command.arg("webhook:*").query_async(&mut connection);
        keys.await.expect("keys")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks every few milliseconds, for at most a minute.
async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(60), asking);
    asked.await.expect("it happens within a minute")
}

type Answer = Result<Response<Full<Bytes>>, BoxError>;
type Guarded = BoxCloneSyncService<
    Request<Full<Bytes>>,
    Response<ResponseBody<ResponseBody<Full<Bytes>>>>,
    BoxError,
>;

fn secret() -> Secret {
    Secret::new("wJ4mX9-wJ4mX9").expect("a secret")
}

fn github() -> Provider<Bytes> {
    provider::github(secret())
}

fn delivery(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let signer = Signer::new(&github(), &secret()).expect("a signer");
    signer.request(body)
}

fn by_body<St: ReplayStore>(store: St) -> ReplayGuardLayer<Bytes, St> {
    ReplayGuardLayer::by_body(&github(), store).expect("a guard")
}

fn guarded<St: ReplayStore, F>(
    guard: ReplayGuardLayer<Bytes, St>,
    handler: impl Fn(Request<Full<Bytes>>) -> F + Clone + Send + Sync + 'static,
) -> Guarded
where
    F: Future<Output = Answer> + Send + 'static,
{
    let layers = (WebhookAuthLayer::new(github()), guard);
    BoxCloneSyncService::new(layers.layer(service_fn(handler)))
}

fn counting<St: ReplayStore>(guard: ReplayGuardLayer<Bytes, St>) -> (Guarded, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = guarded(guard, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(Response::default()) }
    });
    (service, calls)
}

/// The status, and whether it is the response to a duplicate.
async fn send(service: &Guarded, body: impl Into<Bytes>) -> (u16, bool) {
    let call = service.clone().oneshot(delivery(body));
    let response = call.await.expect("a response");
    let duplicate = response.extensions().get::<Duplicate>().is_some();
    (response.status().as_u16(), duplicate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_200_equal_deliveries_at_once_over_4_connections_calls_the_handler() {
    let Some(server) = Server::start("at-once").await else {
        return;
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let all_sent = Arc::new(tokio::sync::Semaphore::new(0));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (counted, gate) = (Arc::clone(&calls), Arc::clone(&all_sent));
        let service = guarded(by_body(server.store()), move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let gate = Arc::clone(&gate);
            // It ends when all others have their response.
            async move {
                let _permit = gate.acquire_many(199).await?;
                Ok(Response::default())
            }
        });
        for _ in 0..50 {
            let (service, gate) = (service.clone(), Arc::clone(&all_sent));
            tasks.push(tokio::spawn(async move {
                let response = send(&service, "{}").await;
                gate.add_permits(1);
                response
            }));
        }
    }
    let mut responses = BTreeMap::new();
    for task in tasks {
        *responses.entry(task.await.expect("no panic")).or_insert(0) += 1;
    }
    println!("200 equal deliveries over 4 connections: {responses:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(
        responses,
        BTreeMap::from([((200, false), 1), ((503, false), 199)])
    );
    // Every process knows that it is done.
    let (service, _) = counting(by_body(server.store()));
    assert_eq!(send(&service, "{}").await, (200, true));
}

#[tokio::test]
async fn the_same_delivery_id_of_two_tenants_is_two_deliveries() {
    let Some(server) = Server::start("tenants").await else {
        return;
    };
    two_tenants::each_is_handled_once(server.store()).await;
}

#[tokio::test]
async fn a_dropped_call_gives_its_claim_back_and_the_connection_stays_usable() {
    let Some(server) = Server::start("dropped").await else {
        return;
    };
    let store = server.store();
    let guard = by_body(store.clone()).lease(Duration::from_secs(3600));
    let waiting = guarded(guard, |_| pending());
    // The server knows the scripts from here on, so a claim is granted by the first command.
    let failing = guarded(by_body(store.clone()), |_| async { Err("failed".into()) });
    assert!(failing.oneshot(delivery("{}")).await.is_err());
    for n in 0..100 {
        // Polled once: the claim is sent, and the response is never read.
        let call = waiting.clone().oneshot(delivery(n.to_string()));
        assert!(call.now_or_never().is_none());
    }
    let handling = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&handling);
    let guard = by_body(store.clone()).lease(Duration::from_secs(3600));
    let waiting = guarded(guard, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        pending()
    });
    for n in 100..110 {
        let call = tokio::spawn(waiting.clone().oneshot(delivery(n.to_string())));
        let before = n - 100;
        until(async || (handling.load(Ordering::SeqCst) > before).then_some(())).await;
        call.abort();
    }
    until(async || server.keys().await.is_empty().then_some(())).await;
    // Each command on the connection still gets its own response.
    let (service, calls) = counting(by_body(store));
    for n in [0, 99, 105] {
        assert_eq!(send(&service, n.to_string()).await, (200, false));
        assert_eq!(send(&service, n.to_string()).await, (200, true));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_late_owner_does_not_undo_what_another_call_did() {
    let Some(server) = Server::start("late").await else {
        return;
    };
    let store = server.store();
    let guard = by_body(store.clone()).lease(Duration::from_millis(200));
    let late = guarded(guard, |_| pending()).oneshot(delivery("{}"));
    let late = tokio::spawn(late);
    until(async || (!server.keys().await.is_empty()).then_some(())).await;
    // Its lease ends.
    until(async || server.keys().await.is_empty().then_some(())).await;
    let (service, calls) = counting(by_body(store.clone()));
    assert_eq!(send(&service, "{}").await, (200, false));
    late.abort();
    assert!(late.await.expect_err("it was aborted").is_cancelled());
    // The release is sent by a task of its own, which runs meanwhile.
    for _ in 0..10 {
        assert_eq!(send(&service, "{}").await, (200, true));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// The handler took longer than its lease, and the delivery belongs to another call.
#[tokio::test]
async fn a_late_commit_does_not_end_the_claim_of_another_call() {
    let Some(server) = Server::start("late-commit").await else {
        return;
    };
    let store = server.store();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let guard = by_body(store.clone()).lease(Duration::from_millis(200));
    let late = guarded(guard, move |_| {
        let gate = Arc::clone(&gate);
        async move {
            let _permit = gate.acquire().await?;
            Ok(Response::default())
        }
    });
    let late = tokio::spawn(async move { send(&late, "{}").await });
    until(async || (!server.keys().await.is_empty()).then_some(())).await;
    // Its lease ends.
    until(async || server.keys().await.is_empty().then_some(())).await;
    let other = guarded(by_body(store.clone()), |_| pending());
    let other = tokio::spawn(other.oneshot(delivery("{}")));
    until(async || (!server.keys().await.is_empty()).then_some(())).await;
    opened.add_permits(1);
    // The work is done, so the sender must not repeat it.
    assert_eq!(late.await.expect("no panic"), (200, false));
    let (service, calls) = counting(by_body(store));
    assert_eq!(send(&service, "{}").await.0, 503);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    other.abort();
}

#[tokio::test]
async fn a_commit_keeps_the_delivery_for_its_time_and_a_failure_leaves_nothing() {
    let Some(server) = Server::start("kept").await else {
        return;
    };
    let guard = by_body(server.store().prefix("webhook:a:")).remember_for(Duration::MAX);
    let (service, _) = counting(guard);
    send(&service, "1").await;
    let failing = guarded(by_body(server.store().prefix("webhook:b:")), |_| async {
        Ok(Response::builder().status(500).body(Full::default())?)
    });
    assert_eq!(send(&failing, "1").await.0, 500);
    let keys = server.keys().await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("webhook:a:"), "{keys:?}");
    let mut connection = server.connection().await;
    let mut command = redis::cmd("PTTL");
    let left = command.arg(&keys[0]).query_async(&mut connection);
    let left: i64 = left.await.expect("a time");
    let century = 100 * 365 * 24 * 60 * 60 * 1000_i64;
    assert!((century - 60_000..=century).contains(&left), "{left}");
}

#[tokio::test]
async fn without_a_server_deliveries_get_503_and_with_one_they_go_on() {
    let Some(mut server) = Server::start("outage").await else {
        return;
    };
    let (service, calls) = counting(by_body(server.store()));
    assert_eq!(send(&service, "1").await, (200, false));
    server.stop();
    let rejected = service
        .clone()
        .oneshot(delivery("2"))
        .await
        .expect("a response");
    let rejection: &Rejection = rejected.extensions().get().expect("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::ReplayStoreUnavailable);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    server.restart().await;
    until(async || (send(&service, "2").await == (200, false)).then_some(())).await;
    assert_eq!(send(&service, "1").await, (200, true));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// Each sender repeats its delivery until it gets 200.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_under_load_loses_no_delivery() {
    let Some(mut server) = Server::start("restart").await else {
        return;
    };
    const DELIVERIES: usize = 2_000;
    let runs = Arc::new(Mutex::new(BTreeMap::<Bytes, usize>::new()));
    let statuses = Arc::new(Mutex::new(BTreeMap::<u16, usize>::new()));
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = Vec::new();
    for _ in 0..8 {
        let counted = Arc::clone(&runs);
        let service = guarded(by_body(server.store()), move |request| {
            let counted = Arc::clone(&counted);
            async move {
                let body = http_body_util::BodyExt::collect(request.into_body()).await?;
                *counted
                    .lock()
                    .expect("no panic")
                    .entry(body.to_bytes())
                    .or_default() += 1;
                Ok(Response::default())
            }
        });
        let (statuses, next) = (Arc::clone(&statuses), Arc::clone(&next));
        senders.push(tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= DELIVERIES {
                    return;
                }
                loop {
                    let (status, _) = send(&service, n.to_string()).await;
                    *statuses
                        .lock()
                        .expect("no panic")
                        .entry(status)
                        .or_default() += 1;
                    if status == 200 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }));
    }
    until(async || (next.load(Ordering::SeqCst) > DELIVERIES / 4).then_some(())).await;
    server.restart().await;
    for sender in senders {
        let ended = tokio::time::timeout(Duration::from_secs(60), sender).await;
        ended.expect("200 within a minute").expect("no panic");
    }
    let runs = runs.lock().expect("no panic");
    let statuses = statuses.lock().expect("no panic");
    let twice = runs.values().filter(|runs| **runs > 1).count();
    println!("restarted under load: {statuses:?}, {twice} of {DELIVERIES} ran more than once");
    assert_eq!(runs.len(), DELIVERIES);
    assert!(statuses.keys().all(|status| [200, 503].contains(status)));
    // At most the calls that ran at that moment: their commit may be lost.
    assert!(twice <= 8, "{twice}");
}

#[test]
fn a_url_that_is_not_one_of_redis_is_an_error_without_the_url() {
    for url in [
        "",
        "http://user:wJ4mX9@host",
        "redis://user:wJ4mX9@host:none",
    ] {
        let error = RedisStore::connect(url).expect_err(url);
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains("wJ4mX9"), "{error}");
            assert!(!format!("{error:?}").contains("wJ4mX9"), "{error:?}");
            cause = error.source();
        }
    }
}

#[test]
fn a_store_outside_of_a_tokio_runtime_is_an_error_and_no_panic() {
    let error = RedisStore::connect("redis://127.0.0.1:1").expect_err("there is no runtime");
    assert_eq!(
        error.to_string(),
        "there is no tokio runtime: call `RedisStore::connect` in an async function"
    );
}

#[tokio::test]
async fn the_password_of_the_url_is_not_printed() {
    let store = RedisStore::connect("redis://:wJ4mX9@127.0.0.1:1").expect("a URL");
    let printed = format!("{store:?} {:?}", by_body(store.clone()));
    assert!(printed.contains("webhook:"), "{printed}");
    assert!(!printed.contains("wJ4mX9"), "{printed}");
}

/// A store that stops before a step without an end, so that the test can kill it there.
#[derive(Clone)]
struct StopsBefore {
    step: &'static str,
    store: RedisStore,
}

type Boxed<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl StopsBefore {
    fn reach<T: 'static>(&self, step: &str, then: Boxed<T>) -> Boxed<T> {
        if self.step == step {
            println!("reached");
            Box::pin(pending())
        } else {
            then
        }
    }
}

impl ReplayStore for StopsBefore {
    type Claim = Boxed<Claimed>;
    type Settle = Boxed<()>;

    fn claim(&self, delivery: Identity, owner: Owner, lease: Duration) -> Self::Claim {
        self.reach("claim", Box::pin(self.store.claim(delivery, owner, lease)))
    }

    fn commit(&self, delivery: Identity, owner: Owner, keep: Duration) -> Self::Settle {
        self.reach("commit", Box::pin(self.store.commit(delivery, owner, keep)))
    }

    fn release(&self, delivery: Identity, owner: Owner) -> Self::Settle {
        self.reach("release", Box::pin(self.store.release(delivery, owner)))
    }

    fn abandon(&self, delivery: Identity, owner: Owner) {
        self.store.abandon(delivery, owner);
    }
}

const LEASE: Duration = Duration::from_millis(1_500);

/// The process that the test below kills. Without its environment it is no test.
#[tokio::test]
async fn child_process() {
    let Ok(url) = std::env::var("REPLAY_CHILD_URL") else {
        return;
    };
    let step = std::env::var("REPLAY_CHILD_STEP").expect("a step");
    let store = StopsBefore {
        step: step.clone().leak(),
        store: RedisStore::connect(&url).expect("a URL"),
    };
    let service = guarded(by_body(store).lease(LEASE), move |_| {
        let step = step.clone();
        async move {
            println!("called");
            match &*step {
                "response" => {
                    println!("reached");
                    pending().await
                }
                "release" => Err("failed".into()),
                _ => Ok(Response::default()),
            }
        }
    });
    let sent = service.oneshot(delivery("{}")).await;
    println!("reached");
    drop(sent);
    pending::<()>().await;
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_and_repeats_only_what_was_not_committed() {
    let Some(server) = Server::start("killed").await else {
        return;
    };
    let mut connection = server.connection().await;
    // The step before which the process is killed, whether its handler has run, the response to the next
    // attempt, and whether the handler runs again.
    let cases = [
        ("claim", false, (200, false), true),
        ("response", true, (503, false), true),
        ("commit", true, (503, false), true),
        ("release", true, (503, false), true),
        ("end", true, (200, true), false),
    ];
    for (step, ran, next, again) in cases {
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut connection)
            .await
            .expect("empty");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "child_process", "--nocapture"])
            .env("REPLAY_CHILD_URL", server.url())
            .env("REPLAY_CHILD_STEP", step)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = output.lines().map(|line| line.expect("text"));
        let before: Vec<String> = lines
            .by_ref()
            .take_while(|line| !line.ends_with("reached"))
            .collect();
        assert_eq!(
            before.iter().any(|line| line.ends_with("called")),
            ran,
            "{step}"
        );
        // SIGKILL on Unix.
        child.kill().expect("a child");
        child.wait().expect("its end");

        let (service, calls) = counting(by_body(server.store()));
        assert_eq!(send(&service, "{}").await, next, "{step}");
        // The lease ends.
        until(async || (send(&service, "{}").await.0 == 200).then_some(())).await;
        assert_eq!(calls.load(Ordering::SeqCst), usize::from(again), "{step}");
        println!("killed before {step}: next attempt {next:?}, handler called again: {again}");
    }
}

/// A store that prints the futures of the store in Redis.
#[derive(Clone)]
struct Printing {
    store: RedisStore,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Printing {
    fn print<T: std::fmt::Debug>(&self, future: T) -> T {
        let printed = format!("{future:?}");
        self.printed.lock().expect("no panic").push(printed);
        future
    }
}

impl ReplayStore for Printing {
    type Claim = <RedisStore as ReplayStore>::Claim;
    type Settle = <RedisStore as ReplayStore>::Settle;

    fn claim(&self, delivery: Identity, owner: Owner, lease: Duration) -> Self::Claim {
        self.print(self.store.claim(delivery, owner, lease))
    }

    fn commit(&self, delivery: Identity, owner: Owner, keep: Duration) -> Self::Settle {
        self.print(self.store.commit(delivery, owner, keep))
    }

    fn release(&self, delivery: Identity, owner: Owner) -> Self::Settle {
        self.print(self.store.release(delivery, owner))
    }

    fn abandon(&self, delivery: Identity, owner: Owner) {
        self.store.abandon(delivery, owner);
    }
}

#[tokio::test]
async fn the_futures_of_the_store_print_no_delivery() {
    let Some(server) = Server::start("printed").await else {
        return;
    };
    let store = Printing {
        store: server.store(),
        printed: Arc::default(),
    };
    let (service, _) = counting(by_body(store.clone()));
    assert_eq!(send(&service, "{}").await, (200, false));
    let printed = store.printed.lock().expect("no panic");
    assert_eq!(*printed, ["RedisClaim { .. }", "RedisSettle { .. }"]);
}
