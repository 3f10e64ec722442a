//! What the tests of the page need: the inspector, a browser, a client for deliveries and a handler to forward to.

mod browser;
mod client;
mod figures;
mod handler;
mod inspector;
mod page;

use std::time::Duration;

pub use browser::Browser;
pub use client::{Delivery, Response, github, optimizely, raw, slack, stripe, vwo};
pub use figures::note;
pub use handler::Handler;
pub use inspector::Inspector;
pub use page::{Page, Scheme};

/// For a hang, not for speed: the machine of a test can be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secrets that the tests start the inspector with.
pub const GITHUB: &str = "It's a Secret to Everybody";
pub const SLACK: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub const STRIPE: &str = "whsec_demonstration";
pub const VWO: &str = "demonstration-key-0001";
/// The secret of Optimizely's documentation: its example verifies with it.
pub const OPTIMIZELY: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
