//! Keys of a [`KeySource`]: when the source is asked, and the check that begins with what it finds.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use http::request::Parts;

use super::{deadline::Deadline, settings::Settings};
use crate::{
    error::BoxError,
    rejection::{Rejection, RejectionKind},
    scheme::Check,
    secret::Keys,
    tenants::{KeySource, Selection, Unverified},
};

pub(crate) const DEFAULT_KEY_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) type Found = Result<Option<Keys>, BoxError>;

/// What follows from the answer of a source.
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate for every request"
)]
pub(crate) enum Next<L> {
    Check(Check),
    LookUp(L),
}

impl<E, K: KeySource> Settings<E, K> {
    /// Checks a head with a placeholder key. A rejection here is the same for the keys of every
    /// tenant, so the source is not asked. Otherwise an untrusted client could cause a look-up with
    /// every request.
    pub(crate) fn judge(&self, head: &Parts, arrived: SystemTime) -> Result<(), Rejection> {
        self.provider
            .judge(&self.placeholder, head, &move || arrived)
    }

    /// Asks the source, which sees the request head, and the body if it was read.
    pub(crate) fn select(
        &self,
        head: &Parts,
        body: Option<&[u8]>,
        arrived: SystemTime,
    ) -> Result<Next<K::Lookup>, Rejection> {
        match self.source.select(Unverified::new(head, body)) {
            Selection::Body if body.is_none() => Ok(Next::Check(Check::Unkeyed { arrived })),
            Selection::Body => Err(unavailable(
                "the key source selected `Selection::Body` again after it got the body: select \
                 `Unknown` if the body does not say whose keys to use"
                    .into(),
            )),
            Selection::LookUp(lookup) => Ok(Next::LookUp(lookup)),
            Selection::Own => {
                let begun = self.provider.begin(head, &move || arrived);
                begun.map(Next::Check)
            }
            Selection::Unknown => self.begin_with(Ok(None), head, arrived).map(Next::Check),
        }
    }

    /// Begins a check with the keys that were found. The time is the time when the head arrived, so a slow
    /// look-up does not make a delivery too old.
    pub(crate) fn begin_with(
        &self,
        found: Found,
        head: &Parts,
        arrived: SystemTime,
    ) -> Result<Check, Rejection> {
        let keys = found.map_err(unavailable)?;
        let prepared = match &keys {
            Some(keys) => {
                let prepared = self.provider.prepare(keys);
                prepared.map_err(|error| unavailable(error.into()))?
            }
            // The keys of a known tenant are prepared for each delivery, so this key is, too.
            None => self.provider.prepare_placeholder(),
        };
        let provider = &self.provider;
        provider.begin_with(&prepared, head, &move || arrived)
    }
}

fn unavailable(error: BoxError) -> Rejection {
    Rejection::caused_by(RejectionKind::KeysUnavailable, error)
}

/// The keys, or an error if the look-up takes too long.
pub(crate) fn poll_lookup<L: Future<Output = Found>>(
    lookup: Pin<&mut L>,
    deadline: Pin<&mut Deadline>,
    context: &mut Context<'_>,
) -> Poll<Found> {
    if let Poll::Ready(found) = lookup.poll(context) {
        return Poll::Ready(found);
    }
    ready!(deadline.poll(context));
    Poll::Ready(Err(
        "the look-up of the keys did not end before the deadline: see `key_deadline`".into(),
    ))
}
