//! What was decided when the layer was built, and what follows from it for each request.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::{observe::Observer, read::Limits};
use crate::{
    clock::Clock,
    provider::Provider,
    rejection::Rejection,
    response,
    verified::{Acceptance, Verified},
};

pub(crate) type OnRejection = dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync;

pub(crate) struct Settings<E> {
    pub(crate) provider: Provider<E>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_rejection: Option<Arc<OnRejection>>,
    pub(crate) expose_acceptance: bool,
    pub(crate) observer: Arc<Observer>,
}

impl<E> Settings<E> {
    /// The response to a refusal, with the rejection in its extensions for layers outside.
    pub(crate) fn refuse(
        &self,
        rejection: Rejection,
        received: usize,
        request: &HeaderMap,
    ) -> Response<Bytes> {
        let rejection = rejection.seen_by(self.provider.shared_name(), received);
        self.observer.refused(&rejection, &*self.clock);
        let mut response = match &self.on_rejection {
            Some(respond) => respond(&rejection),
            None => response::refuse(&rejection, request),
        };
        response.extensions_mut().insert(rejection);
        response
    }

    /// What layers outside are told of a delivery that was accepted.
    pub(crate) fn accept(&self, verified: &Verified<E>) -> Option<Acceptance> {
        self.observer.accepted(verified);
        self.expose_acceptance.then(|| verified.acceptance())
    }
}

impl<E> Clone for Settings<E> {
    fn clone(&self) -> Self {
        Self {
            provider: self.provider.clone(),
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock),
            on_rejection: self.on_rejection.clone(),
            expose_acceptance: self.expose_acceptance,
            observer: Arc::clone(&self.observer),
        }
    }
}

impl<E> fmt::Debug for Settings<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("provider", &self.provider)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
