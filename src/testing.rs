//! Sign as the sender would: for tests of handlers, and to send webhooks of one's own.
//!
//! ```
//! use tower_webhook_auth::{Secret, provider, testing::Signer};
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let secret = Secret::new("wJ4mX9")?;
//! let signer = Signer::new(&provider::optimizely(secret.clone()), &secret)?;
//! let request = signer.request(r#"{"project_id": 1234}"#);
//! assert!(request.headers().contains_key("x-hub-signature"));
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
use http::{HeaderValue, Method, Request, header::CONTENT_TYPE};
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
/// request brings the headers for them or [`at`](Self::at) says the time.
#[derive(Clone)]
pub struct Signer {
    scheme: Scheme,
    key: SigningKey,
    time: Option<SystemTime>,
}

impl Signer {
    /// A signer of deliveries that `provider` accepts when it holds this secret.
    ///
    /// # Errors
    ///
    /// When the secret is not written in the way that the scheme demands, or when the scheme is one
    /// with a public key: what that verifies, only its owner can sign.
    pub fn new<E>(provider: &Provider<E>, secret: &Secret) -> Result<Self, ConfigError> {
        let scheme = provider.scheme().clone();
        Ok(Self {
            key: scheme.signing_key(secret)?,
            scheme,
            time: None,
        })
    }

    /// Signs as of this time instead of now.
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// A signed `POST /` with this body, said to be JSON.
    #[must_use]
    pub fn request(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.sign(request).map(Full::new)
    }

    /// Adds the headers that the sender would add: signature or shared key, and where the scheme
    /// has them, id and timestamp, unless they are there.
    #[must_use]
    pub fn sign(&self, request: Request<Bytes>) -> Request<Bytes> {
        let (mut head, body) = request.into_parts();
        let time = self.time.unwrap_or_else(SystemTime::now);
        self.scheme
            .sign(&self.key, &mut head, &body, time, &new_id());
        Request::from_parts(head, body)
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
