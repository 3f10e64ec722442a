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
#[doc = include_str!("custom/twilio.rs")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_webhook_auth::{Authentication, Provider, Scheme, Secret};
///
/// let url = SignedUrl::exact("https://mycompany.com/myapp.php?foo=1&bar=2")?;
/// let form = Scheme::custom(TwilioForm { url: url.clone() });
/// let json = Scheme::custom(TwilioJson { url });
/// let scheme = Scheme::any_of([("form", form), ("json", json)])?;
/// let twilio = Provider::new("twilio", scheme, Secret::new("12345")?)?;
///
/// // Two vectors of Twilio's package for Python.
/// let (head, body) = http::Request::post("/myapp.php?foo=1&bar=2")
///     .header("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
///     .body("CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
///            &Caller=%2B14158675309")?
///     .into_parts();
/// let verified = twilio.verify(&head, body.into(), std::time::SystemTime::now())?;
/// assert_eq!(verified.authentication(), Authentication::Custom);
/// assert_eq!((verified.way(), verified.body_is_signed()), (Some("form"), false));
///
/// let (head, body) = http::Request::post("/myapp.php")
///     .header("X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4=")
///     .body(r#"{"property": "value", "boolean": true}"#)?
///     .into_parts();
/// let verified = twilio.verify(&head, body.into(), std::time::SystemTime::now())?;
/// assert_eq!((verified.way(), verified.body_is_signed()), (Some("json"), true));
/// # Ok(())
/// # }
/// ```
#[doc = include_str!("custom/rules.md")]
pub mod custom {}

#[doc = include_str!("first_delivery.md")]
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
