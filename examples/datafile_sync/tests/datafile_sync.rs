//! The whole example: its routes, its refreshers, and a CDN with faults.
//!
//! The CDN is a service in this process and tokio's clock is paused, so minutes of back-off take no time.
//! The tests of the demonstration use sockets.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use datafile_sync::{
    config::{Config, EnvironmentKey, Project},
    demo::demo,
    service::{Environments, app},
    stand_in::datafile,
};
use futures_util::{future::join_all, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use support::download::{self, Download, Transport, Validators, download};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::yield_now,
    time::{Instant, sleep},
};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_webhook_auth::{BoxError, Secret, provider, sync::Schedule, testing::Signer};

const SECOND: Duration = Duration::from_secs(1);

/// Two projects, the first with two environments.
const SHOP: i64 = 1234;
const SHOP_SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const PRODUCTION: &str = "shop-production";
const STAGING: &str = "shop-staging";
const BLOG: i64 = 5678;
const BLOG_SECRET: &str = "mQ7cW2xK9dR4vT1bN6hJ8sL3pF5gZ0aYeUiOqSwDfGh";
const BLOG_ANY: &str = "blog";

const CDN: &str = "cdn.test";

// The CDN ---------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Answer {
    /// The datafile of this revision, or 304 for a client that has it. The flag is on from revision 13.
    Datafile(u64),
    /// A complete response without validators.
    Body(String),
    /// Half of a body, then the connection breaks.
    BrokenOff,
    Endless,
    Hangs,
    RedirectsTo(&'static str),
    Status(u16),
}

/// The answers for each SDK key in turn, of which the last one stays, and all requests.
#[derive(Clone, Default)]
struct Cdn(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    requests: Vec<(Uri, HeaderMap)>,
}

impl Cdn {
    /// Every environment begins with revision 12.
    fn new() -> Self {
        let cdn = Self::default();
        for sdk_key in [PRODUCTION, STAGING, BLOG_ANY] {
            cdn.says(sdk_key, [Answer::Datafile(12)]);
        }
        cdn
    }

    fn says(&self, sdk_key: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        self.lock().answers.insert(sdk_key.into(), answers);
    }

    /// The requests for this SDK key's datafile.
    fn requests(&self, sdk_key: &str) -> Vec<HeaderMap> {
        let path = format!("/datafiles/{sdk_key}.json");
        let script = self.lock();
        let asked = script.requests.iter().filter(|(uri, _)| uri.path() == path);
        asked.map(|(_, headers)| headers.clone()).collect()
    }

    fn downloads(&self, sdk_key: &str) -> usize {
        self.requests(sdk_key).len()
    }

    fn transport(&self) -> Transport {
        let cdn = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let cdn = cdn.clone();
            async move { cdn.answer(&request).await }
        }))
    }

    async fn answer(&self, request: &Request<Full<Bytes>>) -> Result<Response<Body>, BoxError> {
        let sdk_key = request.uri().path();
        let sdk_key = sdk_key.trim_start_matches("/datafiles/");
        let sdk_key = sdk_key.trim_end_matches(".json");
        match self.next(request, sdk_key) {
            Answer::Datafile(revision) => {
                let etag = format!("\"{revision}\"");
                let ours = request.headers().get(header::IF_NONE_MATCH);
                let known = ours.is_some_and(|ours| ours.as_bytes() == etag.as_bytes());
                let response = Response::builder()
                    .header(header::ETAG, etag)
                    .header(header::LAST_MODIFIED, "Sat, 18 May 2019 00:11:33 GMT");
                Ok(match known {
                    true => response
                        .status(StatusCode::NOT_MODIFIED)
                        .body(Body::empty())?,
                    false => response.body(datafile(sdk_key, revision, revision > 12).into())?,
                })
            }
            Answer::Body(body) => Ok(Response::new(body.into())),
            Answer::BrokenOff => {
                let whole = datafile(sdk_key, 13, true);
                let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() / 2]);
                let frames = [Ok(half), Err("connection reset")];
                Ok(Response::new(Body::from_stream(stream::iter(frames))))
            }
            Answer::Endless => {
                let chunk = Bytes::from_static(&[b' '; 64 * 1024]);
                let frames = std::iter::repeat_with(move || Ok::<_, BoxError>(chunk.clone()));
                Ok(Response::new(Body::from_stream(stream::iter(frames))))
            }
            Answer::Hangs => pending().await,
            Answer::RedirectsTo(location) => Ok(Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, location)
                .body(datafile(sdk_key, 13, true).into())?),
            // The body is good, only the status is not.
            Answer::Status(status) => Ok(Response::builder()
                .status(status)
                .body(datafile(sdk_key, 13, true).into())?),
        }
    }

    fn next(&self, request: &Request<Full<Bytes>>, sdk_key: &str) -> Answer {
        let mut script = self.lock();
        let asked = (request.uri().clone(), request.headers().clone());
        script.requests.push(asked);
        let answers = script.answers.get_mut(sdk_key).expect("a known SDK key");
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().expect("an answer is left"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("no test has panicked here")
    }
}

// The service -----------------------------------------------------------------------------------

struct Service {
    app: Router,
    environments: Arc<Environments>,
}

impl Service {
    async fn start(cdn: &Cdn) -> Self {
        let service = Self::start_with(cdn, &Schedule::new().jitter(0.0));
        // After the first download of each, and the second before the next one.
        sleep(5 * SECOND).await;
        service
    }

    fn start_with(cdn: &Cdn, schedule: &Schedule) -> Self {
        let environment = |name: Option<&str>, sdk_key: &str| EnvironmentKey {
            name: name.map(String::from),
            sdk_key: sdk_key.into(),
        };
        let config = Config {
            cdn: format!("https://{CDN}"),
            poll_every: 1000 * SECOND,
            projects: vec![
                Project {
                    id: SHOP,
                    secret: Secret::new(SHOP_SECRET).expect("a secret"),
                    environments: vec![
                        environment(Some("Production"), PRODUCTION),
                        environment(Some("Staging"), STAGING),
                    ],
                },
                Project {
                    id: BLOG,
                    secret: Secret::new(BLOG_SECRET).expect("a secret"),
                    environments: vec![environment(None, BLOG_ANY)],
                },
            ],
        };
        let environments = Environments::start(&config, &cdn.transport(), schedule);
        let environments = environments.expect("the CDN's address makes URLs");
        let app = app(&config, environments.clone()).expect("the projects differ");
        Self { app, environments }
    }

    async fn deliver(&self, secret: &str, event: &Value) -> StatusCode {
        let secret = Secret::new(secret).expect("a secret");
        let provider = provider::optimizely(secret.clone());
        let signer = Signer::new(&provider, &secret).expect("optimizely signs with a secret");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhooks/optimizely")
            .body(Bytes::from(event.to_string()))
            .expect("a request");
        let request = signer.sign(request).map(Body::from);
        let answered = self.app.clone().oneshot(request).await;
        answered.expect("the router answers").status()
    }

    /// A correct delivery for the production environment of the shop.
    async fn tell(&self, revision: u64) {
        let event = updated(SHOP, Some("Production"), revision);
        let status = self.deliver(SHOP_SECRET, &event).await;
        assert_eq!(status, StatusCode::OK);
    }

    async fn decide(&self, query: &str) -> Result<Value, StatusCode> {
        let uri = format!("/decide?user=alice&flag=new_checkout{query}");
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        let response = self.app.clone().oneshot(request).await;
        let response = response.expect("the router answers");
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        let body = response.into_body().collect().await.expect("a body");
        Ok(serde_json::from_slice(&body.to_bytes()).expect("an answer in JSON"))
    }

    /// The revision of the shop's production environment. The flag must agree with it.
    async fn revision(&self) -> u64 {
        let answer = self.decide("").await.expect("a decision");
        let revision = answer["revision"].as_u64().expect("a revision");
        assert_eq!(answer["enabled"], json!(revision > 12), "{answer}");
        revision
    }
}

fn updated(project_id: i64, environment: Option<&str>, revision: u64) -> Value {
    let mut event = json!({
        "project_id": project_id,
        "timestamp": 1_558_138_293,
        "event": "project.datafile_updated",
        "data": {
            "revision": revision,
            "origin_url": "https://origin.invalid/datafile.json",
            "cdn_url": "https://elsewhere.invalid/datafiles/shop-production.json",
        },
    });
    if let Some(environment) = environment {
        event["data"]["environment"] = json!(environment);
    }
    event
}

// Deliveries ------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_delivery_brings_the_new_datafile() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    assert_eq!(service.revision().await, 12);

    cdn.says(PRODUCTION, [Answer::Datafile(13)]);
    service.tell(13).await;
    sleep(SECOND).await;
    assert_eq!(service.revision().await, 13);
    assert_eq!(cdn.downloads(STAGING), 1);
    assert_eq!(cdn.downloads(BLOG_ANY), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_answered_at_once_while_the_download_hangs() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Hangs]);
    let begin = Instant::now();
    service.tell(13).await;
    service.tell(14).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_deliveries_within_a_second_cause_two_downloads() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    for revision in 13..1013 {
        cdn.says(PRODUCTION, [Answer::Datafile(revision)]);
        service.tell(revision).await;
        sleep(SECOND / 1000).await;
    }
    sleep(100 * SECOND).await;
    assert_eq!(service.revision().await, 1012);
    assert_eq!(cdn.downloads(PRODUCTION), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_deliveries_at_one_moment_cause_two_downloads_at_most() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Datafile(1012)]);
    // From the newest to the oldest, which is the worst order.
    let event = |revision| updated(SHOP, Some("Production"), revision);
    let events: Vec<_> = (13..1013).rev().map(event).collect();
    let deliveries = events
        .iter()
        .map(|event| service.deliver(SHOP_SECRET, event));
    for status in join_all(deliveries).await {
        assert_eq!(status, StatusCode::OK);
    }
    sleep(100 * SECOND).await;
    assert_eq!(service.revision().await, 1012);
    assert!(cdn.downloads(PRODUCTION) <= 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn replayed_and_late_deliveries_change_nothing() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Datafile(13)]);
    service.tell(13).await;
    sleep(10 * SECOND).await;
    for revision in [13, 12, 1, 0, 13] {
        service.tell(revision).await;
        sleep(10 * SECOND).await;
    }
    assert_eq!(service.revision().await, 13);
    assert_eq!(cdn.downloads(PRODUCTION), 2);
}

#[tokio::test(start_paused = true)]
async fn deliveries_of_other_environments_and_events_change_nothing() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    let mut flag = updated(SHOP, Some("Production"), 99);
    flag["event"] = json!("flag.updated");
    let mut snippet = updated(SHOP, Some("Production"), 99);
    snippet["event"] = json!("project.snippet_updated");
    for event in [flag, snippet, updated(SHOP, Some("Development"), 99)] {
        let status = service.deliver(SHOP_SECRET, &event).await;
        assert_eq!(status, StatusCode::OK);
    }
    sleep(100 * SECOND).await;
    assert_eq!(cdn.downloads(PRODUCTION), 1);
    assert_eq!(cdn.downloads(STAGING), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_names_no_environment_counts_for_all_of_its_project() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    for sdk_key in [PRODUCTION, STAGING] {
        cdn.says(sdk_key, [Answer::Datafile(13)]);
    }
    service.deliver(SHOP_SECRET, &updated(SHOP, None, 13)).await;
    sleep(SECOND).await;
    assert_eq!(service.revision().await, 13);
    let staging = service.decide("&sdk_key=shop-staging").await;
    assert_eq!(staging.expect("a decision")["revision"], 13);
    assert_eq!(cdn.downloads(BLOG_ANY), 1);
}

// Projects --------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn each_project_has_its_own_secret_and_its_own_clients() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(BLOG_ANY, [Answer::Datafile(20)]);
    let event = updated(BLOG, Some("Anything"), 20);
    let status = service.deliver(BLOG_SECRET, &event).await;
    assert_eq!(status, StatusCode::OK);
    sleep(SECOND).await;
    let blog = service.decide("&sdk_key=blog").await.expect("a decision");
    assert_eq!(blog["revision"], 20);
    assert_eq!(service.revision().await, 12);
    assert_eq!(cdn.downloads(PRODUCTION), 1);
}

#[tokio::test(start_paused = true)]
async fn the_secret_of_one_project_is_not_accepted_for_another() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    let shops = updated(SHOP, Some("Production"), 13);
    let unknown = updated(999, Some("Production"), 13);
    for (secret, event, status) in [
        (BLOG_SECRET, &shops, StatusCode::FORBIDDEN),
        (BLOG_SECRET, &unknown, StatusCode::FORBIDDEN),
        (
            "a secret that is not configured",
            &shops,
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        assert_eq!(service.deliver(secret, event).await, status);
    }
    sleep(100 * SECOND).await;
    for sdk_key in [PRODUCTION, STAGING, BLOG_ANY] {
        assert_eq!(cdn.downloads(sdk_key), 1, "{sdk_key}");
    }
}

// The CDN's faults ------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn no_fault_of_the_cdn_replaces_a_good_client_and_each_is_retried() {
    let truncated = datafile(PRODUCTION, 13, true);
    let truncated = truncated[..truncated.len() / 2].to_owned();
    let faults = [
        Answer::Body(String::new()),
        Answer::Body("{}".into()),
        Answer::Body("<html>blocked</html>".into()),
        Answer::Body(datafile("another-sdk-key", 13, true)),
        Answer::Body(truncated),
        Answer::BrokenOff,
        Answer::Datafile(11),
        Answer::Endless,
        Answer::Hangs,
        Answer::RedirectsTo("https://elsewhere.invalid/datafiles/shop-production.json"),
        Answer::Status(404),
        Answer::Status(500),
        Answer::Status(503),
    ];
    for fault in faults {
        let cdn = Cdn::new();
        let service = Service::start(&cdn).await;
        cdn.says(PRODUCTION, [fault.clone(), Answer::Datafile(13)]);
        service.tell(13).await;
        // The fault has happened, or the download still hangs.
        sleep(SECOND / 2).await;
        assert_eq!(cdn.downloads(PRODUCTION), 2, "{fault:?}");
        assert_eq!(service.revision().await, 12, "{fault:?}");
        // After the deadline of a hanging download and the back-off.
        sleep(40 * SECOND).await;
        assert_eq!(cdn.downloads(PRODUCTION), 3, "{fault:?}");
        assert_eq!(service.revision().await, 13, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_datafile_is_downloaded_again_with_back_off_until_the_new_one_is_there() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    let mut answers = vec![Answer::Datafile(12); 3];
    answers.push(Answer::Datafile(13));
    cdn.says(PRODUCTION, answers);
    service.tell(13).await;
    // At once, and after 1, 2 and 4 seconds.
    for (seconds, downloads) in [(0.5, 2), (1.0, 3), (2.0, 4), (3.0, 4), (1.0, 5), (100.0, 5)] {
        sleep(Duration::from_secs_f64(seconds)).await;
        assert_eq!(cdn.downloads(PRODUCTION), downloads);
    }
    assert_eq!(service.revision().await, 13);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_never_appears_is_given_up_and_does_not_hide_the_next() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    service.tell(500).await;
    sleep(500 * SECOND).await;
    assert_eq!(cdn.downloads(PRODUCTION), 1 + 1 + 10);

    cdn.says(PRODUCTION, [Answer::Datafile(13)]);
    service.tell(13).await;
    sleep(SECOND).await;
    assert_eq!(service.revision().await, 13);
    assert_eq!(cdn.downloads(PRODUCTION), 1 + 1 + 10 + 1);
}

#[tokio::test(start_paused = true)]
async fn downloads_are_conditional_on_the_current_datafile() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    service.tell(13).await;
    sleep(SECOND / 2).await;
    let requests = cdn.requests(PRODUCTION);
    let [first, second] = requests.as_slice() else {
        panic!("two downloads, not {requests:?}");
    };
    for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        assert!(!first.contains_key(name));
    }
    assert_eq!(second[header::IF_NONE_MATCH], "\"12\"");
    assert_eq!(
        second[header::IF_MODIFIED_SINCE],
        "Sat, 18 May 2019 00:11:33 GMT"
    );
    assert_eq!(service.revision().await, 12);
}

#[tokio::test(start_paused = true)]
async fn the_validators_of_an_older_datafile_are_not_kept() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Datafile(11), Answer::Datafile(13)]);
    service.tell(13).await;
    sleep(10 * SECOND).await;
    let requests = cdn.requests(PRODUCTION);
    assert_eq!(requests[2][header::IF_NONE_MATCH], "\"12\"");
    assert_eq!(service.revision().await, 13);
}

#[tokio::test(start_paused = true)]
async fn a_url_in_a_delivery_is_never_downloaded() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Datafile(13)]);
    service.tell(13).await;
    sleep(2000 * SECOND).await;
    assert_eq!(service.revision().await, 13);
    let script = cdn.lock();
    for (uri, _) in &script.requests {
        assert_eq!(uri.scheme_str(), Some("https"));
        assert_eq!(uri.authority().expect("an authority"), CDN);
    }
}

/// Answers one request over a socket, and closes the connection.
async fn answer_once(answer: &'static str) -> Uri {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        socket.write_all(answer.as_bytes()).await
    });
    let uri = format!("http://{address}/datafiles/{PRODUCTION}.json");
    uri.parse().expect("an address makes a URL")
}

#[tokio::test]
async fn over_a_socket_only_a_complete_200_is_a_download() {
    let download = |answer| async move {
        let uri = answer_once(answer).await;
        download(&download::http(), &uri, &Validators::default()).await
    };
    let whole = download("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let Ok(Download::New { body, .. }) = whole else {
        panic!("two bytes are downloaded");
    };
    assert_eq!(body, "{}");

    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.invalid/\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}",
    ] {
        assert!(download(answer).await.is_err(), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn polling_finds_a_change_without_a_delivery() {
    let cdn = Cdn::new();
    let service = Service::start(&cdn).await;
    cdn.says(PRODUCTION, [Answer::Datafile(13)]);
    sleep(900 * SECOND).await;
    assert_eq!(service.revision().await, 12);
    sleep(200 * SECOND).await;
    assert_eq!(service.revision().await, 13);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_decision_before_there_is_a_datafile() {
    let cdn = Cdn::new();
    cdn.says(PRODUCTION, [Answer::Status(500), Answer::Datafile(12)]);
    let service = Service::start_with(&cdn, &Schedule::new().jitter(0.0));
    assert_eq!(
        service.decide("").await,
        Err(StatusCode::SERVICE_UNAVAILABLE)
    );
    assert_eq!(
        service.decide("&sdk_key=unknown").await,
        Err(StatusCode::NOT_FOUND)
    );
    sleep(10 * SECOND).await;
    assert_eq!(service.revision().await, 12);
}

// Readers and writers on threads, by the real clock: they wait for each other, not for time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn decisions_go_on_while_clients_are_replaced() {
    const LAST: u64 = 60;
    let cdn = Cdn::new();
    let schedule = Schedule::new().jitter(0.0).spacing(Duration::ZERO);
    let service = Arc::new(Service::start_with(&cdn, &schedule));
    let environment = service.environments.find(None).expect("an environment");
    environment.reached(12).await;

    let reader = |service: Arc<Service>| async move {
        let mut seen = 12;
        while seen < LAST {
            let revision = service.revision().await;
            assert!(revision >= seen, "{revision} after {seen}");
            seen = revision;
            // A decision never waits. Without this, four readers would leave no thread for others.
            yield_now().await;
        }
    };
    let readers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(reader(service.clone())))
        .collect();
    for revision in 13..=LAST {
        cdn.says(PRODUCTION, [Answer::Datafile(revision)]);
        service.tell(revision).await;
        environment.reached(revision).await;
    }
    for reader in readers {
        reader.await.expect("no reader saw an error");
    }
}

// The program -----------------------------------------------------------------------------------

#[tokio::test]
async fn the_demonstration_shows_another_decision_after_the_delivery() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let schedule = Schedule::new().jitter(0.0).spacing(Duration::ZERO);
    let demo = demo(listener, &schedule).await;
    let demo = demo.expect("this machine connects to itself");
    assert_eq!(demo.before["enabled"], false);
    assert_eq!(demo.before["revision"], 12);
    assert_eq!(demo.delivery, StatusCode::OK);
    assert_eq!(demo.after["enabled"], true);
    assert_eq!(demo.after["revision"], 13);
    assert!(!demo.server.is_finished());
}

fn read(variables: &[(&str, &str)]) -> Result<Option<Config>, String> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let variable = |name: &str| variables.get(name).map(ToString::to_string);
    Config::read(variable).map_err(|error| error.to_string())
}

#[test]
fn without_projects_there_is_no_configuration() {
    assert!(read(&[("OPTIMIZELY_WEBHOOK_SECRET", "s")]).is_ok_and(|config| config.is_none()));
}

#[test]
fn with_a_single_project_the_names_may_be_without_its_id() {
    let config = read(&[
        ("OPTIMIZELY_PROJECTS", "11387641093"),
        ("OPTIMIZELY_WEBHOOK_SECRET", SHOP_SECRET),
        (
            "OPTIMIZELY_SDK_KEYS",
            "Production=QMVJcUKEJZFg8pQ2jhAybK, KVpGWnzPGKvvQ8yeEWmJZ",
        ),
    ]);
    let config = config.expect("readable").expect("a configuration");
    assert_eq!(config.cdn, "https://cdn.optimizely.com");
    assert_eq!(config.poll_every, 300 * SECOND);
    assert_eq!(config.projects[0].id, 11_387_641_093);
    let environments = &config.projects[0].environments;
    assert_eq!(environments[0].name.as_deref(), Some("Production"));
    assert_eq!(environments[0].sdk_key, "QMVJcUKEJZFg8pQ2jhAybK");
    assert_eq!(environments[1].name, None);
    assert_eq!(
        environments[1].uri(&config.cdn).expect("a URL"),
        "https://cdn.optimizely.com/datafiles/KVpGWnzPGKvvQ8yeEWmJZ.json"
    );
}

#[test]
fn a_configuration_that_cannot_be_right_is_rejected() {
    let two = [
        ("OPTIMIZELY_PROJECTS", "1,2"),
        ("OPTIMIZELY_WEBHOOK_SECRET_1", "one"),
        ("OPTIMIZELY_WEBHOOK_SECRET_2", "two"),
        ("OPTIMIZELY_SDK_KEYS_1", "a"),
        ("OPTIMIZELY_SDK_KEYS_2", "b"),
    ];
    assert!(read(&two).is_ok_and(|config| config.is_some()));
    for (name, value, reason) in [
        (
            "OPTIMIZELY_PROJECTS",
            "1,x",
            "OPTIMIZELY_WEBHOOK_SECRET_x is not set",
        ),
        (
            "OPTIMIZELY_PROJECTS",
            "1,3",
            "OPTIMIZELY_WEBHOOK_SECRET_3 is not set",
        ),
        (
            "OPTIMIZELY_WEBHOOK_SECRET_2",
            "one",
            "the secret of another project",
        ),
        ("OPTIMIZELY_WEBHOOK_SECRET_2", " ", "is blank"),
        ("OPTIMIZELY_SDK_KEYS_2", "a", "appears twice"),
        ("OPTIMIZELY_SDK_KEYS_2", "", "is not an SDK key"),
        (
            "OPTIMIZELY_SDK_KEYS_2",
            "Production=../x",
            "is not an SDK key",
        ),
        (
            "OPTIMIZELY_POLL_SECONDS",
            "often",
            "OPTIMIZELY_POLL_SECONDS",
        ),
    ] {
        let mut variables = two.to_vec();
        variables.push((name, value));
        let error = read(&variables).expect_err("rejected");
        assert!(error.contains(reason), "{name}={value}: {error}");
    }
}
