//! The page, and what it asks for.

use std::{convert::Infallible, sync::Arc, time::SystemTime};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post, put},
};
use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::stream;
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tower_webhook_auth::Secret;

use crate::{
    Shared,
    deliveries::{Delivery, MAX_BYTES, MAX_DELIVERIES, Verdict, millis},
    export, guard, inbox,
    presets::{self, About, PRESETS, Preset},
    random, send, variable,
};

const MAX_CLIENTS: usize = 8;
const MASK: &str = "••••••••";

pub fn router(shared: Shared) -> Router {
    let api = Router::new()
        .route("/api/events", get(events))
        .route("/api/deliveries", axum::routing::delete(clear))
        .route("/api/deliveries/{id}", get(detail))
        .route("/api/deliveries/{id}/reveal/{header}", post(reveal))
        .route("/api/deliveries/{id}/{form}", get(exported))
        .route("/api/deliveries/{id}/try", post(try_other))
        .route("/api/deliveries/{id}/send", post(send_on))
        .route("/api/test", post(send_test))
        .route("/api/presets/{name}", put(set_secret))
        .layer(middleware::from_fn_with_state(shared.clone(), guard::token))
        .layer(DefaultBodyLimit::max(1024 * 1024));
    let embedded = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route(
            "/",
            embedded(
                "text/html; charset=utf-8",
                include_str!("../page/page.html"),
            ),
        )
        .route(
            "/page.css",
            embedded("text/css; charset=utf-8", include_str!("../page/page.css")),
        )
        .route(
            "/page.js",
            embedded(
                "text/javascript; charset=utf-8",
                include_str!("../page/page.js"),
            ),
        )
        .route(
            "/icon.svg",
            embedded("image/svg+xml", include_str!("../page/icon.svg")),
        )
        .merge(api)
        .layer(middleware::from_fn_with_state(
            shared.clone(),
            guard::own_host,
        ))
        .with_state(shared)
}

type Answer<T> = Result<T, (StatusCode, String)>;

fn refuse<T>(status: StatusCode, why: impl ToString) -> Answer<T> {
    Err((status, why.to_string()))
}

/// What the list shows.
pub fn summary(delivery: &Delivery) -> Value {
    let (state, code, about) = match &delivery.verdict {
        Verdict::Verified { accepted, .. } => (
            "verified",
            "verified",
            accepted.event_name.as_ref().map(|(name, _)| name.clone()),
        ),
        Verdict::Refused { code, cause, .. } => (
            "refused",
            *code,
            cause.as_ref().map(|cause| cause.title.clone()),
        ),
        Verdict::Unkeyed { .. } => ("unkeyed", "no_secret", None),
    };
    json!({
        "id": delivery.id, "received": millis(delivery.received), "method": delivery.method.as_str(),
        "path": delivery.uri.path(), "preset": delivery.preset, "title": title(&delivery.preset),
        "state": state, "code": code, "about": about, "size": delivery.body.len(), "test": delivery.test,
        "sent": delivery.sent.last().and_then(|sent| sent.status), "tried": delivery.sent.len(),
    })
}

fn title(name: &str) -> &str {
    presets::find(name).map_or("any sender", |preset| &preset.about().title)
}

fn senders(shared: &Shared) -> Value {
    let state = shared.state();
    PRESETS
        .iter()
        .map(|preset| {
            let mut about = serde_json::to_value(preset.about()).unwrap_or_default();
            about["held"] = json!(state.keys.get(preset.name).map(|held| held.from));
            about["url"] = json!(state.keys.get(preset.name).map(|held| held.url.clone()));
            about["variable"] = json!(variable("WEBHOOK_SECRET_", preset.name));
            about
        })
        .collect()
}

async fn events(State(shared): State<Shared>) -> Answer<Response> {
    let receiver = shared.events.subscribe();
    let watching = Watching::new(&shared)?;
    let hello = {
        let senders = senders(&shared);
        let state = shared.state();
        let list: Vec<Value> = state.ring.iter().map(summary).collect();
        json!({ "kind": "hello", "data": {
            "inbox": format!("http://{}", shared.inbox), "senders": senders, "deliveries": list,
            "dropped": state.ring.dropped, "remote": shared.allow_remote,
            "limits": { "deliveries": MAX_DELIVERIES, "bytes": MAX_BYTES, "body": inbox::MAX_BODY },
        }})
        .to_string()
    };
    let first: Arc<str> = hello.into();
    let events = stream::unfold(
        (Some(first), receiver, watching),
        |(first, mut receiver, watching)| async move {
            let event = match first {
                Some(first) => first,
                None => match receiver.recv().await {
                    Ok(event) => event,
                    // It fell behind: it has to begin anew.
                    Err(RecvError::Lagged(_)) => r#"{"kind":"behind","data":null}"#.into(),
                    Err(RecvError::Closed) => return None,
                },
            };
            Some((
                Ok::<_, Infallible>(Event::default().data(&*event)),
                (None, receiver, watching),
            ))
        },
    );
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

struct Watching(Shared);

impl Watching {
    fn new(shared: &Shared) -> Answer<Self> {
        let mut state = shared.state();
        if state.clients >= MAX_CLIENTS {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many pages are open");
        }
        state.clients += 1;
        Ok(Self(shared.clone()))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.state().clients -= 1;
    }
}

fn kept(shared: &Shared, id: u64) -> Answer<Delivery> {
    match shared.state().ring.get(id) {
        Some(delivery) => Ok(delivery.clone()),
        None => refuse(StatusCode::NOT_FOUND, "this delivery is no longer kept"),
    }
}

async fn clear(State(shared): State<Shared>) -> StatusCode {
    shared.state().ring.clear();
    shared.tell("cleared", Value::Null);
    StatusCode::NO_CONTENT
}

async fn detail(State(shared): State<Shared>, Path(id): Path<u64>) -> Answer<Json<Value>> {
    let delivery = kept(&shared, id)?;
    let about = presets::find(&delivery.preset).map(Preset::about);
    let headers: Vec<Value> = delivery
        .headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let role = role(name, about);
            let masked = mask(role, name, &text);
            json!({ "name": name.as_str(), "role": role, "masked": masked.is_some(), "value": masked.unwrap_or_else(|| text.into_owned()) })
        })
        .collect();
    let mut value = summary(&delivery);
    let received = millis(delivery.received) as i64;
    let claimed: Option<u64> = None;
    for (name, more) in [
        ("query", json!(delivery.uri.query())),
        ("verdict", json!(delivery.verdict)),
        ("answered", json!(delivery.answered)),
        ("micros", json!(delivery.took.as_micros() as u64)),
        ("headers", json!(headers)),
        ("body", json!(BASE64.encode(&delivery.body))),
        ("sent_to", json!(delivery.sent)),
        ("claimed_at", json!(claimed)),
        (
            "claimed_skew",
            json!(claimed.map(|claimed| received / 1000 - claimed as i64)),
        ),
    ] {
        value[name] = more;
    }
    Ok(Json(value))
}

fn role(name: &HeaderName, about: Option<&About>) -> &'static str {
    let name = name.as_str();
    let is = |header: &Option<String>| header.as_deref() == Some(name);
    match about {
        Some(about) if about.headers.iter().any(|header| header == name) => {
            if about.shared_key {
                "key"
            } else {
                "signature"
            }
        }
        Some(about) if is(&about.id_header) => "id",
        Some(about) if is(&about.event_header) => "event",
        _ if matches!(
            name,
            "authorization" | "cookie" | "proxy-authorization" | "x-api-key"
        ) =>
        {
            "key"
        }
        _ if PRESETS.iter().any(|preset| {
            preset.about().shared_key && preset.about().headers.iter().any(|header| header == name)
        }) =>
        {
            "key"
        }
        _ if PRESETS
            .iter()
            .any(|preset| preset.about().headers.iter().any(|header| header == name)) =>
        {
            "signature"
        }
        _ if name.contains("timestamp") => "time",
        _ => "",
    }
}

/// A key is not shown at all; of a signature, its form: that is what mistakes are seen by.
fn mask(role: &str, _: &HeaderName, text: &str) -> Option<String> {
    match role {
        "key" => {
            let scheme = text.split_once(' ').map_or("", |(scheme, _)| scheme);
            let scheme = if matches!(scheme, "Bearer" | "Basic") {
                format!("{scheme} ")
            } else {
                String::new()
            };
            Some(format!(
                "{scheme}{MASK} ({} characters)",
                text.chars().count() - scheme.chars().count()
            ))
        }
        "signature" => {
            let digit = |letter: char| {
                letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_')
            };
            let mut out = String::new();
            let mut run = String::new();
            for letter in text.chars().chain(['\0']) {
                if digit(letter) {
                    run.push(letter);
                    continue;
                }
                match run.len() {
                    20.. => out.push_str(&format!("{}…({} characters)", &run[..4], run.len())),
                    _ => out.push_str(&run),
                }
                run.clear();
                if letter != '\0' {
                    out.push(letter);
                }
            }
            Some(out)
        }
        _ => None,
    }
}

async fn reveal(
    State(shared): State<Shared>,
    Path((id, name)): Path<(u64, String)>,
) -> Answer<String> {
    let delivery = kept(&shared, id)?;
    let values: Vec<String> = delivery
        .headers
        .get_all(&name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    Ok(values.join("\n"))
}

/// `curl`, `vector`, `test`; the latter two signed anew with a secret that is nobody's, where that can be.
async fn exported(
    State(shared): State<Shared>,
    Path((id, form)): Path<(u64, String)>,
) -> Answer<Response> {
    let delivery = kept(&shared, id)?;
    let preset = presets::find(&delivery.preset);
    if form == "curl" {
        let path = delivery
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let url = format!("http://{}{path}", shared.inbox);
        return Ok(export::curl(&delivery, preset.map(Preset::about), &url).into_response());
    }
    let verified = matches!(delivery.verdict, Verdict::Verified { .. });
    let (delivery, secret) = match preset
        .filter(|_| verified)
        .and_then(|preset| resigned(&shared, preset, &delivery))
    {
        Some((delivery, secret)) => (delivery, Some(secret)),
        None => (delivery, None),
    };
    let reason = match (&delivery.verdict, &secret) {
        (_, Some(_)) => "recorded, and signed anew with a test secret".to_owned(),
        (Verdict::Refused { code, .. }, _) => format!("recorded; refused: {code}"),
        _ => "recorded; the secret is not part of this file".to_owned(),
    };
    match form.as_str() {
        "vector" => Ok(Json(json!([export::vector(
            &delivery,
            secret.as_deref(),
            &reason
        )]))
        .into_response()),
        "test" => {
            let encoded = preset.is_some_and(Preset::is_fallible);
            let url = preset
                .filter(|preset| preset.wants_url)
                .map(|preset| signed_url(&shared, preset));
            Ok(
                export::rust_test(&delivery, secret.as_deref(), url.as_deref(), encoded)
                    .into_response(),
            )
        }
        _ => refuse(StatusCode::NOT_FOUND, "curl, vector or test"),
    }
}

/// A genuine signature is a credential, and does not belong into a repository.
fn resigned(shared: &Shared, preset: &Preset, delivery: &Delivery) -> Option<(Delivery, String)> {
    let text = test_secret(preset);
    let secret = Secret::new(text.clone()).ok()?;
    let verifier = preset
        .build(secret.clone(), &signed_url(shared, preset))
        .ok()?;
    let mut request = delivery.request_with(delivery.body.clone());
    forget_time(request.headers_mut());
    let signed = verifier.sign(&secret, request).ok()?;
    let mut delivery = delivery.clone();
    delivery.headers = signed.headers().clone();
    delivery.received = SystemTime::now();
    Some((delivery, text))
}

/// Where the URL is signed, it is the one that was given with the secret.
fn signed_url(shared: &Shared, preset: &Preset) -> String {
    shared
        .state()
        .keys
        .get(preset.name)
        .map_or_else(|| shared.url_of(preset), |held| held.url.clone())
}

/// The signer keeps the times that it finds.
fn forget_time(headers: &mut HeaderMap) {
    let times: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().contains("timestamp"))
        .cloned()
        .collect();
    for name in times {
        headers.remove(name);
    }
}

/// Text, base64 and hexadecimal digits all in one: it suits every scheme.
fn test_secret(_: &Preset) -> String {
    random()
}

#[derive(Deserialize)]
struct Try {
    preset: String,
    secret: Option<String>,
    #[serde(default)]
    now: bool,
}

async fn try_other(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
    Json(other): Json<Try>,
) -> Answer<Json<Verdict>> {
    let delivery = kept(&shared, id)?;
    let Some(preset) = presets::find(&other.preset) else {
        return refuse(StatusCode::NOT_FOUND, "no such sender");
    };
    let held = match other.secret.filter(|secret| !secret.is_empty()) {
        None => {
            let held = shared.state().keys.get(preset.name).cloned();
            match held {
                Some(held) => held,
                None => {
                    return refuse(
                        StatusCode::CONFLICT,
                        "no secret is held for this sender: type one",
                    );
                }
            }
        }
        Some(text) => {
            let secret = Secret::new(text.clone())
                .or_else(|error| refuse(StatusCode::BAD_REQUEST, error))?;
            let url = shared.url_of(preset);
            let verifier = preset
                .build(secret.clone(), &url)
                .or_else(|error| refuse(StatusCode::BAD_REQUEST, error))?;
            crate::Held {
                secret,
                text,
                from: "page",
                url,
                verifier,
            }
        }
    };
    let at = if other.now {
        SystemTime::now()
    } else {
        delivery.received
    };
    Ok(Json(
        inbox::verdict(&shared, &held, preset.name, &delivery, at).await,
    ))
}

#[derive(Deserialize)]
struct Send {
    url: String,
    #[serde(default)]
    anew: bool,
}

async fn send_on(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
    Json(to): Json<Send>,
) -> Answer<Json<Value>> {
    let delivery = kept(&shared, id)?;
    let mut request = delivery.request_with(delivery.body.clone());
    if to.anew {
        let held = shared.state().keys.get(delivery.preset.as_str()).cloned();
        let Some(held) = held else {
            return refuse(StatusCode::CONFLICT, "no secret is held to sign with");
        };
        forget_time(request.headers_mut());
        request = held
            .verifier
            .sign(&held.secret, request)
            .or_else(|error| refuse(StatusCode::CONFLICT, error))?;
    }
    let sent = send::send(&to.url, request, to.anew, shared.allow_remote).await;
    let summary = {
        let mut state = shared.state();
        match state.ring.get_mut(id) {
            Some(delivery) => {
                delivery.sent.push(sent.clone());
                let more = delivery.sent.len().saturating_sub(10);
                delivery.sent.drain(..more);
                Some(summary(delivery))
            }
            None => None,
        }
    };
    if let Some(summary) = summary {
        shared.tell("changed", summary);
    }
    Ok(Json(json!(sent)))
}

#[derive(Deserialize)]
struct Test {
    preset: String,
    fault: String,
    body: String,
}

/// Through the inbox's own socket, as a sender's would come.
async fn send_test(State(shared): State<Shared>, Json(test): Json<Test>) -> Answer<Json<Value>> {
    let Some(preset) = presets::find(&test.preset) else {
        return refuse(StatusCode::NOT_FOUND, "no such sender");
    };
    let about = preset.about();
    let held = shared.state().keys.get(preset.name).cloned();
    let Some(held) = held else {
        return refuse(
            StatusCode::CONFLICT,
            "no secret is held for this sender: give it one first",
        );
    };
    let mut request = Request::new(Bytes::from(test.body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = format!("/in/{}", preset.name)
        .parse()
        .or_else(|_| refuse(StatusCode::BAD_REQUEST, "path"))?;
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::USER_AGENT,
        header::HeaderValue::from_static("webhook-inspector"),
    );
    for (name, value) in [
        (&about.id_header, random()),
        (&about.event_header, "test".to_owned()),
    ] {
        if let Some(name) = name
            .as_deref()
            .and_then(|name| name.parse::<HeaderName>().ok())
        {
            headers.insert(
                name,
                value
                    .parse()
                    .or_else(|_| refuse(StatusCode::BAD_REQUEST, "header"))?,
            );
        }
    }
    let (secret, verifier) = match test.fault.as_str() {
        "wrong_secret" => {
            let other = Secret::new(random())
                .or_else(|error| refuse(StatusCode::INTERNAL_SERVER_ERROR, error))?;
            let verifier = preset
                .build(other.clone(), &held.url)
                .or_else(|error| refuse(StatusCode::CONFLICT, error))?;
            (other, verifier)
        }
        _ => (held.secret.clone(), held.verifier.clone()),
    };
    let mut request = verifier
        .sign(&secret, request)
        .or_else(|error| refuse(StatusCode::CONFLICT, error))?;
    match test.fault.as_str() {
        "newline" => *request.body_mut() = [request.body(), b"\n".as_slice()].concat().into(),
        "tampered" => *request.body_mut() = [request.body(), b" ".as_slice()].concat().into(),
        "unsigned" => {
            for name in &about.headers {
                request.headers_mut().remove(name.as_str());
            }
        }
        _ => {}
    }
    request
        .headers_mut()
        .insert("x-inspector-test", header::HeaderValue::from_static("1"));
    let url = format!("http://{}/in/{}", shared.inbox, preset.name);
    Ok(Json(json!(send::send(&url, request, false, true).await)))
}

#[derive(Deserialize)]
struct Hold {
    secret: Option<String>,
    url: Option<String>,
    #[serde(default)]
    generate: bool,
}

async fn set_secret(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Json(hold): Json<Hold>,
) -> Answer<Json<Value>> {
    let Some(preset) = presets::find(&name) else {
        return refuse(StatusCode::NOT_FOUND, "no such sender");
    };
    let generated = hold.generate.then(|| test_secret(preset));
    let from = if hold.generate {
        "made here"
    } else {
        "typed here"
    };
    match generated.clone().or(hold.secret) {
        Some(text) => shared
            .hold(preset, text, from, hold.url.filter(|url| !url.is_empty()))
            .or_else(|error| refuse(StatusCode::BAD_REQUEST, error))?,
        None => drop(shared.state().keys.remove(preset.name)),
    }
    // What is kept is judged anew, as of the time when it was received.
    let waiting: Vec<Delivery> = shared
        .state()
        .ring
        .iter()
        .filter(|delivery| delivery.preset == preset.name)
        .cloned()
        .collect();
    let held = shared.state().keys.get(preset.name).cloned();
    for delivery in waiting {
        let verdict = match &held {
            Some(held) => {
                inbox::verdict(&shared, held, preset.name, &delivery, delivery.received).await
            }
            None => Verdict::Unkeyed {
                looks_like: Vec::new(),
            },
        };
        let changed = shared.state().ring.get_mut(delivery.id).map(|kept| {
            kept.verdict = verdict;
            summary(kept)
        });
        if let Some(changed) = changed {
            shared.tell("changed", changed);
        }
    }
    shared.tell("senders", senders(&shared));
    Ok(Json(json!({ "generated": generated })))
}
