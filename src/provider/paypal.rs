//! PayPal's webhooks.
//!
//! **The body is not signed.** PayPal signs the id, the time, the id of your webhook and the CRC-32 of the body. A
//! CRC-32 is no digest: a person who has seen one delivery can make another body with the same CRC-32 by
//! changing four bytes. So [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`. Treat an
//! event as a hint: read the resource from PayPal's API by its id before you act.
//!
//! The certificate is at the URL in `PAYPAL-CERT-URL`. A [key source](crate::tenants) finds it: the guide
//! [`key_ids`](crate::guide::key_ids) has a whole program.
//!
//! ```
//! use tower_webhook_auth::{CertificateTrust, WebhookAuthLayer, provider::paypal::Webhook};
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let webhook = Webhook::new("4JH86294D6297924G").sandbox();
//! let paypal = webhook.provider(CertificateTrust::without_chain())?;
//! let layer = WebhookAuthLayer::new(paypal);
//! // Call `keys_from` on the layer with a source of certificates. Without one, each delivery gets 503.
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! Source: [PayPal's page](https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod) and
//! [library for Python](https://github.com/paypal/PayPal-Python-SDK).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Provider;
use crate::{
    base64,
    error::{BoxError, ConfigError},
    scheme::{
        CertificateTrust, CertifiedKey, CustomCheck, CustomClaims, CustomFacts, CustomHead,
        CustomRejection, CustomScheme, MOST_RSA_OPERATIONS, RsaDigest, RsaHash, Scheme,
        check_tolerance, rfc3339,
    },
};

const TOLERANCE: Duration = Duration::from_secs(300);

static SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
static ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
static TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
static ALGORITHM: HeaderName = HeaderName::from_static("paypal-auth-algo");
static CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");

/// Your webhook, as it is registered at PayPal.
#[derive(Clone, Debug)]
#[must_use = "call `provider`"]
pub struct Webhook {
    id: String,
    host: Host,
    tolerance: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Live,
    Sandbox,
}

impl Host {
    fn certificates(self) -> &'static str {
        match self {
            Self::Live => "https://api.paypal.com/v1/notifications/certs/",
            Self::Sandbox => "https://api.sandbox.paypal.com/v1/notifications/certs/",
        }
    }
}

impl Webhook {
    /// A webhook with this id, which PayPal shows next to its URL. It is signed, so a delivery for another
    /// webhook is rejected.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            host: Host::Live,
            tolerance: TOLERANCE,
        }
    }

    /// A webhook of the sandbox: the certificates are at `api.sandbox.paypal.com`, and those of
    /// `api.paypal.com` are rejected.
    pub fn sandbox(mut self) -> Self {
        self.host = Host::Sandbox;
        self
    }

    /// How far the signed time may be from now. The default is 5 minutes. PayPal repeats a delivery up to 25 times
    /// in 3 days. Its documentation does not say whether a repeated delivery has a new time. If it has none,
    /// set 3 days, and use a [`ReplayGuardLayer`](crate::guide::once) with the signed id.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// A provider without keys: use it with
    /// [`keys_from`](crate::WebhookAuthLayer::keys_from). A source that selects
    /// [`Selection::Own`](crate::tenants::Selection::Own), or a layer without a source, answers with 503.
    ///
    /// # Errors
    ///
    /// If the id is not one or more letters and digits of ASCII, or `-`, or if the tolerance is 0.
    pub fn provider(self, trust: CertificateTrust) -> Result<Provider<Bytes>, ConfigError> {
        check_tolerance(Some(self.tolerance))?;
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if self.id.is_empty() || !self.id.bytes().all(is_id) {
            return Err(ConfigError::new(format!(
                "{:?} is not the id of a webhook, such as \"4JH86294D6297924G\"",
                self.id
            )));
        }
        let scheme = PayPal {
            webhook: self,
            trust,
        };
        Ok(Provider::without_keys("paypal", Scheme::custom(scheme)))
    }
}

/// The URL of the certificate in these headers, if it is one of PayPal's. `None`: do not request it.
///
/// The headers are not verified. [`tenants::paypal_certificate`](crate::tenants::paypal_certificate) is a selector
/// that calls this. The layer has rejected the URLs of the other environment before.
#[must_use]
pub fn certificate_url(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(&CERTIFICATE).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let is_known = [Host::Live, Host::Sandbox]
        .into_iter()
        .any(|host| is_certificate(value, host));
    value.to_str().ok().filter(|_| is_known).map(String::from)
}

/// The whole URL is compared: https, the host, no port, no user, no query, and one more segment of the path.
fn is_certificate(value: &HeaderValue, host: Host) -> bool {
    let prefix = host.certificates().as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let name = value.as_bytes().strip_prefix(prefix);
    name.is_some_and(|name| (1..=128).contains(&name.len()) && name.iter().all(is_plain))
}

struct PayPal {
    webhook: Webhook,
    trust: CertificateTrust,
}

struct Check {
    /// What is signed before the CRC-32.
    signed: Vec<u8>,
    signature: Vec<u8>,
    claims: CustomClaims,
    crc: crc32fast::Hasher,
    digest: Vec<u8>,
    trust: CertificateTrust,
    now: SystemTime,
}

impl CustomScheme for PayPal {
    type Key = CertifiedKey;
    type Check = Check;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([SIGNATURE.clone()])
            .id_is_signed()
            .time_is_signed(self.webhook.tolerance)
            .of_built_in(
                "RSA PKCS#1 v1.5 with SHA-256",
                "{id}|{timestamp}|{webhook}|{CRC-32 of body}",
            )
            .at_most(MOST_RSA_OPERATIONS)
    }

    fn key(&self, secret: &[u8]) -> Result<CertifiedKey, BoxError> {
        Ok(self.trust.key(secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<Check, CustomRejection> {
        let malformed = CustomRejection::header_malformed;
        if head.header(&ALGORITHM)?.as_bytes() != b"SHA256withRSA" {
            return Err(malformed(&ALGORITHM, "SHA256withRSA"));
        }
        if !is_certificate(head.header(&CERTIFICATE)?, self.webhook.host) {
            return Err(malformed(&CERTIFICATE, self.webhook.host.certificates()));
        }
        let signature = base64::decode(head.header(&SIGNATURE)?.as_bytes())
            .ok_or_else(|| malformed(&SIGNATURE, "base64"))?;
        let id = head.header(&ID)?.as_bytes();
        // With a `|` in the id, the signed text could be split in another way.
        let is_id = |byte: &u8| byte.is_ascii_graphic() && *byte != b'|';
        if id.is_empty() || !id.iter().all(is_id) {
            return Err(malformed(&ID, "visible ASCII characters without '|'"));
        }
        let time = head.header(&TIME)?.as_bytes();
        let signed_at = rfc3339(time).ok_or_else(|| malformed(&TIME, "a time of RFC 3339"))?;
        head.check_time(&TIME, signed_at)?;
        let webhook = self.webhook.id.as_bytes();
        Ok(Check {
            signed: [id, b"|", time, b"|", webhook, b"|"].concat(),
            signature,
            claims: CustomClaims::new().id(id).signed_at(signed_at),
            crc: crc32fast::Hasher::new(),
            digest: Vec::new(),
            trust: self.trust.clone(),
            now: head.now(),
        })
    }
}

impl CustomCheck for Check {
    type Key = CertifiedKey;

    fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let mut digest = RsaDigest::new(RsaHash::Sha256);
        digest.update(&self.signed);
        digest.update(self.crc.clone().finalize().to_string().as_bytes());
        self.digest = digest.finish();
        Ok(self.claims.clone())
    }

    fn matches(&mut self, key: &CertifiedKey, _: usize) -> bool {
        // As in PayPal's libraries: the name ends in this domain.
        let is_paypal = |name: &str| name == "paypal.com" || name.ends_with(".paypal.com");
        key.verifies(RsaHash::Sha256, &self.digest, &self.signature)
            && self.trust.trusts(key, is_paypal, self.now)
    }
}
