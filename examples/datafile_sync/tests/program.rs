//! The whole program: its demonstration, and the errors of its start.

use support::testing::{self, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_datafile_sync");

#[test]
fn the_demonstration_runs_on_loopback_and_stops_at_a_signal() {
    let mut program = Program::start(PROGRAM, &[]);
    assert!(program.line().contains("DEMONSTRATION"));
    for begin in [
        "before   ",
        "delivery 200 OK",
        "after    ",
        "try      curl ",
    ] {
        let line = program.line();
        assert!(line.starts_with(begin), "{line}");
    }
    program.stop();
}

#[test]
fn it_does_not_demonstrate_on_other_addresses_or_with_settings_without_effect() {
    let cases = [
        (
            [("HOST", "0.0.0.0"), ("PORT", "0")],
            "OPTIMIZELY_PROJECTS is not set, and a demonstration",
        ),
        (
            [("OPTIMIZELY_SDK_KEYS", "x"), ("PORT", "0")],
            "OPTIMIZELY_SDK_KEYS is set, but OPTIMIZELY_PROJECTS is not",
        ),
        (
            [("OPTIMIZELY_PROJECT", "x"), ("PORT", "0")],
            "did you mean OPTIMIZELY_PROJECTS?",
        ),
    ];
    for (variables, part) in cases {
        let error = testing::start_error(PROGRAM, &variables);
        assert!(error.contains(part), "{error}");
    }
}
