//! Guides. Every program in them is tested.
//!
//! | guide | read it if you |
//! |---|---|
//! | [`alternatives`] | want to know how this crate differs from others |
//! | [`custom`] | receive from a sender that only code can verify |
//! | [`first_delivery`] | want to receive the first real delivery on your machine |
//! | [`key_ids`] | receive from AWS SNS, PayPal, or another sender that names its key in the request |
//! | [`later`] | respond at once, and process the delivery afterwards |
//! | [`moving`] | have a handler that checks signatures itself |
//! | [`once`] | want a handler to run once for each delivery |
//! | [`production`] | deploy a receiver |
//! | [`proxies`] | run behind a proxy or gateway that may change requests |
//! | [`rotation`] | replace a secret and must not lose a delivery |
//! | [`scheme`] | receive from a sender that is not in the table of [`provider`](crate::provider) |
//! | [`services`] | receive from several senders without a framework, or put the layer around a whole service |
//! | [`sync`] | keep a downloaded value up to date, on one machine or on many |
//! | [`tenants`] | receive for several customers, projects or environments |
//! | [`testing`] | test a handler behind the layer |
//! | [`troubleshooting`] | see genuine deliveries rejected |
//!
//! This module exists in the documentation only. It contains no code of the crate.

#[doc = include_str!("alternatives.md")]
pub mod alternatives {}

#[doc = include_str!("custom.md")]
#[doc = "\n```"]
#[doc = include_str!("custom/cloudinary.rs")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_webhook_auth::{Provider, Scheme, Secret};
///
/// let secret = Secret::new("webhooks_signing_key_of_a_test")?;
/// let cloudinary = Provider::new("cloudinary", Scheme::custom(Cloudinary), secret)?;
/// let (head, body) = http::Request::post("/cloudinary")
///     .header("X-Cld-Timestamp", "1700000000")
///     .header(
///         "X-Cld-Signature",
///         "4696158c72b273e1875e1ed9a68c69e6600aee0ce6707dd18dddd11aab0d618c",
///     )
///     .body(concat!(
///         r#"{"id":"evt_0001","type":"thing.updated","data":{"name":"Zo"#,
///         "\u{eb} \u{2603}",
///         r#"","amount":1050}}"#,
///     ))?
///     .into_parts();
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let verified = cloudinary.verify(&head, body.into(), now)?;
/// assert!(verified.body_is_signed());
/// # Ok(())
/// # }
/// ```
#[doc = include_str!("custom/rules.md")]
pub mod custom {}

#[doc = include_str!("first_delivery.md")]
#[doc = ""]
#[doc = include_str!("../../pictures/inspector.svg")]
#[doc = ""]
#[doc = include_str!("first_delivery/own_program.md")]
pub mod first_delivery {}

#[doc = include_str!("key_ids.md")]
pub mod key_ids {}

#[doc = include_str!("later.md")]
pub mod later {}

#[doc = include_str!("moving.md")]
pub mod moving {}

#[doc = include_str!("once.md")]
pub mod once {}

#[doc = include_str!("production.md")]
pub mod production {}

#[doc = include_str!("proxies.md")]
pub mod proxies {}

#[doc = include_str!("rotation.md")]
pub mod rotation {}

#[doc = include_str!("scheme.md")]
pub mod scheme {}

#[doc = include_str!("services.md")]
pub mod services {}

#[doc = include_str!("sync.md")]
pub mod sync {}

#[doc = include_str!("tenants.md")]
pub mod tenants {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}
