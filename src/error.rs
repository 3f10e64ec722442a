//! [`ConfigError`]: a mistake in the configuration, reported when a value is built.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

/// Any error, boxed: the error type of request bodies and of parsers.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A mistake in the configuration, for example an empty secret or a scheme that proves nothing.
///
/// [`Secret`](crate::Secret), [`Scheme`](crate::Scheme), [`SignedUrl`](crate::SignedUrl) and
/// [`Provider`](crate::Provider) return it when they are built. It never occurs while a request is
/// served. The message says what is wrong, what was found and what to do. It never contains a
/// secret.
///
/// `Debug` prints the message and its causes, so a program that returns it from `main` prints a
/// readable line:
///
/// ```
/// use tower_webhook_auth::Secret;
///
/// let error = Secret::from_env("ACME_WEBHOOK_SECRET_THAT_IS_NOT_SET").unwrap_err();
/// assert_eq!(
///     format!("Error: {error:?}"),
///     "Error: environment variable ACME_WEBHOOK_SECRET_THAT_IS_NOT_SET is not set",
/// );
/// ```
#[derive(Clone)]
pub struct ConfigError {
    message: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The message, then each cause after a colon. `fn main() -> Result<(), ConfigError>` prints this
/// form, so it is written for people.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_message_and_its_causes_and_nothing_else() {
        let cause = ConfigError::new("no such key").caused_by(fmt::Error);
        let error = ConfigError::new("the file is not readable").caused_by(cause);
        let printed = "the file is not readable: no such key: \
                       an error occurred when formatting an argument";
        assert_eq!(format!("{error:?}"), printed);
        assert_eq!(format!("{error:#?}"), printed);
        assert_eq!(error.to_string(), "the file is not readable");
    }
}
