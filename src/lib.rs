//! Verifies webhooks before a handler runs.
//!
//! [`WebhookAuthLayer`] reads a request's body, verifies the HMAC signature or the shared key that
//! came with it, and only then calls the inner service, with a typed event that cannot exist
//! without that proof.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_webhook_auth::{BoxError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, optimizely};
//!
//! async fn datafile_updated(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, BoxError> {
//!     let webhook: &Verified<optimizely::Event> = request.extensions().get().ok_or("no layer")?;
//!     let answer = format!("project {} changed", webhook.project_id);
//!     Ok(Response::new(answer.into()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // In a program: Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?
//! let secret = Secret::new("I am secret")?;
//! let service = WebhookAuthLayer::new(provider::optimizely(secret)).layer(service_fn(datafile_updated));
//!
//! // A delivery from the tests of the vendor's own receiver, Optimizely Agent.
//! let body = concat!(
//!     r#"{"project_id":42,"timestamp":42424242,"event":"project.datafile_updated","data":"#,
//!     r#"{"revision":101,"origin_url":"origin.optimizely.com/datafiles/myDatafile","#,
//!     r#""cdn_url":"cdn.optimizely.com/datafiles/myDatafile","environment":"Production"}}"#,
//! );
//! let delivery = |signature: &str| {
//!     Request::post("/webhooks/optimizely")
//!         .header("X-Hub-Signature", signature)
//!         .body(Full::<Bytes>::from(body))
//! };
//!
//! let genuine = delivery("sha1=e0199de63fb7192634f52136d4ceb7dc6f191da3")?;
//! assert_eq!(service.clone().oneshot(genuine).await?.status(), StatusCode::OK);
//!
//! let forged = delivery("sha1=0000000000000000000000000000000000000000")?;
//! assert_eq!(service.oneshot(forged).await?.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! (That needs `bytes = "1"`, `http = "1"`, `http-body-util = "0.1"`, and `tower = "0.5"` with its feature
//! `util`.)
//!
//! With axum a route is layered, and a handler takes the event as an argument (feature `axum`):
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, optimizely};
//!
//! async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
//!     println!("project {} changed", webhook.project_id);
//!     StatusCode::OK
//! }
//!
//! # fn app() -> Result<Router, tower_webhook_auth::ConfigError> {
//! let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
//! let optimizely = WebhookAuthLayer::new(provider::optimizely(secret));
//! let app = Router::new()
//!     .route("/webhooks/optimizely", post(datafile_updated).route_layer(optimizely));
//! # Ok(app)
//! # }
//! # let _ = app;
//! ```
//!
//! # What it promises
//!
//! 1. **Nothing unverified gets through.** The inner service is not called, and no event exists,
//!    unless a key matched. An empty secret is an error when it is built.
//! 2. **It decides as early as the facts allow.** A missing, duplicated, malformed or stale header,
//!    a wrong shared key and a declared length over the limit are refused before one byte of the
//!    body is read: a client that waits for `100 Continue` is answered with the refusal.
//! 3. **A stranger cannot make us spend.** A body has a limit and a deadline for the whole of it,
//!    nothing large is allocated on the word of a header, each key's MAC is computed once however
//!    many signatures are presented, and [a budget](WebhookAuthLayer::memory_budget) bounds all
//!    unverified bodies together.
//! 4. **A stranger cannot hold what is inside.** The inner service is asked whether it is ready once
//!    a delivery is verified: unverified, slow bodies hold no permit of a limit in there.
//! 5. **Verified bytes are the delivered bytes.** The inner service gets exactly what was signed.
//!    Trailers, which no sender signs, are dropped. A body that breaks off is never an end.
//! 6. **Errors belong to the inner service.** Its error type is kept. What is refused is answered,
//!    with the [`Rejection`] in the response's extensions for layers outside. All failed
//!    authentications look alike to the sender.
//! 7. **No panic** on anything that the network sends, and no secret, computed MAC or presented
//!    signature in any `Debug`, `Display`, log or response.
//!
//! What it does not do: a delivery that was genuine once can be sent again for as long as its
//! signature holds: five minutes as a rule where the sender signs the time, for ever where it does not
//! (Optimizely, GitHub, VWO) or any age is accepted (SendGrid, Sanity). A
//! [shared key](Authentication::SharedKey) proves who called and covers nothing of the body. TLS, rate
//! limits and addresses are somebody else's.
//!
//! # Where it stands
//!
//! ```text
//! TraceLayer        sees what was refused, and why
//!   rate limits     bound the strangers
//!     WebhookAuthLayer
//!       LoadShed, ConcurrencyLimit, Timeout: they protect the handler, from verified requests
//!         decompression, routing, the handler
//! ```
//!
//! Whatever changes the body's bytes (decompression above all) belongs inside: signatures are over
//! the bytes on the wire.
//!
//! # What is answered
//!
//! | status | when |
//! |---|---|
//! | 401 | not authenticated, in whichever way |
//! | 413 | the body is over the limit |
//! | 408 | the body took too long |
//! | 400 | the body broke off |
//! | 422 | authentic, but not the event that was expected |
//! | 503 | with `Retry-After`: the budget is spent, or the keys were withdrawn |
//!
//! # Features
//!
//! | feature | what it brings |
//! |---|---|
//! | `tokio` (default) | the deadline for bodies |
//! | `axum` | [`Verified`] as an extractor |
//! | `tracing` | an event for each refusal, bounded in rate, and fields on the span of what was accepted |
//! | `ed25519` | senders that sign with Ed25519 |
//! | `ecdsa-p256` | senders that sign with ECDSA over P-256 |
//! | `handshake` | the answers that some senders want before their first delivery |
//! | `server` | a server with time limits for what comes before the layer, and a bounded graceful stop |
//! | `sync` | the work that deliveries cause, in the background |
//! | `testing` | signing as the sender would |
//!
//! # Guides
//!
//! [Rotation of keys](guide::rotation), [several tenants](guide::tenants),
//! [reverse proxies and compression](guide::proxies), [testing your handler](guide::testing),
//! [writing your own scheme](guide::scheme), [moving from a hand-written check](guide::moving).
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

mod auth;
#[cfg(feature = "axum")]
mod axum;
mod clock;
mod error;
mod event;
#[cfg(any(doc, doctest))]
pub mod guide;
#[cfg(feature = "handshake")]
#[cfg_attr(docsrs, doc(cfg(feature = "handshake")))]
pub mod handshake;
mod identity;
pub mod provider;
mod rejection;
mod response;
mod scheme;
mod secret;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub mod sync;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod text;
mod verified;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::auth::{EventTypeMismatch, MissingLayer};
pub use self::{
    auth::{MemoryBudget, ResponseFuture, WebhookAuth, WebhookAuthLayer},
    clock::Clock,
    error::{BoxError, ConfigError},
    event::{Batch, EventError, FromBody, Json, Unreadable},
    identity::Identity,
    provider::{KeysHandle, Provider},
    rejection::{Rejection, RejectionKind},
    response::ResponseBody,
    scheme::{
        Authentication, Encoding, KeyEncoding, Piece, Scheme, SharedKeyScheme, SignatureScheme,
        SignedUrl, Timestamp,
    },
    secret::{Keys, Secret},
    verified::{Acceptance, Claim, Verified},
};

/// The programs of the README, which nobody else would compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
