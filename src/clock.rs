//! What time it is: asked by schemes whose signatures grow old, and where log events are rationed.

use std::time::SystemTime;

/// A source of the current time, for the tolerance of signed timestamps, and with feature `tracing`
/// for the rate of log events.
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
