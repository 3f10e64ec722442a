//! A sender as a program configured it: with its keys and its event type.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use serde::de::DeserializeOwned;

use super::{keys_handle::KeysHandle, setup::SetupRule};
use crate::{
    clock::Clock,
    error::{BoxError, ConfigError},
    event::{Batch, EventError, FromBody, from_json, json_batch},
    rejection::{Rejection, RejectionKind},
    scheme::{Check, PreparedKeys, Proof, Scheme, check_tolerance, trim_blanks},
    secret::Keys,
    text,
    verified::Verified,
};

type Parse<E> = Arc<dyn Fn(&Bytes) -> Result<E, BoxError> + Send + Sync>;

/// A sender: its name, its scheme, its keys, and how its bodies become events of type `E`.
///
/// A preset of the module [`provider`](crate::provider) makes one, or [`new`](Provider::new) with a scheme of your own:
///
/// ```
/// use tower_webhook_auth::{Provider, Secret, SignatureScheme, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("wJ4mX9")?;
/// let github = provider::github(secret.clone());
///
/// let scheme = SignatureScheme::hmac_sha256("X-Acme-Signature").build()?;
/// let acme = Provider::new("acme", scheme, secret)?;
/// # let _ = (github, acme);
/// # Ok(())
/// # }
/// ```
///
/// Clones share their keys: if you replace the keys of one, all clones have the new keys. Use one provider for each
/// tenant, or a [key source](crate::tenants::KeySource).
pub struct Provider<E> {
    keys: KeysHandle,
    parse: Parse<E>,
    delivery_id: Vec<HeaderName>,
    event_name: Vec<HeaderName>,
    pub(super) max_body_bytes: Option<usize>,
    pub(super) setup: Option<SetupRule>,
    answers_setup: bool,
    pub(super) no_challenge_tokens: bool,
}

impl Provider<Bytes> {
    /// A provider for a sender without a preset. Its event is the body as received.
    /// [`json`](Provider::json), [`parse`](Provider::parse) and
    /// [`parse_with`](Provider::parse_with) select another event type.
    ///
    /// # Errors
    ///
    /// If a key is not written as the scheme requires. If the name is empty, contains a control character or an
    /// invisible character, or begins or ends with white space.
    pub fn new(
        name: impl Into<String>,
        scheme: Scheme,
        keys: impl Into<Keys>,
    ) -> Result<Self, ConfigError> {
        let name: Arc<str> = name.into().into();
        text::check_name("the name of the provider", &name)?;
        Ok(Self::with_handle(KeysHandle::new(
            name,
            scheme,
            &keys.into(),
        )?))
    }

    /// For a sender whose keys always come from a key source: as after [`KeysHandle::withdraw`].
    #[cfg(feature = "certificates")]
    pub(crate) fn without_keys(name: &str, scheme: Scheme) -> Self {
        Self::with_handle(KeysHandle {
            provider: name.into(),
            authenticator: scheme.authenticator(),
        })
    }

    fn with_handle(keys: KeysHandle) -> Self {
        Self {
            keys,
            parse: Arc::new(|body| Ok(body.clone())),
            delivery_id: Vec::new(),
            event_name: Vec::new(),
            max_body_bytes: None,
            setup: None,
            answers_setup: false,
            no_challenge_tokens: false,
        }
    }
}

impl<E> Provider<E> {
    /// Reads a body as JSON into your own type.
    ///
    /// A byte order mark is accepted. In texts, a lone surrogate (`\ud83d` without its second half)
    /// becomes U+FFFD. Numbers, depth and unknown fields are up to `T`: a field of type
    /// [`Json`](crate::Json) takes any value. A body that is not a `T` is answered with 422: see
    /// [`fallible`](Self::fallible).
    ///
    /// For several kinds of events, use an enum. A variant with `#[serde(other)]` takes the kinds that you do not
    /// name, which otherwise get 422:
    ///
    /// ```
    /// use serde::Deserialize;
    /// use tower_webhook_auth::{Secret, Verified, provider};
    ///
    /// #[derive(Deserialize)]
    /// #[serde(tag = "type")] // not `content`: with it, `other` accepts no data
    /// enum Event {
    ///     #[serde(rename = "invoice.paid")]
    ///     Paid { id: String, data: Data<Invoice> },
    ///     #[serde(rename = "customer.deleted")]
    ///     Deleted { data: Data<Customer> },
    ///     #[serde(other)]
    ///     Other,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Data<T> {
    ///     object: T,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Invoice {
    ///     amount_paid: u64,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Customer {
    ///     email: Option<String>,
    /// }
    ///
    /// fn handle(webhook: &Verified<Event>) {
    ///     match webhook.event() {
    ///         Event::Paid { id, data } => println!("{id}: {}", data.object.amount_paid),
    ///         Event::Deleted { data } => println!("{:?} is deleted", data.object.email),
    ///         Event::Other => println!("{} bytes of another kind", webhook.body().len()),
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::BoxError> {
    /// let secret = Secret::new("whsec_wJ4mX9")?;
    /// let stripe = provider::stripe(secret.clone()).json::<Event>();
    /// # let signer = tower_webhook_auth::testing::Signer::new(&stripe, &secret)?;
    /// # for body in [
    /// #     r#"{"id":"evt_1","data":{"object":{"amount_paid":5}},"type":"invoice.paid"}"#,
    /// #     r#"{"id":"evt_2","type":"customer.deleted","data":{"object":{"email":null}}}"#,
    /// #     r#"{"id":"evt_3","type":"charge.failed","data":{"object":{}}}"#,
    /// # ] {
    /// #     let (head, body) = signer.sign(http::Request::new(body.into())).into_parts();
    /// #     handle(&stripe.verify(&head, body, std::time::SystemTime::now())?);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn json<T: DeserializeOwned>(self) -> Provider<T> {
        self.parse_with(|body| Ok(from_json(body)?))
    }

    /// Reads a body as a JSON list of your own type.
    ///
    /// An element that is not a `T` does not reject the others: it is in [`Batch::unreadable`]. If no
    /// element can be read, the response is 422.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use tower_webhook_auth::{Batch, Secret, Verified, WebhookAuthLayer, provider};
    ///
    /// #[derive(Deserialize)]
    /// struct Mail {
    ///     event: String,
    /// }
    ///
    /// fn handle(batch: &Verified<Batch<Mail>>) {
    ///     for mail in &batch.events {
    ///         println!("{}", mail.event);
    ///     }
    ///     for unreadable in &batch.unreadable {
    ///         eprintln!("event {}: {}", unreadable.index, unreadable.error);
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let line = provider::line(Secret::new("wJ4mX9")?).json_batch::<Mail>();
    /// let layer = WebhookAuthLayer::new(line);
    /// # let _ = (layer, handle);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn json_batch<T: DeserializeOwned>(self) -> Provider<Batch<T>> {
        self.parse_with(|body| Ok(json_batch(body)?))
    }

    /// Reads a body as a typed event of this crate, or as another type that implements [`FromBody`].
    ///
    /// Most presets of feature-flag platforms have their event type already. For other senders, choose
    /// one:
    ///
    /// ```
    /// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider::{self, github}};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let secret = Secret::new("It's a Secret to Everybody")?;
    /// let layer = WebhookAuthLayer::new(provider::github(secret).parse::<github::Event>());
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn parse<T: FromBody>(self) -> Provider<T> {
        self.parse_with(|body| Ok(T::from_body(body)?))
    }

    /// Reads a body with your own function. An error is answered with 422.
    #[must_use]
    pub fn parse_with<T>(
        self,
        parse: impl Fn(&Bytes) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> Provider<T> {
        self.with_parse(Arc::new(parse))
    }

    /// Does not read the body: the event is the body as it was received.
    ///
    /// Use it for a preset with an event type if a template at the sender makes other bodies.
    #[must_use]
    pub fn bytes(self) -> Provider<Bytes> {
        self.parse_with(|body| Ok(body.clone()))
    }

    /// Calls the handler also for an authentic delivery whose body is not the expected event.
    ///
    /// Without this, the layer answers such a delivery with 422, and the handler is not called. That is
    /// visible to the sender, and most senders do not repeat the delivery. With this, the handler gets
    /// a [`Verified`] `Result`: `Ok` of the event, or `Err` of the reason. The handler decides, and has
    /// the raw body in [`Verified::body`]. Nothing changes for a delivery that is not authentic: it is
    /// rejected. Call it last: [`json`](Self::json) and the other methods that choose the event type undo it.
    ///
    /// # Senders that repeat a delivery for a long time
    ///
    /// VWO repeats a delivery every one or two seconds for an hour until it is answered with 200.
    /// A body that cannot be read today cannot be read in a second either. So respond with 200,
    /// log the error, and do the work that does not need the content of the event:
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_webhook_auth::{EventError, Secret, Verified, WebhookAuthLayer};
    /// use tower_webhook_auth::provider::{self, vwo};
    ///
    /// fn handle(webhook: &Verified<Result<vwo::Event, EventError>>) -> StatusCode {
    ///     match webhook.event() {
    ///         Ok(event) => println!("{}: {:?}", event.event, event.action),
    ///         // The error does not quote the body.
    ///         Err(error) => eprintln!("unknown delivery, {} bytes: {error}", webhook.body().len()),
    ///     }
    ///     // In both cases VWO says that the settings changed: download them.
    ///     StatusCode::OK
    /// }
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let secret = Secret::new("xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS")?;
    /// let layer = WebhookAuthLayer::new(provider::vwo(secret).fallible());
    /// # let _ = (layer, handle);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// If the sender does not repeat deliveries, a 422 does no harm, and it makes the failure
    /// visible in the sender's list of deliveries.
    #[must_use]
    pub fn fallible(self) -> Provider<Result<E, EventError>>
    where
        E: 'static,
    {
        let parse = Arc::clone(&self.parse);
        self.with_parse(Arc::new(move |body| {
            Ok(parse(body).map_err(EventError::caused_by))
        }))
    }

    fn with_parse<T>(self, parse: Parse<T>) -> Provider<T> {
        Provider {
            keys: self.keys,
            parse,
            delivery_id: self.delivery_id,
            event_name: self.event_name,
            max_body_bytes: self.max_body_bytes,
            setup: self.setup,
            answers_setup: self.answers_setup,
            no_challenge_tokens: self.no_challenge_tokens,
        }
    }

    /// The header in which the sender puts the delivery's id, for [`Verified::delivery_id`]. If
    /// the scheme has an id header, that one is used instead.
    ///
    /// Called again, it adds another name: the first that is present counts. `HeaderName::from_static`
    /// makes a name of lower-case text. It panics if the text has a capital letter.
    #[must_use]
    pub fn delivery_id_header(mut self, name: HeaderName) -> Self {
        self.delivery_id.push(name);
        self
    }

    /// The header in which the sender puts the event's name, for [`Verified::event_name`].
    ///
    /// Called again, it adds another name: the first that is present counts. `HeaderName::from_static`
    /// makes a name of lower-case text. It panics if the text has a capital letter.
    #[must_use]
    pub fn event_name_header(mut self, name: HeaderName) -> Self {
        self.event_name.push(name);
        self
    }

    /// How many bytes a body of this sender may have. An option of the layer overrides it.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    /// Answers the request that the sender makes when a webhook is set up.
    ///
    /// Some senders send such a request and save the webhook only if the response is right. The
    /// request is not an event, and most senders do not sign it, so the layer rejects it. With
    /// this method, the layer answers exactly that request, and nothing else:
    ///
    /// - The request never reaches the inner service, and no [`Verified`] is made of it.
    /// - An unsigned request is one without the header of the signature or key, or without a body if the key is in
    ///   the body. A request with a wrong signature is rejected as before.
    /// - The body of an unsigned request may have 4 KiB. It counts against the deadline and the
    ///   memory budget of the layer. A body that is not the set-up request gets the rejection of
    ///   its head: 401.
    /// - The answer repeats a code that the client sent, or is empty.
    /// - With feature `tracing`, the answer is logged. The response has a
    ///   [`SetupAnswer`](crate::SetupAnswer) in its extensions, for metrics.
    ///
    /// The documentation of each preset says what happens at set-up. You can leave this on: the
    /// answer gives a client nothing that it did not have. The cost: the layer reads a body of up
    /// to 4 KiB before it rejects a client without a signature.
    ///
    /// ```
    /// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let statsig = provider::statsig(Secret::new("wJ4mX9")?).answer_setup()?;
    /// let layer = WebhookAuthLayer::new(statsig);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When this provider has no set-up request that the layer can answer. Handshakes that need a
    /// secret, or that come as a GET, are in the module `handshake`. The message says what the sender does at set-up.
    pub fn answer_setup(mut self) -> Result<Self, ConfigError> {
        if self.setup.is_none() {
            let name = self.name();
            let preset = super::catalogue().iter().find(|sender| sender.name == name);
            let reason = match preset.and_then(|sender| sender.setup) {
                Some(setup) => format!("the layer does not answer its set-up request: {setup}"),
                None => "no set-up request of this sender is known.".to_owned(),
            };
            return Err(ConfigError::new(format!(
                "{name}: {reason} Do not call `answer_setup`"
            )));
        }
        self.answers_setup = true;
        Ok(self)
    }

    /// Verifies a delivery without a service: for tools, queues and other frameworks.
    ///
    /// It runs the code of the layer, with the same rules for headers, timestamps and keys. It has
    /// no limit, no deadline and no budget for the body, because the body is already in memory.
    /// `now` is the time to which a signed timestamp is compared: for a delivery from a queue, the
    /// time at which it was received.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use bytes::Bytes;
    /// use http::Request;
    /// use tower_webhook_auth::{RejectionKind, Secret, provider};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let github = provider::github(Secret::new("It's a Secret to Everybody")?);
    /// let (head, body) = Request::post("/webhooks/github")
    ///     .header(
    ///         "X-Hub-Signature-256",
    ///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ///     )
    ///     .body(Bytes::from("Hello, World!"))?
    ///     .into_parts();
    ///
    /// let verified = github.verify(&head, body, SystemTime::now())?;
    /// assert_eq!(verified.body(), "Hello, World!");
    ///
    /// let forged = github.verify(&head, Bytes::from("Hello, Mars!"), SystemTime::now());
    /// assert_eq!(forged.unwrap_err().kind(), RejectionKind::SignatureMismatch);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The rejection that the layer would respond with.
    pub fn verify(
        &self,
        head: &Parts,
        body: Bytes,
        now: SystemTime,
    ) -> Result<Verified<E>, Rejection> {
        let length = body.len();
        self.begin(head, &move || now)
            .and_then(|mut check| {
                check.update(&body);
                let proof = check.finish(&body)?;
                self.parsed(proof, body, &head.headers)
            })
            .map_err(|rejection| rejection.seen_by(self.shared_name(), length))
    }

    /// How far the signed time may be from now, in place of the preset's tolerance. A scheme that accepts
    /// times in the future continues to accept them.
    ///
    /// In a scheme with several ways it changes every way that has a signed time. The keys are shared with
    /// the provider that this one was made from.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_webhook_auth::{Secret, provider};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let slack = provider::slack(Secret::new("wJ4mX9")?).tolerance(Duration::from_secs(60))?;
    /// // GitHub signs no time.
    /// assert!(provider::github(Secret::new("wJ4mX9")?).tolerance(Duration::from_secs(60)).is_err());
    /// # let _ = slack;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no way of the scheme has a signed time whose beginning and end the signed bytes show, or if the tolerance
    /// is 0.
    pub fn tolerance(mut self, tolerance: Duration) -> Result<Self, ConfigError> {
        check_tolerance(Some(tolerance))?;
        let authenticator = &self.keys.authenticator;
        let scheme = authenticator
            .scheme()
            .with_tolerance(tolerance)
            .ok_or_else(|| {
                ConfigError::new(format!(
                    "{}: a tolerance was given, but the scheme proves no time of signing, or it is a scheme in \
                     code, whose tolerance is set there",
                    self.name(),
                ))
            })?;
        self.keys.authenticator = authenticator.with_scheme(scheme);
        Ok(self)
    }

    /// The sender's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.keys.provider
    }

    /// A handle that replaces the keys while the service runs.
    #[must_use]
    pub fn keys(&self) -> KeysHandle {
        self.keys.clone()
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.keys.provider
    }

    #[cfg(any(feature = "diagnosis", feature = "replay", feature = "testing"))]
    pub(crate) fn scheme(&self) -> &Scheme {
        self.keys.scheme()
    }

    /// The event in a body that was verified before.
    pub(crate) fn read(&self, body: &Bytes) -> Result<E, BoxError> {
        if self.no_challenge_tokens && is_challenge_token(body) {
            return Err(
                "the body has only the characters of a challenge, which any client can have signed"
                    .into(),
            );
        }
        (self.parse)(body)
    }

    /// Whether a delivery has a signature.
    #[cfg(feature = "replay")]
    pub(crate) fn signs(&self) -> bool {
        self.scheme().signs()
    }

    /// Whether the signed content distinguishes two deliveries with equal bodies.
    #[cfg(feature = "replay")]
    pub(crate) fn signs_id_or_time(&self) -> bool {
        let ids = &self.delivery_id;
        let signs_id =
            !ids.is_empty() && ids.iter().all(|id| self.scheme().always_proves_header(id));
        signs_id || self.scheme().proves_id_or_time()
    }

    pub(crate) fn body_limit(&self) -> Option<usize> {
        self.max_body_bytes
    }

    /// Everything that the head can decide.
    pub(crate) fn begin(&self, head: &Parts, clock: &dyn Clock) -> Result<Check, Rejection> {
        self.keys.authenticator.begin(head, clock)
    }

    /// Keys of a tenant, in the form in which the scheme uses them.
    pub(crate) fn prepare(&self, keys: &Keys) -> Result<PreparedKeys, ConfigError> {
        self.keys.scheme().prepare(self.shared_name(), keys)
    }

    /// A key that matches no delivery, and takes as much time as a tenant's key.
    pub(crate) fn prepare_placeholder(&self) -> PreparedKeys {
        self.keys.scheme().prepare_placeholder(self.shared_name())
    }

    /// Rejects a head that no key could verify.
    pub(crate) fn judge(
        &self,
        placeholder: &PreparedKeys,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<(), Rejection> {
        self.keys.scheme().judge(placeholder, head, clock)
    }

    /// Everything that the head can decide with these keys, which replace the provider's own.
    pub(crate) fn begin_with(
        &self,
        keys: &PreparedKeys,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<Check, Rejection> {
        self.keys.scheme().begin_with(keys, head, clock)
    }

    /// The set-up request that the owner wants to be answered.
    pub(crate) fn setup(&self) -> Option<&SetupRule> {
        self.setup.as_ref().filter(|_| self.answers_setup)
    }

    /// Makes the event from a proof and the bytes that it proves.
    pub(crate) fn verified(
        &self,
        proof: Proof,
        body: Bytes,
        headers: &mut HeaderMap,
    ) -> Result<Verified<E>, Rejection> {
        let verified = self.parsed(proof, body, headers)?;
        self.keys.mark_sensitive(headers);
        Ok(verified)
    }

    fn parsed(
        &self,
        mut proof: Proof,
        body: Bytes,
        headers: &HeaderMap,
    ) -> Result<Verified<E>, Rejection> {
        // Only the claims of a token in the body are proven.
        let body = proof.claims.take().unwrap_or(body);
        let event = self
            .read(&body)
            .map_err(|error| Rejection::caused_by(RejectionKind::EventUnparseable, error))?;
        let way = proof.origin.way();
        Ok(Verified::new(
            proof,
            event,
            body,
            self.claim(&self.delivery_id, headers, way),
            self.claim(&self.event_name, headers, way),
            #[cfg(feature = "replay")]
            self.scheme().proven_tolerance(way),
        ))
    }

    /// The first of these headers that is present.
    fn claim(
        &self,
        names: &[HeaderName],
        headers: &HeaderMap,
        way: usize,
    ) -> Option<(HeaderValue, bool)> {
        let (name, value, is_alone) = names.iter().find_map(|name| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?;
            Some((name, value, values.next().is_none()))
        })?;
        // If there are several values, none is used: nothing says which one counts.
        is_alone.then(|| {
            let signed = self.keys.authenticator.scheme().proves_header(name, way);
            (without_blanks(value), signed)
        })
    }
}

/// The value without blanks around it. They are no part of a value ([RFC 9110 section
/// 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)), and a list of signed headers does not cover them. With them, one
/// delivery could have several ids. A server of HTTP/2 may leave them in place.
fn without_blanks(value: &HeaderValue) -> HeaderValue {
    let trimmed = trim_blanks(value.as_bytes());
    if trimmed.len() == value.len() {
        return value.clone();
    }
    // Cannot fail: each part of a valid value is valid.
    HeaderValue::from_bytes(trimmed).unwrap_or_else(|_| value.clone())
}

/// Whether a text has only the characters of the challenges that `handshake::x` signs. Such a text is no
/// JSON object, so no delivery of X is one.
pub(crate) fn is_challenge_token(text: &[u8]) -> bool {
    let in_tokens = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_.~".contains(byte);
    text.iter().all(in_tokens)
}

impl<E> Clone for Provider<E> {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            parse: Arc::clone(&self.parse),
            delivery_id: self.delivery_id.clone(),
            event_name: self.event_name.clone(),
            max_body_bytes: self.max_body_bytes,
            setup: self.setup,
            answers_setup: self.answers_setup,
            no_challenge_tokens: self.no_challenge_tokens,
        }
    }
}

impl<E> fmt::Debug for Provider<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
