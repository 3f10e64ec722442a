//! The layer in the hosts that people deploy, and among the layers that stand beside it there.

#[cfg(feature = "axum")]
mod axum;
mod hyper;
mod lambda;
mod net;
mod tonic;
mod tower_http;
mod warp;

#[path = "../common/mod.rs"]
mod common;
