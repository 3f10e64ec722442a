//! The deadline for a whole body.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

#[cfg(feature = "tokio")]
use pin_project_lite::pin_project;

#[cfg(feature = "tokio")]
pin_project! {
    /// It starts when it is first polled, so a body that is ready at once needs no timer.
    pub(crate) struct Deadline {
        after: Duration,
        #[pin]
        sleep: Option<tokio::time::Sleep>,
    }
}

#[cfg(feature = "tokio")]
impl Deadline {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    /// Ready when the time is over. Outside of a tokio runtime there is no timer, so the deadline
    /// is never ready.
    pub(crate) fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.sleep.is_none() {
            if tokio::runtime::Handle::try_current().is_err() {
                return Poll::Pending;
            }
            this.sleep.set(Some(tokio::time::sleep(*this.after)));
        }
        let sleep = this.sleep.as_pin_mut();
        sleep.map_or(Poll::Pending, |sleep| sleep.poll(context))
    }
}

/// Without feature `tokio` there is no timer.
#[cfg(not(feature = "tokio"))]
pub(crate) struct Deadline;

#[cfg(not(feature = "tokio"))]
impl Deadline {
    pub(crate) fn new(_: Duration) -> Self {
        Self
    }

    pub(crate) fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
