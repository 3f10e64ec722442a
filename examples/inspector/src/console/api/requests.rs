//! Verifies a delivery in another way, sends it on, and sends test deliveries.

use std::time::SystemTime;

use axum::{
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, bad_request, conflict, held, kept, parse, respond, sender};
use crate::{
    catalogue, cause,
    console::views,
    inbox::{ID, TEST},
    inspector::Shared,
    judge::{self, Verdict},
    keys::{Held, Key, Origin},
    send::{self, Policy, Sent},
    sign::{self, Fault},
};

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
    signed_again: bool,
}

pub async fn send_on(State(inspector): State<Shared>, Path(id): Path<u64>, body: Bytes) -> Answer {
    let mut to: Send = parse(&body)?;
    let delivery = kept(&inspector, id)?;
    let uri = send::check(&to.url).map_err(bad_request)?;
    let mut request = delivery.received.request();
    if to.signed_again {
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
            sign::again(&held, &secret, request, SystemTime::now(), false).map_err(conflict)?;
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
        signed_again: to.signed_again,
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
