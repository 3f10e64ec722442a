//! Public keys of tokens: read from PEM, DER or JWK, and used to verify.

use super::{
    jwk::{Jwk, Public},
    key::{JwtAlgorithm, Keyed},
};
#[cfg(feature = "rsa")]
use crate::scheme::rsa::{RsaHash, RsaKey};
use crate::{
    error::ConfigError,
    scheme::{
        key::KeyText,
        mac::{Algorithm, Verifier},
    },
    secret::Secret,
};

/// An Ed25519 key as SubjectPublicKeyInfo is this, then the 32 bytes of the key
/// ([RFC 8410 section 4](https://www.rfc-editor.org/rfc/rfc8410#section-4)).
#[cfg(feature = "ed25519")]
const ED25519_SPKI: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl JwtAlgorithm {
    /// The public key in the secret, and its id if it is a JWK. `None` if the JWK is a key of another algorithm.
    pub(super) fn public_key(
        self,
        text: &KeyText,
        secret: &Secret,
    ) -> Result<Option<(Keyed, Option<String>)>, ConfigError> {
        if Jwk::is_likely(secret.as_bytes()) {
            let jwk = Jwk::read(secret.as_bytes())?;
            let key = self.of_jwk(&jwk)?;
            return Ok(key.map(|key| (key, jwk.id)));
        }
        let Some(family) = self.family() else {
            return Ok(None);
        };
        let bytes = text.decode(secret, family)?;
        #[cfg(feature = "rsa")]
        if matches!(family, Algorithm::Rsa(_)) {
            return Ok(Some((Keyed::Rsa(RsaKey::from_spki_der(&bytes)?), None)));
        }
        #[cfg(feature = "ed25519")]
        let bytes = match bytes.strip_prefix(ED25519_SPKI) {
            Some(key) => zeroize::Zeroizing::new(key.to_vec()),
            None => bytes,
        };
        Ok(Keyed::of_verifier(family.key(bytes)?).map(|key| (key, None)))
    }

    fn of_jwk(self, jwk: &Jwk) -> Result<Option<Keyed>, ConfigError> {
        if jwk
            .algorithm
            .as_ref()
            .is_some_and(|named| named != self.name())
        {
            return Ok(None);
        }
        match &jwk.public {
            #[cfg(feature = "ecdsa-p256")]
            Public::Ec { curve, x, y } if self == Self::Es256 && curve == "P-256" => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point);
                let key = key.map_err(|_| {
                    ConfigError::new("the JWK is not a point on P-256: copy it again, all of it")
                });
                Ok(Some(Keyed::Es256(key?.into())))
            }
            #[cfg(feature = "ed25519")]
            Public::Okp { curve, x } if self == Self::EdDsa && curve == "Ed25519" => {
                let key = Algorithm::Ed25519.key(zeroize::Zeroizing::new(x.clone()));
                Ok(Keyed::of_verifier(key?))
            }
            #[cfg(feature = "rsa")]
            Public::Rsa { modulus, exponent }
                if matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512) =>
            {
                RsaKey::from_components(modulus, exponent).map(|key| Some(Keyed::Rsa(key)))
            }
            Public::Ec { .. } | Public::Okp { .. } | Public::Rsa { .. } => Ok(None),
        }
    }

    /// The algorithm of a signature that is not in a token. Keys in PEM and DER are read in the same way.
    fn family(self) -> Option<Algorithm> {
        match self {
            #[cfg(feature = "ed25519")]
            Self::EdDsa => Some(Algorithm::Ed25519),
            #[cfg(feature = "ecdsa-p256")]
            Self::Es256 => Some(Algorithm::EcdsaP256),
            #[cfg(feature = "rsa")]
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Some(Algorithm::Rsa(RsaHash::Sha256)),
            Self::Hs256 | Self::Hs384 | Self::Hs512 => None,
        }
    }

    /// A public key for a tenant that is not known. No sender has it.
    pub(super) fn public_placeholder_key(self) -> Option<Keyed> {
        #[cfg(feature = "rsa")]
        if matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512) {
            return RsaKey::placeholder().map(Keyed::Rsa);
        }
        Keyed::of_verifier(self.family()?.placeholder_key()?)
    }
}

impl Keyed {
    fn of_verifier(verifier: Verifier) -> Option<Self> {
        match verifier {
            #[cfg(feature = "ed25519")]
            Verifier::Ed25519 { key, .. } => Some(Self::EdDsa(key)),
            #[cfg(feature = "ecdsa-p256")]
            Verifier::EcdsaP256 { key, .. } => Some(Self::Es256(key)),
            _ => None,
        }
    }
}

/// A signature as in [RFC 8032](https://www.rfc-editor.org/rfc/rfc8032), checked strictly.
#[cfg(feature = "ed25519")]
pub(super) fn ed25519_verifies(
    key: &ed25519_dalek::VerifyingKey,
    signed: &[u8],
    signature: &[u8],
) -> bool {
    ed25519_dalek::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok())
}

/// The signature is `r` and `s` with 32 bytes each
/// ([RFC 7518 section 3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)).
#[cfg(feature = "ecdsa-p256")]
pub(super) fn p256_verifies(
    key: &p256::ecdsa::VerifyingKey,
    digest: &[u8],
    signature: &[u8],
) -> bool {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    p256::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
}
