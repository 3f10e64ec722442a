//! [`Clock`]: the source of the current time.

use std::time::SystemTime;

/// A source of the current time.
///
/// The layer compares signed timestamps with it. With feature `tracing` it also limits the rate of
/// log events. The default is the system's clock. A test passes a closure:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_webhook_auth::Clock;
///
/// let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_674_087_231);
/// assert_eq!(clock.now(), clock());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Clock`",
    note = "pass a function that returns the current time, for example `move || now`"
)]
pub trait Clock: Send + Sync + 'static {
    /// The current time.
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
