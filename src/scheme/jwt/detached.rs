//! [`DetachedEdDsa`]: a signature in the form of a token without its payload, `header..signature`
//! ([RFC 7515 appendix F](https://www.rfc-editor.org/rfc/rfc7515#appendix-F)).

use std::{sync::Arc, time::Duration};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::StreamVerifier;
use http::HeaderName;

use super::{
    compact::TokenHeader,
    key::{JwtAlgorithm, JwtKey},
};
use crate::{
    error::BoxError,
    scheme::{
        CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
        KeyEncoding, Kind, Scheme, Timestamp, custom::Custom, key::KeyText,
    },
    secret::Secret,
};

/// As for other schemes with Ed25519. If the header names no key, each of them hashes the body.
const MOST_KEYS: usize = 16;

/// An Ed25519 signature over `{header}.{payload}`, where the payload is base64url of `{time}.{base64url of body}`.
pub(crate) struct DetachedEdDsa {
    pub(crate) signature: HeaderName,
    /// The header with the time of signing, in milliseconds.
    pub(crate) time: HeaderName,
    pub(crate) tolerance: Duration,
}

impl DetachedEdDsa {
    pub(crate) fn build(self) -> Scheme {
        let custom = Custom::new(self)
            .with_placeholder::<Self>(|| Some(JwtKey::placeholder(&[JwtAlgorithm::EdDsa])));
        Scheme(Kind::Custom(Arc::new(custom)))
    }
}

/// The verification of one delivery. The body is encoded and hashed as it arrives.
pub(crate) struct DetachedCheck {
    key_id: Option<String>,
    signature: ed25519_dalek::Signature,
    /// What is signed before the body.
    before: Vec<u8>,
    time: Vec<u8>,
    signed_at: std::time::SystemTime,
    /// One for each key. `None` for a key with another id, and for a signature that cannot be valid.
    streams: Vec<Option<StreamVerifier>>,
    body: Base64Stream,
    payload: Base64Stream,
}

impl CustomScheme for DetachedEdDsa {
    type Key = JwtKey;
    type Check = DetachedCheck;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([self.signature.clone()])
            .body_is_signed()
            .time_is_signed(self.tolerance)
            .at_most(MOST_KEYS)
    }

    fn key(&self, secret: &[u8]) -> Result<JwtKey, BoxError> {
        let text = KeyText {
            encoding: KeyEncoding::Base64Url,
            ..KeyText::default()
        };
        let key = JwtKey::new(&[JwtAlgorithm::EdDsa], &text, &Secret::from_bytes(secret)?)?;
        if key.is_unusable() {
            return Err("the key is not for the algorithm EdDSA".into());
        }
        Ok(key)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<DetachedCheck, CustomRejection> {
        let value = head.header(&self.signature)?.as_bytes();
        let time = head.header(&self.time)?.as_bytes();
        let signed_at = Timestamp::header(self.time.as_str())
            .milliseconds()
            .read(time, false)
            .ok_or_else(|| {
                CustomRejection::header_malformed(&self.time, "milliseconds since 1970 in digits")
            })?;
        head.check_time(&self.time, signed_at)?;
        let (key_id, signature, before) = take_apart(value).ok_or_else(|| {
            CustomRejection::header_malformed(
                &self.signature,
                "a detached JWS with the algorithm EdDSA: a header, two dots and 86 characters of base64url",
            )
        })?;
        Ok(DetachedCheck {
            key_id,
            signature,
            before,
            time: time.to_vec(),
            signed_at,
            streams: Vec::new(),
            body: Base64Stream::default(),
            payload: Base64Stream::default(),
        })
    }
}

/// The id of the key, the signature, and the header with a dot after it.
fn take_apart(value: &[u8]) -> Option<(Option<String>, ed25519_dalek::Signature, Vec<u8>)> {
    let mut parts = value.split(|byte| *byte == b'.');
    let (encoded, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !payload.is_empty() {
        return None;
    }
    let header = TokenHeader::read(encoded)?;
    if header.algorithm != Some(JwtAlgorithm::EdDsa) {
        return None;
    }
    let signature = BASE64URL_NOPAD.decode(signature).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(&signature).ok()?;
    Some((header.key_id, signature, [encoded, b"."].concat()))
}

impl DetachedCheck {
    /// Encodes these bytes of the body twice, and hashes them.
    fn add(&mut self, body: Option<&[u8]>) {
        let Self {
            streams,
            payload,
            body: inner,
            ..
        } = self;
        let mut hash = |encoded: &[u8]| {
            for stream in streams.iter_mut().flatten() {
                stream.update(encoded);
            }
        };
        let mut again = |encoded: &[u8]| payload.push(encoded, &mut hash);
        match body {
            Some(bytes) => inner.push(bytes, &mut again),
            None => {
                inner.finish(&mut again);
                payload.finish(&mut hash);
            }
        }
    }
}

impl CustomCheck for DetachedCheck {
    type Key = JwtKey;

    fn start(&mut self, keys: &[JwtKey]) {
        let id = self.key_id.as_deref();
        let start = |key: &JwtKey| {
            let key = key.ed25519().filter(|_| key.may_be(id))?;
            let mut stream = key.verify_stream(&self.signature).ok()?;
            stream.update(&self.before);
            Some(stream)
        };
        self.streams = keys.iter().map(start).collect();
        let prefix = [self.time.as_slice(), b"."].concat();
        let Self {
            streams, payload, ..
        } = self;
        payload.push(&prefix, &mut |encoded| {
            for stream in streams.iter_mut().flatten() {
                stream.update(encoded);
            }
        });
    }

    fn hashers(&self) -> usize {
        self.streams.iter().flatten().count()
    }

    fn update(&mut self, bytes: &[u8]) {
        self.add(Some(bytes));
    }

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        self.add(None);
        Ok(CustomClaims::new().signed_at(self.signed_at))
    }

    fn matches(&mut self, _: &JwtKey, place: usize) -> bool {
        let stream = self.streams.get_mut(place).and_then(Option::take);
        stream.is_some_and(|stream| stream.finalize_and_verify().is_ok())
    }
}

/// Writes base64url without padding of bytes that arrive in pieces.
#[derive(Default)]
struct Base64Stream {
    /// At most two bytes that do not fill a group of three yet.
    rest: Vec<u8>,
}

/// Three bytes become four characters.
const GROUPS: usize = 256;

impl Base64Stream {
    fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        let missing = 3_usize.saturating_sub(self.rest.len()) % 3;
        let (first, bytes) = bytes.split_at_checked(missing).unwrap_or((bytes, b""));
        self.rest.extend_from_slice(first);
        // The group is not full yet.
        if matches!(self.rest.len(), 1 | 2) {
            return;
        }
        self.finish(out);
        let whole = bytes.len().saturating_sub(bytes.len() % 3);
        let (whole, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, b""));
        for chunk in whole.chunks(GROUPS.saturating_mul(3)) {
            encode(chunk, out);
        }
        self.rest.extend_from_slice(rest);
    }

    fn finish(&mut self, out: &mut dyn FnMut(&[u8])) {
        encode(&self.rest, out);
        self.rest.clear();
    }
}

fn encode(chunk: &[u8], out: &mut dyn FnMut(&[u8])) {
    let mut text = [0; GROUPS * 4];
    let length = BASE64URL_NOPAD.encode_len(chunk.len());
    if let Some(text) = text.get_mut(..length) {
        BASE64URL_NOPAD.encode_mut(chunk, text);
        out(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_same_encoding_as_the_whole() {
        let whole: Vec<u8> = (0..=255).cycle().take(2000).collect();
        for length in [0, 1, 2, 3, 4, 5, 767, 768, 769, 2000] {
            let whole = &whole[..length];
            let expected = BASE64URL_NOPAD.encode(whole);
            for size in [1, 2, 3, 4, 7, 768, 1000] {
                let mut stream = Base64Stream::default();
                let mut found = Vec::new();
                for piece in whole.chunks(size) {
                    stream.push(piece, &mut |text| found.extend_from_slice(text));
                    stream.push(b"", &mut |text| found.extend_from_slice(text));
                }
                stream.finish(&mut |text| found.extend_from_slice(text));
                assert_eq!(
                    found,
                    expected.as_bytes(),
                    "{length} bytes in pieces of {size}"
                );
            }
        }
    }
}
