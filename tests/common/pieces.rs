//! A buffer that is not contiguous.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// The data of one frame, in several chunks.
#[derive(Clone, Debug, Default)]
pub struct Pieces(VecDeque<Bytes>);

impl FromIterator<Bytes> for Pieces {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// The contract of [`Buf`]: empty only if nothing remains.
    fn chunk(&self) -> &[u8] {
        self.0
            .iter()
            .find(|piece| !piece.is_empty())
            .map_or(&[], |piece| piece)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(piece) = self.0.front_mut() {
            let here = count.min(piece.len());
            piece.advance(here);
            count -= here;
            if !piece.is_empty() {
                return;
            }
            self.0.pop_front();
        }
        assert_eq!(count, 0, "advanced past the end");
    }
}
