//! [`CertificateTrust`]: what makes a certificate, or the public key in it, a key of the sender.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime, alg_id,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::{
    Certificate,
    der::{Decode, Encode, Reader, SliceReader},
    ext::pkix::{SubjectAltName, name::GeneralName},
    time::Time,
};

use super::rsa::{RsaDigest, RsaHash, RsaKey};
use crate::{base64, error::ConfigError, secret::Secret};

/// What makes a certificate that a [key source](crate::tenants) returns a key of the sender.
///
/// The crate downloads nothing. The source downloads the certificate from a URL that the crate judged before,
/// and returns it as [`Secret::from_pem`]. If the signature of a delivery matches, the crate checks the
/// certificate: its names must be those of the sender, and its dates must fit the clock of the layer. A delivery
/// whose certificate is not trusted is rejected as a mismatch. Revocation is not checked.
#[derive(Clone)]
pub struct CertificateTrust(Trust);

#[derive(Clone)]
enum Trust {
    Download,
    Roots(Arc<[TrustAnchor<'static>]>),
    Source,
}

impl CertificateTrust {
    /// The chain of certificates must lead to one of these certificates, in PEM. They can be roots, or
    /// intermediate certificates of the sender's authority.
    ///
    /// The source returns the sender's certificate first, and then those that lead to a root, if they are not in
    /// this list. AWS SNS serves only its own certificate, so give the intermediate certificates of Amazon here.
    /// Each signature in the chain must be RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512.
    ///
    /// # Errors
    ///
    /// If the text is not PEM, or has a certificate that cannot be read.
    pub fn roots(pem: impl AsRef<str>) -> Result<Self, ConfigError> {
        let secret = Secret::from_pem(pem)?;
        let roots = certificates(&decode(secret.as_bytes())?)?;
        let anchors = roots.iter().map(|der| {
            let anchor = anchor_from_trusted_cert(der).map_err(|error| {
                ConfigError::new(format!("not a certificate of an authority: {error}"))
            })?;
            Ok(anchor.to_owned())
        });
        let anchors = anchors.collect::<Result<Vec<_>, ConfigError>>()?;
        Ok(Self(Trust::Roots(anchors.into())))
    }

    /// Does not check the chain. The certificate is trusted because the source downloaded it over TLS from a URL that
    /// the crate judged. The names and dates are checked. AWS's own library for Java does the same.
    ///
    /// The source must download from exactly this URL, with a verified TLS certificate, and follow no redirect.
    /// A certificate from another place, such as a file that a client can write, proves nothing.
    #[must_use]
    pub fn without_chain() -> Self {
        Self(Trust::Download)
    }

    /// The source returns public keys, not certificates, and checked them itself: the chain, the names and the
    /// dates. Nothing of this is checked again.
    #[must_use]
    pub fn checked_by_the_source() -> Self {
        Self(Trust::Source)
    }

    /// The key of a certificate, or a public key, in base64.
    pub(crate) fn key(&self, secret: &[u8]) -> Result<CertifiedKey, ConfigError> {
        let der = decode(secret)?;
        if matches!(self.0, Trust::Source) {
            let key = RsaKey::from_spki_der(&der)?;
            return Ok(CertifiedKey { key, chain: None });
        }
        let chain = Chain::new(certificates(&der)?)?;
        Ok(CertifiedKey {
            key: RsaKey::from_spki_der(&chain.key)?,
            chain: Some(chain),
        })
    }

    /// Whether the key is one of the sender now. One of the names in the certificate must be the sender's.
    pub(crate) fn trusts(
        &self,
        key: &CertifiedKey,
        is_name: impl Fn(&str) -> bool,
        now: SystemTime,
    ) -> bool {
        match (&self.0, &key.chain) {
            (Trust::Source, None) => true,
            (Trust::Download, Some(chain)) => chain.is_named(is_name) && chain.is_valid_at(now),
            (Trust::Roots(roots), Some(chain)) => {
                chain.is_named(is_name)
                    && chain.is_valid_at(now)
                    && chain.leads_to(roots, now).is_some()
            }
            _ => false,
        }
    }
}

impl fmt::Debug for CertificateTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Trust::Download => f.write_str("CertificateTrust::without_chain()"),
            Trust::Roots(roots) => write!(f, "CertificateTrust::roots({} roots)", roots.len()),
            Trust::Source => f.write_str("CertificateTrust::checked_by_the_source()"),
        }
    }
}

fn decode(secret: &[u8]) -> Result<Vec<u8>, ConfigError> {
    base64::decode(secret).ok_or_else(|| {
        ConfigError::new("not base64: read a certificate or a public key with `Secret::from_pem`")
    })
}

/// The certificates of a chain, which are one after the other.
fn certificates(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let unreadable = |_| {
        ConfigError::new(
            "not a certificate: read the file that the sender serves with `Secret::from_pem`",
        )
    };
    let mut reader = SliceReader::new(der).map_err(unreadable)?;
    let mut certificates = Vec::new();
    while !reader.is_finished() {
        let certificate = reader.tlv_bytes().map_err(unreadable)?;
        Certificate::from_der(certificate).map_err(unreadable)?;
        certificates.push(CertificateDer::from(certificate.to_vec()));
    }
    Ok(certificates)
}

/// A public key, and the certificate that says whose it is.
pub(crate) struct CertifiedKey {
    key: RsaKey,
    chain: Option<Chain>,
}

impl CertifiedKey {
    pub(crate) fn verifies(&self, hash: RsaHash, digest: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(hash, digest, signature)
    }
}

struct Chain {
    leaf: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
    /// The DER of the leaf's SubjectPublicKeyInfo.
    key: Vec<u8>,
    names: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Chain {
    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, ConfigError> {
        let unreadable = |_| ConfigError::new("not a certificate");
        let mut certificates = certificates.into_iter();
        let leaf = certificates.next();
        let leaf = leaf.ok_or_else(|| ConfigError::new("there is no certificate"))?;
        let read = Certificate::from_der(&leaf).map_err(unreadable)?;
        let content = read.tbs_certificate();
        let names = content
            .get_extension::<SubjectAltName>()
            .map_err(unreadable)?
            .map_or_else(Vec::new, |(_, SubjectAltName(names))| names);
        let names = names.into_iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        Ok(Self {
            key: content
                .subject_public_key_info()
                .to_der()
                .map_err(unreadable)?,
            names: names.collect(),
            not_before: system_time(content.validity().not_before),
            not_after: system_time(content.validity().not_after),
            leaf,
            others: certificates.collect(),
        })
    }

    fn is_named(&self, is_name: impl Fn(&str) -> bool) -> bool {
        self.names.iter().any(|name| is_name(name))
    }

    fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    fn leads_to(&self, roots: &[TrustAnchor<'static>], now: SystemTime) -> Option<()> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let algorithms: [&dyn SignatureVerificationAlgorithm; 3] = [
            &Pkcs1(RsaHash::Sha256),
            &Pkcs1(RsaHash::Sha384),
            &Pkcs1(RsaHash::Sha512),
        ];
        EndEntityCert::try_from(&self.leaf)
            .ok()?
            .verify_for_usage(
                &algorithms,
                roots,
                &self.others,
                UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs())),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .ok()
            .map(drop)
    }
}

fn system_time(time: Time) -> SystemTime {
    // The last year of a certificate is 9999. A time that a `SystemTime` cannot hold is long over.
    SystemTime::UNIX_EPOCH
        .checked_add(time.to_unix_duration())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// RSA PKCS#1 v1.5 for the signatures of certificates.
#[derive(Debug)]
struct Pkcs1(RsaHash);

impl SignatureVerificationAlgorithm for Pkcs1 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = RsaKey::from_pkcs1_der(public_key).map_err(|_| InvalidSignature)?;
        let mut digest = RsaDigest::new(self.0);
        digest.update(message);
        match key.verifies(self.0, &digest.finish(), signature) {
            true => Ok(()),
            false => Err(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.0 {
            RsaHash::Sha384 => alg_id::RSA_PKCS1_SHA384,
            RsaHash::Sha512 => alg_id::RSA_PKCS1_SHA512,
            RsaHash::Sha1 | RsaHash::Sha256 | RsaHash::Sha256Twice => alg_id::RSA_PKCS1_SHA256,
        }
    }
}
