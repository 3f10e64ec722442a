//! The signed text of AWS SNS. Parts, separated by zero bytes: the message, the id, the subject, the time, the topic,
//! the type, the URL that confirms and the token. An empty subject is no subject.
//!
//! The target signs the text as its reference writes it. Accepted if and only if the reference accepts it, and no
//! signature is valid for two messages.
#![no_main]

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;
use ring::{rand::SystemRandom, signature::RsaKeyPair};
use serde_json::json;
use tower_webhook_auth::{
    CertificateTrust, Provider, Secret,
    provider::aws_sns::{Event, Topics},
};

const NOW: u64 = 1_700_000_000;
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:T";
const TIME: &str = "2023-11-14T22:13:20.000Z";
const ORIGIN: &str = "https://sns.us-west-2.amazonaws.com/";

/// The number of cuts that are tried for one input.
const MOST_CUTS: usize = 32;

/// A key of this target. It signs nothing else.
static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::from_pkcs8(include_bytes!("../src/sns.pk8")).expect("a key"));

static SNS: LazyLock<Provider<Event>> = LazyLock::new(|| {
    let provider = Topics::new([TOPIC]).provider(CertificateTrust::checked_by_the_source());
    let provider = provider.expect("a topic");
    let key = Secret::from_pem(include_str!("../src/sns.pem")).expect("a key");
    provider.keys().replace(key).expect("a key");
    provider
});

#[derive(Clone, Debug, PartialEq)]
struct Message {
    message: String,
    id: String,
    subject: Option<String>,
    time: String,
    topic: String,
    kind: String,
    url: String,
    token: String,
}

impl Message {
    fn is_notification(&self) -> bool {
        self.kind == "Notification"
    }

    fn lines(&self) -> Vec<(&str, &str)> {
        let mut lines = vec![("Message", &*self.message), ("MessageId", &self.id)];
        if self.is_notification() {
            lines.extend(self.subject.as_ref().map(|subject| ("Subject", &**subject)));
            lines.push(("Timestamp", &self.time));
        } else {
            lines.extend([
                ("SubscribeURL", &*self.url),
                ("Timestamp", &self.time),
                ("Token", &self.token),
            ]);
        }
        lines.extend([("TopicArn", &*self.topic), ("Type", &self.kind)]);
        lines
    }

    fn text(&self) -> String {
        let lines = self.lines();
        lines
            .iter()
            .map(|(name, value)| format!("{name}\n{value}\n"))
            .collect()
    }

    /// The rules, in the plainest form.
    fn is_accepted(&self) -> bool {
        let kinds = [
            "Notification",
            "SubscriptionConfirmation",
            "UnsubscribeConfirmation",
        ];
        let one_line = |text: &str| !text.contains('\n');
        let lines = [&self.id, &self.time, &self.topic, &self.url, &self.token];
        kinds.contains(&&*self.kind)
            && self.topic == TOPIC
            && lines.into_iter().all(|line| one_line(line))
            && self.subject.as_deref().is_none_or(one_line)
            && (self.is_notification() || self.url.starts_with(&format!("{ORIGIN}?")))
            && !self.id.is_empty()
            && self.id.bytes().all(|byte| byte.is_ascii_graphic())
    }

    fn body(&self, signature: &str) -> Bytes {
        let mut body = json!({
            "Type": self.kind, "Message": self.message, "MessageId": self.id, "Timestamp": self.time,
            "TopicArn": self.topic, "SignatureVersion": "2", "Signature": signature,
            "SigningCertURL": format!("{ORIGIN}SimpleNotificationService-1.pem"),
            "SubscribeURL": self.url, "Token": self.token,
        });
        if let Some(subject) = &self.subject {
            body["Subject"] = json!(subject);
        }
        body.to_string().into()
    }

    fn verdict(&self, signature: &str) -> Option<Event> {
        let (head, ()) = Request::new(()).into_parts();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        let verified = SNS.verify(&head, self.body(signature), now).ok()?;
        Some((*verified).clone())
    }
}

fuzz_target!(|input: &str| {
    let mut parts = input.split('\0').map(String::from);
    let mut part = || parts.next().unwrap_or_default();
    let message = Message {
        message: part(),
        id: part(),
        subject: Some(part()).filter(|subject| !subject.is_empty()),
        time: part(),
        topic: part(),
        kind: part(),
        url: part(),
        token: part(),
    };
    // Other times are a matter of the target `timestamp`.
    if message.time != TIME {
        return;
    }
    let text = message.text();
    let mut signature = vec![0; KEY.public().modulus_len()];
    let padding = &ring::signature::RSA_PKCS1_SHA256;
    let random = SystemRandom::new();
    KEY.sign(padding, &random, text.as_bytes(), &mut signature)
        .expect("a signature");
    let signature = BASE64_STANDARD.encode(signature);
    let accepted = message.verdict(&signature);
    assert_eq!(accepted.is_some(), message.is_accepted(), "{message:?}");
    let Some(event) = accepted else {
        return;
    };
    assert_eq!(
        (&event.message, &event.message_id),
        (&message.message, &message.id)
    );
    // The same text, cut elsewhere, under the same signature.
    for other in other_cuts(&message, &text) {
        assert_eq!(other.text(), text);
        assert_eq!(
            other.verdict(&signature),
            None,
            "one signature for two messages"
        );
    }
});

/// All notifications with this signed text, except this one.
fn other_cuts(message: &Message, text: &str) -> Vec<Message> {
    let mut found = Vec::new();
    if !message.is_notification() {
        return found;
    }
    let Some(rest) = text.strip_prefix("Message\n") else {
        return found;
    };
    for (first, after) in cuts(rest, "\nMessageId\n") {
        for (second, after) in cuts(after, "\nTimestamp\n") {
            let (id, subject) = (second, None);
            let with_subject = cuts(second, "\nSubject\n");
            let with_subject = with_subject
                .into_iter()
                .map(|(id, subject)| (id, Some(subject)));
            for (id, subject) in with_subject.chain([(id, subject)]) {
                for (time, after) in cuts(after, "\nTopicArn\n") {
                    for (topic, kind) in cuts(after, "\nType\n") {
                        let other = Message {
                            message: first.into(),
                            id: id.into(),
                            subject: subject.map(String::from),
                            time: time.into(),
                            topic: topic.into(),
                            kind: kind.strip_suffix('\n').unwrap_or(kind).into(),
                            url: message.url.clone(),
                            token: message.token.clone(),
                        };
                        if other != *message && other.is_notification() && found.len() < MOST_CUTS {
                            found.push(other);
                        }
                    }
                }
            }
        }
    }
    found
}

fn cuts<'a>(text: &'a str, marker: &str) -> Vec<(&'a str, &'a str)> {
    let places = text.match_indices(marker);
    places
        .map(|(at, _)| (&text[..at], &text[at + marker.len()..]))
        .collect()
}
