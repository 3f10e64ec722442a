//! Code that several examples share. Each module needs the feature with its name.

#[cfg(feature = "download")]
pub mod download;
