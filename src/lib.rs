//! Verifies webhooks before a handler runs.
//!
//! [`WebhookAuthLayer`] is a tower layer. It reads the body of a request and verifies its signature or
//! shared key. Then it calls the inner service with a typed event, [`Verified<E>`](Verified), which
//! only this verification can create. [`provider`] has presets for about 290 senders.
//!
//! - A **sender** is the service that sends webhooks to you. A **delivery** is one such request.
//! - A **key** verifies deliveries. Usually it is a **secret** that you share with the sender. Some senders sign
//!   with a private key: then your key is their public key.
//! - A [`Scheme`] describes what a sender signs, with which algorithm, and where the signature is.
//! - A [`Provider`] is a scheme with your keys and the type of the event. A **preset** is a function that makes
//!   the provider of a known sender.
//!
//! # With axum
//!
//! A handler takes the event as an argument. In `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! axum = { version = "0.8", default-features = false }
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! tower-webhook-auth = { version = "0.1", features = ["axum", "server", "tracing"] }
//! tracing-subscriber = "0.3"
//! ```
//!
//! In `src/main.rs`:
//!
#![cfg_attr(all(feature = "axum", feature = "server"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "server")), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower_webhook_auth::provider::{self, optimizely};
//! use tower_webhook_auth::{BoxError, Secret, Verified, WebhookAuthLayer, server};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     tracing_subscriber::fmt::init();
//!     let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
//!     let layer = WebhookAuthLayer::new(provider::optimizely(secret));
//!     let app = Router::new()
//!         .route("/webhooks/optimizely", post(datafile_updated).route_layer(layer));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     server::serve(listener, app).await?; // until Ctrl-C or SIGTERM
//!     Ok(())
//! }
//!
//! async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
//!     println!("project {} changed", webhook.project_id);
//!     StatusCode::OK
//! }
//! ```
//!
//! # With any tower service
//!
//! The event is in the extensions of the request. This program needs `bytes = "1"`, `http = "1"`,
//! `http-body-util = "0.1"`, and `tower = "0.5"` with its feature `util`.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_webhook_auth::{BoxError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, optimizely};
//!
//! async fn datafile_updated(
//!     request: Request<Full<Bytes>>,
//! ) -> Result<Response<Full<Bytes>>, BoxError> {
//!     let webhook: &Verified<optimizely::Event> = request.extensions().get().ok_or("no layer")?;
//!     let text = format!("project {} changed", webhook.project_id);
//!     Ok(Response::new(text.into()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // In a program: Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?
//! let secret = Secret::new("I am secret")?;
//! let layer = WebhookAuthLayer::new(provider::optimizely(secret));
//! let service = layer.layer(service_fn(datafile_updated));
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
//! # Promises
//!
//! 1. **Nothing unverified gets through.** If no key matches, the inner service is not called and no event
//!    exists. An empty secret is a configuration error.
//! 2. **It decides as early as possible.** A missing, duplicated, malformed or stale header, a wrong
//!    shared key and a declared length over the limit are rejected before the body is read. A client that
//!    waits for `100 Continue` gets the rejection instead.
//! 3. **An untrusted client cannot use much memory or processor time.** A body has a size limit,
//!    and one deadline for the whole body. A declared length allocates no memory. Each key's MAC
//!    is computed once, for any number of signatures. [A budget](WebhookAuthLayer::memory_budget)
//!    bounds all unverified bodies together.
//! 4. **An untrusted client cannot use up the limits of inner services.** The layer waits for
//!    readiness of the inner service after the verification. So slow unverified bodies hold no
//!    permit of an inner concurrency limit.
//! 5. **Verified bytes are the delivered bytes.** The inner service gets exactly the bytes that
//!    were verified. If the body is a token, the inner service gets the claims of the token. Trailers, which
//!    no sender signs, are dropped. A broken connection is an error, never the end of a body.
//! 6. **Errors belong to the inner service.** Its error type is kept. A rejection is a response with the
//!    [`Rejection`] in its extensions, for outer layers. All failed authentications get the same response.
//! 7. **No panic** on network input, and no secret, computed MAC or received signature in any
//!    `Debug`, `Display`, log or response.
//!
//! What it does not do:
//!
//! - A copy of a genuine delivery is accepted while its signature is valid. If the sender signs
//!   the time, the signature is valid for the tolerance, usually five minutes. If the sender signs
//!   no time (Optimizely, GitHub, VWO) or sets no maximum age (SendGrid, Sanity), there is no time
//!   limit. A [`ReplayGuardLayer`](replay::ReplayGuardLayer) (feature `replay`) recognises copies.
//! - A [shared key](Authentication::SharedKey), in a header or in the [body](Authentication::BodyKey),
//!   proves that the caller knows the key. It proves nothing about the body. Some senders use a
//!   [token](Authentication::Token) in the same way.
//! - A [partial signature](Authentication::PartialSignature) covers only some values.
//!   [`Verified::body_is_signed`] is then `false`.
//! - TLS, rate limits and IP filters are not part of this crate.
//!
//! # The path of a request
//!
#![doc = include_str!("../pictures/request.svg")]
//!
//! Put layers that change the bytes of the body inside, for example decompression. Signatures
//! cover the bytes that the sender signed. The guide [`proxies`](guide::proxies#compression) has
//! the exceptions.
//!
//! # Error responses
//!
//! | status | when |
//! |---|---|
//! | 401 | not authenticated, for any reason |
//! | 413 | the body is larger than the limit |
//! | 408 | the body did not end before the deadline |
//! | 400 | the connection broke before the end of the body |
//! | 422 | the delivery is authentic, but its body is not the expected event type |
//! | 500 | the replay guard is in the wrong place, or cannot distinguish the deliveries |
//! | 503 | with `Retry-After`: the memory budget is used up; the keys or the replay store are not available; the same delivery is in progress |
//!
//! [`RejectionKind`] has all reasons. The guide [`troubleshooting`](guide::troubleshooting) helps
//! to find the cause.
//!
//! # Features
//!
//! | feature | what it brings |
//! |---|---|
//! | `tokio` (default) | the deadline for bodies |
//! | `axum` | [`Verified`] as an extractor |
//! | `tracing` | a log of rejections with a rate limit, and span fields for accepted deliveries |
//! | `certificates` | certificates as keys: AWS SNS and PayPal |
//! | `diagnosis` | names the cause of a rejection: an old key, a decoded key, a changed body or URL |
//! | `ed25519` | senders that sign with Ed25519 |
//! | `ecdsa-p256` | senders that sign with ECDSA over P-256 |
//! | `handshake` | responses to the test requests that some senders send before their first delivery |
//! | `http-signatures` | senders that sign as in RFC 9421 |
//! | `replay` | a layer that calls the handler once for each delivery |
//! | `replay-redis` | the same with Redis or Valkey, for several processes |
//! | `rsa` | senders that sign with RSA PKCS#1 v1.5 |
//! | `server` | a server with time limits for request heads, for silent connections and for the graceful stop |
//! | `sync` | keeps a downloaded value up to date in the background |
//! | `tenant-cache` | remembers the keys of tenants that were looked up |
//! | `testing` | signs requests as the sender does |
//!
//! # Guides
//!
//! The module [`guide`] lists all guides. Start with [`first_delivery`](guide::first_delivery), the first real delivery
//! on your machine, and read [`production`](guide::production) before you deploy.
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
mod base64;
mod clock;
#[cfg(feature = "diagnosis")]
#[cfg_attr(docsrs, doc(cfg(feature = "diagnosis")))]
pub mod diagnosis;
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
#[cfg(feature = "replay")]
#[cfg_attr(docsrs, doc(cfg(feature = "replay")))]
pub mod replay;
mod response;
mod scheme;
mod secret;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub mod sync;
pub mod tenants;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod text;
mod verified;

// The documentation shows the methods of a type in the order of the modules: those of `Provider` come first.
mod delivery;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::auth::{EventTypeMismatch, MissingLayer};
#[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa")))
)]
pub use self::scheme::JwkSet;
pub use self::{
    auth::{MemoryBudget, ResponseFuture, SetupAnswer, WebhookAuth, WebhookAuthLayer},
    clock::Clock,
    delivery::Delivery,
    error::{BoxError, ConfigError},
    event::{Batch, EventError, FromBody, Json, SignedForm, Unreadable},
    identity::Identity,
    provider::{configured::Provider, keys_handle::KeysHandle},
    rejection::{
        ExpectedShape, FoundShape, Rejection, RejectionDetail, RejectionKind, TimestampUnit,
    },
    response::ResponseBody,
    scheme::{
        Authentication, BodyDigest, BodyKeyScheme, BodyPiece, BodySignatureScheme, BodyValue,
        CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
        Encoding, JwtScheme, KeyEncoding, Piece, QueryParameter, Scheme, SharedKeyScheme,
        SignatureScheme, SignedHeaders, SignedUrl, SortedForm, Timestamp, TokenPlace,
    },
    secret::{Keys, Secret},
    verified::{Acceptance, Claim, Verified},
};

#[cfg(feature = "certificates")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificates")))]
pub use self::scheme::CertificateTrust;

#[cfg(feature = "http-signatures")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-signatures")))]
pub use self::scheme::HttpSignatureScheme;

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
