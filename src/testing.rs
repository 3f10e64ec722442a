//! Sign as the sender would: for tests of handlers, and to send webhooks of one's own.
//!
//! The test of a handler is three lines: a signer, a request, a look at the answer.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower::ServiceExt;
//! use tower_webhook_auth::{
//!     Secret, Verified, WebhookAuthLayer, provider, provider::optimizely, testing::Signer,
//! };
//!
//! async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
//!     match webhook.datafile() {
//!         Some(_) => StatusCode::NO_CONTENT,
//!         None => StatusCode::IM_A_TEAPOT,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("wJ4mX9")?;
//! let optimizely = provider::optimizely(secret.clone());
//! let layer = WebhookAuthLayer::new(optimizely.clone());
//! let app = Router::new().route("/", post(datafile_updated).route_layer(layer));
//!
//! let body = r#"{"project_id": 1234, "timestamp": 1468447113, "event": "project.created", "data": {}}"#;
//! let request = Signer::new(&optimizely, &secret)?.request(body);
//! assert_eq!(app.oneshot(request).await?.status(), StatusCode::IM_A_TEAPOT);
//! # Ok(())
//! # }
//! ```
//!
//! To **send** Standard Webhooks, give each event an id and keep it over its retries, sign anew for
//! each attempt, and do not send what could not be signed:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use tower_webhook_auth::{Secret, provider, testing::Signer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new(concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))?;
//! let receiver = provider::standard_webhooks(secret.clone())?;
//! let signer = Signer::new(&receiver, &secret)?;
//!
//! let attempt = || -> Result<Request<Bytes>, Box<dyn std::error::Error>> {
//!     let request = Request::post("https://example.com/hook")
//!         .header("content-type", "application/json")
//!         .body(Bytes::from_static(br#"{"type":"invoice.paid"}"#))?;
//!     Ok(signer.clone().with_id("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W").try_sign(request)?)
//! };
//! let first = attempt()?;
//! let second = attempt()?;
//! assert_eq!(first.headers()["webhook-id"], second.headers()["webhook-id"]);
//! # Ok(())
//! # }
//! ```

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header::CONTENT_TYPE, request::Parts};
use http_body_util::Full;

use crate::{
    error::ConfigError,
    provider::Provider,
    scheme::{Scheme, SigningKey},
    secret::Secret,
};

/// Signs requests in the way that a provider verifies them.
///
/// What the sender chooses, a delivery's id and time, is chosen anew for each request, unless the
/// request brings the headers for them, or [`with_id`](Self::with_id) or [`at`](Self::at) gives
/// them. The module's [introduction](self) shows both of its uses.
#[derive(Clone)]
pub struct Signer {
    scheme: Scheme,
    keys: Vec<SigningKey>,
    id: Option<String>,
    time: Option<SystemTime>,
}

impl Signer {
    /// A signer of deliveries that `provider` accepts when it holds this secret.
    ///
    /// # Errors
    ///
    /// When the secret is not written in the way that the scheme demands, or cannot stand in a
    /// header where it has to. When the scheme is one with a public key: what that verifies, only
    /// its owner can sign.
    pub fn new<E>(provider: &Provider<E>, secret: &Secret) -> Result<Self, ConfigError> {
        let scheme = provider.scheme().signing_way(secret)?.clone();
        Ok(Self {
            keys: vec![scheme.signing_key(secret)?],
            scheme,
            id: None,
            time: None,
        })
    }

    /// Signs with this secret as well, for the time while a receiver exchanges one for the other.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and when a delivery has no room for one more signature.
    pub fn add_key(mut self, secret: &Secret) -> Result<Self, ConfigError> {
        if self.keys.len() >= self.scheme.most_signatures() {
            return Err(ConfigError::new(
                "a delivery of this scheme has no room for one more signature",
            ));
        }
        self.keys.push(self.scheme.signing_key(secret)?);
        Ok(self)
    }

    /// Signs as of this time instead of now.
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Signs with this id instead of a new one. A sender gives each event one id, and keeps it over
    /// the event's retries. Without effect where the scheme has no id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A signed `POST /` with this body, said to be JSON. Where it cannot be signed it is as
    /// [`sign`](Self::sign) leaves it.
    #[must_use]
    pub fn request(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        self.request_to(Uri::default(), body)
    }

    /// As [`request`](Self::request), to this path or URL.
    #[must_use]
    pub fn request_to(&self, uri: Uri, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::new(body.into());
        *request.uri_mut() = uri;
        *request.method_mut() = Method::POST;
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.sign(request).map(Full::new)
    }

    /// Adds the headers that the sender would add: signature or shared key, and where the scheme
    /// has them, id and timestamp, unless they are there. A signature that is there is replaced.
    ///
    /// A request that cannot be signed is left without a signature: to be refused, as one from a
    /// sender that makes such requests would be. [`try_sign`](Self::try_sign) says why it cannot.
    #[must_use]
    pub fn sign(&self, request: Request<Bytes>) -> Request<Bytes> {
        let (mut head, body) = request.into_parts();
        // What cannot be signed is left as it is, as said above.
        drop(self.sign_head(&mut head, &body));
        Request::from_parts(head, body)
    }

    /// Adds the same headers as [`sign`](Self::sign), or says why it cannot: for whoever sends the
    /// request.
    ///
    /// # Errors
    ///
    /// When the id cannot be signed, since it is empty, contains what separates the signed pieces,
    /// or holds anything but visible ASCII. When the request lacks a header that is signed.
    pub fn try_sign(&self, request: Request<Bytes>) -> Result<Request<Bytes>, ConfigError> {
        let (mut head, body) = request.into_parts();
        self.sign_head(&mut head, &body)?;
        Ok(Request::from_parts(head, body))
    }

    fn sign_head(&self, head: &mut Parts, body: &[u8]) -> Result<(), ConfigError> {
        let time = self.time.unwrap_or_else(SystemTime::now);
        let id = self.id.clone().unwrap_or_else(new_id);
        self.scheme.sign(&self.keys, head, body, time, &id)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Different each time, and a secret to nobody: each `RandomState` has keys of its own.
fn new_id() -> String {
    let part = || RandomState::new().hash_one(Duration::ZERO);
    format!("msg_{:016x}{:016x}", part(), part())
}
