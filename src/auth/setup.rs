//! Answers set-up requests, if the owner enabled it: see
//! [`Provider::answer_setup`](crate::Provider::answer_setup).

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};
use http_body::Body;

use super::{read::Reader, settings::Settings};
use crate::rejection::{Rejection, RejectionKind};

/// No sender's set-up request is longer.
const MOST_BODY_BYTES: usize = 4096;

/// A mark in the extensions of a response: the layer has answered a set-up request of the sender.
/// Outer layers can read it. See [`Provider::answer_setup`](crate::Provider::answer_setup).
///
/// Its body is what the client sent. If the request is not [signed](Self::is_signed), any client
/// can have sent it. `Debug` does not print it.
#[derive(Clone)]
pub struct SetupAnswer {
    provider: Arc<str>,
    body: Bytes,
    is_signed: bool,
}

impl SetupAnswer {
    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The body of the set-up request.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the request was signed, and its signature was verified.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }
}

impl fmt::Debug for SetupAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupAnswer")
            .field("provider", &self.provider)
            .field("is_signed", &self.is_signed)
            .finish_non_exhaustive()
    }
}

/// A reader for the body of a request that was rejected by its head and that may be the set-up request.
pub(crate) fn reader<B: Body, E, K>(
    settings: &Settings<E, K>,
    rejection: &Rejection,
    head: &Parts,
    body: B,
) -> Result<Reader<B>, B> {
    // A request with a signature that does not match is never the set-up request.
    let unsigned = matches!(
        rejection.kind(),
        RejectionKind::HeaderMissing | RejectionKind::ParameterMissing
    );
    let rule = settings.provider.setup().filter(|_| unsigned);
    if !rule.is_some_and(|rule| (rule.may_be)(head)) {
        return Err(body);
    }
    let mut limits = settings.limits.clone();
    limits.body_bytes = limits.body_bytes.min(MOST_BODY_BYTES);
    match limits.declared_length(&body, &head.headers) {
        Ok(declared) => Ok(Reader::new(body, declared, &limits)),
        Err(_) => Err(body),
    }
}

impl<E, K> Settings<E, K> {
    /// The response to a request without a signature: the answer to the set-up request, or else
    /// the rejection of its head. How the body ended is not visible to the client.
    pub(crate) fn answer_unsigned(
        &self,
        rejection: Rejection,
        body: Result<&Bytes, usize>,
        head: &Parts,
    ) -> Response<Bytes> {
        let answer = match (self.provider.setup(), body) {
            (Some(rule), Ok(body)) => (rule.unsigned)(head, body),
            _ => None,
        };
        match (answer, body) {
            (Some(answer), Ok(body)) => self.answered(answer, body, false),
            (_, body) => self.reject(rejection, body, head),
        }
    }

    /// The answer to a request that has no key in its body, if that is the set-up request.
    pub(crate) fn answer_without_key(
        &self,
        rejection: &Rejection,
        body: &Bytes,
        head: &Parts,
    ) -> Option<Response<Bytes>> {
        let rule = self.provider.setup()?;
        if rejection.kind() != RejectionKind::BodyMalformed || !(rule.may_be)(head) {
            return None;
        }
        let answer = (rule.unsigned)(head, body)?;
        Some(self.answered(answer, body, false))
    }

    /// The answer to a verified delivery, if that is the set-up request.
    pub(crate) fn answer_signed(&self, body: &Bytes) -> Option<Response<Bytes>> {
        let rule = self.provider.setup()?;
        if body.len() > MOST_BODY_BYTES {
            return None;
        }
        let answer = (rule.signed)(body)?;
        Some(self.answered(answer, body, true))
    }

    fn answered(
        &self,
        mut answer: Response<Bytes>,
        body: &Bytes,
        is_signed: bool,
    ) -> Response<Bytes> {
        let setup = SetupAnswer {
            provider: Arc::clone(self.provider.shared_name()),
            body: body.clone(),
            is_signed,
        };
        self.observer.set_up(&setup, &*self.clock);
        answer.extensions_mut().insert(setup);
        answer
    }
}
