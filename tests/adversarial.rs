//! Every case of an adversarial file: on the service itself, over HTTP/1 with the case's own bytes
//! on a socket, and over HTTP/2.
//!
//! The file is `tests/vectors/adversarial.json`, or the one that `WEBHOOK_ADVERSARIAL` names.
// Some cases need the deadline.
#![cfg(feature = "tokio")]
#![allow(unreachable_pub, reason = "what the modules of a test share")]

#[path = "adversarial/file.rs"]
mod file;
#[path = "adversarial/http1.rs"]
mod http1;
#[path = "adversarial/http2.rs"]
mod http2;
#[path = "adversarial/policy.rs"]
mod policy;
#[path = "adversarial/receiver.rs"]
mod receiver;
#[path = "adversarial/server.rs"]
mod server;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use peak_alloc::PeakAlloc;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

use self::{
    file::{Case, File, Level, Measure, Strictness},
    http1::Answer,
    receiver::Receiver,
    server::{Recorder, Server},
};

/// Counts what client and server hold together.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The client's own buffers, while it writes.
const CLIENT_BYTES: usize = 64 * 1024;

/// What may be left after a measured case: a runtime and a socket keep a few buffers.
const LEFT_OVER_BYTES: usize = 128 * 1024;

fn own_file() -> &'static str {
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/adversarial.json"
    )
}

fn read(path: &str) -> File {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(file.format, file::FORMAT, "{path}");
    file
}

// One test, because memory is counted for the whole process.
#[test]
fn every_case_of_the_adversarial_file_gets_its_verdict() {
    let path = std::env::var("WEBHOOK_ADVERSARIAL").unwrap_or_else(|_| own_file().into());
    an_unknown_field_of_the_file_is_an_error();
    let file = read(&path);
    let mut report = Report::default();
    construct(&file, &mut report);

    let cases: Vec<(Arc<Case>, Receiver)> = file
        .cases
        .into_iter()
        .map(|case| {
            let receiver = file.receivers.get(&case.receiver);
            let receiver = receiver.unwrap_or_else(|| panic!("{}: no receiver", case.id));
            (Arc::new(case), receiver.clone())
        })
        .collect();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(all(&cases, &mut report));

    report.print();
    if path == own_file() {
        policy::covers(cases.iter().map(|(case, _)| &**case));
    }
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
}

fn an_unknown_field_of_the_file_is_an_error() {
    let text = std::fs::read_to_string(own_file()).expect("our own file");
    let known: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (place, key) in [
        ("", "setup"),
        ("/cases/0", "then"),
        ("/cases/0/transport", "tls"),
        ("/cases/0/expect", "headers"),
        ("/receivers/github", "query"),
        ("/receivers/github/secrets/0", "pem"),
    ] {
        let mut unknown = known.clone();
        let place = unknown.pointer_mut(place).expect("a place");
        place[key] = serde_json::Value::Bool(true);
        assert!(serde_json::from_value::<File>(unknown).is_err(), "{key}");
    }
}

fn construct(file: &File, report: &mut Report) {
    for case in &file.construction_cases {
        let receiver = &file.receivers[&case.receiver];
        let built = receiver.provider_with(&case.receiver, &case.secret);
        let as_expected = match case.expect.as_str() {
            "error" => built.is_err(),
            "ok" => built.is_ok(),
            other => panic!("{}: unknown expectation {other:?}", case.id),
        };
        report.constructed += 1;
        if !as_expected {
            let wrong = format!("{}: not {}: {}", case.id, case.expect, case.why);
            report.wrong.push(wrong);
        }
        // An error of configuration names the problem, and never the secret.
        if let Err(error) = built
            && !case.secret.trim().is_empty()
            && error.to_string().contains(case.secret.trim())
        {
            report.wrong.push(format!("{}: {error}", case.id));
        }
    }
}

async fn all(cases: &[(Arc<Case>, Receiver)], report: &mut Report) {
    let runs = |wanted: fn(&Case) -> bool| {
        cases
            .iter()
            .filter(move |(case, _)| wanted(case))
            .flat_map(|(case, receiver)| {
                let levels = case.levels().into_iter();
                levels.map(move |level| (Arc::clone(case), receiver.clone(), level))
            })
    };
    let slow = |case: &Case| case.transport.needs_config.is_some() && !measured(case);
    // A measured case runs alone. A case that waits for a deadline runs while other cases run.
    for (case, receiver, level) in runs(measured) {
        let (outcome, peak) = measure(&case, &receiver, level).await;
        println!("{} {level:?}: {} KiB at most", case.id, peak / 1024);
        report.add(&case, level, outcome);
    }
    let mut waiting = JoinSet::new();
    for (case, receiver, level) in runs(slow) {
        waiting.spawn(async move {
            let outcome = run(&case, &receiver, level).await;
            (case, level, outcome)
        });
    }
    for (case, receiver, level) in
        runs(|case| case.transport.needs_config.is_none() && !measured(case))
    {
        let outcome = run(&case, &receiver, level).await;
        report.add(&case, level, outcome);
    }
    while let Some(ended) = waiting.join_next().await {
        let (case, level, outcome) = ended.expect("a case that does not panic");
        report.add(&case, level, outcome);
    }
}

fn measured(case: &Case) -> bool {
    matches!(case.transport.measure, Some(Measure::Rss))
}

/// What happened in one run of one case.
struct Outcome {
    answer: Answer,
    inner: Vec<String>,
    problems: Vec<String>,
}

async fn measure(case: &Arc<Case>, receiver: &Receiver, level: Level) -> (Outcome, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut outcome = run(case, receiver, level).await;
    let peak = ALLOCATOR.peak_usage() - before;
    let left = ALLOCATOR.current_usage().saturating_sub(before);
    if peak > 4 * receiver.max_body + CLIENT_BYTES {
        let problem = format!("{peak} bytes at most, the limit is {}", receiver.max_body);
        outcome.problems.push(problem);
    }
    if left > LEFT_OVER_BYTES {
        outcome.problems.push(format!("{left} bytes are left"));
    }
    (outcome, peak)
}

async fn run(case: &Arc<Case>, receiver: &Receiver, level: Level) -> Outcome {
    let layer = receiver.layer(case);
    let mut problems = Vec::new();
    let (answer, recorder) = match level {
        Level::Unit => {
            let recorder = Recorder::default();
            let service = layer.layer(recorder.clone());
            let case = Arc::clone(case);
            let call = tokio::spawn(async move { unit(&case, service).await });
            let answer = call.await.unwrap_or_else(|panic| {
                problems.push(panic.to_string());
                Answer::default()
            });
            (answer, recorder)
        }
        Level::Http1 | Level::H2 => {
            let server = Server::start(&layer, level).await;
            let answer = match level {
                Level::H2 => Ok(http2::run(case, &server).await),
                _ => http1::run(case, &server).await,
            };
            let answer = answer.unwrap_or_else(|problem| {
                problems.push(problem);
                Answer::default()
            });
            let recorder = server.finish().await.unwrap_or_else(|problem| {
                problems.push(problem);
                Recorder::default()
            });
            (answer, recorder)
        }
    };
    let mut outcome = Outcome {
        answer,
        inner: recorder.bodies(),
        problems,
    };
    check(case, receiver, level, &mut outcome);
    outcome
}

/// The service itself, with a request that HTTP can carry: a parser rejects every other request
/// with 400 before a service is called.
async fn unit<S, B>(case: &Case, service: S) -> Answer
where
    S: tower::Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let mut request = Request::new(Full::new(case.body().whole().into()));
    *request.method_mut() = case.method.parse().expect("a method");
    *request.uri_mut() = case.path.parse().expect("a path");
    for (name, value) in case.headers() {
        let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(&value),
        ) else {
            return Answer {
                statuses: vec![400],
                ..Answer::default()
            };
        };
        request.headers_mut().append(name, value);
    }
    let response = service.oneshot(request).await.expect("a response");
    let (head, body) = response.into_parts();
    let mut bytes = Vec::new();
    for (name, value) in &head.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.extend_from_slice(&body.collect().await.expect("a body").to_bytes());
    Answer {
        statuses: vec![head.status.as_u16()],
        interim: Vec::new(),
        bytes,
    }
}

fn check(case: &Case, receiver: &Receiver, level: Level, outcome: &mut Outcome) {
    let Outcome {
        answer,
        inner,
        problems,
    } = outcome;
    let transport = &case.transport;
    let expect = &case.expect;
    let statuses = &answer.statuses;

    let allowed = match (level, &transport.statuses, &transport.statuses_any) {
        (Level::Unit, ..) | (_, None, None) => statuses
            .iter()
            .all(|status| expect.status_any_of.contains(status)),
        (_, Some(exact), _) => statuses == exact,
        (_, None, Some(any)) => {
            statuses.len() == any.len()
                && statuses.iter().zip(any).all(|(one, any)| any.contains(one))
        }
    };
    if !allowed {
        problems.push(format!("status {statuses:?}"));
    }
    if statuses.iter().any(|status| *status >= 500) {
        problems.push("a fault of ours".into());
    }
    if transport.forbid_interim_100 && !answer.interim.is_empty() {
        problems.push(format!("interim {:?}", answer.interim));
    }

    // The inner service answers 200, and nothing else does.
    let accepted = statuses.iter().filter(|status| **status == 200).count();
    if inner.len() != accepted {
        problems.push(format!("{} inner calls", inner.len()));
    }
    if expect
        .inner_called
        .is_some_and(|called| called == inner.is_empty())
    {
        problems.push(format!("{} inner calls", inner.len()));
    }
    let signed = || match &expect.inner_body_sha256 {
        Some(digest) => digest.clone(),
        None => HEXLOWER.encode(&Sha256::digest(case.body().whole())),
    };
    // If there are several requests, the file may show the body of any of them.
    let as_signed = match statuses.len() {
        _ if inner.is_empty() => true,
        1 => inner.iter().all(|body| *body == signed()),
        _ => inner.contains(&signed()),
    };
    if !as_signed {
        problems.push("the inner body is not the one that was signed".into());
    }

    let presented = case.headers().into_iter().map(|(_, value)| value);
    let unseen = receiver.never_to_be_seen(case).into_iter();
    for text in unseen.chain(presented.filter(|value| value.len() >= 20)) {
        if answer
            .bytes
            .windows(text.len())
            .any(|window| window == text)
        {
            problems.push(format!("shown: {:?}", String::from_utf8_lossy(&text)));
        }
    }
}

#[derive(Default)]
struct Report {
    counts: BTreeMap<(Level, Strictness), usize>,
    constructed: usize,
    policies: Vec<String>,
    wrong: Vec<String>,
}

impl Report {
    fn add(&mut self, case: &Case, level: Level, mut outcome: Outcome) {
        *self.counts.entry((level, case.strictness)).or_default() += 1;
        let statuses = &outcome.answer.statuses;
        if case.strictness == Strictness::Policy {
            self.policies.push(format!(
                "{} {level:?}: {statuses:?}: {}",
                case.id,
                policy::why(&case.id).unwrap_or("not in our table"),
            ));
        }
        if let Some(documented) = policy::statuses(&case.id)
            && statuses.iter().any(|status| *status != documented)
        {
            let problem = format!("documented is {documented}, the answer is {statuses:?}");
            outcome.problems.push(problem);
        }
        if outcome.problems.is_empty() {
            return;
        }
        let text = format!(
            "{} {level:?} {:?}: {}: {}",
            case.id,
            case.strictness,
            case.why,
            outcome.problems.join("; ")
        );
        if case.strictness == Strictness::Should && policy::deviates(&case.id) {
            println!("deviation: {text}");
        } else {
            self.wrong.push(text);
        }
    }

    fn print(&self) {
        println!("construction: {}", self.constructed);
        for ((level, strictness), count) in &self.counts {
            println!("{level:?} {strictness:?}: {count}");
        }
        for line in &self.policies {
            println!("policy {line}");
        }
    }
}
