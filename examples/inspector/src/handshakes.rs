//! Set-up requests. Many senders save a webhook only if its URL answers such a request, so the inbox answers it as
//! the sender's documentation says.
//!
//! The library answers most of them. The names below select the helper of its module `handshake`, and a test
//! compares them with the catalogue.

use std::{convert::Infallible, time::SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    ConfigError, Provider, Secret, SetupAnswer, Verified, WebhookAuthLayer, handshake,
};

use crate::{
    catalogue::Entry, deliveries::Reply, inspector::random, keys::Held, sign::first_secret,
};

/// The answer to an unsigned request, if it is the sender's set-up request.
pub async fn unsigned(
    entry: &Entry,
    held: Option<&Held>,
    head: &Parts,
    body: &Bytes,
    at: SystemTime,
) -> Option<Reply> {
    let name = entry.sender.name;
    let has_proof = entry
        .proof_headers()
        .any(|name| head.headers.contains_key(name));
    if has_proof {
        return None;
    }
    if head.method == Method::HEAD
        && entry
            .sender
            .setup
            .is_some_and(|setup| setup.contains("HEAD"))
    {
        return Some(Reply {
            status: StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
        });
    }
    if head.method == Method::GET {
        let answer = answer_get(name, held, head)?;
        return Some(reply(answer).await).filter(|reply| reply.status.is_success());
    }
    if !entry.sender.setup_can_be_answered() {
        return None;
    }
    let provider = match held {
        Some(held) => held.provider.clone(),
        // The request is not signed, so any key does.
        None => entry
            .provider(Secret::new(random().ok()?).ok()?, "https://example.com/")
            .ok()?,
    };
    answer_setup(provider, head, body, at).await
}

/// The answer to a request that was verified, if it is the sender's set-up request.
pub async fn signed(
    held: &Held,
    verified: &Verified<Bytes>,
    head: &Parts,
    at: SystemTime,
) -> Option<Reply> {
    let secret = || held.key(verified.key_name())?.secret().ok();
    let answer = match held.entry.sender.name {
        "front" => handshake::front(verified, &head.headers),
        "smartcar" => handshake::smartcar(verified, &secret()?),
        "zoom" => handshake::zoom(verified, &secret()?),
        _ => None,
    };
    if let Some(answer) = answer {
        return Some(reply(answer).await);
    }
    if !held.entry.sender.setup_can_be_answered() {
        return None;
    }
    answer_setup(held.provider.clone(), head, verified.body(), at).await
}

/// Requests with the method GET. Those of Meta and Oura contain a token that the owner has chosen. Any token is
/// accepted here, because the answer only repeats a text of the client.
fn answer_get(name: &str, held: Option<&Held>, head: &Parts) -> Option<Response<Full<Bytes>>> {
    let query = head.uri.query();
    let token = |name: &str| {
        let mut pairs = form_urlencoded::parse(query?.as_bytes());
        let (_, token) = pairs.find(|(key, _)| key == name)?;
        Secret::verbatim(token).ok()
    };
    Some(match name {
        "adobe_io" => handshake::adobe_io(query),
        "dropbox" => handshake::dropbox(query),
        "linkedin" => handshake::linkedin(&first_secret(held?)?, query),
        "meta" => handshake::meta(&token("hub.verify_token")?, query),
        "nylas" => handshake::nylas(query),
        "okta" => handshake::okta(&head.headers),
        "onfleet" => handshake::onfleet(query),
        "oura" => handshake::oura(&token("verification_token")?, query),
        "worldline" => handshake::worldline(&head.headers),
        "x" => handshake::x(&first_secret(held?)?, query),
        _ => return None,
    })
}

/// Lets the layer answer, which answers the set-up request and nothing else.
async fn answer_setup(
    provider: Provider<Bytes>,
    head: &Parts,
    body: &Bytes,
    at: SystemTime,
) -> Option<Reply> {
    let provider: Result<_, ConfigError> = provider.answer_setup();
    let handler = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = WebhookAuthLayer::new(provider.ok()?)
        .clock(move || at)
        .layer(handler);
    let request = Request::from_parts(head.clone(), Full::new(body.clone()));
    let Ok(response) = service.oneshot(request).await;
    response.extensions().get::<SetupAnswer>()?;
    Some(reply(response).await)
}

async fn reply<B: http_body::Body>(response: Response<B>) -> Reply {
    let (head, body) = response.into_parts();
    // The body is complete already, so it cannot fail.
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    Reply {
        status: head.status,
        headers: head.headers,
        body,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::entries;

    /// The helpers that the catalogue names and that this file does not call, and why.
    const BY_THE_LAYER: [&str; 2] = ["slack", "twitch"];

    #[test]
    fn each_handshake_that_the_catalogue_names_is_answered() {
        let (code, _) = include_str!("handshakes.rs")
            .split_once("#[cfg(test)]")
            .expect("tests");
        let mut seen = 0;
        for entry in entries() {
            let setup = entry.sender.setup.unwrap_or_default();
            for helper in setup
                .split("`handshake::")
                .skip(1)
                .filter_map(|rest| rest.split('`').next())
            {
                seen += 1;
                if BY_THE_LAYER.contains(&helper) {
                    assert!(entry.sender.setup_can_be_answered(), "{helper}");
                    continue;
                }
                let name = entry.sender.name;
                assert!(
                    code.contains(&format!("{name:?} => handshake::{helper}(")),
                    "{name}: {setup}"
                );
            }
        }
        assert!(seen >= 13, "only {seen} were found");
    }
}
