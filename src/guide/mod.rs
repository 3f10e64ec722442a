//! Guides. Every program in them is tested.
//!
//! | guide | read it if you |
//! |---|---|
//! | [`moving`] | have a handler that checks signatures itself |
//! | [`proxies`] | run behind a proxy or gateway that may change requests |
//! | [`rotation`] | replace a secret and must not lose a delivery |
//! | [`scheme`] | receive from a sender that is not in the table of [`provider`](crate::provider) |
//! | [`tenants`] | receive for several customers, projects or environments |
//! | [`testing`] | test a handler behind the layer |
//!
//! This module exists in the documentation only. It contains no code.

#[doc = include_str!("moving.md")]
pub mod moving {}

#[doc = include_str!("proxies.md")]
pub mod proxies {}

#[doc = include_str!("rotation.md")]
pub mod rotation {}

#[doc = include_str!("scheme.md")]
pub mod scheme {}

#[doc = include_str!("tenants.md")]
pub mod tenants {}

#[doc = include_str!("testing.md")]
pub mod testing {}
