//! [`Delivery`]: a verified delivery as a record that a queue can store.

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    error::BoxError,
    identity::Identity,
    provider::Provider,
    verified::{Claim, Verified},
};

/// A verified delivery as a record: a handler puts it into a queue, responds, and a worker processes it
/// later. The guide [`later`](crate::guide::later) shows all steps.
///
/// It contains the exact body, so events need no `Serialize`, and a newer worker can read what an
/// older receiver has stored. In JSON, a body in UTF-8 is written as text, and any other body as
/// base64.
///
/// **A record is no proof.** A client that can write to the queue can write a record. So a record cannot
/// be converted to a [`Verified`], and [`Provider::event`] returns a plain event.
///
/// ```
/// use tower_webhook_auth::{Delivery, Verified};
///
/// /// The unique key of the queue, and the task.
/// fn task<E>(webhook: &Verified<E>) -> serde_json::Result<(Option<String>, String)> {
///     let delivery = Delivery::from(webhook);
///     let key = delivery.identity.map(|identity| identity.to_string());
///     Ok((key, serde_json::to_string(&delivery)?))
/// }
/// # let _ = task::<()>;
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The name of the provider that verified the delivery.
    pub provider: String,
    /// The tenant whose keys verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The name of the key that matched.
    pub key_name: String,
    /// The value that distinguishes it from every other delivery: the unique key for the queue.
    /// See [`Verified::identity`]. For a sender that signs each attempt with a new time, set it to
    /// [`Verified::identity_by_event_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The id in a header, signed or not. Use it for logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// The name of the event in a header, signed or not. Use it for logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// When the sender signed it, if the signature covers the time. It is written as milliseconds
    /// since 1970.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "milliseconds"
    )]
    pub signed_at: Option<SystemTime>,
    /// When the record was made. It is written as milliseconds since 1970.
    #[serde(default, with = "milliseconds")]
    pub received_at: Option<SystemTime>,
    /// The headers that [`with_headers`](Self::with_headers) has kept, signed or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, exactly as it was verified.
    #[serde(with = "body")]
    pub body: Bytes,
}

impl Delivery {
    /// Keeps the values of these headers, in this order. Values that are not visible ASCII are left out.
    ///
    /// By default no header is kept: most headers are not signed, and some contain a secret or
    /// personal data, such as a shared key or the address of a client.
    #[must_use]
    pub fn with_headers(mut self, headers: &HeaderMap, names: &[HeaderName]) -> Self {
        for name in names {
            let values = headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok());
            self.headers
                .extend(values.map(|value| (name.to_string(), value.to_owned())));
        }
        self
    }
}

/// The record of a delivery that is received now.
impl<E> From<&Verified<E>> for Delivery {
    fn from(webhook: &Verified<E>) -> Self {
        let text = |claim: Option<Claim<'_>>| Some(claim?.unverified().to_owned());
        Self {
            provider: webhook.provider().to_owned(),
            tenant: webhook.tenant().map(str::to_owned),
            key_name: webhook.key_name().to_owned(),
            identity: webhook.identity(),
            delivery_id: text(webhook.delivery_id()),
            event_name: text(webhook.event_name()),
            signed_at: webhook.signed_at(),
            received_at: Some(SystemTime::now()),
            headers: Vec::new(),
            body: webhook.body().clone(),
        }
    }
}

impl<E> Provider<E> {
    /// Reads the event of a record, as the layer reads the event of a request.
    ///
    /// A worker does not need the sender's secret: a provider with any key reads the same events.
    ///
    /// # Errors
    ///
    /// When the record belongs to another provider, or its body is not such an event.
    ///
    /// ```
    /// use tower_webhook_auth::{BoxError, Delivery, Secret, provider};
    ///
    /// # fn main() -> Result<(), BoxError> {
    /// let stored = r#"{
    ///     "provider": "optimizely", "key_name": "default", "received_at": 1558138293000,
    ///     "body": {"text": "{\"project_id\":42,\"timestamp\":1558138293,\"event\":\"project.created\",\"data\":{}}"}
    /// }"#;
    /// let delivery: Delivery = serde_json::from_str(stored)?;
    /// let event = provider::optimizely(Secret::new("not used")?).event(&delivery)?;
    /// assert_eq!(event.project_id, 42);
    /// # Ok(())
    /// # }
    /// ```
    pub fn event(&self, delivery: &Delivery) -> Result<E, BoxError> {
        if delivery.provider != self.name() {
            let (found, expected) = (&delivery.provider, self.name());
            return Err(format!(
                "the delivery belongs to the provider {found:?}, expected {expected:?}"
            )
            .into());
        }
        self.read(&delivery.body)
    }
}

/// Prints no header values and no body, because they may contain personal data.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Delivery")
            .field("provider", &self.provider)
            .field("tenant", &self.tenant)
            .field("key_name", &self.key_name)
            .field("identity", &self.identity)
            .field("delivery_id", &self.delivery_id)
            .field("event_name", &self.event_name)
            .field("signed_at", &self.signed_at)
            .field("received_at", &self.received_at)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// In formats that people read, the body is text or base64. In other formats it is bytes.
mod body {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Readable<'a> {
        Text(Cow<'a, str>),
        Base64(Cow<'a, str>),
    }

    pub(super) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(body);
        }
        match str::from_utf8(body) {
            Ok(text) => Readable::Text(text.into()),
            Err(_) => Readable::Base64(BASE64.encode(body).into()),
        }
        .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_byte_buf(Plain);
        }
        match Readable::deserialize(deserializer)? {
            Readable::Text(text) => Ok(text.into_owned().into()),
            Readable::Base64(text) => match BASE64.decode(text.as_bytes()) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(de::Error::custom(error)),
            },
        }
    }

    pub(super) struct Plain;

    impl<'de> de::Visitor<'de> for Plain {
        type Value = Bytes;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the bytes of a body")
        }

        fn visit_bytes<Err: de::Error>(self, bytes: &[u8]) -> Result<Bytes, Err> {
            Ok(Bytes::copy_from_slice(bytes))
        }

        fn visit_byte_buf<Err: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, Err> {
            Ok(bytes.into())
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
            let mut body = Vec::new();
            while let Some(byte) = bytes.next_element()? {
                body.push(byte);
            }
            Ok(body.into())
        }
    }
}

/// A time as milliseconds since 1970, which databases and other languages read. Earlier times are 0.
mod milliseconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let milliseconds = time.map(|time| {
            let since = time
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
        milliseconds.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let milliseconds = Option::<u64>::deserialize(deserializer)?;
        Ok(milliseconds
            .and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(time))))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{BytesDeserializer, Error, SeqDeserializer};

    use super::*;

    /// A format that people do not read gives the body in one of these forms.
    #[test]
    fn a_body_is_read_from_bytes_and_from_a_list_of_bytes() {
        const BODY: &[u8] = b"\xff\0\x01";
        let bytes = BytesDeserializer::<Error>::new(BODY).deserialize_byte_buf(body::Plain);
        assert_eq!(bytes.expect("bytes"), BODY);
        let owned = de::Visitor::visit_byte_buf::<Error>(body::Plain, BODY.to_vec());
        assert_eq!(owned.expect("bytes"), BODY);
        let list = SeqDeserializer::<_, Error>::new(BODY.iter().copied());
        assert_eq!(list.deserialize_byte_buf(body::Plain).expect("bytes"), BODY);

        let text = serde::de::value::StrDeserializer::<Error>::new("no bytes");
        let error = text
            .deserialize_byte_buf(body::Plain)
            .expect_err("no bytes");
        let expected = "invalid type: string \"no bytes\", expected the bytes of a body";
        assert_eq!(error.to_string(), expected);
    }
}
