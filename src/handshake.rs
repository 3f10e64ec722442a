//! Handshakes: with such a request, some senders check before their first delivery that they call the right
//! service.
//!
//! Some are **signed** like any other delivery: those of Slack, Zoom, Twitch, Front and Smartcar. They pass the
//! layer, and the handler calls the helper first. The helper takes a [`Verified`], so it cannot be
//! called for an unsigned request. It returns `None` for a delivery that is not a handshake. With
//! [`Provider::answer_setup`](crate::Provider::answer_setup) the layer answers the handshakes of
//! Slack and Twitch itself, and also POST requests without a signature, such as those of Statsig, Notion and
//! Microsoft Graph.
//!
//! Others are a **GET** without a signature: those of Adobe, Meta, X, Okta, Dropbox, LinkedIn, Nylas, Onfleet, Oura
//! and Worldline. Mount their helpers for GET on the same path. Trello, Mandrill and a few others send a **HEAD**,
//! and expect 200: mount `.head(async || StatusCode::OK)` in the same way. Put the layer around POST only:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, extract::RawQuery, response::{IntoResponse, Response}, routing::post};
//! use bytes::Bytes;
//! use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer, handshake, provider};
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let meta = provider::meta(Secret::new("the app's secret")?);
//! let verify_token = Secret::new("meatyhamhock")?;
//! let slack = provider::slack(Secret::new("the signing secret")?);
//!
//! let app: Router = Router::new()
//!     .route(
//!         "/webhooks/meta",
//!         post(meta_event)
//!             .route_layer(WebhookAuthLayer::new(meta))
//!             // Added after the layer: it is not inside.
//!             .get(async move |RawQuery(query): RawQuery| {
//!                 handshake::meta(&verify_token, query.as_deref())
//!             }),
//!     )
//!     .route("/webhooks/slack", post(slack_event).route_layer(WebhookAuthLayer::new(slack)));
//!
//! async fn meta_event(webhook: Verified<Bytes>) { /* … */ }
//!
//! async fn slack_event(webhook: Verified<Bytes>) -> Response {
//!     if let Some(answer) = handshake::slack(&webhook) {
//!         return answer.into_response();
//!     }
//!     /* … */
//!     ().into_response()
//! }
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! An answer that repeats what the client sent is plain text or JSON with `X-Content-Type-Options: nosniff`.
//! Only visible ASCII is repeated, up to 1,024 characters.
//!
//! Zoom, X, LinkedIn and Smartcar ask for a signature under the key that also signs deliveries. Their helpers
//! sign only texts that cannot be the signed content of a delivery.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use sha2::Sha256;

use crate::{
    event,
    provider::{
        configured::is_challenge_token,
        setup::{self, LONGEST_CODE_BYTES, is_plain},
    },
    scheme::{self, KeyDigest},
    secret::Secret,
    verified::Verified,
};

/// Slack's `url_verification`: the challenge as plain text.
///
/// `None` for any other event. [Slack's page](https://api.slack.com/events/url_verification).
///
/// ```
/// use bytes::Bytes;
/// use http::Response;
/// use http_body_util::Full;
/// use tower_webhook_auth::{Verified, handshake};
///
/// fn answer(webhook: &Verified<Bytes>) -> Response<Full<Bytes>> {
///     handshake::slack(webhook).unwrap_or_default()
/// }
/// # let _ = answer;
/// ```
#[must_use]
pub fn slack<E>(webhook: &Verified<E>) -> Option<Response<Full<Bytes>>> {
    #[derive(Deserialize)]
    struct Event {
        r#type: String,
        challenge: String,
    }
    let event: Event = serde_json::from_slice(webhook.body()).ok()?;
    (event.r#type == "url_verification").then(|| echo(&event.challenge))
}

/// Zoom's `endpoint.url_validation`: the token and its HMAC-SHA256 under the app's secret token.
///
/// `None` for any other event, and for a token that is not 1 to 1,024 characters of visible ASCII without
/// a colon. Zoom repeats the event every 72 hours and expects the answer within three seconds.
/// [Zoom's page](https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint).
///
/// `secret` is the secret token that verified the delivery. Zoom signs its deliveries under the same key.
/// The signed content of each begins with `v0:`, so a token without a colon is never a delivery.
#[must_use]
pub fn zoom<E>(webhook: &Verified<E>, secret: &Secret) -> Option<Response<Full<Bytes>>> {
    #[derive(Deserialize)]
    struct Event {
        event: String,
        payload: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        plain_token: String,
    }
    let event: Event = serde_json::from_slice(webhook.body()).ok()?;
    let plain_token = event.payload.plain_token;
    let is_harmless = is_plain(&plain_token) && !plain_token.contains(':');
    (is_harmless && event.event == "endpoint.url_validation").then(|| {
        let encrypted_token = HEXLOWER.encode(&hmac_sha256(secret, plain_token.as_bytes()));
        json(&serde_json::json!({ "plainToken": plain_token, "encryptedToken": encrypted_token }))
    })
}

/// Twitch's `webhook_callback_verification`: the challenge as plain text.
///
/// `None` for any other message. The kind of the message is read from the subscription's status in the
/// signed body, because the header with the message's type is not signed.
/// [Twitch's page](https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request).
#[must_use]
pub fn twitch<E>(webhook: &Verified<E>) -> Option<Response<Full<Bytes>>> {
    #[derive(Deserialize)]
    struct Message {
        challenge: String,
        subscription: Subscription,
    }
    #[derive(Deserialize)]
    struct Subscription {
        status: String,
    }
    let message: Message = serde_json::from_slice(webhook.body()).ok()?;
    (message.subscription.status == "webhook_callback_verification_pending")
        .then(|| echo(&message.challenge))
}

/// Meta's verification request (Facebook, Instagram, WhatsApp): `hub.challenge` as plain text, to a client
/// that sends the verify token.
///
/// `query` is the part of the request's URL after the `?`. The response is 403 if the token is wrong, if
/// the mode is not `subscribe`, or if a parameter is missing or given twice.
/// [Meta's page](https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests).
///
/// ```
/// use http::StatusCode;
/// use tower_webhook_auth::{Secret, handshake};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let token = Secret::new("meatyhamhock")?;
/// let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
/// assert_eq!(handshake::meta(&token, Some(query)).status(), StatusCode::OK);
/// assert_eq!(handshake::meta(&token, None).status(), StatusCode::FORBIDDEN);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn meta(verify_token: &Secret, query: Option<&str>) -> Response<Full<Bytes>> {
    let is_genuine = is_secret(
        verify_token,
        parameter(query, "hub.verify_token").as_deref(),
    );
    let mode = parameter(query, "hub.mode");
    match parameter(query, "hub.challenge") {
        Some(challenge) if is_genuine && mode.as_deref() == Some("subscribe") => echo(&challenge),
        _ => status(StatusCode::FORBIDDEN),
    }
}

/// X's challenge-response check: the HMAC-SHA256 of `crc_token` under the app's consumer secret.
///
/// `query` is the part of the request's URL after the `?`. The response is 400 if the token is missing, is
/// given twice, or has other characters than those below. X sends the request when a webhook is
/// registered, and then every hour. [X's page](https://docs.x.com/x-api/webhooks/quickstart).
///
/// Through this response, any client can get a signature for a text of its choice, made with the
/// key that signs X's deliveries. So only letters, digits and `+ / = - _ . ~` are signed, and at
/// least one of them: no such text is a JSON object. [`provider::x`](crate::provider::x()) rejects
/// every body that has only these characters. If you describe X's scheme yourself, reject such
/// bodies too.
#[must_use]
pub fn x(consumer_secret: &Secret, query: Option<&str>) -> Response<Full<Bytes>> {
    let is_harmless = |token: &String| {
        (1..=LONGEST_CODE_BYTES).contains(&token.len()) && is_challenge_token(token.as_bytes())
    };
    match parameter(query, "crc_token").filter(is_harmless) {
        Some(token) => {
            let response_token = BASE64.encode(&hmac_sha256(consumer_secret, token.as_bytes()));
            json(&serde_json::json!({ "response_token": format!("sha256={response_token}") }))
        }
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// Okta's verification of an event hook: the value of `x-okta-verification-challenge` as JSON.
///
/// The response is 400 if the header is missing or comes twice.
/// [Okta's page](https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request).
#[must_use]
pub fn okta(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let challenge = only_value(headers, "x-okta-verification-challenge");
    match challenge.filter(|challenge| is_plain(challenge)) {
        Some(challenge) => json(&serde_json::json!({ "verification": challenge })),
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// The challenge of Adobe I/O Events: `challenge` as plain text.
///
/// `query` is the part of the request's URL after the `?`. The response is 400 if the challenge is missing
/// or given twice. [Adobe's page](https://developer.adobe.com/events/docs/guides/).
#[must_use]
pub fn adobe_io(query: Option<&str>) -> Response<Full<Bytes>> {
    dropbox(query)
}

/// Dropbox's verification request: `challenge` as plain text.
///
/// `query` is the part of the request's URL after the `?`. The response is 400 if the challenge is missing
/// or given twice. [Dropbox's page](https://www.dropbox.com/developers/reference/webhooks).
#[must_use]
pub fn dropbox(query: Option<&str>) -> Response<Full<Bytes>> {
    match parameter(query, "challenge") {
        Some(challenge) => echo(&challenge),
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// Nylas' verification request: `challenge` as plain text.
///
/// `query` is the part of the request's URL after the `?`. The response is 400 if the challenge is missing
/// or given twice. Nylas waits for 10 seconds.
/// [Nylas' page](https://developer.nylas.com/docs/v3/webhooks/).
#[must_use]
pub fn nylas(query: Option<&str>) -> Response<Full<Bytes>> {
    dropbox(query)
}

/// Onfleet's verification request: `check` as plain text.
///
/// `query` is the part of the request's URL after the `?`. The response is 400 if the parameter is missing
/// or given twice. [Onfleet's page](https://docs.onfleet.com/reference/validation).
#[must_use]
pub fn onfleet(query: Option<&str>) -> Response<Full<Bytes>> {
    match parameter(query, "check") {
        Some(check) => echo(&check),
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// Worldline's verification request: the value of `X-GCS-Webhooks-Endpoint-Verification` as plain text.
///
/// The response is 400 if the header is missing or comes twice.
#[must_use]
pub fn worldline(headers: &HeaderMap) -> Response<Full<Bytes>> {
    match only_value(headers, "x-gcs-webhooks-endpoint-verification") {
        Some(value) => echo(value),
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// Oura's verification request: `challenge` as JSON, to a client that sends the verification token.
///
/// `query` is the part of the request's URL after the `?`. The response is 403 if the token is wrong, or if a
/// parameter is missing or given twice.
#[must_use]
pub fn oura(verification_token: &Secret, query: Option<&str>) -> Response<Full<Bytes>> {
    let is_genuine = is_secret(
        verification_token,
        parameter(query, "verification_token").as_deref(),
    );
    let challenge = parameter(query, "challenge").filter(|challenge| is_plain(challenge));
    match challenge {
        Some(challenge) if is_genuine => json(&serde_json::json!({ "challenge": challenge })),
        _ => status(StatusCode::FORBIDDEN),
    }
}

/// LinkedIn's validation of an endpoint: the `challengeCode` and its HMAC-SHA256 under the client secret.
///
/// `query` is the part of the request's URL after the `?`. LinkedIn sends a random UUID, repeats the request every
/// 2 hours, and waits for 3 seconds.
/// [LinkedIn's page](https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation).
///
/// Through this response, any client can get a signature for a text of its choice, made with the key that
/// signs LinkedIn's deliveries. The signed content of each delivery begins with `hmacsha256=`. So only a
/// UUID is signed; the response to any other code is 400.
#[must_use]
pub fn linkedin(client_secret: &Secret, query: Option<&str>) -> Response<Full<Bytes>> {
    match parameter(query, "challengeCode").filter(|code| is_uuid(code)) {
        Some(code) => {
            let response = HEXLOWER.encode(&hmac_sha256(client_secret, code.as_bytes()));
            json(&serde_json::json!({ "challengeCode": code, "challengeResponse": response }))
        }
        None => status(StatusCode::BAD_REQUEST),
    }
}

/// Smartcar's `VERIFY` event: the HMAC-SHA256 of the challenge under the application management token.
///
/// `None` for any other event, and for a challenge that is not 1 to 64 characters of visible ASCII without
/// `{`, `[` and `"`. Smartcar waits for 15 seconds.
/// [Smartcar's library](https://github.com/smartcar/node-sdk).
///
/// `management_token` is the secret that verified the delivery. Smartcar signs its deliveries under the same
/// key, over the body alone, and each body is a JSON object. So a challenge without `{` is never a delivery.
#[must_use]
pub fn smartcar<E>(
    webhook: &Verified<E>,
    management_token: &Secret,
) -> Option<Response<Full<Bytes>>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event {
        event_type: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        challenge: String,
    }
    let event: Event = serde_json::from_slice(webhook.body()).ok()?;
    let challenge = event.data.challenge;
    let is_harmless =
        is_plain(&challenge) && challenge.len() <= 64 && !challenge.contains(['{', '[', '"']);
    (is_harmless && event.event_type == "VERIFY").then(|| {
        let signed = HEXLOWER.encode(&hmac_sha256(management_token, challenge.as_bytes()));
        json(&serde_json::json!({ "challenge": signed }))
    })
}

/// Front's validation of an application webhook: the value of `X-Front-Challenge` as JSON.
///
/// `None` for any event but a `sync`, and if the header is missing or comes twice. The header is not signed;
/// the response repeats it and contains nothing else. Front waits for 10 seconds.
/// [Front's page](https://dev.frontapp.com/docs/application-webhooks).
#[must_use]
pub fn front<E>(webhook: &Verified<E>, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
    #[derive(Deserialize)]
    struct Event {
        r#type: String,
    }
    let event: Event = serde_json::from_slice(webhook.body()).ok()?;
    let challenge = only_value(headers, "x-front-challenge").filter(|value| is_plain(value))?;
    (event.r#type == "sync").then(|| json(&serde_json::json!({ "challenge": challenge })))
}

/// Whether a text is the secret, compared in constant time.
fn is_secret(secret: &Secret, text: Option<&str>) -> bool {
    let expected = KeyDigest::of(secret.as_bytes());
    expected
        .matches(&KeyDigest::of(text.unwrap_or_default().as_bytes()))
        .into()
}

/// The value of a header that comes once.
fn only_value<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a text is a UUID in hexadecimal digits,
/// [RFC 9562 section 4](https://www.rfc-editor.org/rfc/rfc9562#section-4).
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let lengths = [8, 4, 4, 4, 12];
    let all = lengths.iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    all && groups.next().is_none()
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    event::only_value(query?, name)
}

fn hmac_sha256(secret: &Secret, text: &[u8]) -> [u8; 32] {
    let mac: Hmac<Sha256> = scheme::hmac(secret.as_bytes());
    mac.chain_update(text).finalize().into_bytes().into()
}

fn echo(challenge: &str) -> Response<Full<Bytes>> {
    if !is_plain(challenge) {
        return status(StatusCode::BAD_REQUEST);
    }
    setup::text(challenge).map(Full::new)
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    setup::object(value).map(Full::new)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
