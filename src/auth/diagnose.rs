//! [`WebhookAuthLayer::diagnose`]: the cause of a rejection, for the owner.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;

use super::{
    bucket::{Bucket, admit},
    layer::WebhookAuthLayer,
    settings::Settings,
};
use crate::{
    diagnosis::{Effort, Rejected},
    rejection::Rejection,
    secret::Keys,
};

/// Untrusted clients can cause rejections. At most this many are examined in a burst, then one per second.
const MOST_DIAGNOSES: u64 = 8;

/// The suspects, and the limits. All clones of a layer share one.
pub(crate) struct Diagnostics {
    suspects: Keys,
    // There are two buckets, so that requests of scanners, which have no signature, do not use up
    // the limit for mismatches.
    by_head: Mutex<Bucket>,
    by_trial: Mutex<Bucket>,
}

impl<E, K> WebhookAuthLayer<E, K> {
    /// Names the cause of a rejection, where one is found: in
    /// [`Rejection::diagnosis`](crate::Rejection::diagnosis), and in the log as
    /// `webhook.diagnosis`. It is never in the response. The module
    /// [`diagnosis`](crate::diagnosis) lists the attempts. Off by default.
    ///
    /// `suspects` are the keys that the sender may use: those of the layer, and also withdrawn
    /// ones, those of another environment or of another webhook. They are tried, but a match never
    /// accepts a delivery. The layer keeps the text of these keys in memory. It does not keep the
    /// text of its own keys.
    ///
    /// # Cost
    ///
    /// Accepted deliveries cost nothing more. All clones of a layer together examine 8 mismatches in a burst, then one
    /// per second. Rejections that the request head explains have the same limit of their own.
    /// One diagnosis makes at most 128 verifications, or 8 if the scheme has public keys or is code, and
    /// hashes at most 8 MiB. A body of more than 64 KiB is not tried. The work is done before the response
    /// is sent, in the task of the request.
    ///
    /// # What a client can learn
    ///
    /// The response is the same, byte for byte. Its time shows whether a request was examined, not whether
    /// something matched: all attempts are made. A client that sends many forged requests can use up the
    /// limit, so that a genuine delivery in the same second is not examined.
    ///
    /// ```
    /// use tower_webhook_auth::{Keys, Secret, WebhookAuthLayer, provider};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let secret = Secret::new("wJ4mX9")?;
    /// let suspects = Keys::named([
    ///     ("current", secret.clone()),
    ///     ("withdrawn in May", Secret::new("xK2mN8")?),
    ///     ("staging", Secret::new("aB5cD9")?),
    /// ])?;
    /// let layer = WebhookAuthLayer::new(provider::github(secret)).diagnose(suspects);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "diagnosis")))]
    pub fn diagnose(self, suspects: impl Into<Keys>) -> Self {
        let diagnostics = Arc::new(Diagnostics {
            suspects: suspects.into(),
            by_head: Mutex::new(Bucket::of(MOST_DIAGNOSES)),
            by_trial: Mutex::new(Bucket::of(MOST_DIAGNOSES)),
        });
        self.with(|settings| settings.diagnostics = Some(diagnostics))
    }
}

impl<E, K> Settings<E, K> {
    /// The rejection with its diagnosis, if the owner asked for one and the limits allow it.
    pub(super) fn diagnosed(
        &self,
        rejection: Rejection,
        body: Option<&Bytes>,
        head: &Parts,
    ) -> Rejection {
        match &self.diagnostics {
            Some(diagnostics) => self.examined(diagnostics, rejection, body, head),
            None => rejection,
        }
    }

    fn examined(
        &self,
        diagnostics: &Diagnostics,
        rejection: Rejection,
        body: Option<&Bytes>,
        head: &Parts,
    ) -> Rejection {
        let kind = rejection.kind();
        let bucket = if Rejected::needs_tries(kind) {
            &diagnostics.by_trial
        } else if Rejected::shows_in_head(kind) {
            &diagnostics.by_head
        } else {
            return rejection;
        };
        if admit(bucket, &*self.clock).is_none() {
            return rejection;
        }
        let delivery = Rejected {
            rejection: &rejection,
            provider: self.provider.name(),
            scheme: self.provider.scheme(),
            head,
            body: body.map(|body| &**body),
            clock: &*self.clock,
        };
        match delivery.diagnose(&diagnostics.suspects, Effort::Limited) {
            Some(diagnosis) => rejection.diagnosed(diagnosis),
            None => rejection,
        }
    }
}
