//! What time it is: asked only by schemes whose signatures grow old.

use std::time::SystemTime;

/// A source of the current time, for the tolerance of signed timestamps.
///
/// The default is the system's clock. A test hands in its own, as a closure:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_webhook_auth::Clock;
///
/// let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_674_087_231);
/// assert_eq!(clock.now(), clock());
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;
}

impl<F> Clock for F
where
    F: Fn() -> SystemTime + Send + Sync + 'static,
{
    fn now(&self) -> SystemTime {
        self()
    }
}
