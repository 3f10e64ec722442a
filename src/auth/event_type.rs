//! The errors about a handler that asks for an event that no layer provides.

use std::{any::TypeId, error::Error, fmt, sync::Arc};

use bytes::Bytes;

use crate::event::type_name;

/// The type of an event, and its name for messages.
#[derive(Clone, Copy, Debug)]
struct EventType {
    id: TypeId,
    name: &'static str,
}

impl EventType {
    fn of<E: 'static>() -> Self {
        Self {
            id: TypeId::of::<E>(),
            name: type_name::<E>(),
        }
    }
}

/// A handler asks for a [`Verified`](crate::Verified) event, but no
/// [`WebhookAuthLayer`](crate::WebhookAuthLayer) around its route provides events of that type.
///
/// This is the rejection of the extractor `Verified<E>` (feature `axum`). The handler does not run.
/// The response is a 500. In debug builds the message is its body, as with axum's own
/// `MissingExtension`. In release builds the body is empty, because the client must not learn the names
/// of types. The error is also in the response's extensions, and with feature `tracing` it is an
/// event of level `ERROR`.
///
/// There are two causes:
///
/// - The route has no layer. Add it with `route_layer`. If the route also serves requests that are not
///   verified, let the handler take `Option<Verified<E>>`.
/// - The layer provides another type. Then the layer also adds an [`EventTypeMismatch`], which names
///   both types and the remedy.
///
/// `Option<Verified<E>>` is `None` in both cases, and nothing is logged. So take it only on routes that also serve
/// requests that are not verified.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
#[derive(Clone, Copy, Debug)]
pub struct MissingLayer {
    requested: EventType,
}

impl MissingLayer {
    pub(crate) fn of<E: 'static>() -> Self {
        Self {
            requested: EventType::of::<E>(),
        }
    }

    /// The name of the event type that the handler asks for.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        self.requested.name
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event_type();
        write!(
            f,
            "the handler asks for Verified<{event}>, but no WebhookAuthLayer around its route \
             provides that type: add the layer to the route; if it has one, the layer reports both types"
        )
    }
}

impl Error for MissingLayer {}

/// A layer provides events of one type, but the handler asks for another type.
///
/// The layer puts this error into the extensions of the handler's response, next to the
/// [`MissingLayer`] of the extractor. With feature `tracing` it is also an event of level `ERROR`. In
/// debug builds the message is the body of the response.
///
/// ```text
/// the layer for "stripe" provides Verified<bytes::Bytes>, but the handler asks for
/// Verified<shop::StripeEvent>: add .json::<shop::StripeEvent>() to the provider, or take
/// Verified<bytes::Bytes>
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
#[derive(Clone, Debug)]
pub struct EventTypeMismatch {
    provider: Arc<str>,
    provided: EventType,
    requested: EventType,
}

impl EventTypeMismatch {
    pub(crate) fn new<E: 'static>(provider: &Arc<str>, missing: MissingLayer) -> Self {
        Self {
            provider: Arc::clone(provider),
            provided: EventType::of::<E>(),
            requested: missing.requested,
        }
    }

    /// The name of the provider that the layer verifies.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The name of the event type that the layer provides.
    #[must_use]
    pub fn provided(&self) -> &'static str {
        self.provided.name
    }

    /// The name of the event type that the handler asks for.
    #[must_use]
    pub fn requested(&self) -> &'static str {
        self.requested.name
    }
}

impl fmt::Display for EventTypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.provider();
        let (provided, requested) = (self.provided(), self.requested());
        if self.provided.id == self.requested.id {
            return write!(
                f,
                "the layer for {provider:?} provides Verified<{provided}>, but the handler did not \
                 receive it: a layer between them drops the extensions of the request"
            );
        }
        let advice = if provided == requested {
            "the two types have the same name, for example because they come from two versions of a crate"
                .to_owned()
        } else if self.requested.id == TypeId::of::<Bytes>() {
            format!("take Verified<{provided}>, whose body() returns the delivered bytes")
        } else if requested.starts_with("core::result::Result<") {
            format!(
                "add .fallible() to the provider, after .json or .parse, or take Verified<{provided}>"
            )
        } else if requested.starts_with("tower_webhook_auth::provider::") {
            format!(
                "use the preset with this event type, add .parse::<{requested}>() to the provider, or take \
                 Verified<{provided}>"
            )
        } else {
            format!("add .json::<{requested}>() to the provider, or take Verified<{provided}>")
        };
        write!(
            f,
            "the layer for {provider:?} provides Verified<{provided}>, but the handler asks for \
             Verified<{requested}>: {advice}"
        )
    }
}

impl Error for EventTypeMismatch {}

#[cfg(test)]
mod tests {
    use super::*;

    struct Event;

    fn message<Provided: 'static, Requested: 'static>() -> String {
        let missing = MissingLayer::of::<Requested>();
        EventTypeMismatch::new::<Provided>(&"stripe".into(), missing).to_string()
    }

    #[test]
    fn the_message_names_both_types_and_the_remedy() {
        const EVENT: &str = "tower_webhook_auth::auth::event_type::tests::Event";
        assert_eq!(
            message::<Bytes, Event>(),
            format!(
                "the layer for \"stripe\" provides Verified<bytes::Bytes>, but the handler asks for \
                 Verified<{EVENT}>: add .json::<{EVENT}>() to the provider, or take \
                 Verified<bytes::Bytes>"
            )
        );
        assert_eq!(
            message::<Event, Bytes>(),
            format!(
                "the layer for \"stripe\" provides Verified<{EVENT}>, but the handler asks for \
                 Verified<bytes::Bytes>: take Verified<{EVENT}>, whose body() returns the delivered bytes"
            )
        );
    }

    #[test]
    fn the_message_names_the_method_that_provides_the_type() {
        use crate::{event::EventError, provider::optimizely};

        const OPTIMIZELY: &str = "tower_webhook_auth::provider::optimizely::Event";
        let optimizely = message::<Bytes, optimizely::Event>();
        assert!(
            optimizely.ends_with(&format!(
                ": use the preset with this event type, add .parse::<{OPTIMIZELY}>() to the provider, or \
                 take Verified<bytes::Bytes>"
            )),
            "{optimizely}"
        );
        let fallible = message::<optimizely::Event, Result<optimizely::Event, EventError>>();
        let fallible_advice = format!(
            "add .fallible() to the provider, after .json or .parse, or take Verified<{OPTIMIZELY}>"
        );
        assert!(
            fallible.ends_with(&format!(": {fallible_advice}")),
            "{fallible}"
        );
    }

    #[test]
    fn the_message_for_equal_types_does_not_advise_to_change_the_type() {
        assert_eq!(
            message::<Bytes, Bytes>(),
            "the layer for \"stripe\" provides Verified<bytes::Bytes>, but the handler did not \
             receive it: a layer between them drops the extensions of the request"
        );
    }
}
