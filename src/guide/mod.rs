//! Guides, for what comes up beside the first delivery. Every program in them is tested.
//!
//! | guide | for whoever |
//! |---|---|
//! | [`moving`] | has a handler that checks signatures by itself |
//! | [`proxies`] | sits behind something that may change a request on its way |
//! | [`rotation`] | has to exchange a secret without losing a delivery |
//! | [`scheme`] | receives from a sender that is not in the table of [`provider`](crate::provider) |
//! | [`tenants`] | receives for several customers, projects or environments |
//! | [`testing`] | wants to test a handler behind the layer |
//!
//! This module is in the documentation alone: there is no code in it.

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
