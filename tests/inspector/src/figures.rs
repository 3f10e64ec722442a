//! Counts of what was checked, for the report of `run`.

use std::{env, fs::OpenOptions, io::Write};

/// Adds a line to the file that `FIGURES` names, if it does.
pub fn note(line: &str) {
    let Some(file) = env::var_os("FIGURES") else {
        return;
    };
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    if let Err(error) = written {
        eprintln!("the figures are not written to {}: {error}", file.display());
    }
}
