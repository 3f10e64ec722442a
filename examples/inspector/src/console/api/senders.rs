//! Changes the keys and URLs of senders, and where deliveries are forwarded.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, ApiError, bad_request, conflict, parse, respond, sender};
use crate::{
    forward::Forward,
    inspector::Shared,
    keys::{Key, Origin, is_name},
    sign,
};

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
