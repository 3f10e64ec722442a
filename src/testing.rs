//! Signs requests as the sender does: for tests of handlers, and to send your own webhooks.
//!
//! The test of a handler has three steps: make a signer, sign a request, check the response.
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
//! To **send** Standard Webhooks, give each event an id that all its retries keep, sign each attempt again, and
//! do not send a request that cannot be signed:
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
    iter,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header::CONTENT_TYPE, request::Parts};
use http_body_util::Full;

use crate::{
    error::ConfigError,
    event::Form,
    provider::Provider,
    scheme::{Fresh, Scheme, SigningKey},
    secret::Secret,
};

/// Signs requests in the way in which a provider verifies them.
///
/// Each request gets a new id and the current time, unless it already has the headers for them, or
/// [`with_id`](Self::with_id) or [`at`](Self::at) sets them. The [introduction](self) of the module shows a
/// test and a sender.
#[derive(Clone)]
pub struct Signer {
    first: Way,
    /// The other ways of the scheme that can sign with the secret.
    others: Vec<Way>,
    id: Option<String>,
    time: Option<SystemTime>,
    renews: bool,
}

/// A way to sign, with its keys.
#[derive(Clone)]
struct Way {
    scheme: Scheme,
    keys: Vec<SigningKey>,
}

impl Way {
    fn new((scheme, key): (Scheme, SigningKey)) -> Self {
        let keys = vec![key];
        Self { scheme, keys }
    }

    fn takes_another_key(&self) -> bool {
        self.keys.len() < self.scheme.most_signatures()
    }
}

impl Signer {
    /// A signer of deliveries that `provider` accepts if it has this secret.
    ///
    /// # Errors
    ///
    /// - The secret is not written as the scheme requires, or it is a shared key that a header cannot hold.
    /// - The scheme verifies with a public key. Only the owner of the private key can sign.
    pub fn new<E>(provider: &Provider<E>, secret: &Secret) -> Result<Self, ConfigError> {
        let (first, others) = provider.scheme().signing_ways(secret)?;
        Ok(Self {
            first: Way::new(first),
            others: others.into_iter().map(Way::new).collect(),
            id: None,
            time: None,
            renews: false,
        })
    }

    /// Signs with this secret too, for the time in which a receiver replaces one secret with another.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new), and if a delivery of this scheme cannot have one more signature.
    pub fn add_key(mut self, secret: &Secret) -> Result<Self, ConfigError> {
        if !self.first.takes_another_key() {
            return Err(ConfigError::new(
                "a delivery of this scheme cannot have one more signature: use one signer for each key",
            ));
        }
        let key = self.first.scheme.signing_key(secret)?;
        self.first.keys.push(key);
        self.others.retain_mut(|way| {
            let key = way.scheme.signing_key(secret).ok();
            let key = key.filter(|_| way.takes_another_key());
            way.keys.extend(key.clone());
            key.is_some()
        });
        Ok(self)
    }

    /// Signs with this time in place of the current time.
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Signs with this id in place of a new one. A sender gives each event one id, and all retries of the
    /// event have the same id. It has no effect if the scheme has no id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Replaces the id and the timestamp that a request has, to send a kept delivery again as a new one. Without
    /// this, an existing id or timestamp is kept, and a receiver rejects a timestamp that is too old.
    ///
    /// It replaces only what the scheme reads. Other headers with an id are kept.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::Request;
    /// use tower_webhook_auth::{Secret, provider, testing::Signer};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = Secret::new("the signing secret")?;
    /// let signer = Signer::new(&provider::slack(secret.clone()), &secret)?;
    /// let kept = Request::post("/")
    ///     .header("x-slack-request-timestamp", "1531420618")
    ///     .body(Bytes::from("{}"))?;
    /// assert_eq!(signer.sign(kept.clone()).headers()["x-slack-request-timestamp"], "1531420618");
    /// assert_ne!(signer.renew().sign(kept).headers()["x-slack-request-timestamp"], "1531420618");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn renew(mut self) -> Self {
        self.renews = true;
        self
    }

    /// A signed `POST /` with this body. Its content type is `application/json`, or
    /// `application/x-www-form-urlencoded` for a body such as `a=1&b=2`. If it cannot be signed, it has no signature,
    /// as with [`sign`](Self::sign).
    #[must_use]
    pub fn request(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        self.request_to(Uri::default(), body)
    }

    /// The same as [`request`](Self::request), to this path or URL.
    #[must_use]
    pub fn request_to(&self, uri: Uri, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let body = body.into();
        let content_type = HeaderValue::from_static(match Form::of_body(&body) {
            Some(_) => "application/x-www-form-urlencoded",
            None => "application/json",
        });
        let mut request = Request::new(body);
        *request.uri_mut() = uri;
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        self.sign(request).map(Full::new)
    }

    /// Adds what the sender adds: the signature or the shared key, and if the scheme has them, the id and the
    /// timestamp. They are in headers, in the query or in the body, as the scheme requires. An existing
    /// signature is replaced. An existing id or timestamp is kept, except after [`renew`](Self::renew).
    ///
    /// If the sender has several ways, such as one for forms and one for JSON, the first way that fits the request is
    /// used. A request that cannot be signed is returned without a signature, so a receiver rejects it.
    /// [`try_sign`](Self::try_sign) returns the reason.
    #[must_use]
    pub fn sign(&self, request: Request<Bytes>) -> Request<Bytes> {
        let (mut head, body) = request.into_parts();
        let mut signed = body.clone();
        // A request that cannot be signed has no signature, as the documentation says.
        match self.sign_parts(&mut head, &mut signed) {
            Ok(()) => Request::from_parts(head, signed),
            Err(_) => Request::from_parts(head, body),
        }
    }

    /// Adds the same headers as [`sign`](Self::sign), or returns the reason why it cannot. Use it to send
    /// webhooks.
    ///
    /// # Errors
    ///
    /// - The id cannot be signed: it is empty, it contains the separator of the signed pieces, or it has a
    ///   character that is not visible ASCII.
    /// - The request does not have a header that is signed.
    pub fn try_sign(&self, request: Request<Bytes>) -> Result<Request<Bytes>, ConfigError> {
        let (mut head, mut body) = request.into_parts();
        self.sign_parts(&mut head, &mut body)?;
        Ok(Request::from_parts(head, body))
    }

    fn sign_parts(&self, head: &mut Parts, body: &mut Bytes) -> Result<(), ConfigError> {
        let time = self.time.unwrap_or_else(SystemTime::now);
        let id = self.id.clone().unwrap_or_else(new_id);
        let fresh = Fresh {
            time,
            id: &id,
            renews: self.renews,
        };
        let sign = |way: &Way, head: &mut Parts, body: &mut Bytes| {
            if self.renews {
                way.scheme.remove_id_and_time(head);
            }
            way.scheme.sign(&way.keys, head, body, &fresh)
        };
        let clock = move || time;
        for way in iter::once(&self.first).chain(&self.others) {
            let (mut signed, mut signed_body) = (head.clone(), body.clone());
            let is_signed = sign(way, &mut signed, &mut signed_body).is_ok();
            if is_signed && way.scheme.fits(&signed, &clock) {
                (*head, *body) = (signed, signed_body);
                return Ok(());
            }
        }
        // A test may want such a request, for example with a timestamp that is too old.
        sign(&self.first, head, body)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("scheme", &self.first.scheme)
            .finish_non_exhaustive()
    }
}

/// A different id each time, because each `RandomState` has its own keys. An id is not a secret.
fn new_id() -> String {
    let part = || RandomState::new().hash_one(Duration::ZERO);
    format!("msg_{:016x}{:016x}", part(), part())
}
