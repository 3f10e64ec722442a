//! The metadata of an event, and which parts of it the signature proves.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::{ptr, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use judge::{NOW, post};
use reference::Hash::Sha256;
use serde::Deserialize;
use tower_webhook_auth::{
    Authentication, Claim, Piece, Provider, Secret, SharedKeyScheme, SignatureScheme, Timestamp,
    Verified, WebhookAuthLayer,
};

const BODY: &str = r#"{"ref":"main"}"#;

const DELIVERY: HeaderName = HeaderName::from_static("x-delivery");
const EVENT: HeaderName = HeaderName::from_static("x-event");

#[derive(Debug, Deserialize, PartialEq)]
struct Push {
    r#ref: String,
}

fn secret() -> Secret {
    Secret::new("wJ4mX9").expect("a secret")
}

fn hex(text: &str) -> String {
    reference::hex(&reference::hmac(Sha256, b"wJ4mX9", text.as_bytes()))
}

fn provider(scheme: SignatureScheme) -> Provider<Push> {
    Provider::new("acme", scheme.build().expect("a scheme"), secret())
        .expect("a provider")
        .json()
}

fn plain() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
}

fn judge(provider: &Provider<Push>, headers: &[(&str, &str)], text: &str) -> Verified<Push> {
    let signature = hex(text);
    let headers = [headers, &[("x-signature", &*signature)]].concat();
    judge::judge(provider, post(&headers, BODY)).expect("verified")
}

/// As at GitHub: `X-GitHub-Delivery` and `X-GitHub-Event` are outside of the signature.
#[test]
fn a_header_outside_of_the_signature_is_an_unsigned_claim() {
    let provider = provider(plain())
        .delivery_id_header(DELIVERY)
        .event_name_header(EVENT);
    let headers = [("x-delivery", "72d3162e"), ("x-event", "push")];
    let verified = judge(&provider, &headers, BODY);
    assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("72d3162e")));
    assert_eq!(verified.event_name(), Some(Claim::Unsigned("push")));
    assert_eq!(verified.signed_at(), None);
    let id = verified.delivery_id().expect("an id");
    assert_eq!((id.signed(), id.unverified()), (None, "72d3162e"));
}

#[test]
fn a_header_inside_the_signature_is_a_signed_claim() {
    let scheme = plain()
        .timestamp(Timestamp::header("x-timestamp"))
        .id_header("x-delivery")
        .signed([
            Piece::header("x-event"),
            Piece::literal("."),
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ]);
    let provider = provider(scheme).event_name_header(EVENT);
    let time = NOW.to_string();
    let headers = [
        ("x-delivery", "msg_1"),
        ("x-event", "push"),
        ("x-timestamp", &*time),
    ];
    let verified = judge(&provider, &headers, &format!("push.msg_1.{time}.{BODY}"));
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("msg_1")));
    assert_eq!(verified.event_name(), Some(Claim::Signed("push")));
    assert_eq!(verified.signed_at(), Some(judge::at(NOW)));
    let id = verified.delivery_id().expect("an id");
    assert_eq!((id.signed(), id.unverified()), (Some("msg_1"), "msg_1"));
}

#[test]
fn an_id_and_a_time_outside_of_the_signature_are_not_called_signed() {
    let scheme = plain()
        .timestamp(Timestamp::header("x-timestamp").accept_any_age())
        .id_header("x-delivery");
    let headers = [("x-delivery", "msg_1"), ("x-timestamp", "1")];
    let verified = judge(&provider(scheme.clone()), &headers, BODY);
    assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("msg_1")));
    assert_eq!(verified.signed_at(), None);
    let verified = judge(&provider(scheme), &[("x-timestamp", "1")], BODY);
    assert_eq!(verified.delivery_id(), None);
}

/// The id of the scheme is used before the id of a header that is outside of the scheme.
#[test]
fn a_signed_id_is_preferred_to_an_unsigned_one() {
    let scheme = plain()
        .id_header("x-id")
        .signed([Piece::Id, Piece::literal("."), Piece::Body]);
    let provider = provider(scheme).delivery_id_header(DELIVERY);
    let headers = [("x-id", "signed"), ("x-delivery", "unsigned")];
    let verified = judge(&provider, &headers, &format!("signed.{BODY}"));
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("signed")));
}

#[test]
fn an_unsigned_header_that_appears_twice_is_not_reported() {
    let provider = provider(plain()).event_name_header(EVENT);
    let headers = [("x-event", "push"), ("x-event", "push")];
    assert_eq!(judge(&provider, &headers, BODY).event_name(), None);
    assert_eq!(judge(&provider, &[], BODY).event_name(), None);
}

#[test]
fn a_header_that_is_not_text_is_not_reported() {
    let provider = provider(plain()).event_name_header(EVENT);
    let mut request = post(&[("x-signature", &hex(BODY))], BODY);
    let value = HeaderValue::from_bytes(b"push\xff").expect("a value");
    request.headers_mut().insert(EVENT, value);
    let verified = judge::judge(&provider, request).expect("verified");
    assert_eq!(verified.event_name(), None);
}

#[test]
fn the_handler_can_read_the_provider_the_key_and_the_kind_of_proof() {
    let verified = judge(&provider(plain()), &[], BODY);
    assert_eq!(verified.provider(), "acme");
    assert_eq!(verified.key_name(), "default");
    assert_eq!(verified.authentication(), Authentication::Signature);
    assert_eq!(verified.body(), BODY);
    assert_eq!(verified.r#ref, "main");
    assert_eq!(
        *verified.event(),
        Push {
            r#ref: "main".into()
        }
    );
}

#[test]
fn a_shared_key_proves_the_caller_and_not_the_content() {
    let scheme = SharedKeyScheme::new("x-key").build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret())
        .expect("a provider")
        .delivery_id_header(DELIVERY)
        .event_name_header(EVENT);
    let headers = [("x-key", "wJ4mX9"), ("x-delivery", "1")];
    let verified = judge::judge(&provider, post(&headers, BODY)).expect("verified");
    assert_eq!(verified.authentication(), Authentication::SharedKey);
    assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("1")));
    assert_eq!(verified.signed_at(), None);
}

#[test]
fn a_clone_refers_to_the_same_event() {
    let verified = judge(&provider(plain()), &[], BODY);
    let clone = verified.clone();
    assert!(ptr::eq(verified.event(), clone.event()));
    assert!(ptr::eq(verified.body().as_ptr(), clone.body().as_ptr()));
    assert_eq!(size_of::<Verified<[u64; 64]>>(), size_of::<Arc<()>>());
}

#[test]
fn the_event_can_be_moved_out() {
    let scheme = plain().build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret()).expect("a provider");
    let request = || post(&[("x-signature", &hex(BODY))], BODY);
    let verified: Verified<Bytes> = judge::judge(&provider, request()).expect("verified");
    let other = verified.clone();
    assert_eq!(verified.into_event(), BODY);
    assert_eq!(other.into_event(), BODY);
}

/// A body may contain data that must not be logged. The `Debug` output of the event is the choice of its type.
#[test]
fn debug_shows_no_body_and_no_secret() {
    let scheme = plain().build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret())
        .expect("a provider")
        .parse_with(|_| Ok("the event"));
    let verified = judge::judge(&provider, post(&[("x-signature", &hex(BODY))], BODY));
    let debug = format!("{:?}", verified.expect("verified"));
    assert!(debug.contains("the event"), "{debug}");
    assert!(debug.contains("acme"), "{debug}");
    assert!(!debug.contains("main"), "{debug}");
    assert!(!debug.contains("wJ4mX9"), "{debug}");
}

/// After verification, the layer replaces an existing `Verified` with its own.
#[test]
fn a_verified_extension_from_before_the_layer_is_replaced() {
    let provider = provider(plain());
    let stale = judge(&provider, &[], BODY);
    let layer = WebhookAuthLayer::new(provider);
    let mut request: Request<Full<Bytes>> = post(&[("x-signature", &hex(BODY))], BODY);
    request.extensions_mut().insert(stale.clone());
    let verified = judge::through(&layer, request).expect("verified");
    assert!(!ptr::eq(verified.event(), stale.event()));
}
