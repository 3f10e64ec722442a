//! Documents that are not requests: a key in PEM, a set of public keys, a message of another replica, and a delivery from a
//! queue. The first byte selects the document. The rest is its text.
//!
//! In PEM, `$` means the base64 of a public key, `*` its two halves with a line break between them, `\x02` a whole
//! block with a certificate, and `\x03` one with the key. In a set of keys, `$` means the members of a public key of
//! P-256, and `*` those of Ed25519.
#![no_main]

use std::{
    future::pending,
    sync::{LazyLock, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ring::{rand::SystemRandom, signature::RsaKeyPair};
use serde_json::value::RawValue;
use tower_webhook_auth::{
    BoxError, CertificateTrust, Delivery, JwkSet, JwtScheme, Keys, Provider, Secret,
    SignatureScheme,
    sync::{Bus, Fleet, Heard, Subscriber, Subscription},
};
use tower_webhook_auth_fuzz::{
    Lines, SIGNATURE, head, replaced,
    token::{Members, text},
    verify,
};

const BODY: &[u8] = b"Hello, World!";

/// A key of the targets. It signs nothing else.
static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::from_pkcs8(include_bytes!("../src/sns.pk8")).expect("a key"));

/// The DER of its public key in base64.
static PUBLIC: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../src/sns.pem").lines();
    lines.filter(|line| !line.starts_with('-')).collect()
});

/// The signature of the body in base64.
static SIGNED: LazyLock<String> = LazyLock::new(|| {
    let mut signature = vec![0; RSA.public().modulus_len()];
    let padding = &ring::signature::RSA_PKCS1_SHA256;
    RSA.sign(padding, &SystemRandom::new(), BODY, &mut signature)
        .expect("a signature");
    STANDARD.encode(signature)
});

const P256: &str = r#""kty":"EC","crv":"P-256","x":"ywH_aEQmblzHl3VstgF6vzRhO9yNUFRvpeO9l-2r04o","y":"lNjPlTXpwBngX3bZTrH-vnPCjnmboH5xJwQLrtQxXeE""#;
const ED25519: &str =
    r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

fuzz_target!(|input: &[u8]| {
    let Some((choice, lines)) = Lines::after_choice(input) else {
        return;
    };
    let document = lines.rest();
    match choice % 4 {
        0 => pem(document),
        1 => key_set(document),
        2 => message(document),
        _ => delivery(document),
    }
});

fn pem(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let (first, second) = PUBLIC.split_at(PUBLIC.len() / 2);
    let text = text
        .replace('$', &PUBLIC)
        .replace('*', &format!("{first}\n{second}"))
        .replace(
            '\x03',
            &format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                *PUBLIC
            ),
        )
        .replace(
            '\x02',
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        );
    let expected = der(&text);
    let secret = Secret::from_pem(&text);
    assert_eq!(secret.is_ok(), expected.is_some(), "{text:?}");
    // Nothing else is promised about a text that is no certificate.
    drop(CertificateTrust::roots(&text));
    let (Ok(secret), Some(der)) = (secret, expected) else {
        return;
    };
    let scheme = SignatureScheme::rsa_pkcs1_sha256(SIGNATURE.as_str()).build();
    let provider: Option<Provider<Bytes>> =
        Provider::new("acme", scheme.expect("a scheme"), secret).ok();
    let head = head([(SIGNATURE, SIGNED.as_bytes())]).expect("a signature");
    let accepted =
        provider.is_some_and(|provider| verify(&provider, &head, BODY, &SIGNED).is_some());
    let is_genuine = STANDARD.encode(&der) == *PUBLIC;
    assert!(!is_genuine || accepted, "the genuine key in {text:?}");
}

/// The DER of the key, or of all certificates.
fn der(text: &str) -> Option<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut lines = text;
    while let Some(begin) = lines.find("-----BEGIN ") {
        let (label, content) = lines[begin + 11..].split_once("-----")?;
        let (content, after) = content.split_once(&format!("-----END {label}-----"))?;
        let digits = content.replace("\\r", "").replace("\\n", "");
        let digits: String = digits.split_ascii_whitespace().collect();
        blocks.push((label, STANDARD.decode(digits).ok()?));
        lines = after;
    }
    let labels: Vec<&str> = blocks.iter().map(|(label, _)| *label).collect();
    let is_chain =
        (1..=8).contains(&labels.len()) && labels.iter().all(|label| *label == "CERTIFICATE");
    let is_right = labels == ["PUBLIC KEY"] || is_chain;
    let der: Vec<u8> = blocks.into_iter().flat_map(|(_, der)| der).collect();
    (is_right && !der.is_empty()).then_some(der)
}

fn key_set(json: &[u8]) {
    let json = replaced(json, b'$', P256.as_bytes());
    let json = replaced(&json, b'*', ED25519.as_bytes());
    let expected = ids(&json);
    let set = JwkSet::parse(&json);
    let shown = String::from_utf8_lossy(&json);
    assert_eq!(set.is_ok(), expected.is_some(), "{shown}");
    let (Ok(set), Some(expected)) = (set, expected) else {
        return;
    };
    let found: Vec<String> = set.ids().map(String::from).collect();
    assert_eq!(found, expected, "{shown}");
    // The numbers of a key may be wrong, and its id may be no name.
    for id in &found {
        drop(set.key(id));
    }
    drop(set.keys().map(of_each_algorithm));
}

fn of_each_algorithm(keys: Keys) {
    for scheme in [
        JwtScheme::es256("acme-token"),
        JwtScheme::eddsa("acme-token"),
        JwtScheme::rs256("acme-token"),
    ] {
        let scheme = scheme.claim_present("event").accept_unsigned_body().build();
        let provider: Result<Provider<Bytes>, _> =
            Provider::new("acme", scheme.expect("a scheme"), keys.clone());
        drop(provider);
    }
}

/// The ids of the keys for signatures. `None` if the set is rejected.
fn ids(json: &[u8]) -> Option<Vec<String>> {
    let set = Members::read(json)?;
    let list: Vec<&RawValue> = serde_json::from_str(set.get("keys")?).ok()?;
    if list.len() > 64 {
        return None;
    }
    let mut ids = Vec::new();
    let mut count = 0;
    for key in list {
        let Some(key) = Members::read(key.get().as_bytes()) else {
            return None;
        };
        let member = |name: &str| text(key.get(name)?);
        if member("use").is_some_and(|purpose| purpose != "sig") {
            continue;
        }
        let numbers: &[&str] = match member("kty").as_deref() {
            Some("EC") => &["x", "y"],
            Some("OKP") => &["x"],
            Some("RSA") => &["n", "e"],
            Some("oct") | None => return None,
            Some(_) => continue,
        };
        let is_number =
            |name: &&str| member(name).is_some_and(|number| URL_SAFE_NO_PAD.decode(number).is_ok());
        if key.get("d").is_some() || !numbers.iter().all(is_number) {
            return None;
        }
        count += 1;
        if let Some(id) = member("kid") {
            if ids.contains(&id) {
                return None;
            }
            ids.push(id);
        }
    }
    (count > 0).then_some(ids)
}

/// What the replica heard.
static HEARD: Mutex<Vec<Heard<u64>>> = Mutex::new(Vec::new());

/// The subscription of a replica whose bus is this target.
static REPLICA: LazyLock<Subscription> = LazyLock::new(|| {
    static SUBSCRIPTION: Mutex<Option<Subscription>> = Mutex::new(None);
    struct Target;
    impl Bus for Target {
        async fn tell(&self, _: Bytes) -> Result<(), BoxError> {
            Ok(())
        }
        async fn hear(&self, subscriber: Subscriber) -> Result<(), BoxError> {
            *SUBSCRIPTION.lock().expect("the lock") = Some(subscriber.subscribed());
            pending().await
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(async {
        let fleet = Fleet::join(Target, |heard| HEARD.lock().expect("the lock").push(heard));
        fleet.joined().await;
    });
    HEARD.lock().expect("the lock").clear();
    let subscription = SUBSCRIPTION.lock().expect("the lock").take();
    subscription.expect("a subscription")
});

fn message(json: &[u8]) {
    REPLICA.heard(json);
    let heard = std::mem::take(&mut *HEARD.lock().expect("the lock"));
    // A member that is not read may have bytes that are not UTF-8, or not.
    if std::str::from_utf8(json).is_err() {
        return;
    }
    let expected = hint(json).map(|(key, version)| Heard::Hint { key, version });
    assert_eq!(
        heard,
        Vec::from_iter(expected),
        "{}",
        String::from_utf8_lossy(json)
    );
}

fn hint(json: &[u8]) -> Option<(String, u64)> {
    if json.len() > 4096 {
        return None;
    }
    let number = |json: &str| serde_json::from_str::<u64>(json).ok();
    match Members::with_twins(json) {
        Some(members) => Some((
            text(members.only("key")?)?,
            number(members.only("version")?)?,
        )),
        // A list of the two values is the same message.
        None => {
            let list: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
            match list.as_slice() {
                [key, version] => Some((text(key.get())?, number(version.get())?)),
                _ => None,
            }
        }
    }
}

/// What was read is written and read in the same way.
fn delivery(json: &[u8]) {
    let Ok(delivery) = serde_json::from_slice::<Delivery>(json) else {
        return;
    };
    let written = serde_json::to_string(&delivery).expect("JSON");
    let again: Delivery = serde_json::from_str(&written).expect("a delivery");
    assert_eq!(again.body, delivery.body);
    assert_eq!(serde_json::to_string(&again).expect("JSON"), written);
}
