//! The stream of events for a page: first the whole state, then each change.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};

use super::{
    MOST_PAGES,
    api::ApiError,
    views::{self, Hello},
};
use crate::{
    catalogue::Entry,
    deliveries::Delivery,
    inspector::{Shared, State as Kept},
};

/// How many events a page may be behind.
const MOST_EVENTS: usize = 256;

/// Tells all pages what changed.
pub struct Events(broadcast::Sender<Arc<str>>);

impl Events {
    pub fn new() -> Self {
        Self(broadcast::channel(MOST_EVENTS).0)
    }

    pub fn delivery(&self, delivery: &Delivery, kept: &Kept) {
        let data = json!({
            "delivery": views::summary(delivery, &kept.keyring),
            "oldest": kept.ring.oldest(),
            "dropped": kept.ring.dropped(),
        });
        self.tell("delivery", &data);
    }

    pub fn changed(&self, delivery: &Delivery, kept: &Kept) {
        self.tell("changed", &views::summary(delivery, &kept.keyring));
    }

    pub fn cleared(&self) {
        self.tell("cleared", &());
    }

    pub fn sender(&self, entry: &Entry, inspector: &crate::inspector::Inspector, kept: &Kept) {
        self.tell("sender", &views::sender(entry, inspector, kept));
    }

    pub fn forward(&self, kept: &Kept) {
        self.tell("forward", &kept.forward);
    }

    fn tell(&self, kind: &str, data: &impl Serialize) {
        // An error means that no page is open.
        let _ = self.0.send(event(kind, data));
    }
}

fn event(kind: &str, data: &impl Serialize) -> Arc<str> {
    json!({ "kind": kind, "data": data }).to_string().into()
}

/// `GET /api/events`.
pub async fn stream(State(inspector): State<Shared>) -> Result<Response, ApiError> {
    let Ok(page) = Arc::clone(&inspector.pages).try_acquire_owned() else {
        let why = format!("{MOST_PAGES} pages are open already: close one");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let (hello, receiver) = {
        let kept = inspector.state();
        // Subscribed under the lock: an event is in the state or in the stream.
        let receiver = inspector.events.0.subscribe();
        (event("hello", &Hello::new(&inspector, &kept)), receiver)
    };
    let events = follow(hello, receiver, inspector.stopping.clone(), page);
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// The events from `first` on. The stream ends when the program stops, and after the event `behind`, when the page
/// was too slow. It holds `page` until it is dropped.
fn follow<T>(
    first: Arc<str>,
    receiver: broadcast::Receiver<Arc<str>>,
    stopping: watch::Receiver<bool>,
    page: T,
) -> impl Stream<Item = Result<Event, Infallible>> {
    texts(first, receiver, stopping, page).map_ok_event()
}

trait IntoEvents: Stream<Item = Arc<str>> + Sized {
    fn map_ok_event(self) -> impl Stream<Item = Result<Event, Infallible>> {
        use futures_util::StreamExt;

        self.map(|text| Ok(Event::default().data(&*text)))
    }
}

impl<S: Stream<Item = Arc<str>>> IntoEvents for S {}

fn texts<T>(
    first: Arc<str>,
    receiver: broadcast::Receiver<Arc<str>>,
    stopping: watch::Receiver<bool>,
    page: T,
) -> impl Stream<Item = Arc<str>> {
    let state = Some((Some(first), receiver, stopping, page));
    stream::unfold(state, |state| async {
        let (first, mut receiver, mut stopping, page) = state?;
        let text = match first {
            Some(first) => first,
            None => {
                let received = tokio::select! {
                    biased;
                    // An error means that the program ends.
                    _ = stopping.wait_for(|stop| *stop) => return None,
                    received = receiver.recv() => received,
                };
                match received {
                    Ok(text) => text,
                    Err(RecvError::Lagged(_)) => return Some((event("behind", &()), None)),
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        Some((text, Some((None, receiver, stopping, page))))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn reader(events: &Events, stopping: &watch::Sender<bool>) -> impl Stream<Item = Arc<str>> {
        texts(
            "first".into(),
            events.0.subscribe(),
            stopping.subscribe(),
            (),
        )
    }

    #[test]
    fn a_reader_that_is_too_slow_is_told_and_its_stream_ends() {
        let (events, (stop, _)) = (Events::new(), watch::channel(false));
        let mut reader = Box::pin(reader(&events, &stop));
        for _ in 0..MOST_EVENTS + 1 {
            events.cleared();
        }
        let mut next = || reader.next().now_or_never().expect("ready");
        assert_eq!(next().as_deref(), Some("first"));
        assert_eq!(next().as_deref(), Some(r#"{"data":null,"kind":"behind"}"#));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_reader_that_is_not_too_slow_gets_each_event_once() {
        let (events, (stop, _)) = (Events::new(), watch::channel(false));
        let mut reader = Box::pin(reader(&events, &stop));
        for _ in 0..MOST_EVENTS {
            events.cleared();
        }
        for _ in 0..MOST_EVENTS + 1 {
            let text = reader
                .next()
                .now_or_never()
                .expect("ready")
                .expect("an event");
            assert!(!text.contains("behind"));
        }
        assert!(
            reader.next().now_or_never().is_none(),
            "it waits for the next event"
        );
        stop.send_replace(true);
        assert_eq!(
            reader.next().now_or_never(),
            Some(None),
            "it ends with the program"
        );
    }
}
