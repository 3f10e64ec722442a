//! The imports of all rows of the catalogue, so that a new row needs no new import.

pub(super) use std::time::Duration;

pub(super) use super::{
    setup,
    shapes::{self, whsec},
};
pub(super) use crate::scheme::{
    BodyDigest, BodyKeyScheme, BodyPiece, BodySignatureScheme, BodyValue, Encoding, JwtScheme,
    KeyEncoding, Piece, SharedKeyScheme, SignatureScheme, SignedHeaders, SortedForm, Timestamp,
    TokenPlace,
};
