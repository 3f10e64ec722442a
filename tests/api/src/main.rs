//! Prints the public items of the crate whose rustdoc JSON is in the named file, one on each line.

use std::{env, error::Error};

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args()
        .nth(1)
        .ok_or("usage: api FILE: name a file with the JSON of rustdoc")?;
    // What every type has is not listed: it would hide what a change changes.
    let api = Builder::from_rustdoc_json(path)
        .omit_auto_trait_impls(true)
        .omit_blanket_impls(true)
        .build()?;
    print!("{api}");
    Ok(())
}
