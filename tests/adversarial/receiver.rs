//! The receivers of a file, built from the crate's public parts.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use tower_webhook_auth::{
    ConfigError, Encoding, KeyEncoding, Keys, Piece, Provider, Scheme, Secret, SharedKeyScheme,
    SignatureScheme, Timestamp, WebhookAuthLayer,
};

use super::file::Case;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    scheme: String,
    header: Option<String>,
    /// Standard Webhooks: id, timestamp, signature. Slack: timestamp, signature.
    headers: Option<Vec<String>>,
    prefix: Option<String>,
    secrets: Vec<SecretText>,
    pub max_body: usize,
    tolerance_s: Option<u64>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretText {
    b64: String,
    utf8: Option<String>,
    whsec: Option<String>,
}

impl SecretText {
    fn bytes(&self) -> Vec<u8> {
        let bytes = BASE64.decode(self.b64.as_bytes()).expect("a base64 secret");
        if let Some(text) = &self.utf8 {
            assert_eq!(text.as_bytes(), bytes, "a secret is given in two ways");
        }
        bytes
    }
}

/// A scheme's name, read once.
enum Kind {
    Hmac(Hash, Encoding),
    SharedKey,
    Slack,
    StandardWebhooks,
    Stripe,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn scheme(self, header: &str) -> SignatureScheme {
        match self {
            Self::Sha1 => SignatureScheme::hmac_sha1(header),
            Self::Sha256 => SignatureScheme::hmac_sha256(header),
            Self::Sha512 => SignatureScheme::hmac_sha512(header),
        }
    }

    fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        fn compute<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
            let mac = <M as KeyInit>::new_from_slice(key).expect("a key of any length");
            mac.chain_update(message).finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => compute::<Hmac<Sha1>>(key, message),
            Self::Sha256 => compute::<Hmac<Sha256>>(key, message),
            Self::Sha512 => compute::<Hmac<Sha512>>(key, message),
        }
    }
}

impl Receiver {
    fn kind(&self) -> Kind {
        let words: Vec<&str> = self.scheme.split('-').collect();
        match words.as_slice() {
            ["shared", "key"] => Kind::SharedKey,
            ["slack"] => Kind::Slack,
            ["standard", "webhooks"] => Kind::StandardWebhooks,
            ["stripe"] => Kind::Stripe,
            ["hmac", hash, encoding] => Kind::Hmac(
                match *hash {
                    "sha1" => Hash::Sha1,
                    "sha256" => Hash::Sha256,
                    "sha512" => Hash::Sha512,
                    other => panic!("unknown hash {other:?}"),
                },
                match *encoding {
                    "hex" => Encoding::Hex,
                    "base64" => Encoding::Base64,
                    "base64url" => Encoding::Base64Url,
                    other => panic!("unknown encoding {other:?}"),
                },
            ),
            _ => panic!("unknown scheme {:?}", self.scheme),
        }
    }

    /// The one header of a scheme that has one.
    fn one_header<'a>(&'a self, usual: Option<&'a str>) -> &'a str {
        assert!(self.headers.is_none(), "{}: several headers", self.scheme);
        self.header.as_deref().or(usual).expect("a header's name")
    }

    /// The headers of a scheme that has several.
    fn several_headers<'a, const N: usize>(&'a self, usual: [&'a str; N]) -> [&'a str; N] {
        assert!(self.header.is_none(), "{}: one header", self.scheme);
        match &self.headers {
            None => usual,
            Some(names) => {
                assert_eq!(names.len(), N, "{}: headers", self.scheme);
                std::array::from_fn(|index| names[index].as_str())
            }
        }
    }

    fn no_prefix(&self) {
        assert!(self.prefix.is_none(), "{}: a prefix", self.scheme);
    }

    fn tolerance(&self) -> Duration {
        Duration::from_secs(self.tolerance_s.unwrap_or(300))
    }

    fn scheme(&self) -> Result<Scheme, ConfigError> {
        match self.kind() {
            Kind::SharedKey => {
                let scheme = SharedKeyScheme::new(self.one_header(None));
                match self.prefix.as_deref() {
                    None => scheme,
                    Some("Bearer ") => scheme.bearer(),
                    Some("Basic ") => scheme.basic(),
                    Some(other) => panic!("unknown prefix {other:?}"),
                }
                .build()
            }
            Kind::Hmac(hash, encoding) => {
                assert!(self.tolerance_s.is_none(), "{}: tolerance", self.scheme);
                let scheme = hash.scheme(self.one_header(None)).encoding(encoding);
                match self.prefix.as_deref() {
                    None => scheme,
                    Some(prefix) => {
                        let mut tag = prefix.to_owned();
                        let separator = tag.pop().expect("a prefix is not empty");
                        scheme.tags(separator, [tag])
                    }
                }
                .build()
            }
            Kind::StandardWebhooks => {
                self.no_prefix();
                let [id, timestamp, signature] =
                    self.several_headers(["webhook-id", "webhook-timestamp", "webhook-signature"]);
                SignatureScheme::hmac_sha256(signature)
                    .encoding(Encoding::Base64)
                    .item_separator(' ')
                    .tags(',', ["v1"])
                    .id_header(id)
                    .timestamp(Timestamp::header(timestamp).tolerance(self.tolerance()))
                    .signed([
                        Piece::Id,
                        Piece::literal("."),
                        Piece::Timestamp,
                        Piece::literal("."),
                        Piece::Body,
                    ])
                    .key_prefix("whsec_")
                    .key_encoding(KeyEncoding::Base64)
                    .build()
            }
            Kind::Stripe => {
                self.no_prefix();
                SignatureScheme::hmac_sha256(self.one_header(Some("Stripe-Signature")))
                    .item_separator(',')
                    .tags('=', ["v1"])
                    .timestamp(Timestamp::tag("t").tolerance(self.tolerance()))
                    .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
                    .build()
            }
            Kind::Slack => {
                self.no_prefix();
                let [timestamp, signature] =
                    self.several_headers(["X-Slack-Request-Timestamp", "X-Slack-Signature"]);
                SignatureScheme::hmac_sha256(signature)
                    .tags('=', ["v0"])
                    .timestamp(Timestamp::header(timestamp).tolerance(self.tolerance()))
                    .signed([
                        Piece::literal("v0:"),
                        Piece::Timestamp,
                        Piece::literal(":"),
                        Piece::Body,
                    ])
                    .build()
            }
        }
    }

    /// The secret in the form in which its owner would configure it.
    fn secret(&self, secret: &SecretText) -> Result<Secret, ConfigError> {
        match (self.kind(), &secret.whsec) {
            (Kind::StandardWebhooks, Some(text)) => Secret::new(text),
            (Kind::StandardWebhooks, None) => Secret::new(&secret.b64),
            _ => match &secret.utf8 {
                Some(text) => Secret::new(text),
                None => Secret::from_bytes(secret.bytes()),
            },
        }
    }

    pub fn provider(&self, name: &str) -> Result<Provider<Bytes>, ConfigError> {
        let keys = self
            .secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| Ok((format!("key-{index}"), self.secret(secret)?)))
            .collect::<Result<Vec<_>, ConfigError>>()?;
        Provider::new(name, self.scheme()?, Keys::named(keys)?)
    }

    /// For a construction case: whether this text can be the receiver's secret.
    pub fn provider_with(&self, name: &str, text: &str) -> Result<Provider<Bytes>, ConfigError> {
        Provider::new(name, self.scheme()?, Secret::new(text)?)
    }

    /// The layer that a case asks for.
    pub fn layer(&self, case: &Case) -> WebhookAuthLayer<Bytes> {
        let provider = self.provider(&case.receiver).expect("a receiver");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(case.now);
        let layer = WebhookAuthLayer::new(provider)
            .max_body_bytes(self.max_body)
            .clock(move || now);
        match case
            .transport
            .needs_config
            .and_then(|config| config.total_body_timeout_ms)
        {
            Some(milliseconds) => layer.body_deadline(Duration::from_millis(milliseconds)),
            None => layer,
        }
    }

    /// What no response may contain: the secrets, and the signatures that the crate computes for this case.
    pub fn never_to_be_seen(&self, case: &Case) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        for secret in &self.secrets {
            let key = secret.bytes();
            texts.extend(encodings(&key));
            texts.push(secret.b64.clone().into_bytes());
            texts.extend(secret.whsec.clone().map(String::into_bytes));
            texts.push(key.clone());
            if let Some((hash, message)) = self.message(case) {
                let mac = hash.mac(&key, &message);
                texts.extend(encodings(&mac));
                texts.push(mac);
            }
        }
        texts
    }

    fn message(&self, case: &Case) -> Option<(Hash, Vec<u8>)> {
        let header = |name| case.header(name).unwrap_or_default();
        let body = || case.body().whole();
        Some(match self.kind() {
            Kind::SharedKey => return None,
            Kind::Hmac(hash, _) => (hash, body()),
            Kind::StandardWebhooks => {
                let [id, timestamp, _] =
                    self.several_headers(["webhook-id", "webhook-timestamp", "webhook-signature"]);
                let pieces = [header(id), header(timestamp), body()];
                (Hash::Sha256, pieces.join(&b'.'))
            }
            Kind::Stripe => {
                let value = header(self.one_header(Some("Stripe-Signature")));
                let timestamp = value
                    .split(|byte| *byte == b',')
                    .find_map(|item| item.strip_prefix(b"t="))
                    .unwrap_or_default()
                    .to_vec();
                (Hash::Sha256, [timestamp, body()].join(&b'.'))
            }
            Kind::Slack => {
                let [timestamp, _] =
                    self.several_headers(["X-Slack-Request-Timestamp", "X-Slack-Signature"]);
                let pieces = [b"v0".to_vec(), header(timestamp), body()];
                (Hash::Sha256, pieces.join(&b':'))
            }
        })
    }
}

fn encodings(bytes: &[u8]) -> [Vec<u8>; 4] {
    [
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        BASE64.encode(bytes),
        BASE64URL_NOPAD.encode(bytes),
    ]
    .map(String::into_bytes)
}
