//! The algorithms: keyed once, cloned for each request, and updated as the body arrives.

#[cfg(any(feature = "ecdsa-p256", feature = "ed25519"))]
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use smallvec::SmallVec;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

#[cfg(feature = "rsa")]
use super::rsa::{LONGEST_SIGNATURE_BYTES, RsaDigest, RsaHash, RsaKey};
use crate::{error::ConfigError, secret::Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    HmacSha1,
    HmacSha256,
    HmacSha384,
    HmacSha512,
    KeylessSha256,
    #[cfg(feature = "ed25519")]
    Ed25519,
    #[cfg(feature = "ecdsa-p256")]
    EcdsaP256,
    #[cfg(feature = "rsa")]
    Rsa(RsaHash),
}

impl Algorithm {
    /// How many candidate signatures one delivery may have.
    ///
    /// A MAC is computed once and compared with each candidate. A public-key signature costs an
    /// operation of about 0.1 ms for each candidate and key, so fewer are allowed.
    pub(crate) fn most_candidates(self) -> usize {
        match self {
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => 4,
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => 4,
            #[cfg(feature = "rsa")]
            Self::Rsa(_) => 4,
            _ => 16,
        }
    }

    /// Whether sender and receiver have the same key.
    pub(crate) fn is_symmetric(self) -> bool {
        match self {
            Self::HmacSha1
            | Self::HmacSha256
            | Self::HmacSha384
            | Self::HmacSha512
            | Self::KeylessSha256 => true,
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => false,
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => false,
            #[cfg(feature = "rsa")]
            Self::Rsa(_) => false,
        }
    }

    /// How many public-key operations one delivery may cost: candidates times keys. `None` for a MAC,
    /// which is computed once for each key.
    pub(crate) fn most_operations(self) -> Option<usize> {
        match self {
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => Some(16),
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => Some(16),
            #[cfg(feature = "rsa")]
            Self::Rsa(_) => Some(super::rsa::MOST_OPERATIONS),
            _ => None,
        }
    }

    /// How many bytes a signature has. `None` if they differ in length.
    pub(crate) fn signature_bytes(self) -> Option<usize> {
        match self {
            Self::HmacSha1 => Some(20),
            Self::HmacSha256 | Self::KeylessSha256 => Some(32),
            Self::HmacSha384 => Some(48),
            Self::HmacSha512 => Some(64),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => Some(64),
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => None,
            #[cfg(feature = "rsa")]
            Self::Rsa(_) => None,
        }
    }

    /// How many blocks a signature takes in [`Candidates`].
    fn blocks(self) -> usize {
        match self.signature_bytes() {
            #[cfg(feature = "rsa")]
            _ if matches!(self, Self::Rsa(_)) => RSA_BLOCKS,
            Some(..=BLOCK_BYTES) => 1,
            _ => 2,
        }
    }

    /// A signature from the bytes that were decoded from a header. It must have the exact length.
    pub(crate) fn candidate(self, decoded: &[u8]) -> Option<Candidate> {
        #[cfg(feature = "ecdsa-p256")]
        if self == Self::EcdsaP256 {
            let signature = p256::ecdsa::Signature::from_der(decoded).ok()?;
            return Some(Candidate(signature.to_bytes().into()));
        }
        let length = self.signature_bytes()?;
        if decoded.len() != length {
            return None;
        }
        let mut bytes = [0; 64];
        bytes.get_mut(..length)?.copy_from_slice(decoded);
        Some(Candidate(bytes))
    }

    /// A key for a tenant that is not known: to verify costs as much as with another key.
    pub(crate) fn placeholder_key(self) -> Option<Verifier> {
        match self {
            // The base point of the curve.
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => {
                let key = p256::ecdsa::VerifyingKey::from_affine(p256::AffinePoint::GENERATOR);
                Some(Verifier::EcdsaP256 {
                    key: Arc::new(key.ok()?),
                    state: Sha256::new(),
                })
            }
            #[cfg(feature = "rsa")]
            Self::Rsa(hash) => Some(Verifier::Rsa {
                key: RsaKey::placeholder()?,
                hash,
                state: RsaDigest::new(hash),
            }),
            // These bytes are also a point of Ed25519: see the test.
            _ => self.key(Zeroizing::new(vec![1; 32])).ok(),
        }
    }

    pub(crate) fn key(self, key: Zeroizing<Vec<u8>>) -> Result<Verifier, ConfigError> {
        Ok(match self {
            Self::HmacSha1 => Verifier::HmacSha1(hmac(&key)),
            Self::HmacSha256 => Verifier::HmacSha256(hmac(&key)),
            Self::HmacSha384 => Verifier::HmacSha384(Box::new(hmac(&key))),
            Self::HmacSha512 => Verifier::HmacSha512(Box::new(hmac(&key))),
            Self::KeylessSha256 => Verifier::KeylessSha256 {
                state: Box::new(Sha256::new()),
                secret: Secret::of_key(key),
            },
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => {
                let key = <&[u8; 32]>::try_from(key.as_slice())
                    .map_err(|_| ConfigError::new(format!("an Ed25519 public key has 32 bytes, found {}", key.len())))
                    .and_then(|key| {
                        ed25519_dalek::VerifyingKey::from_bytes(key)
                            .map_err(|_| ConfigError::new("not an Ed25519 public key: copy it from the sender again, all of it"))
                    })?;
                // With a key of small order, one signature is valid for many messages.
                if key.is_weak() {
                    return Err(ConfigError::new(
                        "the Ed25519 public key has a small order: under it, signatures prove nothing",
                    ));
                }
                Verifier::Ed25519 {
                    key: Arc::new(key),
                    streams: Vec::new(),
                }
            }
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => {
                use p256::pkcs8::DecodePublicKey;
                let key = p256::ecdsa::VerifyingKey::from_public_key_der(&key).map_err(|_| {
                    ConfigError::new("not a P-256 public key in SubjectPublicKeyInfo form: copy it from the sender again, all of it")
                })?;
                Verifier::EcdsaP256 {
                    key: Arc::new(key),
                    state: Sha256::new(),
                }
            }
            #[cfg(feature = "rsa")]
            Self::Rsa(hash) => Verifier::Rsa {
                key: RsaKey::from_spki_der(&key)?,
                hash,
                state: RsaDigest::new(hash),
            },
        })
    }
}

pub(crate) fn hmac<M: KeyInit>(key: &[u8]) -> M {
    #[expect(
        clippy::expect_used,
        reason = "HMAC is defined for keys of every length"
    )]
    M::new_from_slice(key).expect("HMAC takes a key of any length, RFC 2104 section 2")
}

/// A received signature, decoded, and padded with zeros if the algorithm's signatures are shorter.
pub(crate) struct Candidate(pub(super) [u8; 64]);

/// Received signatures, one after the other. Each takes as many blocks as the algorithm needs.
#[derive(Default)]
pub(crate) struct Candidates(SmallVec<[[u8; BLOCK_BYTES]; 2]>);

/// The size of a SHA-256. Most signatures have this size or less.
const BLOCK_BYTES: usize = 32;

/// A signature of RSA has as many bytes as its key. The first block is its length.
#[cfg(feature = "rsa")]
const RSA_BLOCKS: usize = LONGEST_SIGNATURE_BYTES.div_ceil(BLOCK_BYTES) + 1;

impl Candidates {
    /// How many there are. All are signatures of this algorithm.
    pub(crate) fn len(&self, algorithm: Algorithm) -> usize {
        let blocks = self.0.len();
        blocks.checked_div(algorithm.blocks()).unwrap_or(blocks)
    }

    /// Whether a delivery may have no more of them.
    pub(crate) fn are_full(&self, algorithm: Algorithm) -> bool {
        self.0.len() >= most_blocks(algorithm)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, Candidate(bytes): &Candidate, algorithm: Algorithm) {
        self.reserve(algorithm);
        for block in bytes.as_chunks().0.iter().take(algorithm.blocks()) {
            self.0.push(*block);
        }
    }

    /// Candidates of one signature that was not decoded from DER. `None` if it has another length.
    #[cfg(feature = "http-signatures")]
    pub(crate) fn of_raw(signature: &[u8], algorithm: Algorithm) -> Option<Self> {
        let mut candidates = Self::default();
        match algorithm {
            #[cfg(feature = "rsa")]
            Algorithm::Rsa(_) => candidates.push_rsa(signature, algorithm)?,
            #[cfg(feature = "ecdsa-p256")]
            Algorithm::EcdsaP256 => {
                candidates.push(&Candidate(signature.try_into().ok()?), algorithm);
            }
            _ => candidates.push(&algorithm.candidate(signature)?, algorithm),
        }
        Some(candidates)
    }

    /// Adds a signature of RSA. `None` if it is longer than any.
    #[cfg(feature = "rsa")]
    pub(crate) fn push_rsa(&mut self, signature: &[u8], algorithm: Algorithm) -> Option<()> {
        let mut blocks = [[0; BLOCK_BYTES]; RSA_BLOCKS];
        let [length, content @ ..] = &mut blocks;
        let length = length.first_chunk_mut()?;
        *length = u16::try_from(signature.len()).ok()?.to_be_bytes();
        let content = content.as_flattened_mut();
        content
            .get_mut(..signature.len())?
            .copy_from_slice(signature);
        self.reserve(algorithm);
        self.0.extend(blocks);
        Some(())
    }

    /// The signatures of RSA.
    #[cfg(feature = "rsa")]
    fn rsa(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks_exact(RSA_BLOCKS).filter_map(|blocks| {
            let (length, content) = blocks.split_first()?;
            let length = u16::from_be_bytes(*length.first_chunk()?);
            content.as_flattened().get(..length.into())
        })
    }

    /// Reserves the memory for as many signatures as a delivery may have, so that any number costs one allocation.
    fn reserve(&mut self, algorithm: Algorithm) {
        let Self(blocks) = self;
        if blocks.len().saturating_add(algorithm.blocks()) > blocks.capacity() {
            blocks.reserve_exact(most_blocks(algorithm).saturating_sub(blocks.len()));
        }
    }

    /// The candidates of an algorithm whose signatures take 64 bytes.
    #[cfg(any(feature = "ecdsa-p256", feature = "ed25519"))]
    fn whole(&self) -> impl Iterator<Item = &[u8; 64]> {
        self.0.as_flattened().as_chunks().0.iter()
    }
}

/// How many blocks the candidates of one delivery take at most.
fn most_blocks(algorithm: Algorithm) -> usize {
    algorithm
        .most_candidates()
        .saturating_mul(algorithm.blocks())
}

/// An algorithm with its key, and with the part of the message that it has got so far.
pub(crate) enum Verifier {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
    /// This state and the next one are twice as large as the others. Without the box, every state would have
    /// this size when it is moved.
    HmacSha384(Box<Hmac<Sha384>>),
    HmacSha512(Box<Hmac<Sha512>>),
    /// The state holds the secret itself until its block is full. A move would leave a copy that
    /// is not wiped, so the state is boxed and is not moved.
    KeylessSha256 {
        state: Box<Sha256>,
        secret: Secret,
    },
    #[cfg(feature = "ed25519")]
    Ed25519 {
        key: Arc<ed25519_dalek::VerifyingKey>,
        /// One for each candidate, since the hash begins with a part of the signature.
        streams: Vec<ed25519_dalek::StreamVerifier>,
    },
    #[cfg(feature = "ecdsa-p256")]
    EcdsaP256 {
        key: Arc<p256::ecdsa::VerifyingKey>,
        state: Sha256,
    },
    #[cfg(feature = "rsa")]
    Rsa {
        key: RsaKey,
        hash: RsaHash,
        state: RsaDigest,
    },
}

impl Verifier {
    /// A verifier with the same key, for one delivery that has these candidates.
    pub(crate) fn start(&self, candidates: &Candidates) -> Self {
        let _ = candidates;
        match self {
            Self::HmacSha1(mac) => Self::HmacSha1(mac.clone()),
            Self::HmacSha256(mac) => Self::HmacSha256(mac.clone()),
            Self::HmacSha384(mac) => Self::HmacSha384(mac.clone()),
            Self::HmacSha512(mac) => Self::HmacSha512(mac.clone()),
            Self::KeylessSha256 { state, secret } => Self::KeylessSha256 {
                state: state.clone(),
                secret: secret.clone(),
            },
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { key, .. } => Self::Ed25519 {
                key: Arc::clone(key),
                // A candidate whose `s` is not reduced cannot be a signature, so it needs no hash.
                streams: candidates
                    .whole()
                    .map(ed25519_dalek::Signature::from_bytes)
                    .filter_map(|signature| key.verify_stream(&signature).ok())
                    .collect(),
            },
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 { key, state } => Self::EcdsaP256 {
                key: Arc::clone(key),
                state: state.clone(),
            },
            #[cfg(feature = "rsa")]
            Self::Rsa { key, hash, state } => Self::Rsa {
                key: key.clone(),
                hash: *hash,
                state: state.clone(),
            },
        }
    }

    /// How many hash states each byte of the body is given to.
    pub(crate) fn hashers(&self) -> usize {
        match self {
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { streams, .. } => streams.len(),
            _ => 1,
        }
    }

    /// Adds a signed piece before the body. `None` is the secret itself, in a keyless digest.
    pub(crate) fn update_piece(&mut self, piece: Option<&[u8]>) {
        if let Some(bytes) = piece {
            self.update(bytes);
        } else if let Self::KeylessSha256 { state, secret } = self {
            state.update(secret.as_bytes());
        }
    }

    /// Adds bytes of the message.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::HmacSha1(mac) => mac.update(bytes),
            Self::HmacSha256(mac) => mac.update(bytes),
            Self::HmacSha384(mac) => mac.update(bytes),
            Self::HmacSha512(mac) => mac.update(bytes),
            Self::KeylessSha256 { state, .. } => state.update(bytes),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { streams, .. } => {
                for stream in streams {
                    stream.update(bytes);
                }
            }
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 { state, .. } => state.update(bytes),
            #[cfg(feature = "rsa")]
            Self::Rsa { state, .. } => state.update(bytes),
        }
    }

    /// Whether any candidate is the signature of all bytes that were added, then `after_body`.
    ///
    /// A MAC is computed once, and compared with every candidate in constant time. The candidates must
    /// be those that [`start`](Self::start) was called with.
    pub(crate) fn matches(&mut self, candidates: &Candidates, after_body: &[u8]) -> Choice {
        match self {
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { streams, .. } => {
                std::mem::take(streams)
                    .into_iter()
                    .fold(Choice::from(0), |any, mut stream| {
                        stream.update(after_body);
                        any | Choice::from(u8::from(stream.finalize_and_verify().is_ok()))
                    })
            }
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 { key, state } => {
                use p256::ecdsa::signature::hazmat::PrehashVerifier;
                state.update(after_body);
                let digest = state.clone().finalize();
                any(candidates.whole(), |signature| {
                    let verified = p256::ecdsa::Signature::from_bytes(signature.into())
                        .and_then(|signature| key.verify_prehash(&digest, &signature));
                    Choice::from(u8::from(verified.is_ok()))
                })
            }
            #[cfg(feature = "rsa")]
            Self::Rsa { key, hash, state } => {
                state.update(after_body);
                let digest = state.finish();
                any(candidates.rsa(), |signature| {
                    Choice::from(u8::from(key.verifies(*hash, &digest, signature)))
                })
            }
            _ => {
                // Few senders sign anything after the body.
                if !after_body.is_empty() {
                    self.update(after_body);
                }
                let mut tag = [0; 64];
                let length = self.tag(&mut tag).map(<[u8]>::len);
                length.map_or(Choice::from(0), |length| {
                    let blocks_each = length.div_ceil(BLOCK_BYTES).max(1);
                    // A short tag and its candidates are padded with zeros.
                    any(candidates.0.chunks_exact(blocks_each), |candidate| {
                        begins_with(tag.as_chunks().0, candidate.as_flattened().as_chunks().0)
                    })
                })
            }
        }
    }

    /// Writes the MAC or digest of all bytes that were added to the front of `tag`. `None` for
    /// public keys: they cannot sign.
    ///
    /// `finalize` consumes a hash, so it is cloned. It is smaller than `self`.
    pub(crate) fn tag<'a>(&mut self, tag: &'a mut [u8; 64]) -> Option<&'a [u8]> {
        #[cfg(test)]
        tests::TAGS.set(tests::TAGS.get() + 1);
        fn keep<'a>(tag: &'a mut [u8; 64], computed: &[u8]) -> Option<&'a [u8]> {
            let tag = tag.get_mut(..computed.len())?;
            tag.copy_from_slice(computed);
            Some(tag)
        }
        match self {
            Self::HmacSha1(mac) => keep(tag, &mac.clone().finalize().into_bytes()),
            Self::HmacSha256(mac) => keep(tag, &mac.clone().finalize().into_bytes()),
            Self::HmacSha384(mac) => keep(tag, &(**mac).clone().finalize().into_bytes()),
            Self::HmacSha512(mac) => keep(tag, &(**mac).clone().finalize().into_bytes()),
            Self::KeylessSha256 { state, .. } => keep(tag, &finish(state)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { .. } => None,
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 { .. } => None,
            #[cfg(feature = "rsa")]
            Self::Rsa { .. } => None,
        }
    }
}

/// The block that is hashed last may be the secret itself. Optimised code leaves copies of it on the
/// stack, so the used part of the stack is overwritten.
fn finish(state: &mut Sha256) -> [u8; 32] {
    let digest = finish_and_leave_traces(state);
    wipe_stack();
    digest
}

#[inline(never)]
fn finish_and_leave_traces(state: &mut Sha256) -> [u8; 32] {
    state.finalize_reset().into()
}

/// Overwrites the data that the previous calls left on the stack.
#[inline(never)]
pub(super) fn wipe_stack() {
    let mut used = [0xff_u8; 4096];
    used.zeroize();
    std::hint::black_box(&used);
}

/// Whether `value` begins with these words.
///
/// It compares eight bytes in one step, in constant time: the differences of all words are collected, and
/// compared with zero once.
pub(super) fn begins_with(value: &[[u8; 8]], words: &[[u8; 8]]) -> Choice {
    let difference = words.iter().zip(value).fold(0, |difference, (one, other)| {
        difference | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
    });
    difference.ct_eq(&0)
}

fn any<T>(candidates: impl Iterator<Item = T>, matches: impl Fn(T) -> Choice) -> Choice {
    candidates.fold(Choice::from(0), |any, candidate| any | matches(candidate))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many were computed.
        pub(super) static TAGS: Cell<usize> = const { Cell::new(0) };
    }

    /// Otherwise the time of a rejection tells whether a tenant exists.
    #[test]
    fn each_public_key_algorithm_has_a_key_of_its_own_for_tenants_that_are_not_known() {
        #[cfg(feature = "ed25519")]
        assert!(matches!(
            Algorithm::Ed25519.placeholder_key(),
            Some(Verifier::Ed25519 { .. })
        ));
        #[cfg(feature = "ecdsa-p256")]
        assert!(matches!(
            Algorithm::EcdsaP256.placeholder_key(),
            Some(Verifier::EcdsaP256 { .. })
        ));
        #[cfg(feature = "rsa")]
        for hash in [RsaHash::Sha1, RsaHash::Sha256, RsaHash::Sha512] {
            let key = Algorithm::Rsa(hash).placeholder_key();
            assert!(
                matches!(key, Some(Verifier::Rsa { hash: of_key, .. }) if of_key == hash),
                "{hash:?}"
            );
        }
        assert!(Algorithm::HmacSha256.placeholder_key().is_some());
    }

    /// All hashing is done while the body arrives, so that no single poll hashes the body several times.
    #[cfg(feature = "ed25519")]
    #[test]
    fn ed25519_hashes_the_body_as_it_arrives_once_for_each_candidate() {
        use data_encoding::HEXLOWER;

        // RFC 8032 section 7.1, test 3.
        let hex = |text: &str| {
            HEXLOWER
                .decode(text.as_bytes())
                .expect("hexadecimal digits")
        };
        let key = hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
        let signature = hex(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        let genuine = Algorithm::Ed25519.candidate(&signature);
        let genuine = genuine.expect("a signature");
        // `s` is not reduced: no message has this signature.
        let impossible = Candidate([0xff; 64]);
        let mut candidates = Candidates::default();
        for candidate in [Candidate([0; 64]), genuine, impossible] {
            candidates.push(&candidate, Algorithm::Ed25519);
        }
        let key = Algorithm::Ed25519.key(Zeroizing::new(key)).expect("a key");
        let mut verifier = key.start(&candidates);
        assert_eq!(verifier.hashers(), 2);
        verifier.update(&[0xaf]);
        verifier.update(&[0x82]);
        assert!(bool::from(verifier.matches(&candidates, b"")));
        assert!(!bool::from(verifier.matches(&candidates, b"")));
    }

    /// Most deliveries have one or two. An untrusted client chooses how many there are.
    #[test]
    fn few_candidates_are_not_allocated_and_many_are_allocated_once() {
        for (algorithm, few) in [
            (Algorithm::HmacSha1, 2),
            (Algorithm::HmacSha256, 2),
            (Algorithm::HmacSha384, 1),
            (Algorithm::HmacSha512, 1),
            (Algorithm::KeylessSha256, 2),
        ] {
            let mut candidates = Candidates::default();
            let mut allocated = Vec::new();
            for number in 1..=algorithm.most_candidates() {
                candidates.push(&Candidate([0; 64]), algorithm);
                assert_eq!(candidates.0.spilled(), number > few, "{algorithm:?}");
                if candidates.0.spilled() {
                    allocated.push(candidates.0.capacity());
                }
            }
            allocated.dedup();
            assert_eq!(allocated.len(), 1, "{algorithm:?}: {allocated:?} blocks");
        }
    }

    /// If each candidate cost a MAC over the body, an untrusted client could cause much work with
    /// many candidates.
    #[test]
    fn one_mac_is_computed_for_all_candidates_together() {
        let key = Zeroizing::new(b"key".to_vec());
        for algorithm in [
            Algorithm::HmacSha1,
            Algorithm::HmacSha256,
            Algorithm::HmacSha384,
            Algorithm::HmacSha512,
            Algorithm::KeylessSha256,
        ] {
            let mut verifier = algorithm.key(key.clone()).expect("a key");
            verifier.update(b"body");
            let mut candidates = Candidates::default();
            for _ in 0..16 {
                candidates.push(&Candidate([0; 64]), algorithm);
            }
            let before = TAGS.get();
            assert!(!bool::from(verifier.matches(&candidates, b"")));
            assert_eq!(TAGS.get(), before + 1, "{algorithm:?}");
        }
    }
}
