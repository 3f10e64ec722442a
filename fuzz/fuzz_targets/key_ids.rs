//! What a key source reads of a request before it is verified: the id of a key in a header or in a token, and the URL of
//! a certificate. The first byte selects what is read. A line is the value of the header, in which `\x02` separates two
//! headers; then comes the body. In a token, `{…}` at the beginning means the header of the token in base64url.
#![no_main]

use std::sync::Mutex;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, request::Parts};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{
    BoxError, Keys, Provider, Secret, SharedKeyScheme, TokenPlace, WebhookAuthLayer,
    tenants::{Selection, Unverified, aws_sns_certificate, id_in_header, paypal_certificate},
};
use tower_webhook_auth_fuzz::{
    EXTRA, KEY, Lines,
    frames::{Frames, Pieces, Step},
    reference, respond,
    token::{Members, text},
};

const AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;
const CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    Header,
    TokenInHeader,
    TokenInAuthorization,
    TokenInBody,
    TokenInMember,
    PayPal,
    Sns,
}

const WANTED: [Wanted; 7] = [
    Wanted::Header,
    Wanted::TokenInHeader,
    Wanted::TokenInAuthorization,
    Wanted::TokenInBody,
    Wanted::TokenInMember,
    Wanted::PayPal,
    Wanted::Sns,
];

/// What the source read.
static FOUND: Mutex<Option<String>> = Mutex::new(None);

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let wanted = WANTED[choice % WANTED.len()];
    let values = lines.line();
    let values = values.split(|byte| *byte == 2).map(|value| match wanted {
        Wanted::TokenInHeader => encoded(value),
        Wanted::TokenInAuthorization => match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => {
                [scheme, &*encoded(token)].concat()
            }
            _ => value.to_vec(),
        },
        _ => value.to_vec(),
    });
    let values: Vec<Vec<u8>> = values.collect();
    let body = match wanted {
        Wanted::TokenInBody => encoded(lines.rest()),
        _ => lines.rest().to_vec(),
    };
    let (mut head, ()) = Request::new(()).into_parts();
    head.headers
        .insert("acme-key", HeaderValue::from_static(KEY));
    let name = match wanted {
        Wanted::PayPal => CERTIFICATE,
        Wanted::TokenInAuthorization => AUTHORIZATION,
        _ => EXTRA,
    };
    for value in values {
        let Ok(value) = HeaderValue::from_bytes(&value) else {
            return;
        };
        head.headers.append(name.clone(), value);
    }
    let expected = reference(wanted, &head, &body);
    let found = read(wanted, head, &body);
    // A member that is not read may have bytes that are not UTF-8, or not.
    if wanted != Wanted::Sns || std::str::from_utf8(&body).is_ok() {
        assert_eq!(found, expected, "{wanted:?}");
    }
});

/// A token whose header is written as JSON: `{…}.claims.signature`.
fn encoded(token: &[u8]) -> Vec<u8> {
    let end = token.iter().rposition(|byte| *byte == b'}');
    match (token.first(), end) {
        (Some(b'{'), Some(end)) => {
            let (json, rest) = token.split_at(end + 1);
            [URL_SAFE_NO_PAD.encode(json).as_bytes(), rest].concat()
        }
        _ => token.to_vec(),
    }
}

type Select = Selection<std::future::Ready<Result<Option<Keys>, BoxError>>>;

fn keep(found: Option<String>) -> Select {
    *FOUND.lock().expect("the lock") = found;
    Selection::Unknown
}

fn url(selection: Selection<String>) -> Select {
    match selection {
        Selection::LookUp(url) => keep(Some(url)),
        Selection::Body => Selection::Body,
        Selection::Own | Selection::Unknown => keep(None),
    }
}

fn read(wanted: Wanted, head: Parts, body: &[u8]) -> Option<String> {
    let source = move |delivery: Unverified<'_>| match wanted {
        Wanted::TokenInBody | Wanted::TokenInMember if delivery.body().is_none() => Selection::Body,
        Wanted::Header => keep(id_in_header(delivery, &EXTRA)),
        Wanted::TokenInHeader => keep(delivery.token_key_id(EXTRA.as_str())),
        Wanted::TokenInAuthorization => {
            keep(delivery.token_key_id(TokenPlace::authorization("Bearer")))
        }
        Wanted::TokenInBody => keep(delivery.token_key_id(TokenPlace::body())),
        Wanted::TokenInMember => keep(delivery.token_key_id(TokenPlace::member("/data/a~1b"))),
        Wanted::PayPal => url(paypal_certificate(delivery)),
        Wanted::Sns => url(aws_sns_certificate(delivery)),
    };
    let scheme = SharedKeyScheme::new("acme-key").build().expect("a scheme");
    let key = Secret::new(KEY).expect("a secret");
    let provider: Provider<Bytes> = Provider::new("acme", scheme, key).expect("a provider");
    let layer = WebhookAuthLayer::new(provider).keys_from(source);
    let body = Frames::new([Step::Data(Pieces::from_iter([Bytes::copy_from_slice(
        body,
    )]))]);
    let (_, calls) = respond(&layer, head, body);
    assert!(calls.is_empty(), "the placeholder key matches nothing");
    FOUND.lock().expect("the lock").take()
}

fn reference(wanted: Wanted, head: &Parts, body: &[u8]) -> Option<String> {
    let single = |name| {
        let mut values = head.headers.get_all(name).iter();
        let value = values.next()?.as_bytes();
        (values.next().is_none() && value.len() <= 8192).then_some(value)
    };
    match wanted {
        Wanted::Header => {
            let id = std::str::from_utf8(single(&EXTRA)?).ok()?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
            let has_other = id.contains(|c| c != '.');
            let is_id = has_other && id.len() <= 256 && id.chars().all(is_plain);
            is_id.then(|| id.to_owned())
        }
        Wanted::TokenInHeader => key_id(single(&EXTRA)?),
        Wanted::TokenInAuthorization => {
            let value = single(&AUTHORIZATION)?;
            let (scheme, token) = value.split_at_checked(7)?;
            key_id(scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)?)
        }
        Wanted::TokenInBody => {
            let token = body.trim_ascii_end();
            key_id((token.len() <= 256 << 10).then_some(token)?)
        }
        Wanted::TokenInMember => {
            let outer = Members::read(body)?;
            let token = text(Members::read(outer.get("data")?.as_bytes())?.get("a/b")?)?;
            key_id((token.len() <= 256 << 10).then_some(token.as_bytes())?)
        }
        Wanted::PayPal => {
            let url = std::str::from_utf8(single(&CERTIFICATE)?).ok()?;
            let host = ["api.paypal.com", "api.sandbox.paypal.com"].into_iter();
            let mut prefixes = host.map(|host| format!("https://{host}/v1/notifications/certs/"));
            let name = prefixes.find_map(|prefix| url.strip_prefix(&prefix))?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            ((1..=128).contains(&name.len()) && name.chars().all(is_plain)).then(|| url.to_owned())
        }
        Wanted::Sns => sns(body),
    }
}

fn key_id(token: &[u8]) -> Option<String> {
    let header = token.split(|byte| *byte == b'.').next()?;
    let header = Members::read(&URL_SAFE_NO_PAD.decode(header).ok()?)?;
    text(header.get("alg")?)?;
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return None;
    }
    text(header.get("kid")?)
}

/// The rules for a message of AWS SNS, as far as they say which certificate is requested.
fn sns(body: &[u8]) -> Option<String> {
    let members = Members::with_twins(body)?;
    let required = |name| text(members.only(name)?);
    // Absent, `null` or a text.
    let optional = |name| match members.get(name) {
        None => Some(None),
        Some(_) => match members.only(name)? {
            "null" => Some(None),
            value => text(value).map(Some),
        },
    };
    let (kind, topic) = (required("Type")?, required("TopicArn")?);
    let (id, time) = (required("MessageId")?, required("Timestamp")?);
    let url = required("SigningCertURL")?;
    required("Message")?;
    let version = required("SignatureVersion")?;
    let signature = required("Signature")?;
    reference::STANDARD.decode(signature).ok()?;
    let (subject, confirm) = (optional("Subject")?, optional("SubscribeURL")?);
    let token = optional("Token")?;
    let is_confirmation = match &*kind {
        "Notification" => false,
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => true,
        _ => return None,
    };
    let lines = [
        Some(&id),
        Some(&time),
        Some(&topic),
        subject.as_ref(),
        confirm.as_ref(),
        token.as_ref(),
    ];
    let has_break = lines.into_iter().flatten().any(|line| line.contains('\n'));
    let is_complete = confirm.is_some() && token.is_some();
    if has_break || !["1", "2"].contains(&&*version) || (is_confirmation && !is_complete) {
        return None;
    }
    let parts: Vec<&str> = topic.split(':').collect();
    let [arn, partition, service, region, account, name] = parts.as_slice() else {
        return None;
    };
    let domain = match *partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        _ => return None,
    };
    let other = |c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-';
    let is_topic = *arn == "arn"
        && *service == "sns"
        && !region.is_empty()
        && !region.contains(other)
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && !name.is_empty();
    let file = url.strip_prefix(&format!("https://sns.{region}.{domain}/"))?;
    let file = file.strip_suffix(".pem")?;
    let other = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    let is_file = !file.is_empty() && !file.contains(other) && url.len() <= 256;
    (is_topic && is_file).then_some(url)
}
