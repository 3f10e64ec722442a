//! Code that several examples share.

#[cfg(feature = "download")]
pub mod download;
pub mod output;
pub mod settings;
#[cfg(feature = "stand_in")]
pub mod stand_in;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "testing")]
pub mod two_senders;

use std::{fmt::Display, process::ExitCode};

/// Ends a program: prints the error if there is one, and waits until the output is written.
pub fn exit<E: Display>(result: Result<(), E>) -> ExitCode {
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::write_error(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    };
    output::flush();
    code
}
