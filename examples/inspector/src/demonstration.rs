//! A first delivery without any configuration: the one that Optimizely's documentation publishes, with its secret.

use crate::{
    catalogue,
    inspector::Inspector,
    keys::{Key, Keyring, Origin},
    settings::secret_variable,
};

const SENDER: &str = "optimizely";
const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const SIGNATURE: &str = "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666";
const BODY: &str = concat!(
    r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": "#,
    r#"{"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""environment": "Production", "#,
    r#""origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""revision": 13}, "event": "project.datafile_updated"}"#,
);

/// Adds the published secret, unless there is one for this sender.
pub fn add_key(keyring: &mut Keyring, inspector: &Inspector) -> Result<(), String> {
    let (None, Some(entry)) = (keyring.get(SENDER), catalogue::find(SENDER)) else {
        return Ok(());
    };
    let key = Key::new("demonstration", SECRET, Origin::Demonstration);
    let set = keyring.set(entry, key, &inspector.inbox_of(entry));
    set.map_err(|error| error.to_string())
}

/// A line for a shell, which sends a delivery that is verified. It contains no secret and no signature that a
/// real secret made.
pub fn test_line(inspector: &Inspector) -> String {
    let state = inspector.state();
    let is_published = state
        .keyring
        .get(SENDER)
        .is_some_and(|held| held.is_demonstration());
    let signature = match is_published {
        true => format!("'X-Hub-Signature: {SIGNATURE}'"),
        false => format!(
            "\"X-Hub-Signature: sha1=$(printf %s '{BODY}' | openssl dgst -sha1 -hmac \"${}\" -r | cut -d' ' \
             -f1)\"",
            secret_variable(SENDER, "default")
        ),
    };
    format!(
        "curl -i {}/in/{SENDER} -H 'Content-Type: application/json' -H {signature} --data-binary \
         '{BODY}'",
        inspector.inbox_url()
    )
}
