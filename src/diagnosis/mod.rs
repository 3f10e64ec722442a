//! Why a genuine delivery was rejected: common mistakes, tried one by one.
//!
//! A mismatch shows only that bytes, key and signature do not fit together. This module tries the
//! most common causes: another text of the key, another key, a body that a proxy changed, another
//! URL. Each attempt runs the code that verifies all deliveries, so a cause is named only if it
//! leads to a match. Some causes are visible in the request head without a key: the unit of the
//! timestamp, the distance of the clocks, the headers of another sender, a header of another shape, a
//! changed length.
//!
//! - [`WebhookAuthLayer::diagnose`](crate::WebhookAuthLayer::diagnose) does this for rejected requests,
//!   within limits. [`Rejection::diagnosis`](crate::Rejection::diagnosis) has the result, and the log has
//!   it as `webhook.diagnosis`. A response never has it.
//! - [`explain`] does this for a delivery that was kept, in a tool or a test.
//!
//! Each attempt changes one thing, so no cause is found for a delivery with two mistakes.

mod bodies;
mod senders;
mod texts;

use std::time::SystemTime;

use http::{HeaderMap, Version, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, request::Parts};

pub use crate::rejection::{Cause, Diagnosis};
use crate::{
    clock::Clock,
    provider::Provider,
    rejection::{Rejection, RejectionDetail, RejectionKind},
    scheme::Scheme,
    secret::Keys,
};

/// The largest body that is verified again for a rejected request, in bytes.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// How many verifications one diagnosis of a rejected request may cost. A verification with a
/// public key costs as much as a few hundred with a MAC, and the cost of a scheme in code is not known.
const MOST_TRIES: usize = 128;
const MOST_EXPENSIVE_TRIES: usize = 8;

/// How many bytes of bodies all verifications together may hash.
const MOST_BYTES: usize = 8 << 20;

/// Explains why a provider rejects a delivery that was kept. `received_at` is the time at which it was
/// received. Put all keys into `suspects` that the sender may have used: those of the provider, withdrawn
/// ones, those of other environments.
///
/// `None` if the provider accepts the delivery, or if the rejection needs no diagnosis.
///
/// This is the code of [`WebhookAuthLayer::diagnose`](crate::WebhookAuthLayer::diagnose), without its
/// limits. It also tries each secret with one letter missing, doubled, exchanged or wrong, and the presets
/// of other senders. That takes about 190 verifications for each letter of a secret: the time for that is
/// proportional to the length of the body.
///
/// ```
/// use std::time::SystemTime;
/// use http::Request;
/// use tower_webhook_auth::{Secret, diagnosis, provider};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The secret in GitHub's documentation is "It's a Secret to Everybody".
/// let secret = Secret::new("It's a Secret to Everbody")?;
/// let github = provider::github(secret.clone());
/// let (head, body) = Request::post("/webhooks/github")
///     .header(
///         "X-Hub-Signature-256",
///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
///     )
///     .body("Hello, World!")?
///     .into_parts();
///
/// let diagnosis = diagnosis::explain(&github, &head, body.as_bytes(), SystemTime::now(), secret)
///     .ok_or("accepted")?;
/// assert_eq!(
///     diagnosis.to_string(),
///     "the text of key \"default\" differs from the sender's: a letter is missing in the configured text at byte 21",
/// );
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn explain<E>(
    provider: &Provider<E>,
    head: &Parts,
    body: &[u8],
    received_at: SystemTime,
    suspects: impl Into<Keys>,
) -> Option<Diagnosis> {
    let clock = move || received_at;
    let begun = provider.begin(head, &clock);
    let rejection = begun
        .and_then(|mut check| {
            check.update(body);
            check.finish(body)
        })
        .err()?;
    let delivery = Rejected {
        rejection: &rejection,
        provider: provider.name(),
        scheme: provider.scheme(),
        head,
        body: Some(body),
        clock: &clock,
    };
    delivery.diagnose(&suspects.into(), Effort::Unlimited)
}

/// A rejected delivery.
pub(crate) struct Rejected<'a> {
    pub(crate) rejection: &'a Rejection,
    pub(crate) provider: &'a str,
    pub(crate) scheme: &'a Scheme,
    pub(crate) head: &'a Parts,
    /// `None` if it was not read.
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) clock: &'a dyn Clock,
}

/// How much work a diagnosis may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For a request of an untrusted client. All attempts are made, even after a match. Otherwise
    /// the time would show a client that has a withdrawn key that this key is one of the suspects.
    Limited,
    Unlimited,
}

impl Rejected<'_> {
    /// Whether a diagnosis of this kind verifies something.
    pub(crate) fn needs_tries(kind: RejectionKind) -> bool {
        matches!(
            kind,
            RejectionKind::KeyMismatch | RejectionKind::SignatureMismatch
        )
    }

    /// Whether the request head shows the cause of this kind, if there is one.
    pub(crate) fn shows_in_head(kind: RejectionKind) -> bool {
        matches!(
            kind,
            RejectionKind::HeaderDuplicated
                | RejectionKind::HeaderMalformed
                | RejectionKind::HeaderMissing
                | RejectionKind::TimestampInFuture
                | RejectionKind::TimestampTooOld
        )
    }

    pub(crate) fn diagnose(&self, suspects: &Keys, effort: Effort) -> Option<Diagnosis> {
        let kind = self.rejection.kind();
        let is_unlimited = effort == Effort::Unlimited;
        let mut tried = 0;
        let mut cause = None;
        if Self::needs_tries(kind) {
            let body = match self.body {
                Some(body) => body,
                // A shared key is compared, and a token in a header is verified, before the body is read.
                None if kind == RejectionKind::KeyMismatch || self.scheme.has_token() => &[],
                None => return None,
            };
            if is_unlimited || body.len() <= LARGEST_BODY {
                let mut search = Search::new(self, suspects, body, effort);
                search.run();
                (cause, tried) = (search.found, search.tried);
            }
        } else if Self::shows_in_head(kind) {
            cause = self.shown_in_head();
        } else {
            return None;
        }
        if let (None, true, Some(body)) = (&cause, is_unlimited, self.body) {
            cause = self.verified_by_another(suspects, body, &mut tried);
        } else if let (Some(Cause::OtherSender { .. }), true, Some(body)) =
            (&cause, is_unlimited, self.body)
        {
            cause = self
                .verified_by_another(suspects, body, &mut tried)
                .or(cause);
        }
        if cause.is_none() && kind == RejectionKind::SignatureMismatch {
            cause = self
                .body
                .and_then(|body| outer_layer(self.head, body.len()));
        }
        (cause.is_some() || tried > 0).then(|| Diagnosis::new(cause, tried))
    }

    fn verified_by_another(
        &self,
        suspects: &Keys,
        body: &[u8],
        tried: &mut usize,
    ) -> Option<Cause> {
        let sender =
            senders::verified(self.head, body, self.provider, suspects, self.clock, tried)?;
        Some(Cause::OtherSender {
            senders: vec![sender],
            matches: true,
        })
    }

    /// What the request head shows without a key.
    fn shown_in_head(&self) -> Option<Cause> {
        let kind = self.rejection.kind();
        match self.rejection.detail() {
            Some(RejectionDetail::Timestamp {
                looks_like: Some(unit),
                ..
            }) => Some(Cause::TimestampUnit(unit)),
            Some(RejectionDetail::Timestamp {
                distance,
                tolerated,
                ..
            }) => Some(Cause::Skew {
                late: kind == RejectionKind::TimestampTooOld,
                by: distance,
                tolerated,
            }),
            Some(RejectionDetail::Shape {
                expected, found, ..
            }) => Some(Cause::Shape { expected, found }),
            _ if kind == RejectionKind::HeaderDuplicated => {
                repeated(&self.head.headers, self.rejection)
            }
            // A header is missing. The other kinds have a detail.
            _ => {
                let senders = senders::seen(&self.head.headers, self.provider);
                (!senders.is_empty()).then_some(Cause::OtherSender {
                    senders,
                    matches: false,
                })
            }
        }
    }
}

fn repeated(headers: &HeaderMap, rejection: &Rejection) -> Option<Cause> {
    let values: Vec<_> = headers.get_all(rejection.header_name()?).iter().collect();
    // One value may contain the timestamp twice.
    (values.len() > 1).then(|| Cause::RepeatedHeader {
        times: values.len(),
        are_equal: values.iter().all(|value| Some(value) == values.first()),
    })
}

/// A body whose length is not the declared one.
///
/// A server reads exactly the declared length. tower-http's decompression removes both headers.
fn outer_layer(head: &Parts, read: usize) -> Option<Cause> {
    let header = head.headers.get(CONTENT_LENGTH);
    let declared = header.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_changed = match declared {
        Some(declared) => !usize::try_from(declared).is_ok_and(|declared| declared == read),
        None => {
            let is_undeclared = header.is_none() && !head.headers.contains_key(TRANSFER_ENCODING);
            read > 0 && is_undeclared && head.version == Version::HTTP_11
        }
    };
    is_changed.then_some(Cause::OuterLayer { declared, read })
}

/// The attempts for one delivery.
struct Search<'a> {
    delivery: &'a Rejected<'a>,
    /// Without the ways that the head does not fit.
    scheme: Scheme,
    suspects: Vec<Suspect>,
    body: &'a [u8],
    effort: Effort,
    most_tries: usize,
    tried: usize,
    bytes: usize,
    found: Option<Cause>,
}

struct Suspect {
    name: String,
    keys: Keys,
}

impl<'a> Search<'a> {
    fn new(delivery: &'a Rejected<'a>, suspects: &Keys, body: &'a [u8], effort: Effort) -> Self {
        let suspects = suspects.iter().map(|key| Suspect {
            name: key.name.to_string(),
            keys: key.secret.clone().into(),
        });
        Self {
            delivery,
            suspects: suspects.collect(),
            scheme: delivery.scheme.that_fits(delivery.head, delivery.clock),
            body,
            effort,
            most_tries: if delivery.scheme.is_expensive() {
                MOST_EXPENSIVE_TRIES
            } else {
                MOST_TRIES
            },
            tried: 0,
            bytes: 0,
            found: None,
        }
    }

    /// All attempts: first those that are the most common causes.
    fn run(&mut self) {
        let (delivery, body) = (self.delivery, self.body);
        let scheme = &self.scheme.clone();
        let suspects = std::mem::take(&mut self.suspects);
        for suspect in &suspects {
            let cause = || Cause::OtherKey {
                key: suspect.name.clone(),
            };
            self.attempt(scheme, &suspect.keys, body, cause);
        }
        let text = |suspect: &Suspect, difference| Cause::KeyText {
            key: suspect.name.clone(),
            difference,
            position: None,
        };
        for suspect in &suspects {
            for (difference, variant) in scheme.key_variants() {
                self.attempt(&variant, &suspect.keys, body, || text(suspect, difference));
            }
            for (difference, secret) in suspect.texts() {
                self.attempt(scheme, &secret, body, || text(suspect, difference));
            }
        }
        for (difference, variant) in scheme.url_variants(delivery.head) {
            for suspect in &suspects {
                let cause = || Cause::Url {
                    key: suspect.name.clone(),
                    difference,
                };
                self.attempt(&variant, &suspect.keys, body, cause);
            }
        }
        if scheme.may_sign() {
            bodies::bodies(body, &mut |difference, other| {
                for suspect in &suspects {
                    let cause = || Cause::Body {
                        key: suspect.name.clone(),
                        difference,
                    };
                    self.attempt(scheme, &suspect.keys, other, cause);
                }
            });
        }
        if self.effort == Effort::Unlimited && !scheme.is_expensive() {
            for suspect in &suspects {
                self.typing_mistakes(suspect);
            }
        }
    }

    fn typing_mistakes(&mut self, suspect: &Suspect) {
        let (scheme, body) = (&self.scheme.clone(), self.body);
        // A suspect has one key.
        for key in suspect.keys.iter().take(1) {
            texts::typing_mistakes(&key.secret, |difference, position, secret| {
                let cause = || Cause::KeyText {
                    key: suspect.name.clone(),
                    difference,
                    position: Some(position),
                };
                self.attempt(scheme, &secret.into(), body, cause);
                self.is_over()
            });
        }
    }

    fn is_over(&self) -> bool {
        match self.effort {
            Effort::Limited => self.tried >= self.most_tries || self.bytes >= MOST_BYTES,
            Effort::Unlimited => self.found.is_some(),
        }
    }

    fn attempt(
        &mut self,
        scheme: &Scheme,
        keys: &Keys,
        body: &[u8],
        cause: impl FnOnce() -> Cause,
    ) {
        if self.is_over() {
            return;
        }
        let ways = scheme.each_way().len();
        self.tried = self.tried.saturating_add(ways);
        let bytes = body.len().saturating_mul(ways);
        self.bytes = self.bytes.saturating_add(bytes);
        let delivery = self.delivery;
        if scheme.holds(keys, delivery.head, body, delivery.clock) && self.found.is_none() {
            self.found = Some(cause());
        }
    }
}

impl Suspect {
    fn texts(&self) -> Vec<(&'static str, Keys)> {
        let secrets = self.keys.iter().map(|key| texts::texts(&key.secret));
        let texts = secrets.flatten();
        texts.map(|(what, secret)| (what, secret.into())).collect()
    }
}
