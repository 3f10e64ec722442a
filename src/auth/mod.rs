//! [`WebhookAuthLayer`], its service and its future.
//!
//! A request passes through [`service`] (the request head), [`future`] and [`read`] (the body), and
//! then the inner service.

#[cfg(any(feature = "diagnosis", feature = "tracing"))]
mod bucket;
mod budget;
pub(crate) mod deadline;
#[cfg(feature = "axum")]
mod event_type;
pub(crate) mod future;
mod keys;
mod layer;
pub(crate) mod observe;
mod read;
mod service;
mod settings;
mod setup;

// The documentation shows the methods of a type in the order of the modules: those of `layer` come first.
#[cfg(feature = "diagnosis")]
mod diagnose;

#[cfg(feature = "axum")]
pub use self::event_type::{EventTypeMismatch, MissingLayer};
pub use self::{
    budget::MemoryBudget, future::ResponseFuture, layer::WebhookAuthLayer, service::WebhookAuth,
    setup::SetupAnswer,
};
