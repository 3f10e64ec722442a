//! The parts of the example; `main.rs` starts them.

pub mod demo;
pub mod service;
pub mod settings;
