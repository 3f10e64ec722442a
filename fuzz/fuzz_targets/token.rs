//! A token. The first byte selects the scheme, the place of the token, and whether the rest is the token itself or three
//! lines. The lines are the header and the claims as JSON, and the end of the token (by default `.$`). The first byte also
//! selects a text that is added to these lines at the end. `$` means the genuine signature. In a JSON text, `#` means the
//! hash of the body, and `%` means a value that the character after it selects. So a change of one character replaces a
//! whole value.
#![no_main]

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use ring::{digest, hmac};
use tower_webhook_auth::{BodyDigest, JwtScheme, TokenPlace};
use tower_webhook_auth_fuzz::{
    KEY, NOW, SIGNATURE, accepts,
    frames::Frames,
    head, layer,
    token::{Members, number, text},
};

const BODY: &[u8] = b"Hello, World!";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Body,
    Header,
    Member,
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let choice = choice.wrapping_sub(b'!');
    let algorithms: &[&str] = match choice % 3 {
        0 => &["HS256"],
        1 => &["HS512"],
        _ => &["HS256", "HS384", "HS512"],
    };
    let place = [Place::Header, Place::Body, Place::Member][usize::from(choice / 3 % 3)];
    let token = match choice / 9 % 2 {
        0 => encoded(
            rest,
            AFTER[usize::from(choice / 18) % AFTER.len()],
            algorithms[0],
        ),
        _ => Some(filled(rest, algorithms[0])),
    };
    let Some(token) = token else {
        return;
    };
    let named = match place {
        Place::Body => TokenPlace::body(),
        Place::Header => TokenPlace::header(SIGNATURE.as_str()),
        Place::Member => TokenPlace::member("/token"),
    };
    let scheme = match choice % 3 {
        0 => JwtScheme::hs256(named),
        1 => JwtScheme::hs512(named),
        _ => JwtScheme::any_hmac(named),
    };
    let scheme = scheme.issuer("acme");
    let scheme = match place {
        Place::Header => scheme.body_hash("hash", BodyDigest::Sha256Hex),
        Place::Body | Place::Member => scheme.claim_present("event"),
    };
    let (header, body) = match place {
        Place::Header => (Some(token.clone()), BODY.to_vec()),
        Place::Body => (None, token.clone()),
        Place::Member => {
            let member = serde_json::to_string(&String::from_utf8_lossy(&token)).expect("a text");
            (
                None,
                format!("{{\"event\":1,\"token\":{member}}}").into_bytes(),
            )
        }
    };
    let Some(head) = head(header.as_deref().map(|value| (SIGNATURE, value))) else {
        return;
    };
    let claims = reference(&token, place, algorithms);
    let handed_on = match (&claims, place) {
        (Some(claims), Place::Body | Place::Member) => claims.clone(),
        _ => body.clone(),
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let layer = layer(scheme.build().expect("a scheme")).clock(move || now);
    let frames = Frames::of([body.into()]);
    let accepted = accepts(&layer, head, frames, &handed_on);
    assert_eq!(
        accepted,
        claims.is_some(),
        "{place:?} {}",
        String::from_utf8_lossy(&token)
    );
});

/// What a client could add to a token.
const AFTER: [&str; 6] = ["", ".", ".e30", "=", "A", "\n"];

/// The values that `%a`, `%b` and so on mean: the right one of each member, and values that are almost right.
const VALUES: [&str; 18] = [
    "null",
    "true",
    "0",
    "-1",
    "\"\"",
    "\"acme\"",
    "\"\\u0061cme\"",
    "\"HS256\"",
    "[]",
    "{}",
    "1712109260",
    "1712109260.5",
    "1712109261",
    "1712109320",
    "1712109321",
    "\"1712109261\"",
    "1e300",
    "\"#\"",
];

fn encoded(text: &[u8], after: &str, algorithm: &str) -> Option<Vec<u8>> {
    let mut lines = text.splitn(3, |byte| *byte == b'\n');
    let (header, claims) = (lines.next()?, lines.next()?);
    let rest = lines.next().unwrap_or(b".$");
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(json(text));
    let token = format!("{}.{}", part(header), part(claims));
    let token = [token.as_bytes(), rest, after.as_bytes()].concat();
    Some(filled(&token, algorithm))
}

/// The JSON text with the values that its marks mean.
fn json(text: &[u8]) -> String {
    let mut pieces = text.split(|byte| *byte == b'%');
    let mut json = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let (choice, rest) = piece.split_first().unwrap_or((&b'a', &[]));
        let choice = usize::from(choice.wrapping_sub(b'a'));
        json.extend_from_slice(VALUES[choice % VALUES.len()].as_bytes());
        json.extend_from_slice(rest);
    }
    let hash = hex::encode(digest::digest(&digest::SHA256, BODY));
    String::from_utf8_lossy(&json).replace('#', &hash)
}

/// The token with the genuine signature in place of each `$`.
fn filled(token: &[u8], algorithm: &str) -> Vec<u8> {
    // Up to the second dot, so that a genuine signature can be followed by more.
    let mut dots = (0..token.len()).filter(|place| token[*place] == b'.');
    let signed = dots.nth(1).unwrap_or(token.len());
    let signature = hmac::sign(&key(algorithm), &token[..signed]);
    let signature = URL_SAFE_NO_PAD.encode(signature);
    let pieces: Vec<&[u8]> = token.split(|byte| *byte == b'$').collect();
    pieces.join(signature.as_bytes())
}

fn key(algorithm: &str) -> hmac::Key {
    let algorithm = match algorithm {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    hmac::Key::new(algorithm, KEY.as_bytes())
}

/// The claims of a token that must be accepted.
fn reference(token: &[u8], place: Place, algorithms: &[&str]) -> Option<Vec<u8>> {
    // A member is a text, so it has no other bytes. White space at the end of a body is ignored.
    let token = String::from_utf8_lossy(token).into_owned();
    let (token, most) = match place {
        Place::Body => (
            token.trim_end_matches(['\t', '\n', '\x0c', '\r', ' ']),
            256 << 10,
        ),
        Place::Header => (token.as_str(), 8 << 10),
        Place::Member => (token.as_str(), 256 << 10),
    };
    if token.len() > most {
        return None;
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return None;
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let head = Members::read(&decode(header)?)?;
    let algorithm = text(head.get("alg")?)?;
    let is_known = algorithms.contains(&algorithm.as_str());
    let has_id = head.get("kid").is_none_or(|id| text(id).is_some());
    if !is_known || !has_id || head.get("crit").is_some() || head.get("b64").is_some() {
        return None;
    }
    let signed = format!("{header}.{claims}");
    hmac::verify(&key(&algorithm), signed.as_bytes(), &decode(signature)?).ok()?;
    let payload = decode(claims)?;
    let claims = Members::read(&payload)?;
    let is_right = match place {
        Place::Header => {
            let hash = text(claims.get("hash")?)?;
            hash.to_lowercase() == hex::encode(digest::digest(&digest::SHA256, BODY))
        }
        Place::Body | Place::Member => claims.get("event")? != "null",
    };
    let in_time = number(claims.get("exp")?)? > NOW as f64
        && match claims.get("nbf") {
            Some(begin) => number(begin)? <= (NOW + 60) as f64,
            None => true,
        };
    (is_right && in_time && text(claims.get("iss")?)? == "acme").then_some(payload)
}
