//! PayPal's headers. Lines: the id, the time, the algorithm, the URL of the certificate and the signature. In each,
//! `\x02` separates two headers. Then comes the body. In the signature, `$` means the genuine one.
//!
//! Accepted if and only if the reference accepts it.
#![no_main]

use std::{sync::LazyLock, time::SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, request::Parts};
use libfuzzer_sys::fuzz_target;
use ring::{rand::SystemRandom, signature::RsaKeyPair};
use tower_webhook_auth::{
    CertificateTrust, Provider, RejectionKind, Secret, provider::paypal::Webhook,
};
use tower_webhook_auth_fuzz::{Lines, fill_in, now, reference, verify};

const WEBHOOK: &str = "4JH86294D6297924G";

const NAMES: [&str; 5] = [
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-auth-algo",
    "paypal-cert-url",
    "paypal-transmission-sig",
];

/// A key of the targets. It signs nothing else.
static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::from_pkcs8(include_bytes!("../src/sns.pk8")).expect("a key"));

static PAYPAL: LazyLock<Provider<Bytes>> = LazyLock::new(|| {
    let provider = Webhook::new(WEBHOOK).provider(CertificateTrust::checked_by_the_source());
    let provider = provider.expect("an id");
    let key = Secret::from_pem(include_str!("../src/sns.pem")).expect("a key");
    provider.keys().replace(key).expect("a key");
    provider
});

fuzz_target!(|input: &[u8]| {
    let Some((_, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let (mut head, ()) = Request::new(()).into_parts();
    for name in NAMES {
        for value in lines.line().split(|byte| *byte == 2) {
            let Ok(value) = HeaderValue::from_bytes(value) else {
                return;
            };
            head.headers.append(name, value);
        }
    }
    let body = lines.rest();
    // A signature takes most of the time. Most inputs are rejected before it is compared.
    let dummy = BASE64_STANDARD.encode(vec![0; KEY.public().modulus_len()]);
    let mut unsigned = head.clone();
    fill_in(
        unsigned.headers.get_mut(NAMES[4]).expect("a value"),
        dummy.as_bytes(),
    );
    let verdict = PAYPAL.verify(&unsigned, Bytes::copy_from_slice(body), now());
    let rejection = verdict.expect_err("a signature of zeros");
    if rejection.kind() != RejectionKind::SignatureMismatch {
        assert!(!accepts(&unsigned, &dummy), "{:?}", unsigned.headers);
        return;
    }
    let signed = signed(&head, body);
    let mut signature = vec![0; KEY.public().modulus_len()];
    let padding = &ring::signature::RSA_PKCS1_SHA256;
    KEY.sign(padding, &SystemRandom::new(), &signed, &mut signature)
        .expect("a signature");
    let genuine = BASE64_STANDARD.encode(signature);
    let value = head.headers.get_mut(NAMES[4]).expect("a value");
    fill_in(value, genuine.as_bytes());
    let expected = accepts(&head, &genuine);
    let verified = verify(&PAYPAL, &head, body, &genuine);
    assert_eq!(verified.is_some(), expected, "{:?}", head.headers);
    if let Some(verified) = verified {
        assert!(!verified.body_is_signed());
        let id = only(&head, NAMES[0]).expect("an id");
        let found = verified.delivery_id().expect("an id");
        assert_eq!(found.unverified().as_bytes(), id);
    }
});

fn only<'a>(head: &'a Parts, name: &'static str) -> Option<&'a [u8]> {
    reference::single(&head.headers, &HeaderName::from_static(name)).flatten()
}

fn signed(head: &Parts, body: &[u8]) -> Vec<u8> {
    let value = |name| head.headers[name].as_bytes();
    let crc = crc32(body).to_string();
    [
        value(NAMES[0]),
        value(NAMES[1]),
        WEBHOOK.as_bytes(),
        crc.as_bytes(),
    ]
    .join(&b'|')
}

/// Bit by bit, with the polynomial of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let lowest = crc & 1;
            crc >>= 1;
            crc ^= lowest * 0xedb8_8320;
        }
    }
    !crc
}

fn accepts(head: &Parts, genuine: &str) -> bool {
    let text = |name| std::str::from_utf8(only(head, name)?).ok();
    let is_right = || -> Option<bool> {
        let (id, time) = (text(NAMES[0])?, text(NAMES[1])?);
        let (algorithm, url) = (text(NAMES[2])?, text(NAMES[3])?);
        let signature = text(NAMES[4])?;
        let is_id = !id.is_empty() && id.chars().all(|c| ('!'..='~').contains(&c) && c != '|');
        let file = url.strip_prefix("https://api.paypal.com/v1/notifications/certs/")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_file = (1..=128).contains(&file.len()) && file.chars().all(is_plain);
        let signed_at = u128::try_from(reference::rfc3339(time)?).ok()?;
        let now = now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .as_nanos();
        let in_time = signed_at.abs_diff(now) <= 300_000_000_000;
        let is_signed = signature == genuine;
        Some(is_id && is_file && algorithm == "SHA256withRSA" && in_time && is_signed)
    };
    is_right() == Some(true)
}
