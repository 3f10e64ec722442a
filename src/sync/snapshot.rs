//! A value together with the document that it was built from.

use std::{fmt, ops::Deref};

use bytes::Bytes;

use super::document::Document;

/// The result of the `build` function of [`Keep::new`](super::Keep::new).
#[derive(Clone)]
pub struct Made<T, V> {
    pub(super) value: T,
    pub(super) version: V,
    pub(super) content: Option<Bytes>,
}

impl<T, V> Made<T, V> {
    /// The value, and the version that the document itself names. Use `()` if it names none.
    ///
    /// Versions are ordered: a document with a smaller version than the current one does not replace it.
    pub fn new(version: V, value: T) -> Self {
        Self {
            value,
            version,
            content: None,
        }
    }

    /// The part of the document that decides whether the content [changed](super::Event::Changed). The default is
    /// the whole document.
    ///
    /// Some documents get a new revision when nothing else changed. With a digest of the rest as the content,
    /// subscribers are not notified then.
    #[must_use]
    pub fn content(mut self, content: impl Into<Bytes>) -> Self {
        self.content = Some(content.into());
        self
    }
}

impl<T, V: fmt::Debug> fmt::Debug for Made<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A value, its version, and the document that it was built from. It dereferences to the value.
///
/// A reader that holds a snapshot continues with it while a newer one replaces it.
pub struct Snapshot<T, V> {
    pub(super) value: T,
    pub(super) version: V,
    pub(super) document: Document,
    pub(super) content: Option<Bytes>,
    pub(super) change: u64,
}

impl<T, V> Snapshot<T, V> {
    /// The document, for clients that need the bytes: see [`respond`](super::respond).
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The version that the document names.
    #[must_use]
    pub fn version(&self) -> &V {
        &self.version
    }

    /// The number of content changes so far, starting with 1. Two snapshots with the same number have the same
    /// content.
    #[must_use]
    pub fn change(&self) -> u64 {
        self.change
    }

    pub(super) fn content(&self) -> &Bytes {
        self.content.as_ref().unwrap_or(&self.document.bytes)
    }
}

impl<T, V> Deref for Snapshot<T, V> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T, V: fmt::Debug> fmt::Debug for Snapshot<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version)
            .field("change", &self.change)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

/// The result that a run must produce. A greater request includes all smaller ones, so requests
/// are merged to the greatest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want<V> {
    /// Any answer of the source.
    Any,
    /// Other content than at this [change](Snapshot::change).
    After(u64),
    /// This version or a newer one.
    Version(V),
}
