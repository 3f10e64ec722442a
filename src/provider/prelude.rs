//! What the rows of the catalogue are written with, so that a new row needs no new import.

pub(super) use std::time::Duration;

pub(super) use super::{
    setup,
    shapes::{self, whsec},
};
pub(super) use crate::scheme::{
    Encoding, KeyEncoding, Piece, SharedKeyScheme, SignatureScheme, Timestamp,
};
