//! Signs requests as the sender does: test deliveries, and kept deliveries that are sent again.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use serde::Deserialize;
use tower_webhook_auth::{ConfigError, Secret, provider::HeaderRole, testing::Signer};

use crate::{
    catalogue::{Entry, any_role},
    inspector::random,
    keys::Held,
};

/// How much older than allowed a delivery with the fault [`Fault::Old`] is.
const TOO_OLD_BY: Duration = Duration::from_secs(60 * 60);

/// What is wrong with a test delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The header with the proof comes twice.
    Doubled,
    Genuine,
    /// A newline is added to the body on its way.
    Newline,
    /// It was signed too long ago.
    Old,
    /// The body is JSON that was printed again on its way.
    Reprinted,
    /// A space is added to the body on its way.
    Tampered,
    Unsigned,
    WrongSecret,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::Genuine,
        Self::Newline,
        Self::Tampered,
        Self::Reprinted,
        Self::WrongSecret,
        Self::Unsigned,
        Self::Old,
        Self::Doubled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Doubled => "doubled",
            Self::Genuine => "genuine",
            Self::Newline => "newline",
            Self::Old => "old",
            Self::Reprinted => "reprinted",
            Self::Tampered => "tampered",
            Self::Unsigned => "unsigned",
            Self::WrongSecret => "wrong_secret",
        }
    }

    /// The faults that deliveries of a sender can have.
    pub fn of(entry: &Entry) -> Vec<Self> {
        let in_header = entry.proof_headers().next().is_some();
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&entry.example).is_ok();
        let can_have = |fault: &Self| match fault {
            Self::Genuine | Self::Unsigned | Self::WrongSecret => true,
            // A signature in the body does not cover the whole body.
            Self::Newline | Self::Tampered => !entry.proves_in_body(),
            Self::Reprinted => !entry.proves_in_body() && is_json,
            Self::Old => entry.tolerance().is_some(),
            Self::Doubled => in_header,
        };
        let all = Self::ALL.into_iter().filter(|_| entry.can_sign);
        all.filter(can_have).collect()
    }
}

/// The first key of a sender.
pub fn first_secret(held: &Held) -> Option<Secret> {
    held.keys.first()?.secret().ok()
}

/// A secret for tests: it is valid as text, as hexadecimal digits and as base64, so it fits every scheme.
pub fn made_secret() -> Result<String, String> {
    random()
}

/// A test delivery with this body.
pub fn test_delivery(
    held: &Held,
    fault: Fault,
    body: Bytes,
    content_type: Option<&str>,
) -> Result<Request<Bytes>, String> {
    let entry = held.entry;
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    let path = format!("/in/{}", entry.sender.name);
    *request.uri_mut() = path.parse().map_err(|_| format!("{path} is not a path"))?;
    let content_type = content_type.unwrap_or_else(|| content_type_of(request.body()));
    let content_type = content_type
        .parse()
        .map_err(|_| "the content type is not the value of a header")?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::USER_AGENT, HeaderValue::from_static("inspector"));
    for (role, name) in &entry.first().headers {
        let value = match role {
            HeaderRole::Id | HeaderRole::Signed => random()?,
            HeaderRole::Event => "test".to_owned(),
            _ => continue,
        };
        let value = value
            .parse()
            .map_err(|_| "a random number is not the value of a header")?;
        headers.entry(name).or_insert(value);
    }

    let text = |error: ConfigError| error.to_string();
    let secret = match fault {
        Fault::WrongSecret => Secret::new(made_secret()?).map_err(text)?,
        _ => first_secret(held).ok_or("no key is entered for this sender")?,
    };
    let mut signer = Signer::new(&held.provider, &secret).map_err(text)?.renew();
    if fault == Fault::Old {
        let tolerance = entry.tolerance().ok_or("this sender signs no time")?;
        signer = signer.at(SystemTime::now() - tolerance - TOO_OLD_BY);
    }
    let without_proof = request.clone();
    let mut request = signer.try_sign(request).map_err(text)?;

    match fault {
        Fault::Unsigned if entry.proof_headers().next().is_none() => request = without_proof,
        Fault::Genuine | Fault::Old | Fault::WrongSecret => {}
        Fault::Newline => append(&mut request, b"\n"),
        Fault::Tampered => append(&mut request, b" "),
        Fault::Reprinted => *request.body_mut() = reprinted(request.body())?,
        Fault::Unsigned => remove(request.headers_mut(), entry.proof_headers()),
        Fault::Doubled => {
            for name in entry.proof_headers() {
                if let Some(value) = request.headers().get(name).cloned() {
                    request.headers_mut().append(name, value);
                }
            }
        }
    }
    Ok(request)
}

/// A kept delivery, signed with this secret at this time. Its old signatures are removed. If `is_for_export`, no
/// header remains that proves anything to any sender.
pub fn again(
    held: &Held,
    secret: &Secret,
    mut request: Request<Bytes>,
    at: SystemTime,
    is_for_export: bool,
) -> Result<Request<Bytes>, String> {
    let signer = Signer::new(&held.provider, secret).map_err(|error| error.to_string())?;
    remove(request.headers_mut(), held.entry.proof_headers());
    if is_for_export {
        let proves = |name: &&HeaderName| held.entry.role(name).is_none() && is_credential(name);
        let names: Vec<HeaderName> = request.headers().keys().filter(proves).cloned().collect();
        remove(request.headers_mut(), names.iter());
    }
    let signed = signer.renew().at(at).try_sign(request);
    signed.map_err(|error| error.to_string())
}

/// Whether a header proves something to some receiver.
pub fn is_credential(name: &HeaderName) -> bool {
    any_role(name).is_some()
        || matches!(
            name.as_str(),
            "authorization" | "cookie" | "proxy-authorization" | "x-api-key" | "x-hook-secret"
        )
}

fn remove<'a>(headers: &mut HeaderMap, names: impl Iterator<Item = &'a HeaderName>) {
    for name in names {
        headers.remove(name);
    }
}

fn append(request: &mut Request<Bytes>, bytes: &[u8]) {
    *request.body_mut() = [request.body(), bytes].concat().into();
}

/// The body with a space after each colon and comma, as Python's `json.dumps` prints it, or without white space if
/// it has this form already.
fn reprinted(body: &[u8]) -> Result<Bytes, &'static str> {
    let text = std::str::from_utf8(body).ok();
    let is_json = |text: &&str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let text = text
        .filter(is_json)
        .ok_or("the body is not JSON, so it cannot be printed again")?;
    let printed = [spaced(text, " "), spaced(text, "")];
    let changed = printed.into_iter().find(|printed| printed != text);
    changed
        .map(Bytes::from)
        .ok_or("the body has no colon and no comma, so its white space cannot change")
}

/// Valid JSON, with this text after each colon and comma, and no other white space.
fn spaced(json: &str, space: &str) -> String {
    let mut printed = String::with_capacity(json.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for letter in json.chars() {
        if is_in_string {
            is_in_string = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
            printed.push(letter);
        } else if !letter.is_ascii_whitespace() {
            is_in_string = letter == '"';
            printed.push(letter);
            if matches!(letter, ':' | ',') {
                printed.push_str(space);
            }
        }
    }
    printed
}

fn content_type_of(body: &[u8]) -> &'static str {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) if is_form(body) => "application/x-www-form-urlencoded",
        Err(_) => "text/plain; charset=utf-8",
    }
}

fn is_form(body: &[u8]) -> bool {
    let in_forms = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+-._~*&=".contains(byte);
    body.contains(&b'=') && body.iter().all(in_forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_printed_again_and_its_texts_are_not_changed() {
        let body = br#"{"a:b, \"c\\":[1,2.50], "d":"e , f" }"#;
        let printed = reprinted(body).expect("JSON");
        assert_eq!(
            printed,
            br#"{"a:b, \"c\\": [1, 2.50], "d": "e , f"}"#.as_slice()
        );
        assert_eq!(
            reprinted(&printed).expect("JSON"),
            br#"{"a:b, \"c\\":[1,2.50],"d":"e , f"}"#.as_slice()
        );
        assert!(reprinted(b"{}").is_err() && reprinted(b"a=1").is_err());
    }
}
