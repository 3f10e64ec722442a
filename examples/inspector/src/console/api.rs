//! The requests of the page.

use std::time::SystemTime;

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::views;
use crate::{
    catalogue::{self, Entry},
    cause,
    deliveries::Delivery,
    export,
    forward::Forward,
    inbox::{ID, TEST},
    inspector::Shared,
    judge::{self, Verdict},
    keys::{Held, Key, Origin, is_name},
    send::{self, Policy, Sent},
    sign::{self, Fault},
};

/// An error as JSON.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
    confirm: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            confirm: false,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match self.confirm {
            true => json!({ "error": self.error, "confirm": true }),
            false => json!({ "error": self.error }),
        };
        let mut response = respond(&body);
        *response.status_mut() = self.status;
        response
    }
}

type Answer<T = Response> = Result<T, ApiError>;

fn bad_request(error: impl ToString) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
}

fn conflict(error: impl ToString) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, error.to_string())
}

fn respond(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The error of the parser names the field, and does not quote the value.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(|error| {
        let error = match error.classify() {
            serde_json::error::Category::Data => {
                "the request has a field that is missing, unknown or of another type".to_owned()
            }
            _ => format!(
                "the request is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        };
        bad_request(error)
    })
}

pub async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "the API has no such path")
}

fn kept(inspector: &Shared, id: u64) -> Answer<Delivery> {
    let delivery = inspector.state().ring.get(id).cloned();
    delivery.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "this delivery is no longer kept"))
}

fn sender(name: &str) -> Answer<&'static Entry> {
    catalogue::find(name)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no sender has this name"))
}

fn held(inspector: &Shared, entry: &Entry) -> Answer<Held> {
    let held = inspector.state().keyring.get(entry.sender.name).cloned();
    held.ok_or_else(|| {
        conflict(format!(
            "no key is entered for {}: enter one",
            entry.sender.title
        ))
    })
}

// Deliveries

pub async fn delete_deliveries(State(inspector): State<Shared>) -> StatusCode {
    let mut state = inspector.state();
    state.ring.clear();
    inspector.events.cleared();
    StatusCode::NO_CONTENT
}

pub async fn detail(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    let state = inspector.state();
    Ok(respond(&views::detail(
        &delivery,
        &state,
        query.as_deref() != Some("body=0"),
    )))
}

/// A POST, so that no cache and no prefetch has the value.
pub async fn reveal(
    State(inspector): State<Shared>,
    Path((id, index)): Path<(u64, String)>,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    let value = match &*index {
        "path" => Some(delivery.received.uri.path().to_owned()),
        "query" => delivery.received.uri.query().map(str::to_owned),
        index => {
            let index: usize = index
                .parse()
                .map_err(|_| bad_request("the index is not a number"))?;
            let header = delivery.received.headers.iter().nth(index);
            header.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
    };
    match value {
        Some(value) => Ok(respond(&json!({ "value": value }))),
        None => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "the delivery has no such header",
        )),
    }
}

// Exports

pub async fn curl(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    confirm(export::warning_for_curl(&delivery), query.as_deref())?;
    let entry = delivery.sender.and_then(catalogue::find);
    let held = entry.and_then(|entry| held(&inspector, entry).ok());
    let line = export::curl(&delivery, entry, held.as_ref(), &inspector.inbox_url());
    Ok(text("text/plain; charset=utf-8", None, line))
}

pub async fn vector(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let export = exportable(&inspector, id, query.as_deref())?;
    let name = format!("{}-{id}.json", export.sender_name());
    Ok(text("application/json", Some(&name), export.vector()))
}

pub async fn rust_test(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let export = exportable(&inspector, id, query.as_deref())?;
    let name = format!("{}_{id}.rs", export.sender_name());
    Ok(text(
        "text/plain; charset=utf-8",
        Some(&name),
        export.rust_test(),
    ))
}

fn exportable(inspector: &Shared, id: u64, query: Option<&str>) -> Answer<export::Export> {
    let delivery = kept(inspector, id)?;
    confirm(export::warning(&delivery), query)?;
    let entry = delivery.sender.and_then(catalogue::find);
    let entry =
        entry.ok_or_else(|| conflict("the sender of this delivery is not known: enter its key"))?;
    let held = inspector.state().keyring.get(entry.sender.name).cloned();
    let url = held.map_or_else(|| inspector.inbox_of(entry), |held| held.url);
    export::Export::new(&delivery, entry, &url).map_err(conflict)
}

fn confirm(warning: Option<&str>, query: Option<&str>) -> Answer<()> {
    match warning {
        Some(warning) if query != Some("confirm=1") => Err(ApiError {
            confirm: true,
            ..conflict(warning)
        }),
        _ => Ok(()),
    }
}

fn text(kind: &'static str, file_name: Option<&str>, text: String) -> Response {
    let disposition = match file_name {
        Some(name) => format!("attachment; filename=\"{name}\""),
        None => "inline".to_owned(),
    };
    (
        [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        text,
    )
        .into_response()
}

// Verify and send

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    sender: String,
    secret: Option<String>,
    url: Option<String>,
    #[serde(default)]
    now: bool,
}

/// Verifies a kept delivery in another way. Nothing is kept of it.
pub async fn try_with(State(inspector): State<Shared>, Path(id): Path<u64>, body: Bytes) -> Answer {
    let request: Try = parse(&body)?;
    let delivery = kept(&inspector, id)?;
    let entry = sender(&request.sender)?;
    let current = inspector.state().keyring.get(entry.sender.name).cloned();
    let keys = match request.secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => vec![Key::new("typed", secret, Origin::Typed)],
        None => held(&inspector, entry)?.keys,
    };
    let url = request.url.filter(|url| !url.is_empty());
    let url = url
        .or(current.map(|held| held.url))
        .unwrap_or_else(|| inspector.inbox_of(entry));
    let held = Held::new(entry, keys, url).map_err(bad_request)?;
    let at = match request.now {
        true => SystemTime::now(),
        false => delivery.received.at,
    };
    let mut judgement = judge::judge_as(entry, Some(&held), &delivery.received, at).await;
    if judgement.verdict.is_pending() {
        let found = cause::find(
            &inspector,
            entry.sender.name,
            Some(held),
            delivery.received.clone(),
            at,
        )
        .await;
        if let Verdict::Rejected(rejected) = &mut judgement.verdict {
            rejected.cause = Some(found);
        }
    }
    let state = inspector.state();
    Ok(respond(&views::verdict(
        &judgement.verdict,
        judgement.sender,
        &delivery.received.body,
        &state.keyring,
    )))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    url: String,
    #[serde(default)]
    anew: bool,
}

pub async fn send_on(State(inspector): State<Shared>, Path(id): Path<u64>, body: Bytes) -> Answer {
    let mut to: Send = parse(&body)?;
    let delivery = kept(&inspector, id)?;
    let uri = send::check(&to.url).map_err(bad_request)?;
    let mut request = delivery.received.request();
    if to.anew {
        let entry = delivery.sender.and_then(catalogue::find);
        let entry = entry
            .ok_or_else(|| conflict("the sender of this delivery is not known: enter its key"))?;
        let held = held(&inspector, entry)?;
        let matched = match &delivery.verdict {
            Verdict::Verified(accepted) => held.key(&accepted.key),
            _ => None,
        };
        let secret = match matched {
            Some(key) => key.secret().map_err(conflict)?,
            None => sign::first_secret(&held).ok_or_else(|| conflict("no key is entered"))?,
        };
        // Some senders sign the path and the query.
        *request.uri_mut() = send::target(&uri, request.uri()).map_err(bad_request)?;
        request =
            sign::anew(&held, &secret, request, SystemTime::now(), false).map_err(conflict)?;
        // Some senders put the signature into the query.
        if let Some(authority) = uri.authority() {
            to.url = format!("http://{authority}{}", request.uri());
        }
    }
    let policy = Policy {
        allow_remote: inspector.allow_remote,
        never: None,
    };
    let sent = send::send(&to.url, request, policy).await;
    let sent = Sent {
        anew: to.anew,
        ..sent
    };
    inspector.record(id, sent.clone());
    Ok(respond(&sent))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    sender: String,
    fault: Fault,
    body: Option<String>,
    content_type: Option<String>,
}

/// Sends a test delivery through the inbox's own socket, as a sender's delivery comes.
pub async fn test(State(inspector): State<Shared>, body: Bytes) -> Answer {
    let test: Test = parse(&body)?;
    let entry = sender(&test.sender)?;
    if !entry.can_sign {
        return Err(conflict(format!(
            "{} signs with a private key, so nothing can be signed here",
            entry.sender.title
        )));
    }
    let held = held(&inspector, entry)?;
    let body = test.body.unwrap_or_else(|| entry.example.clone());
    let request = sign::test_delivery(&held, test.fault, body.into(), test.content_type.as_deref());
    let mut request = request.map_err(conflict)?;
    let mark = inspector.test_mark.parse().map_err(bad_request)?;
    request.headers_mut().insert(TEST, mark);
    let url = format!("{}{}", inspector.inbox_url(), request.uri());
    let policy = Policy {
        allow_remote: true,
        never: None,
    };
    let sent = send::send(&url, request, policy).await;
    let id = sent
        .headers
        .get(ID)
        .and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    Ok(respond(&json!({ "id": id, "sent": sent })))
}

// Senders

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetKey {
    secret: Option<String>,
    #[serde(default)]
    generate: bool,
}

pub async fn set_key(
    State(inspector): State<Shared>,
    Path((name, key)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let request: SetKey = parse(&body)?;
    let entry = sender(&name)?;
    if !is_name(&key) {
        return Err(bad_request(
            "the name of a key is 1 to 32 characters of a-z, 0-9, - and _",
        ));
    }
    let (text, origin, made) = match (request.secret, request.generate) {
        (Some(secret), false) => (secret, Origin::Typed, None),
        (None, true) => {
            let secret = sign::made_secret().map_err(conflict)?;
            (secret.clone(), Origin::MadeHere, Some(secret))
        }
        _ => {
            return Err(bad_request(
                "the request needs either \"secret\" or \"generate\": true",
            ));
        }
    };
    let set = {
        let mut state = inspector.state();
        let set = state.keyring.set(
            entry,
            Key::new(key, text, origin),
            &inspector.inbox_of(entry),
        );
        inspector.events.sender(entry, &inspector, &state);
        set
    };
    set.map_err(bad_request)?;
    inspector.judge_again(entry).await;
    Ok(respond(&json!({ "secret": made })))
}

pub async fn delete_key(
    State(inspector): State<Shared>,
    Path((name, key)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let entry = sender(&name)?;
    let removed = {
        let mut state = inspector.state();
        let removed = state
            .keyring
            .remove(entry, &key, &inspector.inbox_of(entry));
        inspector.events.sender(entry, &inspector, &state);
        removed
    };
    match removed.map_err(bad_request)? {
        true => inspector.judge_again(entry).await,
        false => return Err(ApiError::new(StatusCode::NOT_FOUND, "no key has this name")),
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUrl {
    url: Option<String>,
}

pub async fn set_url(
    State(inspector): State<Shared>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer<StatusCode> {
    let request: SetUrl = parse(&body)?;
    let entry = sender(&name)?;
    let set = {
        let mut state = inspector.state();
        let set = state
            .keyring
            .set_url(entry, request.url, &inspector.inbox_of(entry));
        inspector.events.sender(entry, &inspector, &state);
        set
    };
    set.map_err(bad_request)?;
    inspector.judge_again(entry).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn set_forward(State(inspector): State<Shared>, body: Bytes) -> Answer<StatusCode> {
    let forward: Forward = parse(&body)?;
    forward.check().map_err(bad_request)?;
    change_forward(&inspector, Some(forward));
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete_forward(State(inspector): State<Shared>) -> StatusCode {
    change_forward(&inspector, None);
    StatusCode::NO_CONTENT
}

fn change_forward(inspector: &Shared, forward: Option<Forward>) {
    let mut state = inspector.state();
    state.forward = forward;
    inspector.events.forward(&state);
}
