//! [`Scheme::any_of`]: several complete ways to verify, tried in order.

use std::sync::Arc;

use http::request::Parts;

use super::{
    Kind, Scheme,
    authenticator::{Lend, SignedHead},
    check::{Check, Proof},
    custom::CustomRead,
    jwt::JwtHead,
    prepared::nested,
    shared_key::PresentedKey,
};
use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
    text,
};

/// Each way costs one MAC for each key.
const MOST_WAYS: usize = 4;
const MOST_WAYS_OF_A_PRESET: usize = 8;

/// The ways of [`Scheme::any_of`], each a scheme of one way, and their names.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) schemes: Vec<Scheme>,
    pub(super) names: Arc<[Arc<str>]>,
}

impl Scheme {
    /// Several complete ways to verify a delivery, in the order in which they are tried.
    ///
    /// Use it for a sender that changed its scheme, or that offers two. Examples are a new family of
    /// headers, a new way to decode the key, and a signature instead of a shared key. A way is
    /// skipped if the request head does not fit it. The first way in the list that matches
    /// decides, and [`Verified::way`](crate::Verified::way) returns its name. If no way fits the
    /// head, the rejection is that of the first way whose signature or key header is present.
    ///
    /// A delivery is as safe as the weakest way: if the list contains a shared key, the body of a
    /// delivery may be unsigned. Check
    /// [`Verified::authentication`](crate::Verified::authentication), and remove the weaker way as
    /// soon as all senders use the stronger one.
    ///
    /// All keys are tried in all ways. A key that one way cannot decode is used in the others.
    ///
    /// ```
    /// use tower_webhook_auth::{Provider, Scheme, Secret, SharedKeyScheme, SignatureScheme};
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let signature = SignatureScheme::hmac_sha256("X-Acme-Signature").build()?;
    /// let token = SharedKeyScheme::new("X-Acme-Token").build()?;
    /// let scheme = Scheme::any_of([("signature", signature), ("token", token)])?;
    /// let acme = Provider::new("acme", scheme, Secret::new("wJ4mX9")?)?;
    /// # let _ = acme;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If there are no ways or more than 4, if a name is empty or used twice, or if a way is itself made
    /// by `any_of`.
    pub fn any_of<N: Into<String>>(
        ways: impl IntoIterator<Item = (N, Self)>,
    ) -> Result<Self, ConfigError> {
        Self::any_of_at_most(MOST_WAYS, ways)
    }

    /// The same for a preset, which may have more ways: a request head fits only some of them.
    pub(crate) fn any_of_preset(ways: Vec<(String, Self)>) -> Result<Self, ConfigError> {
        Self::any_of_at_most(MOST_WAYS_OF_A_PRESET, ways)
    }

    fn any_of_at_most<N: Into<String>>(
        most: usize,
        ways: impl IntoIterator<Item = (N, Self)>,
    ) -> Result<Self, ConfigError> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut schemes = Vec::new();
        for (name, scheme) in ways {
            let name: Arc<str> = name.into().into();
            text::check_name("the name of a way", &name)?;
            if names.contains(&name) {
                return Err(ConfigError::new(format!(
                    "two ways have the name {:?}: give each way its own name",
                    &*name
                )));
            }
            if matches!(scheme.0, Kind::AnyOf(_)) {
                return Err(nested());
            }
            names.push(name);
            schemes.push(scheme);
        }
        if schemes.is_empty() || schemes.len() > most {
            return Err(ConfigError::new(format!(
                "`any_of` has {} ways: give it 1 to {most}",
                schemes.len(),
            )));
        }
        Ok(Self(Kind::AnyOf(Arc::new(Ways {
            schemes,
            names: names.into(),
        }))))
    }

    /// The schemes, one for each way.
    pub(crate) fn each_way(&self) -> &[Self] {
        match &self.0 {
            Kind::AnyOf(ways) => &ways.schemes,
            _ => std::slice::from_ref(self),
        }
    }

    /// The names of the ways. A scheme that is not made by [`any_of`](Self::any_of) has none.
    pub(super) fn way_names(&self) -> Option<&Arc<[Arc<str>]>> {
        match &self.0 {
            Kind::AnyOf(ways) => Some(&ways.names),
            _ => None,
        }
    }

    /// Whether the header or parameter with the signature or the key is present.
    fn is_presented(&self, head: &Parts) -> bool {
        let is_there = |name| head.headers.contains_key(name);
        match &self.0 {
            Kind::Custom(custom) => custom.facts.headers().iter().any(is_there),
            Kind::Jwt(jwt) => jwt.header().is_some_and(is_there),
            Kind::SharedKey(shared_key) => shared_key.headers.iter().any(is_there),
            Kind::Signature(signed) => signed.signature.is_present(head),
            Kind::AnyOf(_) => false,
        }
    }
}

/// What was read from the head for one way.
enum ReadHead<'a> {
    Custom(CustomRead),
    Jwt(JwtHead<'a>),
    SharedKey(PresentedKey<'a>),
    Signature(SignedHead<'a>),
}

impl Ways {
    pub(super) fn begin(
        &self,
        head: &Parts,
        clock: &dyn Clock,
        keys: &impl Lend,
    ) -> Result<Check, Rejection> {
        let mut rejection = MostTelling::default();
        let mut fitting = Vec::new();
        for (way, scheme) in self.schemes.iter().enumerate() {
            let read = match &scheme.0 {
                Kind::Custom(scheme) => scheme.read_head(head, clock).map(ReadHead::Custom),
                Kind::Jwt(scheme) => scheme.read_head(head, clock).map(ReadHead::Jwt),
                Kind::SharedKey(scheme) => scheme.read(&head.headers).map(ReadHead::SharedKey),
                Kind::Signature(scheme) => {
                    let mut read = scheme.nothing_read();
                    let passed = scheme.read_head(head, clock, &mut read);
                    passed.map(|()| ReadHead::Signature(read))
                }
                Kind::AnyOf(_) => continue,
            };
            match read {
                Ok(read) => fitting.push((way, scheme, read)),
                Err(error) => rejection.add(error, scheme.is_presented(head)),
            }
        }
        if fitting.is_empty() {
            return Err(rejection.take());
        }
        let keys = keys.lend()?;
        let mut checks = Vec::new();
        for (way, scheme, read) in fitting {
            let of_way = keys.of_way(way)?;
            let check = match (&scheme.0, read) {
                (Kind::Custom(scheme), ReadHead::Custom(read)) => {
                    Check::custom(scheme, read, &keys.names, of_way)
                }
                (Kind::Jwt(scheme), ReadHead::Jwt(read)) => scheme.start(read, keys.clone(), way),
                (Kind::SharedKey(scheme), ReadHead::SharedKey(presented)) => {
                    scheme.start(&presented, &keys.names, of_way)
                }
                (Kind::Signature(scheme), ReadHead::Signature(mut read)) => {
                    scheme.start(&mut read, head, keys.clone(), way)
                }
                _ => continue,
            };
            match check {
                Ok(check) => {
                    let decided = matches!(check, Check::Decided(_));
                    let places = keys.ways.get(way).map(|way| way.places.clone());
                    checks.push(WayCheck {
                        way,
                        places: places.unwrap_or_default(),
                        check,
                    });
                    // The ways after a key that matches are not needed.
                    if decided {
                        break;
                    }
                }
                Err(error) => rejection.add(error, true),
            }
        }
        if checks.is_empty() {
            return Err(rejection.take());
        }
        Ok(Check::AnyOf(checks))
    }
}

/// The rejection that tells the owner the most: the first of a way whose header is present, or else the
/// first of all.
#[derive(Default)]
struct MostTelling(Option<(Rejection, bool)>);

impl MostTelling {
    fn add(&mut self, rejection: Rejection, is_presented: bool) {
        match &self.0 {
            Some((_, true)) => {}
            Some((_, false)) if !is_presented => {}
            _ => self.0 = Some((rejection, is_presented)),
        }
    }

    fn take(self) -> Rejection {
        let (rejection, _) = self
            .0
            .unwrap_or_else(|| (Rejection::new(RejectionKind::KeysUnavailable), false));
        rejection
    }
}

/// A check in one way.
pub(crate) struct WayCheck {
    way: usize,
    places: Vec<usize>,
    pub(super) check: Check,
}

impl WayCheck {
    /// The proof of the first way that matches.
    pub(super) fn finish(checks: &mut [Self], body: &[u8]) -> Result<Proof, Rejection> {
        let mut rejection = MostTelling::default();
        for WayCheck { way, places, check } in checks {
            match check.finish(body) {
                Ok(mut proof) => {
                    proof.origin.set_way(*way, places);
                    return Ok(proof);
                }
                Err(error) => rejection.add(error, true),
            }
        }
        Err(rejection.take())
    }
}
