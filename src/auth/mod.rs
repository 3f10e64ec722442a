//! [`WebhookAuthLayer`], its service and its future.
//!
//! A request passes through [`service`] (the request head), [`future`] and [`read`] (the body), and
//! then the inner service.

mod budget;
mod deadline;
mod future;
mod layer;
pub(crate) mod observe;
mod read;
mod service;
mod settings;

pub use self::{
    budget::MemoryBudget, future::ResponseFuture, layer::WebhookAuthLayer, service::WebhookAuth,
};
