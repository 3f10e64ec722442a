//! A delivery that is done does not call the handler again, and one that failed does.
#![cfg(all(feature = "replay", feature = "testing"))]

#[cfg(feature = "tracing")]
#[path = "../common/log.rs"]
mod common_log;
mod config;
mod duplicates;
mod failures;
mod grpc;
mod logs;
mod memory;
mod once;
mod order;
mod support;
#[path = "../common/two_tenants.rs"]
mod two_tenants;
