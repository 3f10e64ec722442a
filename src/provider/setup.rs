//! Requests that a sender makes when a webhook is set up, before or outside of its deliveries.
//!
//! A rule answers exactly one kind of request. An answer repeats what the client sent, or is
//! empty: it tells the client nothing that the client did not know.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};
use serde_json::{Value, json};

use crate::event::{Form, only_value};

/// The longest text that an answer repeats.
pub(crate) const LONGEST_CODE_BYTES: usize = 1024;

/// How the set-up request of one sender is recognised and answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetupRule {
    /// Whether an unsigned request with this head can be the set-up request. Its body is then read.
    pub(crate) may_be: fn(&Parts) -> bool,
    /// The answer to an unsigned request, if it is the set-up request. If the key belongs into the body, a request
    /// whose body has no key is unsigned.
    pub(crate) unsigned: fn(&Parts, &[u8]) -> Option<Response<Bytes>>,
    /// The answer to a request whose signature was verified, if it is the set-up request.
    pub(crate) signed: fn(&[u8]) -> Option<Response<Bytes>>,
}

/// What the rules have in common: no request is the set-up request.
const NO_REQUEST: SetupRule = SetupRule {
    may_be: |_| false,
    unsigned: |_, _| None,
    signed: |_| None,
};

/// `diagnostics:ping` with `{"test":true}`, when the user tests the connection.
pub(super) const BITBUCKET: SetupRule = SetupRule {
    may_be: |head| {
        let mut events = head.headers.get_all("x-event-key").iter();
        is_post(head)
            && events
                .next()
                .is_some_and(|event| event == "diagnostics:ping")
            && events.next().is_none()
    },
    unsigned: |_, body| (value(body)? == json!({ "test": true })).then(empty),
    ..NO_REQUEST
};

/// A signed `PING`.
#[cfg(feature = "ed25519")]
pub(super) const DISCORD: SetupRule = SetupRule {
    signed: |body| (value(body)?.get("type")? == 1).then(|| object(&json!({ "type": 1 }))),
    ..NO_REQUEST
};

/// A POST without a body. The signature of a delivery is in its body.
pub(super) const EXACT_ONLINE: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| body.is_empty().then(empty),
    ..NO_REQUEST
};

/// `X-Hook-Secret`, the key of all later deliveries, is sent back: Asana and Clio. The owner finds it in the
/// headers of the response.
pub(super) const HOOK_SECRET: SetupRule = SetupRule {
    may_be: |head| is_post(head) && echo(head, "x-hook-secret", "x-hook-secret").is_some(),
    unsigned: |head, body| {
        is_empty_json(body).then(|| echo(head, "x-hook-secret", "x-hook-secret"))?
    },
    ..NO_REQUEST
};

/// `url_verification` without an encrypt key. The body has a challenge, and a token that the answer does not
/// need: the challenge comes back to the client that sent it.
pub(super) const LARK: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| {
        let value = value(body)?;
        let challenge = value.get("challenge")?.as_str();
        let challenge = challenge.filter(|text| is_plain(text))?;
        (value.get("type")? == "url_verification" && value.get("token")?.is_string())
            .then(|| object(&json!({ "challenge": challenge })))
    },
    ..NO_REQUEST
};

/// `validationToken`, a parameter of the query, comes back as text. Microsoft's text has spaces. The key of a delivery
/// is in its body, so a request with a body is not the set-up request.
/// <https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks#notificationurl-validation>
pub(super) const MICROSOFT_GRAPH: SetupRule = SetupRule {
    may_be: |head| is_post(head) && validation_token(head).is_some(),
    unsigned: |head, body| {
        let token = validation_token(head).filter(|_| body.is_empty())?;
        Some(text(&token))
    },
    ..NO_REQUEST
};

/// The token that becomes the key.
pub(super) const NOTION: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| {
        let value = value(body)?;
        let token = value.get("verification_token")?.as_str()?;
        (is_plain(token) && value.as_object()?.len() == 1).then(empty)
    },
    ..NO_REQUEST
};

/// `Validation-Token` is sent back.
pub(super) const RINGCENTRAL: SetupRule = SetupRule {
    may_be: |head| is_post(head) && echo(head, "validation-token", "validation-token").is_some(),
    unsigned: |head, body| {
        is_empty_json(body).then(|| echo(head, "validation-token", "validation-token"))?
    },
    ..NO_REQUEST
};

/// Unsigned `ssl_check`; signed `url_verification`.
pub(super) const SLACK: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| {
        let form = Form::of_body(body)?;
        (form.get("ssl_check")? == "1" && form.get("command").is_none()).then(empty)
    },
    signed: |body| {
        let value = value(body)?;
        let challenge = value
            .get("challenge")?
            .as_str()
            .filter(|text| is_plain(text))?;
        (value.get("type")? == "url_verification").then(|| text(challenge))
    },
};

/// `Smartsheet-Hook-Challenge` is sent back in `Smartsheet-Hook-Response`. The body holds the challenge too.
pub(super) const SMARTSHEET: SetupRule = SetupRule {
    may_be: |head| is_post(head) && smartsheet(head).is_some(),
    unsigned: |head, body| {
        let challenge = value(body)?.get("challenge")?.as_str()?.to_owned();
        let answer = smartsheet(head)?;
        let header = answer.headers().get("smartsheet-hook-response")?;
        (header.as_bytes() == challenge.as_bytes()).then_some(answer)
    },
    ..NO_REQUEST
};

/// `url_verification`. The vendor's page does not describe it. Sentry's and Hookdeck's receivers answer
/// with the code in an object; Sentry's first receiver answered with the bare code. The object contains
/// the code, so it satisfies a search for the code as well.
pub(super) const STATSIG: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| {
        let value = value(body)?;
        let code = value.pointer("/data/verification_code")?.as_str();
        let code = code.filter(|code| is_plain(code))?;
        (value.pointer("/data/event")? == "url_verification")
            .then(|| object(&json!({ "verification_code": code })))
    },
    ..NO_REQUEST
};

/// A signed `validation.webhook`, whose id comes back.
pub(super) const TEBEX: SetupRule = SetupRule {
    signed: |body| {
        let value = value(body)?;
        let id = value.get("id")?.as_str().filter(|id| is_plain(id))?;
        (value.get("type")? == "validation.webhook").then(|| object(&json!({ "id": id })))
    },
    ..NO_REQUEST
};

/// A signed challenge. The header with the kind of the message is not signed, the subscription's status is.
pub(super) const TWITCH: SetupRule = SetupRule {
    signed: |body| {
        let value = value(body)?;
        let challenge = value
            .get("challenge")?
            .as_str()
            .filter(|text| is_plain(text))?;
        (value.pointer("/subscription/status")? == "webhook_callback_verification_pending")
            .then(|| text(challenge))
    },
    ..NO_REQUEST
};

/// A form with the webhook's id alone.
pub(super) const WOOCOMMERCE: SetupRule = SetupRule {
    may_be: is_post,
    unsigned: |_, body| {
        let id = body.strip_prefix(b"webhook_id=")?;
        let is_id = (1..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit);
        is_id.then(empty)
    },
    ..NO_REQUEST
};

fn validation_token(head: &Parts) -> Option<String> {
    let token = only_value(head.uri.query()?, "validationToken")?;
    let is_plain = token
        .split(' ')
        .all(|word| word.is_empty() || is_plain(word));
    (is_plain && (1..=LONGEST_CODE_BYTES).contains(&token.len())).then_some(token)
}

fn smartsheet(head: &Parts) -> Option<Response<Bytes>> {
    echo(
        head,
        "smartsheet-hook-challenge",
        "smartsheet-hook-response",
    )
}

/// A response with the value of a header that comes once.
fn echo(head: &Parts, from: &'static str, to: &'static str) -> Option<Response<Bytes>> {
    let mut values = head.headers.get_all(from).iter();
    let value = values.next()?;
    if values.next().is_some() || !value.to_str().is_ok_and(is_plain) {
        return None;
    }
    let mut response = empty();
    response
        .headers_mut()
        .insert(HeaderName::from_static(to), value.clone());
    Some(response)
}

fn is_empty_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), b"" | b"{}")
}

fn is_post(head: &Parts) -> bool {
    head.method == Method::POST
}

fn value(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// Visible ASCII only, so that a browser or a terminal shows it as plain text.
pub(crate) fn is_plain(text: &str) -> bool {
    (1..=LONGEST_CODE_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn empty() -> Response<Bytes> {
    Response::default()
}

pub(crate) fn object(value: &Value) -> Response<Bytes> {
    respond("application/json", value.to_string())
}

pub(crate) fn text(text: &str) -> Response<Bytes> {
    respond("text/plain; charset=utf-8", text.to_owned())
}

fn respond(content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
