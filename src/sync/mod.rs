//! Work that follows a webhook, done in the background: download what changed.
//!
//! A handler has to answer at once, since senders time out and repeat; and senders come in bursts.
//! So the handler only [requests](Refresher::request), which never waits, and one task does the
//! work: one run at a time, never two runs in quick succession, again after a while if it failed,
//! and from time to time although nobody asked, since deliveries get lost.
//!
//! ```
//! use std::time::Duration;
//! use tower_webhook_auth::sync::{Outcome, Schedule};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # async fn download() -> u64 { 14 }
//! # let (done, mut downloaded) = tokio::sync::mpsc::unbounded_channel();
//! let refresher = Schedule::new()
//!     .poll_every(Duration::from_secs(300))
//!     .spawn(move |wanted: Option<u64>| {
//! #       let done = done.clone();
//!         async move {
//!             let revision = download().await;
//! #           done.send(revision).unwrap();
//!             if wanted.is_some_and(|wanted| revision < wanted) {
//!                 return Outcome::Retry; // What we download from lags behind who told us.
//!             }
//!             Outcome::Done
//!         }
//!     });
//!
//! // In the handler: a thousand of these within a second cause two downloads.
//! refresher.request(13);
//! refresher.request(14);
//! # assert_eq!(downloaded.recv().await, Some(14));
//! # }
//! ```

mod refresh;

pub use self::refresh::{Outcome, Refresher, Schedule};
