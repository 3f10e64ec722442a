//! The parsers of typed events, over any body. None panics. Those that require no field accept every
//! JSON object, unless a field that they read appears twice.
#![no_main]

use std::{collections::HashMap, fmt::Debug};

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use tower_webhook_auth::{
    EventError, FromBody, Json, SignedForm,
    provider::{
        amplitude, aws_sns, flagsmith, flipt, github, go_feature_flag, growthbook, launchdarkly,
        optimizely, shopify, slack, standard_webhooks, statsig, stripe, unleash, vwo,
    },
};

type Read = fn(&[u8]) -> Result<(), EventError>;

const ANY_OBJECT: [Read; 7] = [
    read::<amplitude::Event>,
    read::<flipt::Event>,
    read::<github::Event>,
    read::<go_feature_flag::Event>,
    read::<growthbook::SdkEvent>,
    read::<Json>,
    read::<shopify::Event>,
];

const OTHERS: [Read; 14] = [
    read::<aws_sns::Event>,
    read::<flagsmith::Changes>,
    read::<flagsmith::Event>,
    read::<growthbook::Event>,
    read::<launchdarkly::Event>,
    read::<optimizely::Event>,
    read::<SignedForm>,
    read::<slack::Event>,
    read::<standard_webhooks::Event>,
    read::<statsig::Events>,
    read::<statsig::PreCommit>,
    read::<stripe::Event>,
    read::<unleash::Event>,
    read::<vwo::Event>,
];

fn read<E: FromBody + Debug>(body: &[u8]) -> Result<(), EventError> {
    E::from_body(body).map(|event| drop(format!("{event:?}")))
}

fuzz_target!(|body: &[u8]| {
    let object = serde_json::from_slice::<HashMap<String, &RawValue>>(body).is_ok();
    for event in ANY_OBJECT {
        let outcome = event(body);
        let fine = match &outcome {
            Ok(()) => true,
            Err(error) => !object || error.to_string().ends_with(" appears more than once"),
        };
        assert!(fine, "{}: {outcome:?}", String::from_utf8_lossy(body));
    }
    for event in OTHERS {
        let _ = event(body);
    }
});
