//! Senders that follow [Standard Webhooks](https://www.standardwebhooks.com), each in its own way.

use bytes::Bytes;

use super::{Provider, shapes};
#[cfg(feature = "ed25519")]
use crate::scheme::KeyEncoding;
use crate::{
    error::ConfigError,
    scheme::{SignatureScheme, Timestamp},
    secret::Keys,
};

/// Standard Webhooks `v1`: `webhook-signature`, a list of `v1,` and the HMAC-SHA256 of
/// `{id}.{timestamp}.{body}` in base64.
///
/// The key is base64 behind `whsec_`, padded or not, with or without that prefix. The timestamp, in
/// seconds, may lie five minutes away in both directions. The id stays the same when a delivery is
/// repeated. 2xx is expected; 410 asks the sender to stop, 429, 502 and 504 to slow down.
/// [Specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
///
/// # Errors
///
/// When a key is not base64.
pub fn standard_webhooks(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    whsec("standard_webhooks", keys)
}

/// Standard Webhooks `v1a`: as [`standard_webhooks`], with Ed25519 in place of the HMAC.
///
/// The key is the sender's public key, base64 behind `whpk_`. Whoever holds it can verify and cannot
/// sign. [Source](https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs).
///
/// # Errors
///
/// When a key is not an Ed25519 public key in base64.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub fn standard_webhooks_v1a(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let scheme = shapes::standard_envelope(SignatureScheme::ed25519("webhook-signature"), "v1a")
        .id_header("webhook-id")
        .timestamp(Timestamp::header("webhook-timestamp"))
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whpk_");
    Provider::new("standard_webhooks_v1a", scheme.build()?, keys)
}

/// Svix, which sends for Clerk, Resend and many others: as [`standard_webhooks`], under the headers
/// `svix-…` or `webhook-…`.
///
/// When both families are there, `svix-…` counts alone: headers of two families never mix. 2xx is
/// expected. [Vendor's page](https://docs.svix.com/receiving/verifying-payloads/how-manual),
/// [source](https://github.com/svix/svix-webhooks/blob/main/rust/src/webhooks.rs).
///
/// # Errors
///
/// When a key is not base64.
pub fn svix(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let signature = SignatureScheme::hmac_sha256("svix-signature").alias("webhook-signature");
    let scheme = shapes::standard_envelope(signature, "v1")
        .id_header("svix-id")
        .id_header("webhook-id")
        .timestamp(Timestamp::header("svix-timestamp").alias("webhook-timestamp"));
    Provider::new("svix", shapes::whsec(scheme).build()?, keys)
}

/// OpenAI: as [`standard_webhooks`].
///
/// [Vendor's page](https://platform.openai.com/docs/guides/webhooks),
/// [source](https://github.com/openai/openai-python/blob/main/src/openai/resources/webhooks/webhooks.py).
///
/// # Errors
///
/// When a key is not base64.
pub fn openai(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    whsec("openai", keys)
}

/// Replicate: as [`standard_webhooks`].
///
/// [Vendor's page](https://replicate.com/docs/topics/webhooks/verify-webhook).
///
/// # Errors
///
/// When a key is not base64.
pub fn replicate(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    whsec("replicate", keys)
}

/// GitLab with a signing token: as [`standard_webhooks`].
///
/// Prefer it over [`gitlab_token`](super::gitlab_token()), which covers nothing of the body. The
/// event's name in `X-Gitlab-Event` is not signed.
/// [Vendor's page](https://docs.gitlab.com/user/project/integrations/webhooks/).
///
/// # Errors
///
/// When a key is not base64.
pub fn gitlab_signing_token(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let provider = whsec("gitlab_signing_token", keys)?;
    Ok(provider.event_name_header(http::HeaderName::from_static("x-gitlab-event")))
}

/// BigCommerce: as [`standard_webhooks`], but the client secret's text is the key.
///
/// The vendor's page encodes the secret in base64 only to hand it to a library that decodes it. 2xx
/// is expected; up to eleven retries over 48 hours, and a domain that answers too few of its
/// deliveries is blocked for a while.
/// [Vendor's page](https://developer.bigcommerce.com/docs/integrations/webhooks/https-webhook-overview).
#[must_use]
pub fn bigcommerce(keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::preset("bigcommerce", shapes::standard_webhooks().build(), keys)
}

/// Polar: as [`standard_webhooks`], but the secret's text is the key, `polar_whs_` and all.
///
/// 2xx is expected.
/// [Vendor's page](https://polar.sh/docs/integrate/webhooks/delivery),
/// [source](https://github.com/polarsource/polar/blob/main/server/polar/webhook/tasks.py).
#[must_use]
pub fn polar(keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::preset("polar", shapes::standard_webhooks().build(), keys)
}

fn whsec(name: &str, keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let scheme = shapes::whsec(shapes::standard_webhooks());
    Provider::new(name, scheme.build()?, keys)
}
