//! Shopify: the fields that its bodies have in common.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, shopify};
//!
//! fn layer() -> Result<WebhookAuthLayer<shopify::Event>, ConfigError> {
//!     let secret = Secret::from_env("SHOPIFY_CLIENT_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::shopify(secret).parse()))
//! }
//!
//! fn handle(webhook: &Verified<shopify::Event>) {
//!     if webhook.resource() == Some("Order") {
//!         println!("order {:?} changed", webhook.id);
//!     }
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! Shopify has no envelope: the body is the resource itself. The topic (`orders/paid`) and the
//! shop are in headers that are **not signed**: a replayed body can come with another topic or
//! shop. So base decisions on the body if you can, and request the resource from the API.

use crate::event::{self, EventError, FromBody};

/// The resource that changed, or a request about a customer's data.
///
/// No field is required: any JSON object is an event.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::shopify};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508",
///     "updated_at":"2021-12-31T19:00:00-05:00"}"#;
/// let event = shopify::Event::from_body(body)?;
/// assert_eq!(event.resource(), Some("Order"));
/// assert_eq!(event.id.as_deref(), Some("820982911946154508"));
/// # Ok(())
/// # }
/// ```
///
/// Sources: [webhooks](https://shopify.dev/docs/api/webhooks),
/// [requests about data](https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the resource: digits.
    pub id: Option<String>,
    /// The id of the resource in the GraphQL API, such as `gid://shopify/Order/820982911946154508`.
    pub admin_graphql_api_id: Option<String>,
    /// When the resource was created, as in RFC 3339.
    pub created_at: Option<String>,
    /// When the resource was last changed, as in RFC 3339.
    pub updated_at: Option<String>,
    /// In a request about data: the id of the shop.
    pub shop_id: Option<String>,
    /// In a request about data: the domain of the shop.
    pub shop_domain: Option<String>,
}

impl Event {
    /// The type of the resource, such as `Order`, as in
    /// [`admin_graphql_api_id`](Self::admin_graphql_api_id).
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        let path = self
            .admin_graphql_api_id
            .as_deref()?
            .strip_prefix("gid://shopify/")?;
        Some(path.split_once('/')?.0)
    }
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            Ok(Self {
                id: event.id("id")?,
                admin_graphql_api_id: event.text("admin_graphql_api_id")?,
                created_at: event.text("created_at")?,
                updated_at: event.text("updated_at")?,
                shop_id: event.id("shop_id")?,
                shop_domain: event.text("shop_domain")?,
            })
        })
    }
}
