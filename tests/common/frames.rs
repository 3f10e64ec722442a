//! A body in memory that arrives in the frames and chunks that a test chooses.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

#[path = "pieces.rs"]
mod pieces;

use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

pub use pieces::Pieces;

/// One step of a [`Frames`] body.
#[derive(Clone, Debug)]
pub enum Step {
    Data(Pieces),
    /// The body fails.
    Fail,
    Trailers,
    /// Pending once: the task is woken at once.
    Wait,
}

/// The error of a body that fails.
#[derive(Clone, Copy, Debug)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

/// Runs its steps one after the other, then ends. It has no size hint.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    steps: VecDeque<Step>,
    /// A test keeps the other reference, to see when this body is dropped.
    held: Option<Arc<()>>,
}

impl Frames {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            held: None,
        }
    }

    /// One frame for each of these.
    pub fn of(frames: impl IntoIterator<Item = Bytes>) -> Self {
        Self::new(
            frames
                .into_iter()
                .map(|bytes| Step::Data(Pieces::from_iter([bytes]))),
        )
    }

    #[must_use]
    pub fn holding(mut self, held: Arc<()>) -> Self {
        self.held = Some(held);
        self
    }
}

impl Body for Frames {
    type Data = Pieces;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, Broken>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Fail) => Poll::Ready(Some(Err(Broken))),
            Some(Step::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Step::Wait) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}
