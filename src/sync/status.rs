//! How current a kept value is.

use std::sync::Arc;

use tokio::time::Instant;

/// The state of a kept value. The names are those of
/// [OpenFeature's provider states](https://openfeature.dev/specification/sections/providers/).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// There is no value, and the last run failed.
    Failed,
    /// There is no value yet.
    NotReady,
    /// The value is the one that the source has, as far as is known.
    Ready,
    /// The value works but may be old: the source has not confirmed the value of the store, has not answered for
    /// [some time](super::Keep::stale_after), or did not have a requested version.
    Stale,
}

/// What happened between two statuses. The names are those of OpenFeature's provider events.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The content changed: `PROVIDER_CONFIGURATION_CHANGED`.
    Changed,
    /// There is no value: `PROVIDER_ERROR`.
    Failed,
    /// There is a value, or it is current again: `PROVIDER_READY`.
    Ready,
    /// There is a value, but it may be old: `PROVIDER_STALE`.
    Stale,
}

/// All that is known about a kept value.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status<V> {
    /// The state in one word.
    pub state: State,
    /// The current version.
    pub have: Option<V>,
    /// The version that was requested and is not there yet.
    pub wanted: Option<V>,
    /// The requested version that was given up, until a run succeeds.
    pub given_up: Option<V>,
    /// The version that the source has, if it is older than the current one.
    pub older: Option<V>,
    /// The [number of content changes](super::Snapshot::change).
    pub change: u64,
    /// The value is from the store, and the source has not confirmed it.
    pub from_store: bool,
    /// When the source last confirmed or replaced the value.
    pub last_confirmed: Option<Instant>,
    /// When the content last changed.
    pub last_change: Option<Instant>,
    /// The number of failed runs since the last one that did not fail.
    pub failures: u32,
    /// The last failure, until a run succeeds.
    pub last_failure: Option<Arc<str>>,
    /// The last failure of the store, until it succeeds.
    pub store_failure: Option<Arc<str>>,
    /// The number of runs so far.
    pub runs: u64,
    /// The number of downloaded documents so far, usable or not.
    pub downloads: u64,
}

impl<V> Status<V> {
    pub(super) fn new() -> Self {
        Self {
            state: State::NotReady,
            have: None,
            wanted: None,
            given_up: None,
            older: None,
            change: 0,
            from_store: false,
            last_confirmed: None,
            last_change: None,
            failures: 0,
            last_failure: None,
            store_failure: None,
            runs: 0,
            downloads: 0,
        }
    }

    /// The events between the status `before` and this one. A change of the content comes first.
    pub fn events_since(&self, before: &Self) -> impl Iterator<Item = Event> + use<V> {
        let changed = (self.change > before.change && before.change > 0).then_some(Event::Changed);
        let turned = match self.state {
            state if state == before.state => None,
            State::Failed => Some(Event::Failed),
            State::NotReady => None,
            State::Ready => Some(Event::Ready),
            State::Stale => Some(Event::Stale),
        };
        changed.into_iter().chain(turned)
    }
}
