//! The diagnosis of a rejected delivery. The first byte selects the sender, and how a proxy changed the body. The
//! first line is the value of the signature header, in which `$` means the genuine signature. The second line is the key
//! that the sender uses: if it is empty, the key of the provider. Then the body follows.
//!
//! No body and no header panics. An accepted delivery has no diagnosis. If a proxy changed the body in a way that the module
//! knows, the diagnosis names a changed body.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{
    Provider, Secret,
    diagnosis::{Cause, explain},
    provider,
};
use tower_webhook_auth_fuzz::{Hash, Lines, fill_in, now, reference};

/// The largest body: each variant of it is verified.
const MOST_BYTES: usize = 512;

/// A short key, because each mistake of typing is tried.
const KEY: &str = "wJ4m";

static GITHUB: LazyLock<Provider<Bytes>> = LazyLock::new(|| {
    let key = Secret::new(KEY).expect("a secret");
    provider::github(key).bytes()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let (value, key) = (lines.line(), lines.line());
    let body = lines.rest();
    if body.len() > MOST_BYTES || key.len() > 64 {
        return;
    }
    let key = if key.is_empty() { KEY.as_bytes() } else { key };
    let signed = before_the_proxy(choice, body);
    let genuine = hex::encode(reference::mac(
        Hash::Sha256,
        key,
        signed.as_deref().unwrap_or(body),
    ));
    let (mut head, ()) = Request::new(()).into_parts();
    let name = HeaderName::from_static("x-hub-signature-256");
    let Ok(mut value) = HeaderValue::from_bytes(value) else {
        return;
    };
    let is_genuine = value == "sha256=$" && key == KEY.as_bytes();
    fill_in(&mut value, genuine.as_bytes());
    head.headers.insert(name, value);
    let is_accepted = GITHUB
        .verify(&head, Bytes::copy_from_slice(body), now())
        .is_ok();
    let diagnosis = explain(
        &GITHUB,
        &head,
        body,
        now(),
        Secret::new(KEY).expect("a secret"),
    );
    if let Some(diagnosis) = &diagnosis {
        let shown = format!("{diagnosis} {diagnosis:?}");
        assert!(!shown.contains(KEY), "shows a key");
        assert!(!shown.contains(&genuine), "shows the signature");
        assert!(shown.len() < 4096, "a short text");
    }
    if is_accepted {
        assert!(diagnosis.is_none(), "accepted");
    } else if is_genuine && signed.is_some() {
        let cause = diagnosis.and_then(|diagnosis| diagnosis.cause().cloned());
        let is_named = matches!(cause, Some(Cause::Body { .. }));
        assert!(
            is_named,
            "{choice} {cause:?} {}",
            String::from_utf8_lossy(body)
        );
    }
});

/// The body that the sender signed, if the change is one that has this body as its result.
fn before_the_proxy(choice: usize, body: &[u8]) -> Option<Vec<u8>> {
    match choice % 8 {
        0 => None,
        1 => Some([body, b"\n"].concat()),
        2 => Some([body, b"\r\n"].concat()),
        3 => Some([b"\xef\xbb\xbf", body].concat()).filter(|_| !body.starts_with(b"\xef\xbb\xbf")),
        4 => body.strip_suffix(b"\n").map(<[u8]>::to_vec),
        5 => Some(Vec::new()).filter(|_| !body.is_empty()),
        // CR LF became LF: each LF was a CR LF.
        6 => {
            let is_unix = body.contains(&b'\n') && !body.contains(&b'\r');
            let parts: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
            is_unix.then(|| parts.join(&b"\r\n"[..]))
        }
        // A proxy decoded the escapes of a compact JSON text.
        _ => {
            let text = std::str::from_utf8(body).ok()?;
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            let is_compact = value.to_string() == text && !text.is_ascii();
            let mut units = [0; 2];
            let escaped = text.chars().map(|c| match c.is_ascii() {
                true => c.to_string(),
                false => {
                    let units = c.encode_utf16(&mut units).iter();
                    units.map(|unit| format!("\\u{unit:04x}")).collect()
                }
            });
            is_compact.then(|| escaped.collect::<String>().into_bytes())
        }
    }
}
