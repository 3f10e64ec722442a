//! The length-extension attack on a keyless digest, and what remains proven under it.
//!
//! SHA-256 is a chain: its digest is the state after the last block. A person who has seen
//! `SHA-256(secret ‖ body)` and knows the length of the secret can continue from there.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_webhook_auth::{
    Authentication, Claim, Piece, Provider, Secret, SignatureScheme, Timestamp,
};

use self::{
    judge::{NOW, at, judge},
    reference::{Hash::Sha256, hex},
};

const SECRET: &str = "sixteen letters.";
const BODY: &[u8] = br#"{"paid":false}"#;

/// FIPS 180-4 section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the
/// first 64 primes.
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The compression function, FIPS 180-4 section 6.2.2.
fn compress(state: &mut [u32; 8], block: &[u8]) {
    let mut words: Vec<u32> = block
        .chunks(4)
        .map(|word| u32::from_be_bytes(word.try_into().expect("four bytes")))
        .collect();
    for t in 16..64 {
        let (x, y) = (words[t - 15], words[t - 2]);
        let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        let next = s1
            .wrapping_add(words[t - 7])
            .wrapping_add(s0)
            .wrapping_add(words[t - 16]);
        words.push(next);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for t in 0..64 {
        let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choose = (e & f) ^ (!e & g);
        let t1 = h
            .wrapping_add(big1)
            .wrapping_add(choose)
            .wrapping_add(K[t])
            .wrapping_add(words[t]);
        let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = big0.wrapping_add(majority);
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
    }
    for (word, change) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(change);
    }
}

/// The padding of a message of this many bytes.
fn padding(length: usize) -> Vec<u8> {
    let mut padding = vec![0x80];
    while (length + padding.len()) % 64 != 56 {
        padding.push(0);
    }
    padding.extend_from_slice(&(length as u64 * 8).to_be_bytes());
    padding
}

/// What an attacker appends to a message of `length` bytes, and the digest of the longer message.
/// It needs the digest of the message and its length, not the message.
fn extend(digest: &[u8], length: usize, suffix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let glue = padding(length);
    let mut state = [0; 8];
    for (word, bytes) in state.iter_mut().zip(digest.chunks(4)) {
        *word = u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    }
    let total = length + glue.len() + suffix.len();
    for block in [suffix, &padding(total)].concat().chunks(64) {
        compress(&mut state, block);
    }
    let digest = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    ([&glue, suffix].concat(), digest)
}

fn provider(scheme: SignatureScheme) -> Provider<Bytes> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, Secret::new(SECRET).expect("a secret")).expect("a provider")
}

fn keyless() -> SignatureScheme {
    SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
}

fn request(headers: &[(&str, &str)], digest: &[u8], body: Vec<u8>) -> Request<Full<Bytes>> {
    let signature = hex(digest);
    let headers = [headers, &[("x-signature", &*signature)]].concat();
    judge::post(&headers, body)
}

#[test]
fn the_attack_computes_the_digest_that_sha_256_computes() {
    let message = [SECRET.as_bytes(), BODY].concat();
    let (appended, digest) = extend(&Sha256.digest(&message), message.len(), b"suffix");
    assert_eq!(digest, Sha256.digest(&[message, appended].concat()));
}

#[test]
fn an_extended_body_is_accepted_and_is_not_called_a_signature() {
    let provider = provider(keyless().signed([Piece::Secret, Piece::Body]));
    let seen = Sha256.digest(&[SECRET.as_bytes(), BODY].concat());
    let (appended, digest) = extend(&seen, SECRET.len() + BODY.len(), br#"{"paid":true}"#);
    let forged = request(&[], &digest, [BODY, &appended].concat());
    let verified = judge(&provider, forged).expect("the scheme is open to length extension");
    assert!(verified.body().ends_with(br#"{"paid":true}"#));
    assert_eq!(verified.authentication(), Authentication::KeylessDigest);
}

/// One old delivery is enough to make a delivery with another id and another time.
#[test]
fn an_id_and_a_time_after_the_body_are_not_called_signed() {
    let dot = || Piece::literal(".");
    let scheme = keyless()
        .id_header("x-id")
        .timestamp(Timestamp::header("x-time").accept_any_age())
        .signed([
            Piece::Secret,
            Piece::Body,
            dot(),
            Piece::Id,
            dot(),
            Piece::Timestamp,
        ]);
    let provider = provider(scheme);
    let tail = b".genuine.1500000000";
    let seen = Sha256.digest(&[SECRET.as_bytes(), BODY, tail].concat());
    let suffix = format!(".forged.{NOW}");
    let length = SECRET.len() + BODY.len() + tail.len();
    let (appended, digest) = extend(&seen, length, suffix.as_bytes());
    let glue = &appended[..appended.len() - suffix.len()];
    let now = NOW.to_string();
    let headers = [("x-id", "forged"), ("x-time", &*now)];
    let forged = request(&headers, &digest, [BODY, tail, glue].concat());
    let verified = judge(&provider, forged).expect("the scheme is open to length extension");
    assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("forged")));
    assert_eq!(verified.signed_at(), None);
    assert_eq!(verified.authentication(), Authentication::KeylessDigest);
}

#[test]
fn a_time_after_the_body_cannot_have_a_tolerance() {
    let scheme = |timestamp| {
        keyless().timestamp(timestamp).signed([
            Piece::Secret,
            Piece::Body,
            Piece::literal("."),
            Piece::Timestamp,
        ])
    };
    let time = || Timestamp::header("x-time");
    for judged in [time(), time().past_only(), time().accept_renewal()] {
        let error = scheme(judged)
            .build()
            .expect_err("a tolerance that proves nothing");
        assert!(error.to_string().contains("keyless digest"), "{error}");
    }
    assert!(scheme(time().accept_any_age()).build().is_ok());
}

#[test]
fn an_id_and_a_time_before_the_body_are_proven() {
    let dot = || Piece::literal(".");
    let scheme = keyless()
        .id_header("x-id")
        .timestamp(Timestamp::header("x-time"))
        .signed([
            Piece::Secret,
            Piece::Id,
            dot(),
            Piece::Timestamp,
            dot(),
            Piece::Body,
        ]);
    let provider = provider(scheme);
    let head = format!("genuine.{NOW}.");
    let seen = Sha256.digest(&[SECRET.as_bytes(), head.as_bytes(), BODY].concat());
    let length = SECRET.len() + head.len() + BODY.len();
    let (appended, digest) = extend(&seen, length, b"suffix");
    let now = NOW.to_string();
    let body = [BODY, &appended].concat();
    let genuine_head = [("x-id", "genuine"), ("x-time", &*now)];
    let verified = judge(&provider, request(&genuine_head, &digest, body.clone()));
    let verified = verified.expect("the body can be extended");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("genuine")));
    assert_eq!(verified.signed_at(), Some(at(NOW)));
    let forged_head = [("x-id", "forged"), ("x-time", &*now)];
    assert!(judge(&provider, request(&forged_head, &digest, body)).is_err());
}
