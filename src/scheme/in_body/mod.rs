//! Keys and signatures inside the body. The body around them is not signed.
//!
//! Such a scheme reads the whole body after it has arrived, within the layer's limit. It runs as a scheme
//! in code does (`custom`), so other schemes pay nothing for it.

mod document;
mod json;
mod key;
mod multipart;
mod signature;
#[cfg(feature = "testing")]
mod write;

use std::sync::Arc;

use self::{key::BodyKey, signature::BodySigned};
pub use self::{
    key::BodyKeyScheme,
    signature::{BodyPiece, BodySignatureScheme, BodyValue},
};
use super::{
    Kind, Scheme,
    check::Authentication,
    custom::{Custom, CustomRejection},
    describe::Way,
};
use crate::rejection::{ExpectedShape, FoundShape, Rejection, RejectionKind};

/// A scheme of this crate that reads the body.
#[derive(Clone, Debug)]
pub(crate) enum InBody {
    Key(Arc<BodyKey>),
    Signature(Arc<BodySigned>),
}

impl InBody {
    pub(super) fn authentication(&self) -> Authentication {
        match self {
            Self::Key(_) => Authentication::BodyKey,
            Self::Signature(_) => Authentication::PartialSignature,
        }
    }

    pub(super) fn mismatch(&self) -> RejectionKind {
        match self {
            Self::Key(_) => RejectionKind::KeyMismatch,
            Self::Signature(_) => RejectionKind::SignatureMismatch,
        }
    }

    pub(super) fn describe(&self) -> Way {
        match self {
            Self::Key(key) => key.describe(),
            Self::Signature(signed) => signed.describe(),
        }
    }
}

fn scheme_of_key(key: BodyKey) -> Scheme {
    let key = Arc::new(key);
    let in_body = InBody::Key(Arc::clone(&key));
    Scheme(Kind::Custom(Arc::new(Custom::in_body(key, in_body))))
}

pub(super) fn scheme_of_signature(signed: BodySigned) -> Scheme {
    let signed = Arc::new(signed);
    let in_body = InBody::Signature(Arc::clone(&signed));
    let algorithm = signed.algorithm;
    let custom = Custom::in_body(signed, in_body)
        .with_placeholder::<Arc<BodySigned>>(move || algorithm.placeholder_key());
    Scheme(Kind::Custom(Arc::new(custom)))
}

/// The body, or the value in it, is not what the scheme requires.
fn malformed(expected: &Arc<str>, found: FoundShape) -> CustomRejection {
    let expected = ExpectedShape::built(expected);
    CustomRejection::made(Rejection::field(
        RejectionKind::BodyMalformed,
        expected,
        found,
    ))
}
