//! Where senders deliver. Whatever comes is kept and judged, and answered as the layer would answer.

use std::time::{Duration, Instant, SystemTime};

use axum::{
    Router,
    body::to_bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use crate::{
    Shared, console,
    deliveries::{Cause, Delivery, Verdict, millis},
    presets::{self, PRESETS},
};

pub const MAX_BODY: usize = 8 * 1024 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(30);
const TEST: &str = "x-inspector-test";

pub fn router(shared: Shared) -> Router {
    let receive = axum::routing::any(receive);
    Router::new()
        .route("/in/{preset}", receive.clone())
        .route("/in/{preset}/{*rest}", receive)
        .fallback(|| async {
            (
                StatusCode::NOT_FOUND,
                "deliver to /in/<sender> or /in/any\n",
            )
        })
        .with_state(shared)
}

async fn receive(
    State(shared): State<Shared>,
    Path(path): Path<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let name = path
        .first()
        .map(|(_, name)| name.clone())
        .unwrap_or_default();
    if name != "any" && presets::find(&name).is_none() {
        return (
            StatusCode::NOT_FOUND,
            "no such sender; /in/any takes everything\n",
        )
            .into_response();
    }
    let received = SystemTime::now();
    let started = Instant::now();
    let (mut head, body) = request.into_parts();
    let test = head.headers.remove(TEST).is_some();
    let body = tokio::time::timeout(BODY_DEADLINE, to_bytes(body, MAX_BODY)).await;
    let (body, unread) = match body {
        Ok(Ok(body)) => (body, None),
        Ok(Err(_)) => (
            Bytes::new(),
            Some(("body_too_large", "body is over 8 MiB, or broke off", 413)),
        ),
        Err(_) => (
            Bytes::new(),
            Some(("body_timeout", "body did not end before the deadline", 408)),
        ),
    };
    let mut delivery = Delivery {
        id: 0,
        received,
        took: Duration::ZERO,
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
        preset: name,
        verdict: Verdict::Unkeyed {
            looks_like: Vec::new(),
        },
        answered: 503,
        test,
        sent: Vec::new(),
    };
    delivery.verdict = match unread {
        Some((code, message, status)) => Verdict::Refused {
            code,
            message: message.into(),
            header: None,
            status,
            cause: None,
        },
        None => judge(&shared, &mut delivery, received).await,
    };
    delivery.answered = match &delivery.verdict {
        Verdict::Verified { .. } => 200,
        Verdict::Refused { status, .. } => *status,
        Verdict::Unkeyed { .. } => 503,
    };
    delivery.took = started.elapsed();
    let answered = StatusCode::from_u16(delivery.answered).unwrap_or_default();
    let delivery = shared.state().ring.push(delivery);
    shared.tell("delivery", console::summary(&delivery));
    let mut headers = HeaderMap::new();
    if answered == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    (
        answered,
        headers,
        if answered.is_success() {
            "ok\n"
        } else {
            "refused\n"
        },
    )
        .into_response()
}

/// By its preset; for `any`, by the sender whose header it carries.
async fn judge(shared: &Shared, delivery: &mut Delivery, at: SystemTime) -> Verdict {
    let looks_like = senders_of(&delivery.headers);
    let names: Vec<&str> = match delivery.preset.as_str() {
        "any" => looks_like.clone(),
        name => vec![name],
    };
    let mut last = None;
    for name in names {
        let held = shared.state().keys.get(name).cloned();
        let Some(held) = held else { continue };
        let verdict = verdict(shared, &held, name, delivery, at).await;
        let verified = matches!(verdict, Verdict::Verified { .. });
        if verified || delivery.preset != "any" {
            delivery.preset = name.to_owned();
            return verdict;
        }
        last = Some((name, verdict));
    }
    match last {
        Some((name, verdict)) => {
            delivery.preset = name.to_owned();
            verdict
        }
        None => Verdict::Unkeyed {
            looks_like: looks_like.into_iter().map(str::to_owned).collect(),
        },
    }
}

pub async fn verdict(
    _: &Shared,
    held: &crate::Held,
    _: &str,
    delivery: &Delivery,
    at: SystemTime,
) -> Verdict {
    match held
        .verifier
        .judge(delivery.request_with(delivery.body.clone()), at)
    {
        Ok(accepted) => Verdict::Verified {
            signed_at: accepted.signed_at.map(millis),
            skew: accepted
                .signed_at
                .map(|signed| millis(delivery.received) as i64 - millis(signed) as i64),
            accepted,
        },
        Err(rejection) => Verdict::Refused {
            code: rejection.kind().as_str(),
            message: rejection.to_string(),
            header: rejection.header_name().map(|name| name.as_str().to_owned()),
            status: rejection.status().as_u16(),
            cause: cause(held, delivery, at),
        },
    }
}

/// The senders whose signature or key is in the head, the most telling first.
pub fn senders_of(headers: &HeaderMap) -> Vec<&'static str> {
    let mut names: Vec<(usize, &'static str)> = PRESETS
        .iter()
        .filter_map(|preset| {
            let about = preset.about();
            let carries = about
                .headers
                .iter()
                .any(|header| headers.contains_key(header.as_str()));
            let plain = about.headers.iter().all(|header| header == "authorization");
            let companions = [&about.id_header, &about.event_header];
            let more = companions
                .into_iter()
                .flatten()
                .filter(|header| headers.contains_key(header.as_str()))
                .count();
            (carries && !plain).then_some((2 - more, preset.name))
        })
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

fn cause(held: &crate::Held, delivery: &Delivery, at: SystemTime) -> Option<Cause> {
    let (head, ()) = {
        let (head, _) = delivery.request_with(Bytes::new()).into_parts();
        (head, ())
    };
    let diagnosis = tower_webhook_auth::diagnosis::explain(
        &held.verifier.provider,
        &head,
        &delivery.body,
        at,
        held.secret.clone(),
    )?;
    let cause = diagnosis.cause()?;
    Some(Cause {
        title: cause.as_str().to_owned(),
        detail: cause.to_string(),
    })
}
