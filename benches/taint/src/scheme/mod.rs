//! As much of the crate's `scheme` as its comparisons need.

#[path = "../../../../src/scheme/headers.rs"]
pub(crate) mod headers;
#[path = "../../../../src/scheme/key.rs"]
pub(crate) mod key;
#[path = "../../../../src/scheme/mac.rs"]
pub(crate) mod mac;
#[path = "../../../../src/scheme/shared_key.rs"]
pub(crate) mod shared_key;

pub struct Scheme(pub(crate) Kind);

pub(crate) enum Kind {
    SharedKey(std::sync::Arc<shared_key::SharedKey>),
}

/// The digest of a presented key, which only `scheme` may read.
pub(crate) fn digest(presented: shared_key::PresentedKey<'_>) -> shared_key::KeyDigest {
    presented.digest
}
