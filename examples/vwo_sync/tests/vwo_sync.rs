//! The whole example, and a server with faults.
//!
//! The server is a service in this process and tokio's clock is paused. The tests of the demonstration use
//! sockets.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use support::download::Transport;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_webhook_auth::{BoxError, Secret, sync::Schedule};
use vwo_sync::{demo::demo, service::app, settings::Settings};

const SECOND: Duration = Duration::from_secs(1);
const SECRET: &str = "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS";
const EVENT: &str = r#"{"timestamp":1606482285,"event":"settings_changed","action":"campaign_settings_changed","triggered_by":"vwo"}"#;

#[derive(Clone, Debug)]
enum Answer {
    Body(String),
    Hangs,
    /// Settings with an `ETag`, or 304 for a client that has them.
    Settings(u64),
    Status(u16),
}

/// The answers in turn, of which the last one stays, and all requests.
#[derive(Clone)]
struct Vwo(Arc<Mutex<Script>>);

struct Script {
    answers: VecDeque<Answer>,
    requests: Vec<(Uri, HeaderMap)>,
}

impl Vwo {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Script {
            answers: [Answer::Settings(1)].into(),
            requests: Vec::new(),
        })))
    }

    fn says(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().answers = answers.into_iter().collect();
    }

    fn downloads(&self) -> usize {
        self.lock().requests.len()
    }

    fn transport(&self) -> Transport {
        let vwo = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<_>>| {
            let vwo = vwo.clone();
            async move { vwo.answer(request.uri(), request.headers()).await }
        }))
    }

    async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response<Body>, BoxError> {
        let answer = {
            let mut script = self.lock();
            script.requests.push((uri.clone(), headers.clone()));
            match script.answers.len() {
                1 => script.answers[0].clone(),
                _ => script.answers.pop_front().expect("an answer is left"),
            }
        };
        match answer {
            Answer::Body(body) => Ok(Response::new(body.into())),
            Answer::Hangs => pending().await,
            Answer::Settings(version) => {
                let etag = format!("\"{version}\"");
                let ours = headers.get(header::IF_NONE_MATCH);
                let known = ours.is_some_and(|ours| ours.as_bytes() == etag.as_bytes());
                let response = Response::builder().header(header::ETAG, etag);
                Ok(match known {
                    true => response.status(304).body(Body::empty())?,
                    false => response.body(settings(version).into())?,
                })
            }
            // The body is good, only the status is not.
            Answer::Status(status) => Ok(Response::builder()
                .status(status)
                .body(settings(2).into())?),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("no test has panicked here")
    }
}

fn settings(version: u64) -> String {
    json!({ "version": version, "accountId": 1001, "campaigns": [] }).to_string()
}

struct Service(Router);

impl Service {
    async fn start(vwo: &Vwo) -> Self {
        let service = Self::start_now(vwo);
        sleep(5 * SECOND).await;
        service
    }

    fn start_now(vwo: &Vwo) -> Self {
        let schedule = Schedule::new().jitter(0.0).poll_every(600 * SECOND);
        let settings = Settings::start(
            "https://vwo.test",
            "1001",
            "sdk0key",
            vwo.transport(),
            schedule,
        );
        let settings = settings.expect("the address makes a URL");
        Self(app(Secret::new(SECRET).expect("a secret"), settings))
    }

    async fn deliver(&self, key: &str, body: &'static str) -> StatusCode {
        let request = Request::post("/webhooks/vwo").header("x-vwo-auth", key);
        self.send(request.body(body.into())).await.status()
    }

    async fn tell(&self) {
        assert_eq!(self.deliver(SECRET, EVENT).await, StatusCode::OK);
    }

    async fn version(&self) -> u64 {
        let request = Request::get("/settings").body(Body::empty());
        let body = self.send(request).await.into_body().collect().await;
        let body = body.expect("a body").to_bytes();
        let settings: Value = serde_json::from_slice(&body).expect("settings in JSON");
        settings["version"].as_u64().expect("a version")
    }

    async fn send(&self, request: http::Result<Request<Body>>) -> Response<Body> {
        let request = request.expect("a request");
        let answered = self.0.clone().oneshot(request).await;
        answered.expect("the router answers")
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_brings_the_new_settings() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    assert_eq!(service.version().await, 1);
    vwo.says([Answer::Settings(2)]);
    service.tell().await;
    sleep(SECOND).await;
    assert_eq!(service.version().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_answered_with_200_at_once_while_the_download_hangs() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    vwo.says([Answer::Hangs]);
    let begin = Instant::now();
    service.tell().await;
    service.tell().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_a_known_event_is_answered_with_200() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    for body in ["", "not JSON", r#"{"event":"a new one"}"#] {
        assert_eq!(service.deliver(SECRET, body).await, StatusCode::OK);
    }
    sleep(SECOND).await;
    assert_eq!(vwo.downloads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_changes_nothing() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    for key in ["", "x", "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pT"] {
        assert_eq!(service.deliver(key, EVENT).await, StatusCode::UNAUTHORIZED);
    }
    sleep(100 * SECOND).await;
    assert_eq!(vwo.downloads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_deliveries_within_a_second_cause_two_downloads() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    for version in 2..1002 {
        vwo.says([Answer::Settings(version)]);
        service.tell().await;
        sleep(SECOND / 1000).await;
    }
    sleep(100 * SECOND).await;
    assert_eq!(service.version().await, 1001);
    assert_eq!(vwo.downloads(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_the_server_replaces_good_settings_and_each_is_retried() {
    let whole = settings(2);
    let faults = [
        Answer::Body(String::new()),
        Answer::Body("[]".into()),
        Answer::Body(r#"{"error":"no such account"}"#.into()),
        Answer::Body(r#"{"version":2,"accountId":2002}"#.into()),
        Answer::Body(whole[..whole.len() / 2].into()),
        Answer::Hangs,
        Answer::Status(302),
        Answer::Status(404),
        Answer::Status(500),
    ];
    for fault in faults {
        let vwo = Vwo::new();
        let service = Service::start(&vwo).await;
        vwo.says([fault.clone(), Answer::Settings(2)]);
        service.tell().await;
        sleep(SECOND / 2).await;
        assert_eq!(vwo.downloads(), 2, "{fault:?}");
        assert_eq!(service.version().await, 1, "{fault:?}");
        // After the deadline of a hanging download and the back-off.
        sleep(40 * SECOND).await;
        assert_eq!(vwo.downloads(), 3, "{fault:?}");
        assert_eq!(service.version().await, 2, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn polling_finds_a_change_without_a_delivery_and_is_conditional() {
    let vwo = Vwo::new();
    let service = Service::start(&vwo).await;
    sleep(700 * SECOND).await;
    assert_eq!(vwo.downloads(), 2);
    vwo.says([Answer::Settings(2)]);
    sleep(700 * SECOND).await;
    assert_eq!(service.version().await, 2);

    let script = vwo.lock();
    for (uri, _) in &script.requests {
        assert_eq!(
            uri,
            "https://vwo.test/server-side/v2-pull?a=1001&i=sdk0key&platform=server&api-version=1&s=prod"
        );
    }
    assert!(!script.requests[0].1.contains_key(header::IF_NONE_MATCH));
    assert_eq!(script.requests[1].1[header::IF_NONE_MATCH], "\"1\"");
}

#[tokio::test(start_paused = true)]
async fn a_client_with_the_current_settings_gets_304_until_they_change() {
    let vwo = Vwo::new();
    let service = Service::start_now(&vwo);
    let ask = |etag: Option<header::HeaderValue>| {
        let mut request = Request::get("/settings");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        service.send(request.body(Body::empty()))
    };
    assert_eq!(ask(None).await.status(), StatusCode::SERVICE_UNAVAILABLE);

    sleep(5 * SECOND).await;
    let etag = ask(None).await.headers()[header::ETAG].clone();
    let again = ask(Some(etag.clone())).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()[header::ETAG], etag);

    vwo.says([Answer::Settings(2)]);
    service.tell().await;
    sleep(SECOND).await;
    assert_eq!(ask(Some(etag)).await.status(), StatusCode::OK);
}

#[test]
fn an_address_that_cannot_be_right_is_rejected() {
    for (vwo, account, sdk_key) in [
        ("ftp://vwo.test", "1001", "key"),
        ("vwo.test", "1001", "key"),
        ("https://vwo.test", "", "key"),
        ("https://vwo.test", "1001&a=1", "key"),
        ("https://vwo.test", "1001", "key#"),
    ] {
        let transport = Vwo::new().transport();
        let settings = Settings::start(
            vwo,
            account,
            sdk_key,
            transport,
            Schedule::new().jitter(0.0),
        );
        assert!(settings.is_err(), "{vwo} {account} {sdk_key}");
    }
}

#[tokio::test]
async fn the_demonstration_shows_other_settings_after_the_delivery() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let demo = demo(
        listener,
        Schedule::new().jitter(0.0).spacing(Duration::ZERO),
    )
    .await;
    let demo = demo.expect("this machine connects to itself");
    assert_eq!(demo.before["version"], 7);
    assert_eq!(demo.delivery, StatusCode::OK);
    assert_eq!(demo.after["version"], 8);
    assert!(!demo.server.is_finished());
}
