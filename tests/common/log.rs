//! Subscribers of single threads.

use std::{io, sync::Once};

use tracing::{Level, subscriber::set_global_default};

/// Makes sure that a subscriber of one thread gets all events of that thread.
///
/// `tracing` remembers for each place in the code whether a subscriber wants its events. While only one thread has
/// a subscriber, another thread that reaches the place first decides that no subscriber wants them. So this sets a
/// subscriber for the whole process, which wants all events and writes none.
pub(crate) fn keep_the_events_of_each_thread() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let all = tracing_subscriber::fmt().with_max_level(Level::TRACE);
        set_global_default(all.with_writer(io::sink).finish()).expect("no other global subscriber");
    });
}
