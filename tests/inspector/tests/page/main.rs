//! The page of the inspector in Chromium. Each test starts a program and a browser of its own.

mod access;
mod arrivals;
mod exports;
mod foreign;
mod forward;
mod hostile;
mod keyboard;
mod list;
mod picture;
mod restart;
mod secrets;
mod test_deliveries;
mod views;
