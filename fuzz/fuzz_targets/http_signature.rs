//! HTTP Message Signatures. Lines: the member of `Signature-Input`, the method, the path, the value of a header, the
//! value of `Content-Digest`; then the body. In the digest, `$` is the SHA-256 of the body.
//!
//! If the member is written as the reference reads it, the target signs it. Accepted if and only if the reference
//! accepts it, and never with another body.
#![no_main]

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;
use ring::{digest, hmac};
use tower_webhook_auth::{HttpSignatureScheme, KeyEncoding, Provider, Secret, SignedUrl};
use tower_webhook_auth_fuzz::Strict;

const NOW: u64 = 1_700_000_000;
const KEY: &str = "the key of this target";

static ACME: LazyLock<Provider<Bytes>> = LazyLock::new(|| {
    let scheme = HttpSignatureScheme::hmac_sha256()
        .url(SignedUrl::origin("https://example.com").expect("a URL"))
        .require(["@method", "content-digest"])
        .key_encoding(KeyEncoding::Text)
        .build();
    let key = Secret::new(KEY).expect("a key");
    Provider::new("acme", scheme.expect("a scheme"), key).expect("a provider")
});

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(6, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (member, method, path, extra, digest) = (line(), line(), line(), line(), line());
    let body = line();
    let Some(mut request) = build(method, path) else {
        return;
    };
    let sha256 = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, body));
    let digest = String::from_utf8_lossy(digest).replace('$', &format!("sha-256=:{sha256}:"));
    let headers = request.headers_mut();
    let mut set = |name: &'static str, value: &[u8]| {
        // A server removes the blanks around a value.
        let value = HeaderValue::from_bytes(value.trim_ascii()).ok()?;
        headers.insert(name, value);
        Some(())
    };
    let member = member.trim_ascii();
    let is_built = set("signature-input", &[b"sig1=", member].concat())
        .and_then(|()| set("x-extra", extra))
        .and_then(|()| set("content-digest", digest.as_bytes()));
    if is_built.is_none() {
        return;
    }
    let (head, ()) = request.into_parts();
    let base = reference(&head, member, Strict(true));
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let signed = reference(&head, member, Strict(false)).unwrap_or_default();
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let mut head = head;
    let signature = format!("sig1=:{signature}:").parse().expect("a value");
    head.headers.insert("signature", signature);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let verdict = ACME.verify(&head, Bytes::copy_from_slice(body), now);
    let digest_matches = head.headers["content-digest"] == format!("sha-256=:{sha256}:");
    // What else can be a digest is up to the parser of structured fields.
    if digest_matches {
        assert_eq!(verdict.is_ok(), base.is_some(), "{base:?}");
    } else if base.is_none() {
        assert!(verdict.is_err());
    }
    if verdict.is_ok() {
        let other = [body, b"!"].concat();
        assert!(
            ACME.verify(&head, other.into(), now).is_err(),
            "another body"
        );
    }
});

fn build(method: &[u8], path: &[u8]) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).ok()?;
    let uri: Uri = std::str::from_utf8(path).ok()?.parse().ok()?;
    // As a server passes it on: a path and a query.
    (uri.authority().is_none() && uri.path().starts_with('/')).then_some(())?;
    *request.uri_mut() = uri;
    Some(request)
}

/// The signature base, if the member is written in the plainest form and the rules accept it.
fn reference(
    head: &http::request::Parts,
    member: &[u8],
    Strict(is_strict): Strict,
) -> Option<String> {
    let member = std::str::from_utf8(member).ok()?;
    let (list, parameters) = member.strip_prefix('(')?.split_once(')')?;
    // `created` alone, in digits without a zero before them.
    let created = parameters.strip_prefix(";created=")?;
    let seconds: u64 = created.parse().ok()?;
    let in_time = seconds.to_string() == created && seconds.abs_diff(NOW) <= 300;
    (in_time || !is_strict).then_some(())?;
    let target = head.uri.path_and_query()?.as_str();
    // Characters that RFC 3986 does not allow are a matter of the target `signed_pieces`.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=-._~".contains(&byte);
    target.bytes().all(is_plain).then_some(())?;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (target, "?".into()),
    };
    let mut base = String::new();
    let mut seen = Vec::new();
    for quoted in list.split(' ') {
        let name = quoted.strip_prefix('"')?.strip_suffix('"')?;
        (!seen.contains(&name) || !is_strict).then_some(())?;
        let value = match name {
            "@authority" => "example.com".to_owned(),
            "@method" => head.method.to_string(),
            "@path" => path.to_owned(),
            "@query" => query.clone(),
            "@request-target" => target.to_owned(),
            "@scheme" => "https".into(),
            "@target-uri" => format!("https://example.com{target}"),
            "x-extra" | "content-digest" => head.headers[name].to_str().ok()?.into(),
            _ => return None,
        };
        base.push_str(&format!("\"{name}\": {value}\n"));
        seen.push(name);
    }
    let covers = |name| seen.contains(&name);
    let is_covered = covers("@method") && covers("content-digest");
    (is_covered || !is_strict).then_some(())?;
    base.push_str(&format!("\"@signature-params\": {member}"));
    Some(base)
}
