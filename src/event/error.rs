use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use crate::error::BoxError;

const NOT_EXPECTED: &str = "the body is not the expected event";

/// An authentic body is not the expected event.
///
/// [`Display`](fmt::Display) names the field as it is in the body, what was expected and what was
/// found, and never quotes the body. The same is true of [`Debug`](fmt::Debug). Only
/// [`source`](Error::source) may quote the body: it is the error of a parser that the owner chose,
/// such as the one of [`Provider::json`](crate::Provider::json).
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::optimizely};
///
/// let body = br#"{"project_id":42,"event":"project.datafile_updated","data":{"revision":7}}"#;
/// let error = optimizely::Event::from_body(body).unwrap_err();
/// assert_eq!(error.to_string(), "`data.cdn_url` is missing: expected a text");
/// assert_eq!(error.field(), Some("data.cdn_url"));
/// ```
#[derive(Clone)]
pub struct EventError {
    /// The path of the field, such as `data.revision`. Empty for the body itself.
    field: String,
    problem: Problem,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Clone)]
enum Problem {
    Empty,
    Missing {
        expected: &'static str,
    },
    NotJson,
    Other(Cow<'static, str>),
    Repeated,
    Unexpected {
        expected: &'static str,
        found: &'static str,
    },
}

impl EventError {
    /// An error with your own message. The message is logged, so do not quote the body in it.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of("", Problem::Other(message.into()))
    }

    /// An error of another parser, which [`source`](Error::source) then returns. An `EventError` is
    /// returned unchanged.
    #[must_use]
    pub fn caused_by(source: impl Into<BoxError>) -> Self {
        match source.into().downcast::<Self>() {
            Ok(error) => *error,
            Err(source) => Self {
                source: Some(source.into()),
                ..Self::new(NOT_EXPECTED)
            },
        }
    }

    /// The path of the field that is wrong, such as `data.revision` or `data[3].eventName`. `None`
    /// when the whole body is wrong.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        Some(&*self.field).filter(|field| !field.is_empty())
    }

    pub(crate) fn empty() -> Self {
        Self::of("", Problem::Empty)
    }

    pub(crate) fn missing(field: &str, expected: &'static str) -> Self {
        Self::of(field, Problem::Missing { expected })
    }

    pub(crate) fn not_json(source: serde_json::Error) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..Self::of("", Problem::NotJson)
        }
    }

    pub(crate) fn repeated(field: &str) -> Self {
        Self::of(field, Problem::Repeated)
    }

    pub(crate) fn unexpected(field: &str, expected: &'static str, found: &'static str) -> Self {
        Self::of(field, Problem::Unexpected { expected, found })
    }

    /// The same error, about a field of the object or list that is called `outer`.
    pub(crate) fn inside(mut self, outer: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }

    fn of(field: &str, problem: Problem) -> Self {
        Self {
            field: field.to_owned(),
            problem,
            source: None,
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field() {
            Some(field) => format!("`{field}`"),
            None => "the body".to_owned(),
        };
        match &self.problem {
            Problem::Empty => f.write_str("the body is empty: expected JSON"),
            Problem::Missing { expected } => write!(f, "{what} is missing: expected {expected}"),
            Problem::NotJson => f.write_str("the body is not JSON"),
            Problem::Other(message) if self.field.is_empty() => f.write_str(message),
            Problem::Other(message) => write!(f, "{what}: {message}"),
            Problem::Repeated => write!(f, "{what} appears more than once"),
            Problem::Unexpected { expected, found } => {
                write!(f, "{what} is {found}: expected {expected}")
            }
        }
    }
}

/// The message alone: the source may quote the body.
impl fmt::Debug for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventError({self})")
    }
}

impl Error for EventError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The message of an error about a body, without anything that may quote the body.
#[cfg(feature = "tracing")]
pub(crate) struct Unquoted<'a>(pub(crate) &'a (dyn Error + 'static));

#[cfg(feature = "tracing")]
impl fmt::Display for Unquoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let event_error = error.downcast_ref::<EventError>();
        let is_part = event_error.is_some_and(|error| error.field().is_some());
        match event_error {
            Some(error) => write!(f, "{error}")?,
            None => f.write_str(NOT_EXPECTED)?,
        }
        // The error of `Provider::json`, or the source of an `EventError`.
        let mut cause = Some(*error);
        let mut json = None;
        while let Some(error) = cause {
            json = json.or(error.downcast_ref::<serde_json::Error>());
            cause = error.source();
        }
        match json {
            // serde does not know the position in a value that it has parsed before.
            // The position in a part of the body is not the one in the body.
            Some(error) if error.line() > 0 && !is_part => {
                write!(f, ": see line {} column {}", error.line(), error.column())?;
            }
            _ => {}
        }
        if error.is::<EventError>() && error.source().is_none() {
            return Ok(());
        }
        f.write_str("; `log_parse_errors` logs the parser's message")
    }
}

impl From<serde_json::Error> for EventError {
    fn from(source: serde_json::Error) -> Self {
        Self::caused_by(source)
    }
}
