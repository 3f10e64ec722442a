//! The whole program over HTTP/1: two senders, a health route and a 404.

use support::two_senders;

const SERVER: &str = env!("CARGO_BIN_EXE_hyper_server");

#[test]
fn each_sender_has_its_own_layer_and_other_paths_have_none() {
    two_senders::each_sender_has_its_own_layer_and_other_paths_have_none(SERVER);
}

#[test]
fn a_missing_secret_is_an_error_that_names_the_variable() {
    two_senders::a_missing_secret_is_an_error_that_names_the_variable(SERVER);
}
