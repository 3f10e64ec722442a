//! [`PreparedKeys`]: keys as a scheme uses them.

use std::{ops::Deref, sync::Arc};

use http::HeaderName;

use super::{
    Kind, Scheme, builder::Signed, custom::CustomKeys, jwt::JwtKey, mac::Verifier,
    shared_key::KeyDigest, shared_key::SharedKey,
};
use crate::{
    error::ConfigError,
    secret::{Keys, Names, Padding},
};

/// The keys of one provider or one tenant, prepared for one scheme.
///
/// It never changes: keys are replaced by another set, as a whole. A clone is one more reference.
#[derive(Clone)]
pub(crate) struct PreparedKeys(Arc<Prepared>);

/// Other threads may write the reference counts of the next allocation. The padding keeps them out of the cache
/// lines of these fields.
#[repr(C)]
pub(crate) struct Prepared {
    pub(super) names: Arc<Names>,
    /// One for each way of the scheme.
    pub(super) ways: Arc<[WayKeys]>,
    _padding: Padding,
}

/// The keys that one way can use, in the order in which they are tried.
pub(crate) struct WayKeys {
    pub(super) keys: KeysOf,
    /// The place of each key among the names. A key that this way cannot decode has none.
    pub(super) places: Vec<usize>,
    /// The names of the headers with the signatures, for rejections.
    signature_headers: Vec<HeaderName>,
}

pub(crate) enum KeysOf {
    Custom(CustomKeys),
    Jwt(Vec<JwtKey>),
    SharedKey(Vec<KeyDigest>),
    Signature(Vec<Verifier>),
}

impl PreparedKeys {
    /// # Errors
    ///
    /// If a key cannot be used in any way of the scheme.
    pub(super) fn new(
        scheme: &Scheme,
        provider: &Arc<str>,
        keys: &Keys,
    ) -> Result<Self, ConfigError> {
        let mut used = vec![false; keys.iter().len()];
        let mut errors = Vec::new();
        let mut ways = Vec::new();
        for way in scheme.each_way() {
            let mut places = Vec::new();
            let keys = match &way.0 {
                Kind::SharedKey(shared) => {
                    places.extend(0..keys.iter().len());
                    used.fill(true);
                    KeysOf::SharedKey(shared.prepare(keys))
                }
                Kind::Custom(custom) => {
                    check_number(provider, keys, custom.facts.most_keys)?;
                    KeysOf::Custom(custom.prepare(provider, keys, |place, error| match error {
                        None => took(place, &mut places, &mut used),
                        Some(error) => errors.push((place, error)),
                    }))
                }
                Kind::Jwt(jwt) => {
                    let prepared = jwt.prepare(provider, keys, |place, error| match error {
                        None => took(place, &mut places, &mut used),
                        Some(error) => errors.push((place, error)),
                    });
                    KeysOf::Jwt(prepared?)
                }
                Kind::Signature(signed) => {
                    let prepared = signed.prepare(provider, keys, |place, error| match error {
                        None => took(place, &mut places, &mut used),
                        Some(error) => errors.push((place, error)),
                    });
                    KeysOf::Signature(prepared?)
                }
                Kind::AnyOf(_) => return Err(nested()),
            };
            ways.push(WayKeys {
                keys,
                places,
                signature_headers: way.signature_headers(),
            });
        }
        // An error of a key that another way can use is no error.
        let is_unused = |place: usize| used.get(place) == Some(&false);
        if let Some((_, error)) = errors.into_iter().find(|(place, _)| is_unused(*place)) {
            return Err(error);
        }
        let names = Names::new(provider, keys).with_ways(scheme.way_names());
        Ok(Self::of(names, ways.into()))
    }

    fn of(names: Names, ways: Arc<[WayKeys]>) -> Self {
        Self(Arc::new(Prepared {
            names: Arc::new(names),
            ways,
            _padding: Padding::default(),
        }))
    }

    /// The same keys. A clone of the result writes to other memory than a clone of this one.
    pub(super) fn with_own_counts(&self) -> Self {
        Self::of((*self.names).clone(), Arc::clone(&self.ways))
    }

    /// Keys for a tenant that is not known. Verifying costs the same as with a tenant's key, and no
    /// signature is ever accepted.
    pub(super) fn placeholder(scheme: &Scheme, provider: &Arc<str>) -> Self {
        let ways = scheme.each_way().iter().map(|way| WayKeys {
            keys: match &way.0 {
                Kind::Custom(custom) => KeysOf::Custom(custom.prepare_placeholder()),
                Kind::Jwt(jwt) => KeysOf::Jwt(vec![jwt.placeholder_key()]),
                Kind::Signature(signed) => {
                    KeysOf::Signature(signed.algorithm.placeholder_key().into_iter().collect())
                }
                Kind::SharedKey(_) | Kind::AnyOf(_) => KeysOf::SharedKey(Vec::new()),
            },
            places: Vec::new(),
            signature_headers: way.signature_headers(),
        });
        let names = Names::of_placeholder(provider).with_ways(scheme.way_names());
        Self::of(names, ways.collect())
    }

    /// The names of the keys, in the order in which they are tried.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.names.keys().map(String::from).collect()
    }
}

/// Checks that there are not more keys than are tried for a delivery.
fn check_number(provider: &Arc<str>, keys: &Keys, most: Option<usize>) -> Result<(), ConfigError> {
    let number = keys.iter().len();
    match most.filter(|most| number > *most) {
        None => Ok(()),
        Some(most) => Err(ConfigError::new(format!(
            "{provider}: {number} keys, but at most {most} are tried for a delivery: remove those that are no \
             longer used",
        ))),
    }
}

/// A way can use the key at this place.
fn took(place: usize, places: &mut Vec<usize>, used: &mut [bool]) {
    places.push(place);
    if let Some(used) = used.get_mut(place) {
        *used = true;
    }
}

impl Deref for PreparedKeys {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.0
    }
}

impl Prepared {
    /// The name of the header with the signatures, which is at this position in this way.
    pub(super) fn signature_header(&self, way: usize, position: usize) -> Option<&HeaderName> {
        self.ways.get(way)?.signature_headers.get(position)
    }
}

impl Scheme {
    fn signature_headers(&self) -> Vec<HeaderName> {
        match &self.0 {
            Kind::Signature(signed) => signed.signature.headers().cloned().collect(),
            Kind::AnyOf(_) | Kind::Custom(_) | Kind::Jwt(_) | Kind::SharedKey(_) => Vec::new(),
        }
    }
}

pub(super) fn nested() -> ConfigError {
    ConfigError::new("a way of `any_of` is itself an `any_of`: list all ways in one call")
}

impl SharedKey {
    fn prepare(&self, keys: &Keys) -> Vec<KeyDigest> {
        // `keys` has an exact size, so that the vector does not grow: one that grows leaves its old
        // content in memory that is not wiped.
        let mut prepared = Vec::with_capacity(keys.iter().len());
        prepared.extend(keys.iter().map(|key| self.key(&key.secret)));
        prepared
    }
}

impl Signed {
    /// Prepares the keys that this way can decode, and calls `took` for each key.
    fn prepare(
        &self,
        provider: &Arc<str>,
        keys: &Keys,
        mut took: impl FnMut(usize, Option<ConfigError>),
    ) -> Result<Vec<Verifier>, ConfigError> {
        check_number(provider, keys, self.algorithm.most_operations())?;
        // See `SharedKey::prepare`.
        let mut prepared = Vec::with_capacity(keys.iter().len());
        for (place, key) in keys.iter().enumerate() {
            match self.verifier(&key.secret) {
                Ok(verifier) => {
                    prepared.push(verifier);
                    took(place, None);
                }
                Err(error) => {
                    let name = &key.name;
                    let error = ConfigError::new(format!("{provider}: key {name:?}: {error}"));
                    took(place, Some(error));
                }
            }
        }
        Ok(prepared)
    }
}
