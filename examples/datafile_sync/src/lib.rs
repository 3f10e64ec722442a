//! The parts of the example; `main.rs` starts them.

pub mod config;
pub mod demo;
pub mod environment;
pub mod service;
pub mod stand_in;
