//! LaunchDarkly.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, launchdarkly};
//!
//! fn layer() -> Result<WebhookAuthLayer<launchdarkly::Event>, ConfigError> {
//!     let secret = Secret::from_env("LAUNCHDARKLY_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::launchdarkly(secret)))
//! }
//!
//! fn handle(entry: &Verified<launchdarkly::Event>) {
//!     println!("{} {:?} changed at {}", entry.kind, entry.name, entry.date);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has neither an id nor a signed time in its head: it can be replayed. Deliveries may
//! arrive out of order: [`Event::date`] puts them in order, and [`Event::id`] tells doubles apart.

use serde::Deserialize;
use serde_json::Value;

use super::Provider;
use crate::{scheme::SignatureScheme, secret::Keys};

/// LaunchDarkly: `X-LD-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// LaunchDarkly signs only webhooks that were given a secret. A delivery that is not answered with
/// 2xx is repeated once; none is guaranteed.
/// [Vendor's page](https://launchdarkly.com/docs/api/webhooks).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::launchdarkly(Secret::new("wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn launchdarkly(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SignatureScheme::hmac_sha256("x-ld-signature");
    Provider::preset("launchdarkly", scheme.build(), keys).json()
}

/// An entry of the audit log: something changed.
///
/// What this type leaves out is in [`Verified::body`](crate::Verified::body).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// The entry's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// When it changed, in milliseconds since 1970.
    pub date: i64,
    /// The kind of what changed, such as `flag` or `environment`.
    pub kind: String,
    /// The name of what changed.
    pub name: Option<String>,
    /// What was done, such as `updateName`, and to which resource.
    #[serde(default)]
    pub accesses: Vec<Access>,
    /// What changed, in Markdown.
    pub description: Option<String>,
    /// What whoever changed it had to say.
    pub comment: Option<String>,
    /// What was done, in words, such as `turned on the flag`.
    #[serde(rename = "titleVerb")]
    pub title_verb: Option<String>,
    /// Who changed it, where that was a member.
    pub member: Option<Member>,
    /// What changed, as LaunchDarkly's API shows it.
    #[serde(default)]
    pub target: Value,
}

/// An action on a resource.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Access {
    /// The action, such as `updateName`.
    pub action: String,
    /// The resource, such as `proj/alexis:env/test`.
    pub resource: String,
}

/// A member of the account.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// The member's id.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// The member's address.
    pub email: Option<String>,
}
