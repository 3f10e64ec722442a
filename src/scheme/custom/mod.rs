//! [`CustomScheme`]: a scheme in code, for a sender that the builders cannot describe.

mod erased;
mod facts;
mod head;
mod rejection;

use std::sync::Arc;

pub(crate) use self::erased::CustomRun;
pub(super) use self::erased::{Custom, CustomKeys, CustomMatch, CustomRead};
pub use self::{
    facts::{CustomClaims, CustomFacts},
    head::CustomHead,
    rejection::CustomRejection,
};
use super::{Kind, Scheme};
use crate::error::BoxError;

/// A scheme in code, for a sender that [`SignatureScheme`](crate::SignatureScheme) and
/// [`SharedKeyScheme`](crate::SharedKeyScheme) cannot describe.
///
/// [`Scheme::custom`] makes a [`Scheme`] of it. The layer then does everything else as for each other
/// scheme: limits, deadline, memory budget, key rotation, rejections, logs and
/// [`Verified`](crate::Verified). The guide [`custom`](crate::guide::custom) has a whole example.
///
/// For each request, the methods are called in this order:
///
/// 1. [`begin`](Self::begin) judges the request head. An error rejects the request before a byte of the
///    body is read.
/// 2. [`CustomCheck::start`] gets all valid keys.
/// 3. [`CustomCheck::update`] gets each piece of the body as it arrives.
/// 4. [`CustomCheck::finish`] gets the whole body.
/// 5. [`CustomCheck::matches`] is called for each key, in their order, until one matches. If none matches,
///    the request is rejected.
///
/// # Panics
///
/// The layer does not catch a panic of these methods. It unwinds through the future of the request, as a
/// panic of a handler does. The request is not verified, the keys are not locked, and other requests are
/// not affected. An untrusted client chooses the head and the body, so check lengths and do not use
/// `unwrap` or an index on them.
///
/// # What the implementation is responsible for
///
/// - Compare in constant time, with `verify_slice` of the crate `hmac` or with the crate `subtle`.
/// - Bound the work for a body. The body is at most as long as the limit of the layer allows.
/// - Wipe the key when it is dropped, if you need this. The crates of RustCrypto have the feature
///   `zeroize`.
/// - Say in [`facts`](Self::facts) what the signature covers, and never more.
pub trait CustomScheme: Send + Sync + 'static {
    /// A key, prepared once for each secret.
    type Key: Send + Sync + 'static;
    /// The verification of one delivery.
    type Check: CustomCheck<Key = Self::Key>;

    /// What the signature covers, and which headers the scheme reads. Called once, by
    /// [`Scheme::custom`].
    fn facts(&self) -> CustomFacts;

    /// Makes a key from the bytes of a secret. Do the expensive work for a key here.
    ///
    /// # Errors
    ///
    /// If the bytes are not a key. The text of the error becomes a part of a
    /// [`ConfigError`](crate::ConfigError). A text that contains the secret is replaced.
    fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError>;

    /// Checks the request head: everything that can be decided without a key and without the body.
    ///
    /// # Errors
    ///
    /// The reason to reject the request.
    fn begin(&self, head: &CustomHead<'_>) -> Result<Self::Check, CustomRejection>;
}

/// The verification of one delivery by a [`CustomScheme`]. [`CustomScheme::begin`] has accepted the request head.
pub trait CustomCheck: Send + Sync + 'static {
    /// As in [`CustomScheme::Key`].
    type Key: Send + Sync + 'static;

    /// Begins with these keys. There may be none, if a scheme of
    /// [`Scheme::any_of`](crate::Scheme::any_of) can decode none of the keys.
    ///
    /// A check that hashes the body with the key makes its hash states here, one for each key.
    fn start(&mut self, keys: &[Self::Key]) {
        let _ = keys;
    }

    /// How many hash states [`update`](Self::update) feeds. Asked after [`start`](Self::start).
    ///
    /// The layer divides the bytes that it hashes in one poll by this number, so that a large body with
    /// many keys does not block the thread. Return 0 if `update` does nothing.
    fn hashers(&self) -> usize {
        1
    }

    /// Adds a piece of the body as it arrives. The layer can split the body at any byte, and it joins small frames. A
    /// piece may be empty.
    fn update(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// The body has ended. `body` is the whole body: all pieces that [`update`](Self::update) got.
    ///
    /// Do the work that does not depend on a key here, such as sorting a form. This is called
    /// before a key matched, so the body can be one that an attacker made. It runs in one poll of
    /// the future: hash a large body in `update` instead. For a scheme with
    /// [`CustomFacts::head_is_enough`], `body` is empty.
    ///
    /// # Errors
    ///
    /// The reason to reject the request.
    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection>;

    /// Whether the delivery is authentic under this key. `place` is the position of the key among those
    /// that [`start`](Self::start) got.
    fn matches(&mut self, key: &Self::Key, place: usize) -> bool;
}

impl Scheme {
    /// A scheme in code. Use it only for a sender that [`SignatureScheme`](crate::SignatureScheme)
    /// and [`SharedKeyScheme`](crate::SharedKeyScheme) cannot describe: these descriptions are
    /// checked when they are built, and your code is not.
    ///
    /// [`Verified::authentication`](crate::Verified::authentication) is
    /// [`Authentication::Custom`](crate::Authentication::Custom), and
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed) says what
    /// [`CustomScheme::facts`] says. [`Provider::tolerance`](crate::Provider::tolerance) does not change
    /// the scheme: make the tolerance a field of your type.
    ///
    /// ```
    /// use hmac::{Hmac, KeyInit, Mac};
    /// use http::HeaderName;
    /// use sha2::Sha384;
    /// use tower_webhook_auth::{
    ///     BoxError, CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
    ///     Provider, Scheme, Secret,
    /// };
    ///
    /// static SIGNATURE: HeaderName = HeaderName::from_static("x-acme-signature");
    ///
    /// /// HMAC-SHA384 over the body, in hexadecimal digits.
    /// struct Acme;
    ///
    /// struct AcmeCheck {
    ///     signature: Vec<u8>,
    ///     states: Vec<Hmac<Sha384>>,
    /// }
    ///
    /// impl CustomScheme for Acme {
    ///     type Key = Hmac<Sha384>;
    ///     type Check = AcmeCheck;
    ///
    ///     fn facts(&self) -> CustomFacts {
    ///         CustomFacts::new([SIGNATURE.clone()]).body_is_signed()
    ///     }
    ///
    ///     fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
    ///         Ok(Hmac::new_from_slice(secret)?)
    ///     }
    ///
    ///     fn begin(&self, head: &CustomHead<'_>) -> Result<AcmeCheck, CustomRejection> {
    ///         let signature = data_encoding::HEXLOWER
    ///             .decode(head.header(&SIGNATURE)?.as_bytes())
    ///             .map_err(|_| {
    ///                 CustomRejection::header_malformed(&SIGNATURE, "96 hexadecimal digits")
    ///             })?;
    ///         Ok(AcmeCheck { signature, states: Vec::new() })
    ///     }
    /// }
    ///
    /// impl CustomCheck for AcmeCheck {
    ///     type Key = Hmac<Sha384>;
    ///
    ///     fn start(&mut self, keys: &[Self::Key]) {
    ///         self.states = keys.to_vec();
    ///     }
    ///
    ///     fn hashers(&self) -> usize {
    ///         self.states.len()
    ///     }
    ///
    ///     fn update(&mut self, bytes: &[u8]) {
    ///         for state in &mut self.states {
    ///             state.update(bytes);
    ///         }
    ///     }
    ///
    ///     fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
    ///         Ok(CustomClaims::new())
    ///     }
    ///
    ///     fn matches(&mut self, _: &Self::Key, place: usize) -> bool {
    ///         let state = self.states.get(place).cloned();
    ///         state.is_some_and(|state| state.verify_slice(&self.signature).is_ok())
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let acme = Provider::new("acme", Scheme::custom(Acme), Secret::new("wJ4mX9")?)?;
    /// # let _ = acme;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn custom<S: CustomScheme>(scheme: S) -> Self {
        Self(Kind::Custom(Arc::new(Custom::new(scheme))))
    }
}
