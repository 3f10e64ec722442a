//! A source in this process that answers as a test tells it.

use std::{
    collections::VecDeque,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};
use tower_webhook_auth::{
    BoxError,
    sync::{Download, FetchError, Fetched, Keep, Made, Schedule, Validators},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The document with this revision and flag, or 304 to a client that has it.
    Revision(u64, &'static str),
    /// The same document without validators.
    Bare(u64, &'static str),
    Body(Bytes),
    Incomplete,
    Endless,
    Hangs,
    Slow(Duration, u64, &'static str),
    Status(u16),
    RetryAfter(u64),
}

pub(crate) fn document(revision: u64, flag: &str) -> String {
    json!({ "revision": revision, "flag": flag }).to_string()
}

#[derive(Clone)]
pub(crate) struct Source(Arc<Mutex<Script>>);

struct Script {
    answers: VecDeque<Answer>,
    requests: Vec<HeaderMap>,
}

impl Source {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(Arc::new(Mutex::new(Script {
            answers: answers.into_iter().collect(),
            requests: Vec::new(),
        })))
    }

    /// From now on it gives these answers, one after the other. The last one stays.
    pub(crate) fn answers_with(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().answers = answers.into_iter().collect();
    }

    pub(crate) fn requests(&self) -> Vec<HeaderMap> {
        self.lock().requests.clone()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.lock().requests.len()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("no thread panicked with the lock")
    }

    pub(crate) fn client(
        &self,
    ) -> BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError> {
        let source = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let answer = {
                let mut script = source.lock();
                script.requests.push(request.headers().clone());
                match script.answers.len() {
                    1 => script.answers[0].clone(),
                    _ => script.answers.pop_front().expect("an answer is left"),
                }
            };
            async move { respond(answer, request.headers()).await }
        }))
    }

    pub(crate) fn download(
        &self,
    ) -> Download<BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>> {
        Download::new(
            self.client(),
            "https://cdn.test/datafile.json".parse().expect("a URI"),
        )
    }
}

async fn respond(answer: Answer, asked: &HeaderMap) -> Result<Response<Body>, BoxError> {
    let ok = |revision: u64, flag: &str| {
        let etag = format!("\"{revision}-{flag}\"");
        let known = asked
            .get(header::IF_NONE_MATCH)
            .is_some_and(|ours| *ours == etag);
        let response = Response::builder().header(header::ETAG, etag);
        match known {
            true => response
                .status(StatusCode::NOT_MODIFIED)
                .body(Body::empty()),
            false => response.body(Body::from(document(revision, flag))),
        }
    };
    Ok(match answer {
        Answer::Revision(revision, flag) => ok(revision, flag)?,
        Answer::Slow(time, revision, flag) => {
            tokio::time::sleep(time).await;
            ok(revision, flag)?
        }
        Answer::Bare(revision, flag) => Response::new(document(revision, flag).into()),
        Answer::Body(body) => Response::new(body.into()),
        Answer::Incomplete => {
            let whole = document(99, "half");
            let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() / 2]);
            let frames = [Ok(half), Err("connection reset")];
            Response::new(Body::from_stream(stream::iter(frames)))
        }
        Answer::Endless => {
            let chunk = Bytes::from_static(&[b' '; 64 * 1024]);
            let frames = std::iter::repeat_with(move || Ok::<_, BoxError>(chunk.clone()));
            Response::new(Body::from_stream(stream::iter(frames)))
        }
        Answer::Hangs => pending().await,
        Answer::Status(status) => Response::builder()
            .status(status)
            .body(document(99, "error").into())?,
        Answer::RetryAfter(seconds) => Response::builder()
            .status(429)
            .header(header::RETRY_AFTER, seconds)
            .body(Body::empty())?,
    })
}

pub(crate) fn build(bytes: &Bytes) -> Result<Made<Value, u64>, BoxError> {
    let value: Value = serde_json::from_slice(bytes)?;
    let revision = value["revision"].as_u64().ok_or("no revision")?;
    let flag = value["flag"].as_str().ok_or("no flag")?.to_owned();
    Ok(Made::new(revision, value).content(flag))
}

pub(crate) fn schedule() -> Schedule {
    Schedule::new().jitter(0.0).poll_every(300 * SECOND)
}

type Answered = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send>>;
pub(crate) type Fetch = Box<dyn Fn(Validators) -> Answered + Send + Sync>;
pub(crate) type Build = fn(&Bytes) -> Result<Made<Value, u64>, BoxError>;

/// What a test keeps from this source. The schedule has no jitter, so that times are exact.
pub(crate) fn keep(source: &Source) -> Keep<Fetch, Build> {
    keep_with(source, build as Build)
}

/// The same with another build function.
pub(crate) fn keep_with<B, T, V>(source: &Source, build: B) -> Keep<Fetch, B>
where
    B: Fn(&Bytes) -> Result<Made<T, V>, BoxError>,
{
    let download = source.download();
    let fetch: Fetch = Box::new(move |known| Box::pin(download.clone().fetch(known)));
    Keep::new(fetch, build).schedule(schedule())
}
