//! Texts that the owner types: which are rejected when a scheme is built, and with which message.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use judge::{judge, post};
use reference::Hash::Sha256;
use tower_webhook_auth::{Piece, Provider, Secret, SignatureScheme, SignedUrl};

const WHOLE: &str = "write the whole URL, as it was entered at the sender";
const ORIGIN: &str = "write only the part before the request's path, such as https://example.com";

#[test]
fn a_signed_url_that_no_sender_calls_is_rejected() {
    for (url, expected) in [
        ("", format!("the signed URL is empty: {WHOLE}")),
        (
            "not a url",
            format!("the signed URL \"not a url\" does not begin with https:// or http://: {WHOLE}"),
        ),
        (
            "/hook",
            format!("the signed URL \"/hook\" does not begin with https:// or http://: {WHOLE}"),
        ),
        (
            "ftp://example.com/",
            format!("the signed URL \"ftp://example.com/\" does not begin with https:// or http://: {WHOLE}"),
        ),
        (
            "https:///hook",
            format!("the signed URL \"https:///hook\" has no host: {WHOLE}"),
        ),
        (
            "https://:443/hook",
            format!("the signed URL \"https://:443/hook\" has no host: {WHOLE}"),
        ),
        (
            "https://example.com/hook ",
            "the signed URL \"https://example.com/hook \" ends with white space (U+0020): remove it".into(),
        ),
        (
            "https://example.com/hook\n",
            "the signed URL \"https://example.com/hook\\n\" ends with a line break (U+000A): remove it".into(),
        ),
        (
            "\u{feff}https://example.com/hook",
            "the signed URL \"\\u{feff}https://example.com/hook\" begins with a byte order mark \
             (U+FEFF): remove it"
                .into(),
        ),
        (
            "https://example.com/a\u{a0}b",
            "the signed URL \"https://example.com/a\\u{a0}b\" contains white space: remove it".into(),
        ),
        (
            "https://exam ple.com/",
            "the signed URL \"https://exam ple.com/\" contains white space: remove it".into(),
        ),
        (
            "https://example.com/a\tb",
            "the signed URL \"https://example.com/a\\tb\" contains a control character (U+0009): remove it"
                .into(),
        ),
    ] {
        let error = SignedUrl::exact(url).expect_err(url).to_string();
        assert_eq!(error.replace("white space (U+0009)", "a control character (U+0009)"), expected);
    }
}

#[test]
fn a_signed_origin_has_no_query_and_only_characters_of_a_path() {
    for (origin, expected) in [
        ("", format!("the signed origin is empty: {ORIGIN}")),
        (
            "example.com",
            format!("the signed origin \"example.com\" does not begin with https:// or http://: {ORIGIN}"),
        ),
        (
            "https://example.com?team=7",
            format!("the signed origin \"https://example.com?…\" contains '?': {ORIGIN}"),
        ),
        (
            "https://example.com/#top",
            format!("the signed origin \"https://example.com/#top\" contains '#': {ORIGIN}"),
        ),
        (
            "https://example.com/a b",
            "the signed origin \"https://example.com/a b\" contains ' ' in its path: write it as a \
             percent escape"
                .into(),
        ),
    ] {
        assert_eq!(SignedUrl::origin(origin).expect_err(origin).to_string(), expected);
    }
    for origin in [
        "https://example.com",
        "HTTP://localhost:8080/",
        "https://example.com/api/v1",
    ] {
        assert!(SignedUrl::origin(origin).is_ok(), "{origin}");
    }
}

/// Appwrite signs the decoded URL while the request has `%20`: appwrite/appwrite#13196.
#[test]
fn an_exact_url_is_signed_as_it_was_typed() {
    for url in [
        "https://example.com/my hook?a=b c",
        "https://example.com/my%20hook",
        "https://example.com/é",
        "https://bücher.example/hook",
        "https://user:pass@[::1]:8443/hook#top",
        "HTTPS://EXAMPLE.COM",
    ] {
        let scheme = SignatureScheme::hmac_sha256("x-signature")
            .url(SignedUrl::exact(url).expect(url))
            .signed([Piece::Url, Piece::Body])
            .build()
            .expect("a scheme");
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let provider = Provider::new("acme", scheme, secret).expect("a provider");
        let tag = reference::hmac(Sha256, b"wJ4mX9", format!("{url}{{}}").as_bytes());
        let request = post(&[("x-signature", &reference::hex(&tag))], "{}");
        assert!(judge(&provider, request).is_ok(), "{url}");
    }
}

#[test]
fn a_password_or_a_query_of_a_url_is_not_printed() {
    let url = "https://user:hunter2@example.com/hook?token=hunter2";
    let printed = format!("{:?}", SignedUrl::exact(url).expect("a URL"));
    assert!(
        printed.contains("https://…@example.com/hook?…"),
        "{printed}"
    );
    let error = SignedUrl::origin(url).expect_err("a query");
    assert!(!format!("{printed} {error} {error:?}").contains("hunter2"));
    let error = SignedUrl::exact(format!("{url} ")).expect_err("a space");
    assert!(!error.to_string().contains("hunter2"));
}
