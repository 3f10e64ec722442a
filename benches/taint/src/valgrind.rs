//! Requests to valgrind. Outside of it they do nothing.
#![allow(unsafe_code, reason = "foreign functions")]

use std::ffi::{c_int, c_uint, c_void};

unsafe extern "C" {
    fn taint_running() -> c_int;
    fn taint_findings() -> c_uint;
    fn taint_mark(bytes: *const c_void, length: usize);
    fn taint_clear(bytes: *const c_void, length: usize);
}

pub fn running() -> bool {
    // SAFETY: takes nothing and touches no memory of ours.
    unsafe { taint_running() != 0 }
}

/// How often a branch or an address depended on a secret so far.
pub fn findings() -> u32 {
    // SAFETY: as above.
    unsafe { taint_findings() }
}

/// Marks a value as undefined. It stays what it is.
pub fn taint<T: ?Sized>(secret: &T) {
    // SAFETY: valgrind changes its notes on these bytes, not the bytes.
    unsafe { taint_mark(std::ptr::from_ref(secret).cast(), size_of_val(secret)) }
}

/// Marks a value as public.
pub fn declassify<T: ?Sized>(public: &T) {
    // SAFETY: as above.
    unsafe { taint_clear(std::ptr::from_ref(public).cast(), size_of_val(public)) }
}

/// As [`taint`], for a value that was moved.
pub fn taint_at(secret: *const [u8]) {
    // SAFETY: as above. If the bytes are no longer there, others are marked, and findings follow.
    unsafe { taint_mark(secret.cast(), secret.len()) }
}
