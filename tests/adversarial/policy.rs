//! What this crate does where the file leaves the choice to the receiver, and where that is documented.

use super::file::{Case, Strictness};

/// A policy case, the status that we answer with, and why.
const POLICIES: &[(&str, u16, &str)] = &[
    (
        "GH-027",
        200,
        "no memory of deliveries: the handler has to recognise what it has seen",
    ),
    (
        "OPT-074",
        200,
        "the signed bytes are those on the wire, and nothing is decompressed",
    ),
    ("STD-025", 200, "an empty item of a list is passed over"),
    ("STD-070", 401, "no header value is longer than 4 KiB"),
    ("STD-071", 401, "a signed id is of visible ASCII"),
    (
        "STD-082",
        200,
        "no memory of deliveries: inside of the tolerance the handler has to recognise them",
    ),
    (
        "STD-087",
        200,
        "blanks around a value are cut by HTTP/1, not by us",
    ),
    ("STD-088", 401, "a signed id is of visible ASCII"),
];

/// `should` cases that we decide otherwise.
const DEVIATIONS: &[(&str, &str)] = &[];

pub fn statuses(id: &str) -> Option<u16> {
    entry(id).map(|(_, status, _)| *status)
}

pub fn why(id: &str) -> Option<&'static str> {
    entry(id).map(|(_, _, why)| *why)
}

fn entry(id: &str) -> Option<&'static (&'static str, u16, &'static str)> {
    POLICIES.iter().find(|(policy, ..)| *policy == id)
}

pub fn deviates(id: &str) -> bool {
    DEVIATIONS.iter().any(|(deviation, _)| *deviation == id)
}

/// Each policy case of our own file is in the table, and the table has no others.
pub fn covers<'a>(cases: impl Iterator<Item = &'a Case>) {
    let mut ids: Vec<&str> = cases
        .filter(|case| case.strictness == Strictness::Policy)
        .map(|case| &*case.id)
        .collect();
    ids.sort_unstable();
    let table: Vec<&str> = POLICIES.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, table);
}
