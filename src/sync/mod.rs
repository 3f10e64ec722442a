//! Keeps a value up to date that another service changes and announces by webhooks.
//!
//! A webhook says that something changed. [`Keep`] then downloads it, builds a value from the bytes, and replaces
//! the value that the program uses, in one step for all readers. The parts:
//!
//! | part | what it does |
//! |---|---|
//! | [`Keep`], [`Kept`] | keeps one value up to date and tells how current it is |
//! | [`Schedule`], [`Refresher`] | decide when to run: at once on request, again after a failure, from time to time |
//! | [`Download`] | fetches a document with any HTTP client that is a `tower::Service` |
//! | [`Store`], [`FileStore`] | keep the last good document for the next start |
//! | [`respond`] | serves the document to other clients, with conditional requests |
//! | [`Fleet`], [`Bus`] | tell the other replicas of a service |
//!
//! A handler must respond at once, because senders time out and repeat. So it only calls
//! [`Kept::request`], which never waits:
//!
//! ```
//! use bytes::Bytes;
//! use tower_webhook_auth::{BoxError, sync::{Document, FetchError, Fetched, Keep, Made, Validators}};
//!
//! /// In a program: a request. The document is the revision, a space, and the value.
//! async fn download() -> Result<Bytes, BoxError> {
//!     Ok(Bytes::from_static(b"14 on"))
//! }
//!
//! // `known` has the validators of the last document, for a conditional request.
//! async fn fetch(known: Validators) -> Result<Fetched, FetchError> {
//! #   let _ = known;
//!     Ok(Fetched::New(Document::new(download().await?)))
//! }
//!
//! // Runs on a blocking thread. An error, or a panic, keeps the last good value.
//! fn build(bytes: &Bytes) -> Result<Made<String, u64>, BoxError> {
//!     let (revision, value) = std::str::from_utf8(bytes)?.split_once(' ').ok_or("no revision")?;
//!     Ok(Made::new(revision.parse()?, value.to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let kept = Keep::new(fetch, build).start();
//! kept.request(14); // in the handler
//! kept.reached(&14).await; // in a test
//! let value = kept.current().expect("a value"); // wherever the program needs it
//! assert_eq!(value.as_str(), "on");
//! # }
//! ```
//!
//! The guide [`sync`](crate::guide::sync) has a whole program, and a connection to other replicas over Redis.
//!
//! All times are times of tokio's clock. A jump of the system clock has no effect, and a test can
//! pause the clock.

mod document;
mod download;
mod fleet;
mod keep;
mod kept;
mod refresh;
mod respond;
mod schedule;
mod snapshot;
mod source;
mod status;
mod store;

pub use self::{
    document::{Document, FetchError, Fetched, Validators},
    download::Download,
    fleet::{Bus, Fleet, Heard, Subscriber, Subscription},
    keep::Keep,
    kept::Kept,
    refresh::{Progress, Refresher},
    respond::respond,
    schedule::{Outcome, Schedule},
    snapshot::{Made, Snapshot, Want},
    status::{Event, State, Status},
    store::{FileStore, NoStore, Store},
};
