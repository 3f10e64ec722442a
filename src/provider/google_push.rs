//! Pushes of Google Cloud: Pub/Sub, Cloud Tasks, Cloud Scheduler, Eventarc.
//!
//! Google sends an OpenID Connect token in `Authorization`. **The token does not cover the body**: it proves that the
//! service account which you chose called your URL. A person who has a token can send any body with it until it
//! expires, within an hour. [`Verified::authentication`](crate::Verified::authentication) says
//! [`Token`](crate::Authentication::Token).
//!
//! Google's keys sign the tokens of everyone, so a token must be for your audience and from your service account.
//! A preset that checks less would accept the token of any person with a Google account.
//!
//! ```
//! use bytes::Bytes;
//! use tower_webhook_auth::{ConfigError, JwkSet, Provider, provider::google_push::Account};
//!
//! /// `keys` is the content of <https://www.googleapis.com/oauth2/v3/certs>. Google replaces its keys within days:
//! /// the guide `key_ids` shows how to find a key by its id.
//! fn pubsub(keys: &str) -> Result<Provider<Bytes>, ConfigError> {
//!     Account::new("push@project.iam.gserviceaccount.com", "https://example.com/pubsub")
//!         .provider(JwkSet::parse(keys)?.keys()?)
//! }
//! # let _ = pubsub;
//! ```
//!
//! Source: [authentication for push
//! subscriptions](https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions).

use bytes::Bytes;

use super::Provider;
use crate::{
    error::ConfigError,
    scheme::{JwtScheme, Scheme, TokenPlace},
    secret::Keys,
};

/// The service account that calls your URL.
#[derive(Clone, Debug)]
#[must_use = "call `provider`"]
pub struct Account {
    email: String,
    audience: String,
}

impl Account {
    /// The service account with this email address, as it is set in the subscription, the task or the job. The
    /// audience is also set there. If it is not set, it is the URL that Google calls.
    pub fn new(email: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            audience: audience.into(),
        }
    }

    /// A provider with these keys, which are those of a [`JwkSet`](crate::JwkSet). A
    /// [key source](crate::WebhookAuthLayer::keys_from) replaces them.
    ///
    /// # Errors
    ///
    /// If the email address or the audience is empty, or if no key is an RSA public key.
    pub fn provider(self, keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
        Provider::new("google_push", self.scheme()?, keys)
    }

    fn scheme(self) -> Result<Scheme, ConfigError> {
        if self.email.is_empty() || self.audience.is_empty() {
            return Err(ConfigError::new(
                "the email address or the audience is empty: write those of the subscription, or anyone with a \
                 Google account could call",
            ));
        }
        JwtScheme::rs256(TokenPlace::authorization("Bearer"))
            .issuer("https://accounts.google.com")
            .issuer("accounts.google.com")
            .audience(self.audience)
            .claim("email", self.email)
            .claim_true("email_verified")
            .accept_unsigned_body()
            .build()
    }
}
