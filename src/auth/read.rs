//! All that comes in: the limit, the budget, the deadline, the buffer, and feeding the check.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use super::{
    budget::{Budget, Share},
    deadline::Deadline,
};
use crate::{
    error::BoxError,
    rejection::{Rejection, RejectionKind},
    scheme::Check,
};

/// What a stranger may make us spend on one body.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    pub(crate) deadline: Duration,
    pub(crate) budget: Option<Arc<Budget>>,
}

/// A sender has no use for an empty frame: this many are an attack on our patience.
const MOST_EMPTY_FRAMES: u32 = 1024;

/// After this much in one go the task is given back, so that timers around it can fire: a body that
/// is always ready would otherwise never let them.
const FRAMES_IN_ONE_GO: u32 = 64;
const BYTES_IN_ONE_GO: usize = 256 * 1024;

/// This much is set aside on the word of a `Content-Length`; beyond it, only for what has arrived.
const TRUSTED_BYTES: usize = 64 * 1024;
const SMALLEST_BUFFER_BYTES: usize = 1024;

pin_project! {
    /// Reads a body to its end, and feeds a [`Check`] with it as it comes.
    pub(crate) struct Reader<B> {
        #[pin]
        body: B,
        #[pin]
        deadline: Deadline,
        limit: usize,
        buffer: Buffer,
        share: Share,
        empty_frames: u32,
    }
}

impl Limits {
    /// The length that is declared, the larger of what the body knows of itself and what the head
    /// says.
    ///
    /// Refused here if it is over the limit, before the first byte is asked for: a client that
    /// waits for `100 Continue` then never sends it.
    pub(crate) fn declared_length<B: Body>(
        &self,
        body: &B,
        headers: &HeaderMap,
    ) -> Result<Option<usize>, Rejection> {
        let known = Some(body.size_hint().lower()).filter(|lower| *lower > 0);
        let said = headers
            .get(CONTENT_LENGTH)
            .filter(|value| !value.is_empty())
            .and_then(|value| length(value.as_bytes()));
        let declared: Option<u64> = known.max(said);
        if declared.is_some_and(|length| length > self.body_bytes as u64) {
            return Err(Rejection::new(RejectionKind::BodyTooLarge));
        }
        Ok(declared.and_then(|length| usize::try_from(length).ok()))
    }
}

/// A length in decimal digits alone. One that does not fit is a large one.
fn length(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |length, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(length.saturating_mul(10).saturating_add(digit.into()))
    })
}

impl<B> Reader<B> {
    pub(crate) fn new(body: B, declared: Option<usize>, limits: &Limits) -> Self {
        Self {
            body,
            deadline: Deadline::new(limits.deadline),
            limit: limits.body_bytes,
            buffer: Buffer {
                held: Held::Nothing,
                expected: declared,
            },
            share: Share::of(limits.budget.clone()),
            empty_frames: 0,
        }
    }
}

impl<B> Reader<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// How many bytes have been received.
    pub(crate) fn received(self: Pin<&mut Self>) -> usize {
        self.project().buffer.len()
    }

    /// The whole body, all of it fed to the check.
    pub(crate) fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        check: &mut Check,
    ) -> Poll<Result<Bytes, Rejection>> {
        let mut this = self.project();
        let mut frames = 0_u32;
        let mut bytes = 0_usize;
        let timeout = || Err(Rejection::new(RejectionKind::BodyTimeout));
        loop {
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(context) else {
                ready!(this.deadline.as_mut().poll(context));
                return Poll::Ready(timeout());
            };
            let data = match frame {
                // Only this is the end: `is_end_stream` is a hint, and an error is no end at all.
                None => return Poll::Ready(Ok(this.buffer.take())),
                Some(Err(error)) => return Poll::Ready(Err(unreadable(error.into()))),
                // No scheme signs trailers: they are dropped.
                Some(Ok(frame)) => frame.into_data().ok().filter(Buf::has_remaining),
            };
            match data {
                None => {
                    *this.empty_frames = this.empty_frames.saturating_add(1);
                    if *this.empty_frames > MOST_EMPTY_FRAMES {
                        return Poll::Ready(Err(Rejection::new(RejectionKind::BodyUnreadable)));
                    }
                }
                Some(data) => {
                    let length = data.remaining();
                    // Counted before it is kept.
                    if length > this.limit.saturating_sub(this.buffer.len()) {
                        return Poll::Ready(Err(Rejection::new(RejectionKind::BodyTooLarge)));
                    }
                    let Some(kept) = this.buffer.keep(data, *this.limit, this.share) else {
                        return Poll::Ready(Err(Rejection::new(RejectionKind::BudgetExhausted)));
                    };
                    check.update(kept);
                    bytes = bytes.saturating_add(length);
                }
            }
            frames = frames.saturating_add(1);
            if frames >= FRAMES_IN_ONE_GO || bytes >= BYTES_IN_ONE_GO {
                if this.deadline.as_mut().poll(context).is_ready() {
                    return Poll::Ready(timeout());
                }
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// A limit of a layer outside is still a limit; anything else broke off.
fn unreadable(error: BoxError) -> Rejection {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(current) = cause {
        if current.is::<LengthLimitError>() {
            return Rejection::caused_by(RejectionKind::BodyTooLarge, error);
        }
        cause = current.source();
    }
    Rejection::caused_by(RejectionKind::BodyUnreadable, error)
}

/// The body so far, in one piece.
struct Buffer {
    held: Held,
    expected: Option<usize>,
}

enum Held {
    Nothing,
    /// One frame, kept as it came.
    Frame(Bytes),
    /// Several, side by side. A body of frames of one byte each, kept as they came, would take
    /// 37 times its length.
    Flat(Vec<u8>),
}

impl Buffer {
    fn len(&self) -> usize {
        match &self.held {
            Held::Nothing => 0,
            Held::Frame(frame) => frame.len(),
            Held::Flat(bytes) => bytes.len(),
        }
    }

    /// Keeps a frame and hands its bytes back, or `None` when the share cannot grow.
    fn keep<D: Buf>(&mut self, mut frame: D, limit: usize, share: &mut Share) -> Option<&[u8]> {
        let before = self.len();
        let needed = before.saturating_add(frame.remaining());
        match &mut self.held {
            Held::Nothing => {
                if !share.grow_to(needed) {
                    return None;
                }
                let frame = frame.copy_to_bytes(frame.remaining());
                self.held = Held::Frame(frame);
            }
            Held::Frame(first) => {
                let mut bytes = Vec::new();
                make_room(&mut bytes, needed, self.expected, limit, share)?;
                bytes.extend_from_slice(first);
                bytes.put(frame);
                self.held = Held::Flat(bytes);
            }
            Held::Flat(bytes) => {
                make_room(bytes, needed, self.expected, limit, share)?;
                bytes.put(frame);
            }
        }
        let all: &[u8] = match &self.held {
            Held::Nothing => &[],
            Held::Frame(frame) => frame,
            Held::Flat(bytes) => bytes,
        };
        all.get(before..)
    }

    fn take(&mut self) -> Bytes {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => Bytes::new(),
            Held::Frame(frame) => frame,
            Held::Flat(bytes) => bytes.into(),
        }
    }
}

/// Makes the buffer at least `needed` large, and at most twice that, or as large as is trusted.
///
/// Where the length was declared the last growth ends exactly there: an honest body wastes nothing.
fn make_room(
    buffer: &mut Vec<u8>,
    needed: usize,
    expected: Option<usize>,
    limit: usize,
    share: &mut Share,
) -> Option<()> {
    if needed <= buffer.capacity() {
        return Some(());
    }
    let ceiling = expected
        .filter(|expected| *expected >= needed)
        .unwrap_or(limit);
    let smallest = match expected {
        Some(_) => TRUSTED_BYTES,
        None => SMALLEST_BUFFER_BYTES,
    };
    let generous = needed.saturating_mul(2).max(smallest).min(ceiling);
    let granted = [generous, needed]
        .into_iter()
        .find(|capacity| share.grow_to(*capacity))?;
    buffer.reserve_exact(granted.saturating_sub(buffer.len()));
    Some(())
}
