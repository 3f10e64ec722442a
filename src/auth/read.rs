//! Reads a body: limit, deadline and budget, the buffer, and the bytes that the check gets.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use super::{
    budget::{MemoryBudget, Share},
    deadline::Deadline,
};
use crate::{
    error::BoxError,
    rejection::{Rejection, RejectionKind},
    scheme::Check,
};

/// What one body may cost.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    pub(crate) deadline: Duration,
    pub(crate) budget: Option<MemoryBudget>,
}

/// Senders have no use for empty frames. A body with more than this many is an attack.
const MOST_EMPTY_FRAMES: u32 = 1024;

/// How much one poll reads before it gives the task back. Without this bound a body that is always
/// ready would keep the timers around it from firing.
const FRAMES_PER_POLL: u32 = 64;

/// How many bytes one poll hashes, over all hash states together.
const HASHED_BYTES_PER_POLL: usize = 256 * 1024;

/// With very many keys one poll still hashes one block of SHA-256 for each of them.
const FEWEST_BYTES_PER_POLL: usize = 64;

/// A first frame of this size is kept without a copy. A smaller one is copied.
///
/// A frame is usually a slice of the server's read buffer, and keeps all of that buffer in memory.
/// A program cannot find out the size of that buffer. hyper's HTTP/1 buffers begin with 8 KiB. h2's
/// buffers hold up to one frame of 16 KiB. So a frame of 8 KiB is about half of its buffer or more. A
/// copy of a smaller frame takes little time, compared to its hash.
const FRAME_KEPT_BYTES: usize = 8 * 1024;

const SMALLEST_BUFFER_BYTES: usize = 256;

/// How many bytes the check gets at once while more bytes arrive. It reads them from the fastest cache, because they
/// were just copied. Smaller and larger pieces took longer: `benches/README.md` has the figures.
const PIECE_BYTES: usize = 2048;

pin_project! {
    /// Reads a body to its end, and gives the bytes to a [`Check`] as they arrive.
    pub(crate) struct Reader<B> {
        #[pin]
        body: B,
        #[pin]
        deadline: Deadline,
        limit: usize,
        buffer: Buffer,
        // How many bytes of the buffer the check has got.
        checked: usize,
        share: Share,
        empty_frames: u32,
    }
}

impl Limits {
    /// The declared length: the larger one of the body's own size hint and of `Content-Length`. It is 0
    /// when neither declares one.
    ///
    /// A length over the limit is rejected before the body is polled. A client that waits for
    /// `100 Continue` then never sends its body.
    pub(crate) fn declared_length<B: Body>(
        &self,
        body: &B,
        headers: &HeaderMap,
    ) -> Result<usize, Rejection> {
        let header = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| length(value.as_bytes()));
        let declared = body.size_hint().lower().max(header.unwrap_or(0));
        usize::try_from(declared)
            .ok()
            .filter(|declared| *declared <= self.body_bytes)
            .ok_or_else(|| Rejection::body_too_large(self.body_bytes))
    }
}

/// Reads a length that is written in decimal digits only. A number that does not fit becomes the
/// largest one.
fn length(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |length, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(length.saturating_mul(10).saturating_add(digit.into()))
    })
}

impl<B> Reader<B> {
    pub(crate) fn new(body: B, declared: usize, limits: &Limits) -> Self {
        Self {
            body,
            deadline: Deadline::new(limits.deadline),
            limit: limits.body_bytes,
            buffer: Buffer {
                held: Held::Copied(Vec::new()),
                declared,
            },
            checked: 0,
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
    /// The charge for the body that was read, for a caller that keeps the body before the verdict.
    pub(crate) fn take_share(self: Pin<&mut Self>) -> Share {
        self.project().share.take()
    }

    /// How many bytes have been received.
    pub(crate) fn received(self: Pin<&mut Self>) -> usize {
        self.project().buffer.bytes().len()
    }

    /// The whole body, after the check has got all of it.
    pub(crate) fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        check: &mut Check,
    ) -> Poll<Result<Bytes, Rejection>> {
        let mut this = self.project();
        let mut frames_left = FRAMES_PER_POLL;
        let mut feed = Feed::new(check, this.checked);
        let timeout = || Err(Rejection::new(RejectionKind::BodyTimeout));
        // The last poll had no time to hash these bytes.
        feed.piece(this.buffer.bytes());
        loop {
            if frames_left == 0 || feed.bytes_left == 0 {
                if this.deadline.as_mut().poll(context).is_ready() {
                    return Poll::Ready(timeout());
                }
                context.waker().wake_by_ref();
                return Poll::Pending;
            }

            let Poll::Ready(frame) = this.body.as_mut().poll_frame(context) else {
                feed.rest(this.buffer.bytes());
                ready!(this.deadline.as_mut().poll(context));
                return Poll::Ready(timeout());
            };
            frames_left = frames_left.saturating_sub(1);
            let data = match frame {
                // Only this is the end. `is_end_stream` is a hint, and an error is not an end.
                None => {
                    feed.rest(this.buffer.bytes());
                    return Poll::Ready(Ok(this.buffer.take()));
                }
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
                    let received = this.buffer.bytes().len();
                    // The frame is counted before it is kept.
                    if data.remaining() > this.limit.saturating_sub(received) {
                        return Poll::Ready(Err(Rejection::body_too_large(*this.limit)));
                    }
                    let kept = |bytes: &[u8]| feed.piece(bytes);
                    let is_kept = this.buffer.keep(data, *this.limit, this.share, kept);
                    if is_kept.is_none() {
                        return Poll::Ready(Err(Rejection::new(RejectionKind::BudgetExhausted)));
                    }
                }
            }
        }
    }
}

/// How many bytes one poll may give to a check.
#[inline]
pub(crate) fn bytes_per_poll(check: &Check) -> usize {
    HASHED_BYTES_PER_POLL
        .checked_div(check.hashers())
        .unwrap_or(HASHED_BYTES_PER_POLL)
        .max(FEWEST_BYTES_PER_POLL)
}

/// Gives the bytes of the buffer to the check, in their order, during one poll.
struct Feed<'a> {
    check: &'a mut Check,
    /// How many bytes of the buffer the check has got.
    checked: &'a mut usize,
    /// How many more bytes this poll may hash.
    bytes_left: usize,
    /// Fewer bytes wait for the next frame, because a call for each small frame takes time.
    least: usize,
}

impl<'a> Feed<'a> {
    fn new(check: &'a mut Check, checked: &'a mut usize) -> Self {
        let bytes_left = bytes_per_poll(check);
        Self {
            check,
            checked,
            bytes_left,
            least: PIECE_BYTES.min(bytes_left),
        }
    }

    /// Hashes the bytes that wait, if they are enough. Those that this poll may not hash wait for the next poll.
    fn piece(&mut self, buffer: &[u8]) {
        let waiting = buffer.get(*self.checked..).unwrap_or_default();
        if waiting.len() >= self.least {
            let piece = waiting.get(..self.bytes_left).unwrap_or(waiting);
            self.check.update(piece);
            *self.checked = self.checked.saturating_add(piece.len());
            self.bytes_left = self.bytes_left.saturating_sub(piece.len());
        }
    }

    /// Hashes the bytes that wait, when no frame is there. They are fewer than a piece.
    fn rest(&mut self, buffer: &[u8]) {
        let waiting = buffer.get(*self.checked..).unwrap_or_default();
        self.check.update(waiting);
        *self.checked = buffer.len();
    }
}

/// Distinguishes a body that exceeds the limit of an outer layer from a body that ended early.
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

/// The bytes of the body that arrived, in one piece.
struct Buffer {
    held: Held,
    /// 0 when no length is declared.
    declared: usize,
}

enum Held {
    /// Copies of the frames, one after the other. If the body arrives in frames of one byte, a
    /// list of the frames would take 37 times the length of the body.
    Copied(Vec<u8>),
    /// One large frame, without a copy.
    Frame(Bytes),
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        match &self.held {
            Held::Copied(bytes) => bytes,
            Held::Frame(frame) => frame,
        }
    }

    /// Keeps a frame, and calls `kept` with all bytes after each piece that it copies, or else once. `None` when the
    /// budget is exhausted.
    fn keep<D: Buf>(
        &mut self,
        mut frame: D,
        limit: usize,
        share: &mut Share,
        mut kept: impl FnMut(&[u8]),
    ) -> Option<()> {
        let length = frame.remaining();
        let before = self.bytes().len();
        let needed = before.saturating_add(length);
        let wanted = |declared| wanted_capacity(declared, before, needed, limit);
        match &mut self.held {
            Held::Copied(bytes) if bytes.is_empty() && length >= FRAME_KEPT_BYTES => {
                share.grow(needed, needed)?;
                let frame = frame.copy_to_bytes(length);
                kept(&frame);
                self.held = Held::Frame(frame);
            }
            Held::Copied(bytes) => {
                if needed > bytes.capacity() {
                    let capacity = share.grow(needed, wanted(self.declared))?;
                    bytes.reserve_exact(capacity.saturating_sub(before));
                }
                copy(frame, bytes, kept);
            }
            Held::Frame(first) => {
                let mut bytes = Vec::with_capacity(share.grow(needed, wanted(self.declared))?);
                bytes.extend_from_slice(first);
                copy(frame, &mut bytes, kept);
                self.held = Held::Copied(bytes);
            }
        }
        Some(())
    }

    /// The body, in an allocation of its length.
    fn take(&mut self) -> Bytes {
        match std::mem::replace(&mut self.held, Held::Copied(Vec::new())) {
            Held::Copied(mut bytes) => {
                bytes.shrink_to_fit();
                bytes.into()
            }
            Held::Frame(frame) => frame,
        }
    }
}

/// How large the buffer should become when it has to hold `needed` bytes.
///
/// A declared length is only an upper bound: the last growth of an honest body ends exactly
/// there. A declared length reserves and charges nothing.
fn wanted_capacity(declared: usize, before: usize, needed: usize, limit: usize) -> usize {
    let declared = Some(declared).filter(|declared| *declared >= needed);
    if before == 0 && declared.is_none() {
        // Most bodies that do not declare a length have one frame.
        return needed;
    }
    needed
        .saturating_mul(2)
        .max(SMALLEST_BUFFER_BYTES)
        .min(declared.unwrap_or(limit))
}

/// Appends a frame to `bytes` in pieces, and calls `kept` with all bytes after each piece.
fn copy<D: Buf>(mut frame: D, bytes: &mut Vec<u8>, mut kept: impl FnMut(&[u8])) {
    while frame.has_remaining() {
        let chunk = frame.chunk();
        let piece = chunk.get(..PIECE_BYTES).unwrap_or(chunk);
        let length = piece.len();
        bytes.extend_from_slice(piece);
        kept(bytes);
        frame.advance(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    /// Buffers frames, and returns the charge after each of them.
    fn charges(declared: usize, frames: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let budget = MemoryBudget::new(4 * LIMIT);
        let mut share = Share::of(Some(budget.clone()));
        let mut buffer = Buffer {
            held: Held::Copied(Vec::new()),
            declared,
        };
        let mut charge = |length| {
            let frame = Bytes::from(vec![0; length]);
            let kept = buffer.keep(frame, LIMIT, &mut share, |_| {});
            assert!(kept.is_some(), "the budget is large enough");
            budget.limit() - budget.available()
        };
        frames.into_iter().map(&mut charge).collect()
    }

    /// Each growth moves the bytes before it. With a growth for each frame, the cost would be quadratic.
    #[test]
    fn a_body_in_frames_of_one_byte_grows_a_few_times() {
        for declared in [0, 100_000] {
            let mut sizes = charges(declared, std::iter::repeat_n(1, 100_000));
            sizes.dedup();
            assert!(sizes.len() <= 11, "{sizes:?}");
        }
    }

    #[test]
    fn a_buffer_grows_only_when_it_is_full() {
        assert_eq!(charges(0, [100, 156, 256, 1]), [100, 512, 512, 1026]);
    }

    #[test]
    fn a_body_of_one_frame_without_a_declared_length_is_charged_with_its_length() {
        assert_eq!(charges(0, [300]), [300]);
        // More frames are expected here.
        assert_eq!(charges(1000, [300, 600, 100]), [600, 1000, 1000]);
    }
}
