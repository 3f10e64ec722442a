//! [`Sender`]: one row of the catalogue; and `senders!`, the one place where a preset is written.

use std::fmt;

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, setup::SetupRule};
use crate::{
    error::ConfigError,
    event::EventError,
    scheme::{
        BodyKeyScheme, BodySignatureScheme, HeaderRole, JwtScheme, Scheme, SharedKeyScheme,
        SignatureScheme, SignedUrl, Way,
    },
    secret::Keys,
};

/// One sender of the [catalogue](super::catalogue).
///
/// The fields come from the sender's documentation. The methods derive everything else from the
/// scheme that the preset builds.
#[non_exhaustive]
#[derive(Clone)]
pub struct Sender {
    /// The name of the preset. Its function and its [`Provider`] have the same name.
    pub name: &'static str,
    /// The sender's name as the sender writes it.
    pub title: &'static str,
    /// Other names for which people search: products and services that use the same scheme.
    pub aliases: &'static [&'static str],
    /// The group in which the documentation lists the sender.
    pub kind: SenderKind,
    /// The type of the event that the preset's function gives, within the module
    /// [`provider`](super): `Bytes` is the body as it was received.
    pub event_type: &'static str,
    /// Another event type that fits the sender's bodies. Choose it with
    /// [`Provider::parse`](crate::Provider::parse).
    pub typed: Option<&'static str>,
    /// A body of a delivery, for a preset with an event type.
    pub example: Option<&'static str>,
    /// The response that the sender expects, if its documentation says so.
    pub answer: Option<&'static str>,
    /// When the sender repeats a delivery, if its documentation says so.
    pub retries: Option<&'static str>,
    /// The request that the sender makes when a webhook is set up, and how it is answered.
    pub setup: Option<&'static str>,
    /// How the scheme was confirmed.
    pub confirmed_by: Confirmation,
    /// The pages and source files that describe the scheme.
    pub links: &'static [&'static str],
    /// The day on which the facts were checked, as `YYYY-MM-DD`. The sender may have changed its
    /// scheme since then.
    pub checked: &'static str,
    /// The cargo feature that the preset needs.
    pub feature: Option<&'static str>,
    /// Whether the preset needs the URL that the sender calls, because the signature covers it.
    pub needs_url: bool,
    /// Whether the preset's function returns a `Result`: a key can be written wrongly, or the URL must be exact.
    pub returns_result: bool,
    pub(super) recipe: fn(SignedUrl) -> Recipe,
    pub(super) read: fn(&[u8]) -> Result<Option<AnyEvent>, EventError>,
}

/// An event of any type, of which only `Debug` is known.
pub type AnyEvent = Box<dyn fmt::Debug + Send + Sync>;

/// The groups of the catalogue.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SenderKind {
    /// Feature flags and experiments.
    Flags,
    /// Senders that follow Standard Webhooks.
    StandardWebhooks,
    /// Code, builds, operation.
    Development,
    /// Users, sign-in, proof of identity.
    Identity,
    /// Chat, mail, calls, video.
    Messages,
    /// Payments, banks, billing.
    Payments,
    /// Shops, parcels, travel.
    Shops,
    /// Customers, calendars, documents, forms, staff.
    Work,
    /// Publishing, communities, media, health.
    Content,
    /// Services that forward the webhooks of other services, and data pipelines.
    Gateways,
}

impl SenderKind {
    /// All groups, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Flags,
        Self::StandardWebhooks,
        Self::Development,
        Self::Identity,
        Self::Messages,
        Self::Payments,
        Self::Shops,
        Self::Work,
        Self::Content,
        Self::Gateways,
    ];

    /// The heading of the group.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Content => "Publishing, communities, media, health",
            Self::Development => "Code, builds, operation",
            Self::Flags => "Feature flags and experiments",
            Self::Gateways => "Webhook gateways and data pipelines",
            Self::Identity => "Users, sign-in, proof of identity",
            Self::Messages => "Chat, mail, calls, video",
            Self::Payments => "Payments, banks, billing",
            Self::Shops => "Shops, parcels, travel",
            Self::StandardWebhooks => "Standard Webhooks and its followers",
            Self::Work => "Customers, calendars, documents, forms, staff",
        }
    }
}

/// How a scheme was confirmed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// By the sender's own documentation.
    Docs,
    /// By others who receive from this sender. Test such a preset with a real delivery first.
    SecondHand,
    /// By the sender's own source code, or the tests of its library.
    Source,
}

impl Confirmation {
    /// This in words, such as `second hand`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Docs => "vendor's documentation",
            Self::SecondHand => "second hand",
            Self::Source => "vendor's source code",
        }
    }
}

impl Sender {
    /// How the sender proves its deliveries: most senders in one way, some in several, in the order in
    /// which they are tried.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let mut ways = self
            .recipe()
            .scheme
            .map_or_else(|_| Vec::new(), |scheme| scheme.ways());
        for way in &mut ways {
            let unsigned = self.recipe().headers();
            let new = unsigned.filter(|header| !way.headers.contains(header));
            way.headers.extend(new.collect::<Vec<_>>());
        }
        ways
    }

    /// Whether the keys are encoded, so that a key can be written wrongly. The preset's function then returns
    /// a `Result`. It also does so if it needs a URL that must be exact.
    #[must_use]
    pub fn keys_can_be_malformed(&self) -> bool {
        self.ways().iter().all(|way| !way.any_text_is_a_key)
    }

    /// How many bytes a body of this sender may have, where it is more than the layer's default.
    #[must_use]
    pub fn max_body_bytes(&self) -> Option<usize> {
        self.recipe().max_body_bytes
    }

    /// Whether [`Provider::answer_setup`] can answer the sender's set-up request.
    #[must_use]
    pub fn setup_can_be_answered(&self) -> bool {
        self.recipe().setup.is_some()
    }

    /// Whether the sender is found under this text: part of its name, its title or an alias, in any
    /// case.
    ///
    /// ```
    /// use tower_webhook_auth::provider;
    ///
    /// let found = provider::catalogue().iter().filter(|sender| sender.matches("whatsapp"));
    /// assert_eq!(found.map(|sender| sender.name).collect::<Vec<_>>(), ["meta"]);
    /// ```
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let names = [self.name, self.title];
        let mut names = names.iter().chain(self.aliases);
        names.any(|name| name.to_lowercase().contains(&text))
    }

    /// The preset with these keys. Its event is the body as it was received, without a type.
    ///
    /// # Errors
    ///
    /// If the preset needs the URL and there is none, or if a key is not written as the scheme
    /// requires.
    pub fn provider(
        &self,
        keys: impl Into<Keys>,
        url: Option<SignedUrl>,
    ) -> Result<Provider<Bytes>, ConfigError> {
        let recipe = match url {
            Some(url) => (self.recipe)(url),
            None if self.needs_url => {
                return Err(ConfigError::new(format!(
                    "{} signs the URL that it calls: give it as a SignedUrl",
                    self.title,
                )));
            }
            None => self.recipe(),
        };
        recipe.provider(keys.into())
    }

    /// Reads a body as the preset's event type, or else as the type in [`typed`](Self::typed). For tools
    /// that print the event. `None` if the sender has neither, so that the event is the body.
    ///
    /// ```
    /// use tower_webhook_auth::provider;
    ///
    /// let vwo = provider::catalogue().iter().find(|sender| sender.name == "vwo");
    /// let vwo = vwo.expect("VWO has a preset");
    /// let example = vwo.example.expect("an event type has an example");
    ///
    /// let event = vwo.read_event(example.as_bytes()).expect("the example is an event");
    /// assert!(format!("{event:#?}").contains("settings_changed"));
    /// assert!(vwo.read_event(b"[").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// The parser's error, if it cannot. A layer whose event has this type rejects the body with 422.
    pub fn read_event(&self, body: &[u8]) -> Result<Option<AnyEvent>, EventError> {
        (self.read)(body)
    }

    /// The recipe with an example URL, where the URL does not matter.
    fn recipe(&self) -> Recipe {
        (self.recipe)(SignedUrl::example())
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("name", &self.name)
            .field("title", &self.title)
            .field("kind", &self.kind)
            .field("ways", &self.ways())
            .finish_non_exhaustive()
    }
}

/// Everything that a preset's provider needs, except its keys.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) scheme: Result<Scheme, ConfigError>,
    pub(super) id: &'static [&'static str],
    pub(super) event: &'static [&'static str],
    pub(super) max_body_bytes: Option<usize>,
    pub(super) setup: Option<SetupRule>,
    pub(super) no_challenge_tokens: bool,
}

impl Recipe {
    pub(super) fn provider(self, keys: Keys) -> Result<Provider<Bytes>, ConfigError> {
        let mut provider = Provider::new(self.name, self.scheme?, keys)?;
        for name in self.id {
            provider = provider.delivery_id_header(HeaderName::from_static(name));
        }
        for name in self.event {
            provider = provider.event_name_header(HeaderName::from_static(name));
        }
        provider.max_body_bytes = self.max_body_bytes;
        provider.setup = self.setup;
        provider.no_challenge_tokens = self.no_challenge_tokens;
        Ok(provider)
    }

    /// For a preset that accepts any text as a key.
    pub(super) fn infallible(self, keys: Keys) -> Provider<Bytes> {
        #[expect(
            clippy::expect_used,
            reason = "the scheme is constant, and any text is a key: tests/catalogue.rs builds each preset"
        )]
        self.provider(keys)
            .expect("a preset describes a scheme that can be built")
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderRole, HeaderName)> + use<> {
        let named = |role, names: &'static [&'static str]| {
            names
                .iter()
                .map(move |name| (role, HeaderName::from_static(name)))
        };
        named(HeaderRole::Id, self.id).chain(named(HeaderRole::Event, self.event))
    }
}

/// What a row may give as its scheme.
pub(super) trait IntoScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError>;
}

impl IntoScheme for SignatureScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self.build()
    }
}

impl IntoScheme for JwtScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self.build()
    }
}

impl IntoScheme for BodyKeyScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self.build()
    }
}

impl IntoScheme for BodySignatureScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self.build()
    }
}

impl IntoScheme for SharedKeyScheme {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self.build()
    }
}

impl IntoScheme for Result<Scheme, ConfigError> {
    fn into_scheme(self) -> Result<Scheme, ConfigError> {
        self
    }
}

/// Senders of one kind: their functions, and their rows of the catalogue in `SENDERS`.
///
/// ```text
/// senders! { Development;
///
/// /// What a user has to know about this sender and cannot read from the table of facts, which is
/// /// generated: limits, what is not signed, which secret is meant.
/// fn acme(keys) -> Provider<Bytes> {        // Provider<acme::Event>: a type of the module `acme`
///     title: "Acme",
///     aliases: ["Acme Cloud"],               // optional: names under which people search
///     max_body_bytes: 5 << 20,               // optional
///     scheme: shapes::sha256_tagged("acme-signature"),
///     body: NoChallengeToken,                // optional: a body that a challenge could be is rejected
///     id: ["acme-delivery"],                 // optional: unsigned headers; the first that is there counts
///     event: ["acme-event"],                 // optional
///     typed: acme::Event,                    // optional: an event type to choose with `parse`
///     answer: "2xx within 10 s",             // optional
///     retries: "five times over a day",      // optional
///     setup: "A signed `ping` event.",       // optional
///     answered_by: setup::ACME,              // optional: the rule by which the layer answers the set-up
///     example: "{}",                         // for an event type: a body that it reads
///     source: Docs, "2026-11-27", ["https://…"],
/// }
/// }
/// ```
///
/// `fn acme(keys, url)` is a preset whose scheme needs the URL. `-> Result<…>` in place of
/// `Provider<…>` is a preset whose keys are encoded. `#[cfg(feature = "…")]` goes right before `fn`.
/// The header names are written in lower case.
macro_rules! senders {
    ($kind:ident; $(
        $(#[doc = $doc:literal])*
        $(#[cfg(feature = $feature:literal)])?
        fn $name:ident(keys $(, $url:ident)?) -> $returns:ident<$event:ident $(:: $inner:ident)*> {
            title: $title:literal,
            $(aliases: [$($alias:literal),+ $(,)?],)?
            $(max_body_bytes: $max_body_bytes:expr,)?
            scheme: $scheme:expr,
            $(body: $body:ident,)?
            $(id: [$($id:literal),+ $(,)?],)?
            $(event: [$($event_header:literal),+ $(,)?],)?
            $(typed: $module:ident :: $type:ident,)?
            $(answer: $answer:literal,)?
            $(retries: $retries:literal,)?
            $(setup: $setup:literal,)?
            $(answered_by: $rule:expr,)?
            $(example: $example:expr,)?
            source: $mark:ident, $checked:literal, [$($link:literal),* $(,)?] $(,)?
        }
    )*) => {
        $(
            senders! { @function $returns [
                #[doc = facts!($name)]
                #[doc = ""]
                $(#[doc = $doc])*
                $($(#[doc(alias = $alias)])+)?
                $(#[cfg(feature = $feature)] #[cfg_attr(docsrs, doc(cfg(feature = $feature)))])?
            ] $name [$($url)?] [$event $(:: $inner)*] [
                name: stringify!($name),
                scheme: $crate::provider::sender::IntoScheme::into_scheme($scheme),
                id: &[$($($id),+)?],
                event: &[$($($event_header),+)?],
                max_body_bytes: senders!(@optional $($max_body_bytes)?),
                setup: senders!(@optional $($rule)?),
                no_challenge_tokens: senders!(@is_there $($body)?),
            ] }
        )*

        /// The rows of this file.
        pub(super) static SENDERS: &[$crate::provider::Sender] = &[$(
            $(#[cfg(feature = $feature)])?
            $crate::provider::Sender {
                name: stringify!($name),
                title: $title,
                aliases: &[$($($alias),+)?],
                kind: $crate::provider::SenderKind::$kind,
                event_type: concat!(stringify!($event) $(, "::", stringify!($inner))*),
                example: senders!(@optional $($example)?),
                answer: senders!(@optional $($answer)?),
                retries: senders!(@optional $($retries)?),
                setup: senders!(@optional $($setup)?),
                confirmed_by: $crate::provider::Confirmation::$mark,
                links: &[$($link),*],
                checked: $checked,
                feature: senders!(@optional $($feature)?),
                typed: senders!(@optional $(concat!(stringify!($module), "::", stringify!($type)))?),
                read: senders!(@reader [$($module :: $type)?] $event $(:: $inner)*),
                needs_url: senders!(@is_there $($url)?),
                returns_result: senders!(@is_result $returns),
                recipe: |_url| {
                    $(let $url = _url;)?
                    $crate::provider::sender::Recipe {
                        name: stringify!($name),
                        scheme: $crate::provider::sender::IntoScheme::into_scheme($scheme),
                        id: &[$($($id),+)?],
                        event: &[$($($event_header),+)?],
                        max_body_bytes: senders!(@optional $($max_body_bytes)?),
                setup: senders!(@optional $($rule)?),
                no_challenge_tokens: senders!(@is_there $($body)?),
                    }
                },
            },
        )*];
    };

    (@function Provider [$($attributes:tt)*] $name:ident [$($url:ident)?] [$($event:tt)+] [$($recipe:tt)*]) => {
        $($attributes)*
        #[must_use]
        pub fn $name(keys: impl Into<$crate::Keys> $(, $url: $crate::SignedUrl)?) -> $crate::Provider<senders!(@type $($event)+)> {
            let provider = $crate::provider::sender::Recipe { $($recipe)* }.infallible(keys.into());
            senders!(@event provider, $($event)+)
        }
    };
    (@function Result [$($attributes:tt)*] $name:ident [$($url:ident)?] [$($event:tt)+] [$($recipe:tt)*]) => {
        $($attributes)*
        ///
        /// # Errors
        ///
        #[doc = senders!(@errors $($url)?)]
        pub fn $name(keys: impl Into<$crate::Keys> $(, $url: $crate::SignedUrl)?) -> Result<$crate::Provider<senders!(@type $($event)+)>, $crate::ConfigError> {
            let provider = $crate::provider::sender::Recipe { $($recipe)* }.provider(keys.into())?;
            Ok(senders!(@event provider, $($event)+))
        }
    };

    (@errors) => { "When a key is not written in the way that the row \"Key\" says." };
    (@errors $url:ident) => {
        "When the URL is not a [`SignedUrl::exact`](crate::SignedUrl::exact), or when a key is not written in the \
         way that the row \"Key\" says."
    };

    (@event $provider:ident, Bytes) => { $provider };
    (@event $provider:ident, $($event:tt)+) => { $provider.parse() };

    (@type Bytes) => { ::bytes::Bytes };
    (@type Json) => { $crate::Json };
    (@type $module:ident :: $type:ident) => { $crate::provider::$module::$type };

    (@reader [] $($event:tt)+) => { |_body| senders!(@read _body, $($event)+) };
    (@reader [$($typed:tt)+] Bytes) => { |_body| senders!(@read _body, $($typed)+) };
    (@read $body:ident, Bytes) => { Ok(None) };
    (@read $body:ident, $($event:tt)+) => {
        match <senders!(@type $($event)+) as $crate::FromBody>::from_body($body) {
            Ok(event) => Ok(Some(Box::new(event))),
            Err(error) => Err(error),
        }
    };

    (@optional) => { None };
    (@optional $value:expr) => { Some($value) };
    (@is_result Provider) => { false };
    (@is_result Result) => { true };
    (@is_there) => { false };
    (@is_there $url:ident) => { true };
}
