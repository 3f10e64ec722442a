//! Set-up requests: those that the layer answers, and those of the module `handshake`. The first byte selects the
//! sender, and a text that is added to the query. Lines: the method, the query, and the value of the sender's header; then
//! the body. In the line of the header, `\x02` separates two headers. An empty line is no header. A request that a sender
//! signs is signed by the target.
//!
//! The response is the one of the reference.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::CONTENT_TYPE,
};
use http_body::Body;
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tower_webhook_auth::{
    Provider, Secret, SetupAnswer, SignatureScheme, Verified, WebhookAuthLayer, handshake,
    provider, testing::Signer,
};
use tower_webhook_auth_fuzz::{
    Hash, KEY, Lines,
    frames::{Frames, Pieces, Step},
    now, reference, respond,
    token::{Members, text},
    whole,
};

const SENDERS: [&str; 25] = [
    // Answered by the layer, without a signature.
    "bitbucket",
    "asana",
    "lark",
    "notion",
    "ringcentral",
    "slack",
    "smartsheet",
    "statsig",
    "woocommerce",
    // Answered by the layer, with a signature.
    "slack signed",
    "tebex signed",
    "twitch signed",
    // Answered by `handshake`.
    "handshake::meta",
    "handshake::x",
    "handshake::okta",
    "handshake::dropbox",
    "handshake::onfleet",
    "handshake::worldline",
    "handshake::oura",
    "handshake::linkedin",
    "handshake::slack",
    "handshake::zoom",
    "handshake::twitch",
    "handshake::smartcar",
    "handshake::front",
];

/// What a client could add to a query.
const AFTER: [&str; 4] = ["", "0", "-0", "%20"];

/// The response to a set-up request.
#[derive(Debug, PartialEq)]
enum Answer {
    /// An empty response, with this header.
    Empty(Option<(&'static str, String)>),
    Json(Value),
    Status(u16),
    Text(String),
}

static KEY_OF_ACME: LazyLock<Secret> = LazyLock::new(|| Secret::new(KEY).expect("a secret"));

static LAYERS: LazyLock<Vec<(Option<Signer>, WebhookAuthLayer<Bytes>)>> = LazyLock::new(|| {
    let layers = SENDERS[..12].iter().map(|name| {
        let key = KEY_OF_ACME.clone();
        let (name, is_signed) = match name.split_once(' ') {
            Some((name, _)) => (name, true),
            None => (*name, false),
        };
        let provider = provider::by_name(name, key, None).expect("a provider");
        let signer = Signer::new(&provider, &KEY_OF_ACME)
            .expect("a signer")
            .at(now());
        let provider = provider.answer_setup().expect("a set-up request");
        let layer = WebhookAuthLayer::new(provider).clock(now);
        (is_signed.then_some(signer), layer)
    });
    layers.collect()
});

static ACME: LazyLock<Provider<Bytes>> = LazyLock::new(|| {
    let scheme = SignatureScheme::hmac_sha256("acme-signature").build();
    Provider::new("acme", scheme.expect("a scheme"), KEY_OF_ACME.clone()).expect("a provider")
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let sender = SENDERS[choice % SENDERS.len()];
    let (method, query, header) = (lines.line(), lines.line(), lines.line());
    let body = lines.rest();
    let after = AFTER[choice / SENDERS.len() % AFTER.len()];
    let query = [query, after.as_bytes()].concat();
    let Some(request) = build(sender, method, &query, header, body) else {
        return;
    };
    // A member that is not read may have bytes that are not UTF-8, or not.
    let has_verdict = std::str::from_utf8(body).is_ok();
    let expected = reference(sender, &request);
    let found = match sender.strip_prefix("handshake::") {
        None => by_layer(choice % SENDERS.len(), request),
        Some(sender) => by_helper(sender, request),
    };
    if has_verdict {
        assert_eq!(found, expected, "{sender}");
    }
});

fn build(
    sender: &str,
    method: &[u8],
    query: &[u8],
    header: &[u8],
    body: &[u8],
) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = Uri::try_from([b"/hook?", query].concat()).ok()?;
    if !header.is_empty() {
        for value in header.split(|byte| *byte == 2) {
            let value = HeaderValue::from_bytes(value).ok()?;
            request.headers_mut().append(header_of(sender), value);
        }
    }
    Some(request)
}

fn header_of(sender: &str) -> HeaderName {
    HeaderName::from_static(match sender {
        "asana" => "x-hook-secret",
        "bitbucket" => "x-event-key",
        "ringcentral" => "validation-token",
        "smartsheet" => "smartsheet-hook-challenge",
        "handshake::okta" => "x-okta-verification-challenge",
        "handshake::worldline" => "x-gcs-webhooks-endpoint-verification",
        "handshake::front" => "x-front-challenge",
        _ => "acme-extra",
    })
}

/// The answer of the layer. `None` if it is none to a set-up request.
fn by_layer(sender: usize, request: Request<Bytes>) -> Option<Answer> {
    let (signer, layer) = &LAYERS[sender];
    let request = match signer {
        Some(signer) => signer.try_sign(request).ok()?,
        None => request,
    };
    let (head, body) = request.into_parts();
    let body = Frames::new([Step::Data(Pieces::from_iter([body]))]);
    let (response, calls) = respond(layer, head, body);
    let is_answer = response.extensions().get::<SetupAnswer>().is_some();
    assert!(!is_answer || calls.is_empty(), "answered and passed on");
    let is_rejected = response.status() == StatusCode::UNAUTHORIZED;
    assert_eq!(calls.len(), usize::from(!is_answer && !is_rejected));
    is_answer.then(|| read(response))
}

fn by_helper(sender: &str, request: Request<Bytes>) -> Option<Answer> {
    let (head, body) = request.into_parts();
    let query = head.uri.query();
    let verified = || -> Verified<Bytes> {
        let tag = reference::mac(Hash::Sha256, KEY.as_bytes(), &body);
        let (mut head, ()) = Request::new(()).into_parts();
        let tag = hex::encode(tag).parse().expect("a value");
        head.headers.insert("acme-signature", tag);
        ACME.verify(&head, body.clone(), now())
            .expect("a genuine delivery")
    };
    let answer: Option<Response<Full<Bytes>>> = match sender {
        "meta" => Some(handshake::meta(&KEY_OF_ACME, query)),
        "x" => Some(handshake::x(&KEY_OF_ACME, query)),
        "okta" => Some(handshake::okta(&head.headers)),
        "dropbox" => Some(handshake::dropbox(query)),
        "onfleet" => Some(handshake::onfleet(query)),
        "worldline" => Some(handshake::worldline(&head.headers)),
        "oura" => Some(handshake::oura(&KEY_OF_ACME, query)),
        "linkedin" => Some(handshake::linkedin(&KEY_OF_ACME, query)),
        "slack" => handshake::slack(&verified()),
        "zoom" => handshake::zoom(&verified(), &KEY_OF_ACME),
        "twitch" => handshake::twitch(&verified()),
        "smartcar" => handshake::smartcar(&verified(), &KEY_OF_ACME),
        _ => handshake::front(&verified(), &head.headers),
    };
    answer.map(read)
}

fn read<B: Body<Data = Bytes>>(response: Response<B>) -> Answer
where
    B::Error: std::fmt::Debug,
{
    let (head, body) = response.into_parts();
    let body = whole(body);
    if head.status != StatusCode::OK {
        assert!(body.is_empty());
        return Answer::Status(head.status.as_u16());
    }
    let Some(content_type) = head.headers.get(CONTENT_TYPE) else {
        assert!(body.is_empty());
        let names = [
            "x-hook-secret",
            "validation-token",
            "smartsheet-hook-response",
        ];
        let value = |name| Some(head.headers.get(name)?.to_str().expect("ASCII").to_owned());
        let mut headers = names
            .into_iter()
            .filter_map(|name| Some((name, value(name)?)));
        return Answer::Empty(headers.next());
    };
    assert_eq!(head.headers["x-content-type-options"], "nosniff");
    match content_type.to_str() {
        Ok("application/json") => Answer::Json(serde_json::from_slice(&body).expect("JSON")),
        Ok("text/plain; charset=utf-8") => {
            Answer::Text(String::from_utf8(body.to_vec()).expect("a text"))
        }
        _ => panic!("{content_type:?}"),
    }
}

/// The only header of this name, if it is visible ASCII.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    match values.as_slice() {
        [value] => plain(std::str::from_utf8(value.as_bytes()).ok()?.to_owned()),
        _ => None,
    }
}

fn plain(text: String) -> Option<String> {
    let is_plain = text.chars().all(|c| ('!'..='~').contains(&c));
    ((1..=1024).contains(&text.len()) && is_plain).then_some(text)
}

/// The only value of a parameter.
fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let fields = reference::fields(request.uri().query()?.as_bytes());
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = fields.iter().filter(|(other, _)| lossy(other) == name);
    let (_, value) = fields.next()?;
    fields.next().is_none().then(|| lossy(value))
}

fn signature(text: &str) -> Vec<u8> {
    reference::mac(Hash::Sha256, KEY.as_bytes(), text.as_bytes())
}

/// The text of a member that comes once.
fn member(json: &[u8], name: &str) -> Option<String> {
    text(Members::with_twins(json)?.only(name)?)
}

fn inner(json: &[u8], outer: &str, name: &str) -> Option<String> {
    member(Members::with_twins(json)?.only(outer)?.as_bytes(), name)
}

fn reference(sender: &str, request: &Request<Bytes>) -> Option<Answer> {
    let body = request.body().as_ref();
    // The layer reads at most this much. Every helper gets the whole body.
    let by_layer = !sender.starts_with("handshake::");
    if by_layer && body.len() > 4096 {
        return None;
    }
    let is_post = request.method() == Method::POST;
    if by_layer && !sender.contains(' ') && !is_post {
        return None;
    }
    let headers = request.headers();
    let value = || serde_json::from_slice::<Value>(body).ok();
    let of = |value: &Value, name: &str| plain(value.get(name)?.as_str()?.to_owned());
    let is_empty_json = || {
        let text = std::str::from_utf8(body).ok();
        let text = text.map(|text| text.trim_matches([' ', '\t', '\n', '\r', '\x0c']));
        matches!(text, Some("" | "{}"))
    };
    let or = |status: u16, answer: Option<Answer>| answer.or(Some(Answer::Status(status)));
    let is_key = |name| parameter(request, name).as_deref() == Some(KEY);
    let is_uuid = |code: &String| {
        let dashes = [8, 13, 18, 23];
        code.len() == 36
            && code
                .bytes()
                .enumerate()
                .all(|(at, byte)| match dashes.contains(&at) {
                    true => byte == b'-',
                    false => byte.is_ascii_hexdigit(),
                })
    };
    match sender {
        "bitbucket" => {
            let keys: Vec<&HeaderValue> = headers.get_all("x-event-key").iter().collect();
            let is_ping = matches!(keys.as_slice(), [key] if *key == "diagnostics:ping");
            (is_ping && value()? == json!({"test": true})).then_some(Answer::Empty(None))
        }
        "asana" => {
            let secret = header(headers, "x-hook-secret")?;
            is_empty_json().then_some(Answer::Empty(Some(("x-hook-secret", secret))))
        }
        "ringcentral" => {
            let token = header(headers, "validation-token")?;
            is_empty_json().then_some(Answer::Empty(Some(("validation-token", token))))
        }
        "smartsheet" => {
            let challenge = header(headers, "smartsheet-hook-challenge")?;
            let is_same = value()?.get("challenge")?.as_str()? == challenge;
            is_same.then_some(Answer::Empty(Some(("smartsheet-hook-response", challenge))))
        }
        "lark" => {
            let value = value()?;
            let challenge = of(&value, "challenge")?;
            let is_it = value.get("type")? == "url_verification" && value.get("token")?.is_string();
            is_it.then(|| Answer::Json(json!({"challenge": challenge})))
        }
        "notion" => {
            let value = value()?;
            of(&value, "verification_token")?;
            (value.as_object()?.len() == 1).then_some(Answer::Empty(None))
        }
        "slack" => {
            let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
            if b"{[\"\xef".contains(first) || !body.contains(&b'=') {
                return None;
            }
            let fields = reference::fields(body);
            let mut checks = fields.iter().filter(|(name, _)| name == b"ssl_check");
            let (_, check) = checks.next()?;
            let is_command = fields.iter().any(|(name, _)| name == b"command");
            (check == b"1" && !is_command).then_some(Answer::Empty(None))
        }
        "statsig" => {
            let value = value()?;
            let data = value.get("data")?;
            let code = of(data, "verification_code")?;
            let is_it = data.get("event")? == "url_verification";
            is_it.then(|| Answer::Json(json!({"verification_code": code})))
        }
        "woocommerce" => {
            let id = std::str::from_utf8(body)
                .ok()?
                .strip_prefix("webhook_id=")?;
            let is_id = (1..=20).contains(&id.len()) && id.chars().all(|c| c.is_ascii_digit());
            is_id.then_some(Answer::Empty(None))
        }
        "slack signed" => {
            let value = value()?;
            let challenge = of(&value, "challenge")?;
            (value.get("type")? == "url_verification").then_some(Answer::Text(challenge))
        }
        "tebex signed" => {
            let value = value()?;
            let id = of(&value, "id")?;
            (value.get("type")? == "validation.webhook").then(|| Answer::Json(json!({"id": id})))
        }
        "twitch signed" => {
            let value = value()?;
            let challenge = of(&value, "challenge")?;
            let status = value.get("subscription")?.get("status")?;
            let is_it = status == "webhook_callback_verification_pending";
            is_it.then_some(Answer::Text(challenge))
        }
        "handshake::meta" => {
            let is_it = is_key("hub.verify_token")
                && parameter(request, "hub.mode").as_deref() == Some("subscribe");
            let challenge = parameter(request, "hub.challenge").filter(|_| is_it);
            // A right token with a challenge that is not repeated is another mistake.
            or(
                403,
                challenge.map(|text| plain(text).map_or(Answer::Status(400), Answer::Text)),
            )
        }
        "handshake::x" => {
            let token = parameter(request, "crc_token")
                .and_then(plain)
                .filter(|token| {
                    let other = |c: char| !c.is_ascii_alphanumeric() && !"+/=-_.~".contains(c);
                    !token.contains(other)
                });
            let answer = |token: String| {
                let text =
                    reference::encode(tower_webhook_auth::Encoding::Base64, &signature(&token));
                Answer::Json(json!({"response_token": format!("sha256={text}")}))
            };
            or(400, token.map(answer))
        }
        "handshake::okta" => {
            let challenge = header(headers, "x-okta-verification-challenge");
            or(
                400,
                challenge.map(|text| Answer::Json(json!({"verification": text}))),
            )
        }
        "handshake::dropbox" => or(
            400,
            parameter(request, "challenge")
                .and_then(plain)
                .map(Answer::Text),
        ),
        "handshake::onfleet" => or(
            400,
            parameter(request, "check")
                .and_then(plain)
                .map(Answer::Text),
        ),
        "handshake::worldline" => {
            let value = header(headers, "x-gcs-webhooks-endpoint-verification");
            or(400, value.map(Answer::Text))
        }
        "handshake::oura" => {
            let challenge = parameter(request, "challenge").and_then(plain);
            let challenge = challenge.filter(|_| is_key("verification_token"));
            or(
                403,
                challenge.map(|text| Answer::Json(json!({"challenge": text}))),
            )
        }
        "handshake::linkedin" => {
            let code = parameter(request, "challengeCode").filter(is_uuid);
            let answer = |code: String| {
                let response = hex::encode(signature(&code));
                Answer::Json(json!({"challengeCode": code, "challengeResponse": response}))
            };
            or(400, code.map(answer))
        }
        "handshake::slack" => {
            let challenge = member(body, "challenge")?;
            (member(body, "type")? == "url_verification")
                .then(|| plain(challenge).map_or(Answer::Status(400), Answer::Text))
        }
        "handshake::zoom" => {
            let token = plain(inner(body, "payload", "plainToken")?)?;
            let is_it = member(body, "event")? == "endpoint.url_validation";
            (is_it && !token.contains(':')).then(|| {
                let encrypted = hex::encode(signature(&token));
                Answer::Json(json!({"plainToken": token, "encryptedToken": encrypted}))
            })
        }
        "handshake::twitch" => {
            let challenge = member(body, "challenge")?;
            let status = inner(body, "subscription", "status")?;
            (status == "webhook_callback_verification_pending")
                .then(|| plain(challenge).map_or(Answer::Status(400), Answer::Text))
        }
        "handshake::smartcar" => {
            let challenge = plain(inner(body, "data", "challenge")?)?;
            let is_harmless = challenge.len() <= 64 && !challenge.contains(['{', '[', '"']);
            let is_it = member(body, "eventType")? == "VERIFY";
            (is_harmless && is_it)
                .then(|| Answer::Json(json!({"challenge": hex::encode(signature(&challenge))})))
        }
        _ => {
            let challenge = header(headers, "x-front-challenge")?;
            (member(body, "type")? == "sync").then(|| Answer::Json(json!({"challenge": challenge})))
        }
    }
}
