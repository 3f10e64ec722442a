//! The options of a layer, and what each request needs of them.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};

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
    /// Makes the response to a rejected request. Outer layers find the rejection in its extensions.
    pub(crate) fn reject(
        &self,
        rejection: Rejection,
        received: usize,
        head: &Parts,
    ) -> Response<Bytes> {
        let rejection = rejection.seen_by(self.provider.shared_name(), received);
        self.observer.rejected(&rejection, &*self.clock);
        let mut response = match &self.on_rejection {
            Some(respond) => respond(&rejection),
            None => response::rejected(&rejection, &head.headers),
        };
        response.extensions_mut().insert(rejection);
        response
    }

    /// Records an accepted delivery. Returns what outer layers see of it, if they are to see it.
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
