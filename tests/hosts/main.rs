//! The layer in the servers that people deploy, and together with other layers.

#[cfg(feature = "axum")]
mod axum;
mod hyper;
mod net;
#[cfg(feature = "replay")]
mod replay;
mod tonic;
mod tower_http;
mod warp;

#[path = "../common/mod.rs"]
mod common;
