//! Secrets are wiped when they are dropped. The tests search the memory of the process.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    hint::black_box,
    os::unix::fs::FileExt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    KeyEncoding, Keys, Piece, Provider, Scheme, Secret, SharedKeyScheme, SignatureScheme,
    WebhookAuthLayer,
};
use zeroize::Zeroizing;

const LENGTH: usize = 48;

/// An allocator overwrites the first bytes of freed memory, so the search does not use them.
const OVERWRITTEN: usize = 16;

/// The secrets of this file exist only in the memory where a test puts them. Each byte is computed, and the
/// search computes each byte again.
fn byte(seed: u64, index: usize) -> u8 {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(index as u64 + 0x1234_5678_9abc)
        .rotate_left(23)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    LETTERS[(mixed >> 40) as usize % LETTERS.len()]
}

/// The buffer is exactly as large as the secret, so that it is not moved while it is filled.
fn make(seed: u64) -> Vec<u8> {
    let mut secret = Vec::with_capacity(LENGTH);
    secret.extend((0..LENGTH).map(|index| byte(seed, index)));
    secret
}

fn text(seed: u64) -> String {
    String::from_utf8(make(seed)).expect("letters and digits")
}

/// How often this secret appears in the memory that the process can write to.
fn count(seed: u64) -> usize {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);

    let maps = fs::read_to_string("/proc/self/maps").expect("the process's mappings");
    let memory = File::open("/proc/self/mem").expect("the process's memory");
    // A copy of the memory that is searched, so it is wiped too.
    let mut piece = Zeroizing::new(vec![0; 64 * 1024]);
    let copy = piece.as_ptr() as u64..piece.as_ptr() as u64 + piece.len() as u64;
    let length = LENGTH - OVERWRITTEN;
    let mut found = 0;
    for line in maps.lines() {
        let mut words = line.split(' ');
        let (Some(range), Some(rights)) = (words.next(), words.next()) else {
            continue;
        };
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (mut at, end) = (address(start), address(end));
        loop {
            let wanted = piece.len().min((end - at) as usize);
            let read = memory.read_at(&mut piece[..wanted], at).unwrap_or(0);
            if read < length {
                break;
            }
            let first = byte(seed, OVERWRITTEN);
            for (offset, window) in piece[..read].windows(length).enumerate() {
                found += usize::from(
                    window[0] == first
                        && !copy.contains(&(at + offset as u64))
                        && (0..length).all(|i| window[i] == byte(seed, OVERWRITTEN + i)),
                );
            }
            // The pieces overlap, because a secret may be on the border of two pieces.
            at += (read - length + 1) as u64;
        }
    }
    found
}

#[test]
fn the_search_finds_the_bytes_of_a_vector_before_and_after_it_is_dropped() {
    let secret = black_box(make(1));
    assert_eq!(count(1), 1);
    drop(secret);
    assert_eq!(count(1), 1, "a vector is not wiped");
}

#[test]
fn a_secret_is_wiped_when_its_last_clone_is_dropped() {
    let secret = Secret::from_bytes(make(2)).expect("a secret");
    let clone = secret.clone();
    assert_eq!(count(2), 1, "a clone is not a copy");
    drop(secret);
    assert_eq!(count(2), 1);
    drop(clone);
    assert_eq!(count(2), 0);

    drop(Secret::new(text(3)).expect("a secret"));
    assert_eq!(count(3), 0);
}

#[test]
fn a_rejected_secret_is_wiped_too() {
    let mut blank_first = text(4);
    blank_first.replace_range(..1, " ");
    Secret::new(blank_first).expect_err("it begins with a space");
    assert_eq!(count(4), 0);
}

#[test]
fn a_secret_from_a_file_is_in_memory_once() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/secret");
    fs::write(path, Zeroizing::new(make(5))).expect("a file");
    let secret = Secret::from_file(path).expect("a secret");
    assert_eq!(count(5), 1);
    drop(secret);
    assert_eq!(count(5), 0);
    fs::remove_file(path).expect("the file");
}

/// Builds a layer with this secret, sends it a forged delivery, and drops all of it.
fn use_once(scheme: Scheme, secret: Secret) {
    let keys = Keys::named([("only", secret)]).expect("keys");
    let provider = Provider::new("acme", scheme, keys).expect("a provider");
    let layer = WebhookAuthLayer::new(provider);
    let service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    }));
    let mut request = Request::new(Full::<Bytes>::from("{}"));
    let forged = HeaderValue::from_static(
        "0000000000000000000000000000000000000000000000000000000000000000",
    );
    request.headers_mut().insert("x-signature", forged);
    let response = futures_executor::block_on(service.oneshot(request)).expect("a response");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn the_keys_of_a_dropped_layer_are_wiped() {
    use_once(
        SignatureScheme::hmac_sha256("x-signature")
            .build()
            .expect("a scheme"),
        Secret::new(text(6)).expect("a secret"),
    );
    assert_eq!(count(6), 0, "HMAC");

    use_once(
        SharedKeyScheme::new("x-signature")
            .build()
            .expect("a scheme"),
        Secret::new(text(7)).expect("a secret"),
    );
    assert_eq!(count(7), 0, "shared key");

    use_once(
        SharedKeyScheme::new("x-signature")
            .bearer()
            .build()
            .expect("a scheme"),
        Secret::new(text(8)).expect("a secret"),
    );
    assert_eq!(count(8), 0, "bearer");

    use_once(
        SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
            .signed([Piece::Secret, Piece::Body])
            .build()
            .expect("a scheme"),
        Secret::new(text(9)).expect("a secret"),
    );
    assert_eq!(count(9), 0, "keyless digest");
}

#[test]
fn a_decoded_key_is_wiped() {
    let encoded = BASE64.encode(&Zeroizing::new(make(10)));
    use_once(
        SignatureScheme::hmac_sha512("x-signature")
            .key_encoding(KeyEncoding::Base64)
            .build()
            .expect("a scheme"),
        Secret::new(encoded).expect("a secret"),
    );
    assert_eq!(count(10), 0);
}

#[test]
fn replaced_and_withdrawn_keys_are_wiped_while_the_layer_exists() {
    // This scheme must keep the secret itself, because the secret is a part of the hashed bytes.
    let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .signed([Piece::Secret, Piece::Body])
        .build()
        .expect("a scheme");
    let old = Secret::new(text(11)).expect("a secret");
    let provider = Provider::new("acme", scheme, old).expect("a provider");
    let keys = provider.keys();
    let layer = WebhookAuthLayer::new(provider);
    assert_eq!(count(11), 1);

    let new = Secret::new(text(12)).expect("a secret");
    keys.replace(new).expect("keys");
    assert_eq!((count(11), count(12)), (0, 1));
    keys.withdraw();
    assert_eq!(count(12), 0);
    drop(layer);
}
