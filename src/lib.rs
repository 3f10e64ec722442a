//! Verifies webhooks before a handler runs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Nothing that the network sends may cause a panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
    )
)]

#[cfg(feature = "axum")]
mod axum;
mod budget;
mod clock;
mod deadline;
mod error;
mod future;
#[cfg(feature = "handshake")]
#[cfg_attr(docsrs, doc(cfg(feature = "handshake")))]
pub mod handshake;
mod layer;
pub mod provider;
mod read;
mod rejection;
mod response;
mod scheme;
mod secret;
mod service;
mod settings;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod verified;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::axum::MissingLayer;
pub use self::{
    clock::Clock,
    error::{BoxError, ConfigError},
    future::ResponseFuture,
    layer::WebhookAuthLayer,
    provider::{KeysHandle, Provider},
    rejection::{Rejection, RejectionKind},
    response::ResponseBody,
    scheme::{
        Authentication, Encoding, KeyEncoding, Piece, Scheme, SharedKeyScheme, SignatureScheme,
        SignedUrl, Timestamp,
    },
    secret::{Keys, Secret},
    service::WebhookAuth,
    verified::{Acceptance, Claim, Verified},
};
