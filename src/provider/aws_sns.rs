//! Amazon Simple Notification Service, over HTTP.
//!
//! The signature, the URL of the certificate and the signed fields are in the JSON body. A [key
//! source](crate::tenants) finds the certificate: the guide [`key_ids`](crate::guide::key_ids) has a whole
//! program.
//!
//! ```
//! use tower_webhook_auth::{CertificateTrust, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::aws_sns::{self, Topics};
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let topics = Topics::new(["arn:aws:sns:us-west-2:123456789012:MyTopic"]);
//! let sns = topics.provider(CertificateTrust::without_chain())?;
//! let layer = WebhookAuthLayer::new(sns);
//! // Call `keys_from` on the layer with a source of certificates. Without one, each delivery gets 503.
//!
//! fn handle(delivery: &Verified<aws_sns::Event>) {
//!     println!("{}: {}", delivery.topic_arn, delivery.message);
//! }
//! # let _ = (layer, handle);
//! # Ok(())
//! # }
//! ```
//!
//! Source: [Verifying the signatures of Amazon SNS
//! messages](https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use serde::Deserialize;

use super::Provider;
use crate::{
    base64,
    error::{BoxError, ConfigError},
    event::{EventError, FromBody},
    scheme::{
        CertificateTrust, CertifiedKey, CustomCheck, CustomClaims, CustomFacts, CustomHead,
        CustomRejection, CustomScheme, MOST_RSA_OPERATIONS, RsaDigest, RsaHash, Scheme,
        check_tolerance, rfc3339,
    },
};

/// SNS repeats a delivery about 50 times within an hour, with the time of the first one.
const TOLERANCE: Duration = Duration::from_secs(3600);

static RAW_DELIVERY: HeaderName = HeaderName::from_static("x-amz-sns-rawdelivery");

/// The topics whose messages are accepted.
///
/// Every AWS account can make SNS sign a message and send it to your URL. So a valid signature alone proves only
/// that SNS sent it: the topic must be one of yours.
#[derive(Clone, Debug)]
#[must_use = "call `provider`"]
pub struct Topics {
    topics: Vec<String>,
    tolerance: Duration,
    requires_sha256: bool,
}

impl Topics {
    /// Topics by their ARN, such as `arn:aws:sns:us-west-2:123456789012:MyTopic`.
    pub fn new<A: Into<String>>(topics: impl IntoIterator<Item = A>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            tolerance: TOLERANCE,
            requires_sha256: false,
        }
    }

    /// How far the time of the message may be from now. The default is one hour: SNS repeats a delivery for this
    /// long, unless the topic has another delivery policy.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Rejects `SignatureVersion` 1, which is RSA with SHA-1. Set `SignatureVersion` to 2 for your topics before
    /// you call this.
    pub fn require_sha256(mut self) -> Self {
        self.requires_sha256 = true;
        self
    }

    /// A provider without keys: use it with
    /// [`keys_from`](crate::WebhookAuthLayer::keys_from). A source that selects
    /// [`Selection::Own`](crate::tenants::Selection::Own), or a layer without a source, answers with 503.
    ///
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`: the signature covers the values
    /// of the fields in [`Event`], not the JSON text, and not its other fields, such as `UnsubscribeURL`.
    ///
    /// # Errors
    ///
    /// If there is no topic, if the tolerance is 0, or if a text is not the ARN of a topic in the partitions `aws`, `aws-cn` or
    /// `aws-us-gov`.
    pub fn provider(self, trust: CertificateTrust) -> Result<Provider<Event>, ConfigError> {
        if self.topics.is_empty() {
            return Err(ConfigError::new(
                "no topic was given: each AWS account can sign as SNS, so name your topics",
            ));
        }
        check_tolerance(Some(self.tolerance))?;
        for topic in &self.topics {
            if Topic::new(topic).is_none() {
                return Err(ConfigError::new(format!(
                    "{topic:?} is not the ARN of an SNS topic, such as \
                     \"arn:aws:sns:us-west-2:123456789012:MyTopic\""
                )));
            }
        }
        let scheme = AwsSns {
            topics: self.topics.into(),
            tolerance: self.tolerance,
            requires_sha256: self.requires_sha256,
            trust,
        };
        let provider = Provider::without_keys("aws_sns", Scheme::custom(scheme));
        Ok(provider.parse::<Event>())
    }
}

/// What the signature covers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What SNS sent.
    pub kind: Kind,
    /// The text that was published; for a confirmation, a description.
    pub message: String,
    /// The id. It is the same in repeated deliveries.
    pub message_id: String,
    /// The subject, if the publisher gave one.
    pub subject: Option<String>,
    /// The time of publishing, as in RFC 3339.
    pub timestamp: String,
    /// The topic, which is one of those of [`Topics::new`].
    pub topic_arn: String,
    /// The URL that confirms a subscription, if this is a confirmation. It is on the host of SNS in the region of
    /// the topic. The subscription is confirmed when you request it; this crate does not.
    pub subscribe_url: Option<String>,
    /// The token in [`subscribe_url`](Self::subscribe_url).
    pub token: Option<String>,
}

/// The types of messages.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message that was published.
    Notification,
    /// Someone subscribed your URL to the topic. Confirm it only while you expect it.
    SubscriptionConfirmation,
    /// Your URL was unsubscribed. A request to the URL subscribes it again.
    UnsubscribeConfirmation,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        let message = Message::read(body).ok_or_else(|| EventError::new("not a message of SNS"))?;
        Ok(Self {
            kind: message.kind,
            message: message.message,
            message_id: message.message_id,
            subject: message.subject,
            timestamp: message.timestamp,
            topic_arn: message.topic_arn,
            subscribe_url: message.subscribe_url,
            token: message.token,
        })
    }
}

/// The URL of the certificate in this body, if it is on the host of SNS in the region of the topic. `None`: do not
/// request it.
///
/// The body is not verified. [`tenants::aws_sns_certificate`](crate::tenants::aws_sns_certificate) is a selector
/// that calls this.
#[must_use]
pub fn certificate_url(body: &[u8]) -> Option<String> {
    let message = Message::read(body)?;
    message
        .certificate_is_of_sns()
        .then_some(message.signing_cert_url)
}

/// The body. serde rejects a field that appears twice, so the handler and the signature have the same values.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Message")]
    message: String,
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "Subject", default)]
    subject: Option<String>,
    #[serde(rename = "Timestamp")]
    timestamp: String,
    #[serde(rename = "TopicArn")]
    topic_arn: String,
    #[serde(rename = "SubscribeURL", default)]
    subscribe_url: Option<String>,
    #[serde(rename = "Token", default)]
    token: Option<String>,
    #[serde(rename = "SignatureVersion")]
    signature_version: String,
    #[serde(rename = "Signature")]
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
}

struct Message {
    kind: Kind,
    message: String,
    message_id: String,
    subject: Option<String>,
    timestamp: String,
    topic_arn: String,
    subscribe_url: Option<String>,
    token: Option<String>,
    version: Version,
    signature: Vec<u8>,
    signing_cert_url: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Message {
    fn read(body: &[u8]) -> Option<Self> {
        let fields: Fields = serde_json::from_slice(body).ok()?;
        let kind = match &*fields.kind {
            "Notification" => Kind::Notification,
            "SubscriptionConfirmation" => Kind::SubscriptionConfirmation,
            "UnsubscribeConfirmation" => Kind::UnsubscribeConfirmation,
            _ => return None,
        };
        let version = match &*fields.signature_version {
            "1" => Version::One,
            "2" => Version::Two,
            _ => return None,
        };
        // The signed text has one line for each name and each value. Only the message may contain a line break, so
        // that the text has one meaning, from its end to its beginning.
        let lines = [
            Some(&fields.message_id),
            fields.subject.as_ref(),
            Some(&fields.timestamp),
            Some(&fields.topic_arn),
            fields.subscribe_url.as_ref(),
            fields.token.as_ref(),
        ];
        if lines.into_iter().flatten().any(|line| line.contains('\n')) {
            return None;
        }
        // A field that is not signed in a message of this type is not handed on.
        let is_confirmation = kind != Kind::Notification;
        let is_complete = fields.subscribe_url.is_some() && fields.token.is_some();
        if is_confirmation && !is_complete {
            return None;
        }
        Some(Self {
            kind,
            message: fields.message,
            message_id: fields.message_id,
            subject: fields.subject.filter(|_| !is_confirmation),
            timestamp: fields.timestamp,
            topic_arn: fields.topic_arn,
            subscribe_url: fields.subscribe_url.filter(|_| is_confirmation),
            token: fields.token.filter(|_| is_confirmation),
            version,
            signature: base64::decode(fields.signature.as_bytes())?,
            signing_cert_url: fields.signing_cert_url,
        })
    }

    /// Gives the signed text to `take`.
    fn write(&self, mut take: impl FnMut(&[u8])) {
        let mut line = |name: &str, value: &str| {
            for text in [name, "\n", value, "\n"] {
                take(text.as_bytes());
            }
        };
        line("Message", &self.message);
        line("MessageId", &self.message_id);
        if let Some(subject) = &self.subject {
            line("Subject", subject);
        }
        if let Some(url) = &self.subscribe_url {
            line("SubscribeURL", url);
        }
        line("Timestamp", &self.timestamp);
        if let Some(token) = &self.token {
            line("Token", token);
        }
        line("TopicArn", &self.topic_arn);
        line("Type", self.kind.name());
    }

    fn certificate_is_of_sns(&self) -> bool {
        let Some(topic) = Topic::new(&self.topic_arn) else {
            return false;
        };
        let path = self.signing_cert_url.strip_prefix(&topic.origin());
        let name = path.and_then(|path| path.strip_prefix('/')?.strip_suffix(".pem"));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(is_plain))
            && self.signing_cert_url.len() <= 256
    }

    /// The URL that confirms a subscription is on the same host.
    fn url_is_of_sns(&self) -> bool {
        let Some((url, topic)) = self.subscribe_url.as_ref().zip(Topic::new(&self.topic_arn))
        else {
            return self.subscribe_url.is_none();
        };
        let rest = url.strip_prefix(&topic.origin());
        rest.is_some_and(|rest| rest.starts_with("/?"))
    }
}

/// The parts of an ARN: `arn:<partition>:sns:<region>:<account>:<name>`.
struct Topic<'a> {
    region: &'a str,
    suffix: &'static str,
}

impl<'a> Topic<'a> {
    fn new(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = *parts else {
            return None;
        };
        let suffix = match partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return None,
        };
        let is_region =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_region = !region.is_empty() && region.bytes().all(is_region);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (is_region && is_account && !name.is_empty()).then_some(Self { region, suffix })
    }

    fn origin(&self) -> String {
        format!("https://sns.{}.{}", self.region, self.suffix)
    }

    /// The names in the certificates of SNS, as AWS's library for Java 2 has them.
    fn has_name(&self, name: &str) -> bool {
        let Self { region, suffix } = self;
        name == format!("sns.{suffix}")
            || name == format!("sns.{region}.{suffix}")
            || name == format!("sns-signing.{region}.{suffix}")
            || name == format!("sns-{region}.{suffix}")
            || (region.starts_with("us-gov-") && name == "sns-us-gov-west-1.amazonaws.com")
    }
}

struct AwsSns {
    topics: Arc<[String]>,
    tolerance: Duration,
    requires_sha256: bool,
    trust: CertificateTrust,
}

struct Check {
    topics: Arc<[String]>,
    requires_sha256: bool,
    trust: CertificateTrust,
    now: std::time::SystemTime,
    read: Option<(Message, RsaHash, Vec<u8>)>,
}

impl CustomScheme for AwsSns {
    type Key = CertifiedKey;
    type Check = Check;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([])
            .id_is_signed()
            .time_is_signed(self.tolerance)
            .of_built_in(
                "RSA PKCS#1 v1.5 with SHA-256 or SHA-1",
                "the fields of `aws_sns::Event`",
            )
            .at_most(MOST_RSA_OPERATIONS)
    }

    fn key(&self, secret: &[u8]) -> Result<CertifiedKey, BoxError> {
        Ok(self.trust.key(secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<Check, CustomRejection> {
        if head.headers().contains_key(&RAW_DELIVERY) {
            return Err(CustomRejection::header_malformed(
                &RAW_DELIVERY,
                "no raw delivery: it has no signature; disable it for the subscription",
            ));
        }
        Ok(Check {
            topics: Arc::clone(&self.topics),
            requires_sha256: self.requires_sha256,
            trust: self.trust.clone(),
            now: head.now(),
            read: None,
        })
    }
}

impl CustomCheck for Check {
    type Key = CertifiedKey;

    fn hashers(&self) -> usize {
        0
    }

    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let message = Message::read(body).filter(|message| {
            self.topics.contains(&message.topic_arn)
                && message.certificate_is_of_sns()
                && message.url_is_of_sns()
                && !(self.requires_sha256 && message.version == Version::One)
        });
        let message = message.ok_or_else(CustomRejection::mismatch)?;
        let signed_at = rfc3339(message.timestamp.as_bytes());
        let signed_at = signed_at.ok_or_else(CustomRejection::mismatch)?;
        let hash = match message.version {
            Version::One => RsaHash::Sha1,
            Version::Two => RsaHash::Sha256,
        };
        let mut digest = RsaDigest::new(hash);
        message.write(|bytes| digest.update(bytes));
        let claims = CustomClaims::new()
            .id(&message.message_id)
            .signed_at(signed_at);
        self.read = Some((message, hash, digest.finish()));
        Ok(claims)
    }

    fn matches(&mut self, key: &CertifiedKey, _: usize) -> bool {
        self.read.as_ref().is_some_and(|(message, hash, digest)| {
            let topic = Topic::new(&message.topic_arn);
            // The chain costs more, so it is checked only for a signature that matches.
            topic.is_some_and(|topic| {
                key.verifies(*hash, digest, &message.signature)
                    && self
                        .trust
                        .trusts(key, |name| topic.has_name(name), self.now)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Topic;

    /// The rules of AWS's library for Java 2. GovCloud has one more name, for its two regions.
    #[test]
    fn a_certificate_is_for_the_region_of_the_topic_or_for_all_regions() {
        for (arn, name, accepted) in [
            ("aws:sns:us-west-2", "sns.amazonaws.com", true),
            ("aws:sns:us-west-2", "sns.us-west-2.amazonaws.com", true),
            (
                "aws:sns:us-west-2",
                "sns-signing.us-west-2.amazonaws.com",
                true,
            ),
            ("aws:sns:us-west-2", "sns-us-west-2.amazonaws.com", true),
            ("aws:sns:us-west-2", "sns.us-west-1.amazonaws.com", false),
            (
                "aws:sns:us-west-2",
                "sns-us-gov-west-1.amazonaws.com",
                false,
            ),
            (
                "aws-us-gov:sns:us-gov-east-1",
                "sns-us-gov-west-1.amazonaws.com",
                true,
            ),
            (
                "aws-us-gov:sns:us-gov-east-1",
                "sns.us-gov-west-1.amazonaws.com",
                false,
            ),
            (
                "aws-us-gov:sns:us-gov-east-1",
                "sns.us-gov-east-1.amazonaws.com",
                true,
            ),
            (
                "aws-cn:sns:cn-north-1",
                "sns.cn-north-1.amazonaws.com.cn",
                true,
            ),
            (
                "aws-cn:sns:cn-north-1",
                "sns.cn-north-1.amazonaws.com",
                false,
            ),
        ] {
            let arn = format!("arn:{arn}:123456789012:MyTopic");
            let topic = Topic::new(&arn).expect("a topic");
            assert_eq!(topic.has_name(name), accepted, "{arn} {name}");
        }
    }
}
