//! A mistake in the configuration, found when something is built.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

/// Any error, boxed: what a body or a parser may fail with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A mistake in the configuration: an empty secret, a scheme that cannot be right.
///
/// It is met when a [`Secret`](crate::Secret), a [`Scheme`](crate::Scheme) or a
/// [`Provider`](crate::Provider) is built, never while a request is served. Its message names the
/// offending value, unless that value is a secret.
#[derive(Clone, Debug)]
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

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
