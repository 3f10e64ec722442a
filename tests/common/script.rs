//! Bodies that follow a script, poll by poll.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

#[path = "pieces.rs"]
mod pieces;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body::{Body, Frame, SizeHint};
pub use pieces::Pieces;
use tower_webhook_auth::{BoxError, Provider, Secret, SharedKeyScheme};

/// A provider with a shared key: the head is the proof, so tests can look at the reading only.
pub fn keyed() -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("x-key").build().expect("a scheme");
    let secret = Secret::new("open sesame").expect("a secret");
    Provider::new("keyed", scheme, secret).expect("a provider")
}

/// A request whose head [`keyed`] accepts.
pub fn request<B>(body: B) -> Request<B> {
    let mut request = Request::new(body);
    let key = HeaderValue::from_static("open sesame");
    request.headers_mut().insert("x-key", key);
    request
}

/// What happens at one poll.
pub enum Step {
    Frame(Pieces),
    Trailers(HeaderMap),
    Error(BoxError),
    /// Stays pending without a wake-up.
    Stall,
    /// Wakes the task at once.
    Pending,
    /// Waits this long by tokio's clock.
    Wait(Duration),
}

pub fn frame(bytes: impl Into<Bytes>) -> Step {
    Step::Frame(Pieces::from_iter([bytes.into()]))
}

pub fn pieces<const N: usize>(pieces: [&'static [u8]; N]) -> Step {
    Step::Frame(pieces.map(Bytes::from_static).into_iter().collect())
}

/// Runs its steps, then ends. A poll after the end panics.
pub struct Script {
    steps: Box<dyn Iterator<Item = Step> + Send>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    ended: bool,
    stalled: bool,
    length: Option<u64>,
    says_it_ended: bool,
    pub polls: Arc<AtomicUsize>,
}

impl Script {
    pub fn new<I>(steps: I) -> Self
    where
        I: IntoIterator<Item = Step>,
        I::IntoIter: Send + 'static,
    {
        Self {
            steps: Box::new(steps.into_iter()),
            sleep: None,
            ended: false,
            stalled: false,
            length: None,
            says_it_ended: false,
            polls: Arc::default(),
        }
    }

    /// This many bytes, in frames of this size.
    pub fn frames(length: usize, size: usize) -> Self {
        Self::new((0..length).step_by(size).map(move |start| {
            let size = size.min(length - start);
            frame(vec![b'a'; size])
        }))
    }

    pub fn hint(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// Makes `is_end_stream` true from the beginning.
    pub fn claiming_its_end(mut self) -> Self {
        self.says_it_ended = true;
        self
    }

    pub fn polls(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.polls)
    }
}

impl Body for Script {
    type Data = Pieces;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, BoxError>>> {
        assert!(!self.ended, "polled after its end");
        self.polls.fetch_add(1, Ordering::SeqCst);
        if self.stalled {
            return Poll::Pending;
        }
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            return match self.steps.next() {
                None => {
                    self.ended = true;
                    Poll::Ready(None)
                }
                Some(Step::Error(error)) => {
                    self.ended = true;
                    Poll::Ready(Some(Err(error)))
                }
                Some(Step::Frame(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Some(Step::Stall) => {
                    self.stalled = true;
                    Poll::Pending
                }
                Some(Step::Pending) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(Step::Wait(time)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(time)));
                    continue;
                }
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        self.says_it_ended
    }

    fn size_hint(&self) -> SizeHint {
        hint(self.length)
    }
}

fn hint(length: Option<u64>) -> SizeHint {
    length.map(SizeHint::with_exact).unwrap_or_default()
}

/// A body that panics when it is polled. It has a size hint only.
pub struct Untouchable(pub Option<u64>);

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was polled");
    }

    fn size_hint(&self) -> SizeHint {
        hint(self.0)
    }
}
