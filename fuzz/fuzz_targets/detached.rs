//! The detached JWS of Neon Auth. Lines: the header of the token as JSON, what comes after it, and the time; then the body,
//! in which `\x1e` separates two frames. After the header, `$` means the genuine signature.
//!
//! Accepted if and only if the reference accepts it.
#![no_main]

use std::{sync::LazyLock, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tower_webhook_auth::{JwkSet, WebhookAuthLayer, provider};
use tower_webhook_auth_fuzz::{
    Lines, accepts,
    frames::Frames,
    head, now, replaced,
    token::{Members, text},
};

/// A key of this target. It signs nothing else.
static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));

const KEY_ID: &str = "k1";

static NEON: LazyLock<WebhookAuthLayer<Bytes>> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key());
    let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{KEY_ID}","x":"{x}"}}]}}"#);
    let keys = JwkSet::parse(set)
        .and_then(|set| set.keys())
        .expect("a key");
    WebhookAuthLayer::new(provider::neon_auth(keys).expect("a provider")).clock(now)
});

fuzz_target!(|input: &[u8]| {
    let Some((_, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let (json, rest, time) = (lines.line(), lines.line(), lines.line());
    let frames: Vec<Bytes> = lines
        .rest()
        .split(|byte| *byte == 0x1e)
        .map(Bytes::copy_from_slice)
        .collect();
    let body = frames.concat();
    let header = URL_SAFE_NO_PAD.encode(json);
    let payload = [time, b".", URL_SAFE_NO_PAD.encode(&body).as_bytes()].concat();
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let genuine = URL_SAFE_NO_PAD.encode(KEY.sign(signed.as_bytes()));
    let token = [header.as_bytes(), &replaced(rest, b'$', genuine.as_bytes())].concat();
    let names = ["x-neon-signature", "x-neon-timestamp"].map(http::HeaderName::from_static);
    let [signature, timestamp] = names;
    let Some(head) = head([(signature, token.as_slice()), (timestamp, time)]) else {
        return;
    };
    let expected = reference(json, &token, time, &format!("{header}..{genuine}"));
    let accepted = accepts(&NEON, head, Frames::of(frames), &body);
    assert_eq!(
        accepted,
        expected == Some(true),
        "{}",
        String::from_utf8_lossy(&token)
    );
});

fn reference(json: &[u8], token: &[u8], time: &[u8], genuine: &str) -> Option<bool> {
    let members = Members::read(json)?;
    let id = match members.get("kid") {
        None => None,
        Some(id) => Some(text(id)?),
    };
    let is_known = id.is_none_or(|id| id == KEY_ID);
    let is_right = text(members.get("alg")?)? == "EdDSA"
        && members.get("crit").is_none()
        && members.get("b64").is_none();
    let time = std::str::from_utf8(time).ok()?;
    let milliseconds: u64 = time.parse().ok()?;
    let now = now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .as_millis();
    let in_time = u128::from(milliseconds).abs_diff(now) <= 300_000;
    let is_time = milliseconds.to_string() == time;
    Some(
        is_known
            && is_right
            && in_time
            && is_time
            && token == genuine.as_bytes()
            && token.len() <= 4096,
    )
}
