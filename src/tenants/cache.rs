//! [`TenantKeys`]: keys of tenants that are loaded when they are needed, and remembered.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{FutureExt, Shared, WeakShared};
use quick_cache::sync::Cache as Clock;
use tokio::{runtime::Handle, time::Instant};

use super::{KeySource, Selection, Unverified};
use crate::{error::BoxError, secret::Keys};

/// Bounds for [`TenantKeys`].
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::tenants::CacheLimits;
///
/// let limits = CacheLimits::default()
///     .capacity(100_000)
///     .time_to_live(Duration::from_secs(300));
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    capacity: usize,
    time_to_live: Duration,
    unknown_time_to_live: Option<Duration>,
    unknown_per_minute: Option<usize>,
    loads: usize,
    load_deadline: Duration,
    name_bytes: usize,
    /// The names are those of tenants. If not, they are ids of keys of one sender.
    are_tenants: bool,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            time_to_live: Duration::from_secs(60),
            unknown_time_to_live: None,
            unknown_per_minute: None,
            loads: 64,
            load_deadline: Duration::from_secs(5),
            name_bytes: 128,
            are_tenants: true,
        }
    }
}

/// The window of [`CacheLimits::unknown_per_minute`].
const MINUTE: Duration = Duration::from_secs(60);

impl CacheLimits {
    /// Limits for keys that one sender names by an id or a URL in its requests, such as the certificates of AWS
    /// SNS. An untrusted client can name any id, and each look-up may be a request of yours.
    ///
    /// - 1,000 keys are remembered for one hour, and 1,000 ids without a key for one minute.
    /// - At most 60 ids without a key are looked up in a minute, and 8 look-ups run at the same time.
    /// - An id has at most 256 bytes.
    /// - The id is not the name of a [tenant](Keys::of_tenant): all keys belong to one sender, and a delivery
    ///   keeps its [identity](crate::Verified::identity) when the sender replaces its key.
    #[must_use]
    pub fn for_key_ids() -> Self {
        Self {
            capacity: 1000,
            time_to_live: Duration::from_secs(3600),
            unknown_time_to_live: Some(MINUTE),
            unknown_per_minute: Some(60),
            loads: 8,
            load_deadline: Duration::from_secs(5),
            name_bytes: 256,
            are_tenants: false,
        }
    }

    /// How many look-ups in a minute may end without a key, by an error or because the name is unknown. After that,
    /// a name that is not remembered is not looked up, and the delivery gets 503, so that the sender
    /// repeats it. A known name whose keys are no longer fresh is still looked up. By default there is no limit,
    /// except in [`for_key_ids`](Self::for_key_ids). With 0 no new name is looked up.
    #[must_use]
    pub fn unknown_per_minute(mut self, look_ups: usize) -> Self {
        self.unknown_per_minute = Some(look_ups);
        self
    }

    /// How many known tenants are remembered, and how many unknown ones. The default is 10,000 of each.
    ///
    /// The two are counted separately, so names that an untrusted client invents never evict a
    /// tenant. If there are more known tenants than this, the cache keeps the tenants that are
    /// used often.
    #[must_use]
    pub fn capacity(mut self, tenants: usize) -> Self {
        self.capacity = tenants;
        self
    }

    /// How long a result is used, from the beginning of its look-up. The default is 60 seconds.
    ///
    /// It is the same time for known and unknown tenants. With two times, a client that sends
    /// requests repeatedly could distinguish them. A key that was revoked is accepted for this
    /// time, unless it is [invalidated](TenantKeysHandle::invalidate).
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// How many look-ups run at the same time. The default is 64. A delivery that needs one more gets 503. With 0
    /// nothing is looked up.
    #[must_use]
    pub fn loads(mut self, loads: usize) -> Self {
        self.loads = loads;
        self
    }

    /// How long one look-up may take. The default is 5 seconds. After this time all deliveries that wait for
    /// it get 503, and the next delivery begins a new one.
    ///
    /// It is a timer of tokio. Outside of a tokio runtime there is no deadline.
    #[must_use]
    pub fn load_deadline(mut self, deadline: Duration) -> Self {
        self.load_deadline = deadline;
        self
    }

    /// The longest name of a tenant, in bytes. The default is 128. A longer name is an unknown tenant,
    /// without a look-up, and is not remembered.
    #[must_use]
    pub fn name_bytes(mut self, bytes: usize) -> Self {
        self.name_bytes = bytes;
        self
    }
}

/// A [`KeySource`] that loads the keys of a tenant when they are needed, and remembers them.
///
/// It has two closures. The first one selects the tenant. It is called for every delivery and must
/// be quick. The second one loads the keys of a tenant, for example from a database.
///
/// ```
/// use tower_webhook_auth::{BoxError, Keys, Secret, WebhookAuthLayer, provider};
/// use tower_webhook_auth::tenants::{Selection, TenantKeys, Unverified};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let keys = TenantKeys::new(
///     |delivery: Unverified<'_>| match delivery.uri().path().strip_prefix("/webhooks/") {
///         Some(tenant) => Selection::LookUp(tenant.to_owned()),
///         None => Selection::Unknown,
///     },
///     |tenant: String| async move {
///         // In a program: a query. `None`: there is no such tenant.
///         let secret = (tenant == "acme").then(|| Secret::new("the secret of acme"));
///         Ok(secret.transpose()?.map(Keys::from))
///     },
/// );
/// let handle = keys.handle();
/// let optimizely = provider::optimizely(Secret::new("of no tenant")?);
/// let layer = WebhookAuthLayer::new(optimizely).keys_from(keys);
///
/// // After the key of a tenant was changed:
/// handle.invalidate("acme");
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
///
/// - Keys without a [tenant](Keys::of_tenant) get the name that the first closure selected. If your look-up finds a
///   tenant under several names, for example because it ignores case, return its keys with
///   [`of_tenant`](Keys::of_tenant) and one name. The name is a part of the
///   [identity](crate::Verified::identity) of a delivery: under another name, a copy would be another delivery.
/// - Look-ups of one name at the same time are merged into one. It continues after the delivery
///   that began it is cancelled, if another delivery waits for it.
/// - It remembers that a tenant is unknown, too. It does not remember errors: all deliveries that wait get the
///   error, and the next delivery begins a new look-up.
/// - When the time to live is over, the keys are loaded again. If that fails, the old keys are not used: they
///   may have been revoked.
/// - The memory is bounded: see [`CacheLimits`].
pub struct TenantKeys<W, L> {
    select: W,
    load: Arc<L>,
    cache: Arc<Cache>,
}

impl<W, L, F> TenantKeys<W, L>
where
    W: Fn(Unverified<'_>) -> Selection<String> + Send + Sync + 'static,
    L: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<Keys>, BoxError>> + Send + 'static,
{
    /// A source with the default limits.
    pub fn new(select: W, load: L) -> Self {
        Self::with_limits(CacheLimits::default(), select, load)
    }

    /// A source with these limits.
    pub fn with_limits(limits: CacheLimits, select: W, load: L) -> Self {
        Self {
            select,
            load: Arc::new(load),
            cache: Arc::new(Cache::new(limits)),
        }
    }
}

impl<W, L> TenantKeys<W, L> {
    /// A handle that forgets tenants whose keys were changed.
    #[must_use]
    pub fn handle(&self) -> TenantKeysHandle {
        TenantKeysHandle(Arc::clone(&self.cache))
    }
}

impl<W, L> fmt::Debug for TenantKeys<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeys")
            .field("limits", &self.cache.limits)
            .field("remembered", &self.handle().remembered())
            .finish_non_exhaustive()
    }
}

impl<W, L, F> KeySource for TenantKeys<W, L>
where
    W: Fn(Unverified<'_>) -> Selection<String> + Send + Sync + 'static,
    L: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<Keys>, BoxError>> + Send + 'static,
{
    type Lookup = TenantLookup;

    fn select(&self, delivery: Unverified<'_>) -> Selection<TenantLookup> {
        match (self.select)(delivery) {
            Selection::LookUp(name) if !self.cache.limits.allows(&name) => Selection::Unknown,
            Selection::LookUp(name) => {
                let load = Arc::clone(&self.load);
                let lookup = self.cache.look_up(name, move |name| load(name));
                Selection::LookUp(TenantLookup(lookup))
            }
            Selection::Body => Selection::Body,
            Selection::Own => Selection::Own,
            Selection::Unknown => Selection::Unknown,
        }
    }
}

impl CacheLimits {
    fn allows(&self, name: &str) -> bool {
        !name.is_empty() && name.len() <= self.name_bytes
    }
}

/// Forgets tenants of a [`TenantKeys`]. A clone is another reference to the same cache.
#[derive(Clone)]
pub struct TenantKeysHandle(Arc<Cache>);

impl TenantKeysHandle {
    /// Forgets what is remembered about this tenant. The next delivery loads its keys.
    ///
    /// Call it after the change is visible to a look-up. A look-up that runs at this moment may have read the
    /// old keys, so its result is used only for the deliveries that already wait for it.
    pub fn invalidate(&self, tenant: &str) {
        let mut running = self.0.running();
        running.loads.remove(tenant);
        self.0.known.remove(tenant);
        self.0.unknown.remove(tenant);
    }

    /// The same for all tenants.
    pub fn invalidate_all(&self) {
        let mut running = self.0.running();
        running.loads.clear();
        self.0.known.clear();
        self.0.unknown.clear();
    }

    /// How many tenants are remembered, for a metric. It includes unknown ones, and entries whose time to
    /// live is over.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.0.known.len().saturating_add(self.0.unknown.len())
    }
}

impl fmt::Debug for TenantKeysHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeysHandle")
            .field("remembered", &self.remembered())
            .finish_non_exhaustive()
    }
}

/// The look-up of [`TenantKeys`]. It is boxed only if the tenant is not remembered.
pub struct TenantLookup(LookUp);

enum LookUp {
    /// `None` after it was polled.
    Done(Option<Result<Option<Keys>, BoxError>>),
    Loading(Load),
}

impl Future for TenantLookup {
    type Output = Result<Option<Keys>, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            LookUp::Done(found) => found.take().map_or(Poll::Pending, Poll::Ready),
            LookUp::Loading(load) => load.poll_unpin(context).map_err(BoxError::from),
        }
    }
}

impl fmt::Debug for TenantLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLookup").finish_non_exhaustive()
    }
}

type Loaded = Result<Option<Keys>, LoadError>;
type Loading = Pin<Box<dyn Future<Output = Loaded> + Send>>;
type Load = Shared<Loading>;

/// One error for all deliveries that wait for a look-up.
#[derive(Clone, Debug)]
struct LoadError(Arc<dyn Error + Send + Sync>);

impl From<BoxError> for LoadError {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// What is remembered, and what is being loaded.
struct Cache {
    limits: CacheLimits,
    known: Clock<Arc<str>, (Keys, Instant)>,
    unknown: Clock<Arc<str>, Instant>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    /// When the current minute began, and how many look-ups in it have found no key. One that is dropped
    /// because its client left counts as one of them.
    without_key: Option<(Instant, usize)>,
    /// The deliveries that wait for the look-up own it. So it is dropped when they are dropped.
    loads: HashMap<Arc<str>, (u64, WeakShared<Loading>)>,
    /// How many look-ups have not ended, also those that were invalidated.
    count: usize,
    next: u64,
}

impl Running {
    fn without_key(&self) -> usize {
        match self.without_key {
            Some((began, count)) if began.elapsed() < MINUTE => count,
            _ => 0,
        }
    }

    fn begin_in_this_minute(&mut self) {
        let count = self.without_key();
        let began = match self.without_key {
            Some((began, _)) if count > 0 => began,
            _ => Instant::now(),
        };
        self.without_key = Some((began, count.saturating_add(1)));
    }

    fn has_found(&mut self) {
        if let Some((_, count)) = &mut self.without_key {
            *count = count.saturating_sub(1);
        }
    }
}

impl Cache {
    fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            known: Clock::new(limits.capacity),
            unknown: Clock::new(limits.capacity),
            running: Mutex::default(),
        }
    }

    // While it is locked, no code of the user runs, and no look-up is dropped, because that locks it, too.
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered about a tenant. `Some(None)`: it is known that there is no such tenant.
    fn remembered(&self, name: &str) -> Option<Option<Keys>> {
        let now = Instant::now();
        let is_fresh = |loaded: Instant| now.duration_since(loaded) < self.limits.time_to_live;
        if let Some((keys, loaded)) = self.known.get(name)
            && is_fresh(loaded)
        {
            return Some(Some(keys));
        }
        let loaded = self.unknown.get(name)?;
        let longest = self.limits.unknown_time_to_live;
        let longest = longest.unwrap_or(self.limits.time_to_live);
        (now.duration_since(loaded) < longest).then_some(None)
    }

    fn look_up<F>(
        self: &Arc<Self>,
        name: String,
        load: impl FnOnce(String) -> F + Send + 'static,
    ) -> LookUp
    where
        F: Future<Output = Result<Option<Keys>, BoxError>> + Send + 'static,
    {
        if let Some(found) = self.remembered(&name) {
            return LookUp::Done(Some(Ok(found)));
        }
        let mut running = self.running();
        if let Some((_, load)) = running.loads.get(&*name)
            && let Some(load) = load.upgrade()
        {
            return LookUp::Loading(load);
        }
        // A look-up may have ended in the meantime.
        if let Some(found) = self.remembered(&name) {
            return LookUp::Done(Some(Ok(found)));
        }
        if running.count >= self.limits.loads {
            let error = format!(
                "{} look-ups of keys run already: see `CacheLimits::loads`",
                running.count
            );
            return LookUp::Done(Some(Err(error.into())));
        }
        // A name whose keys are no longer fresh was known, and probably still is.
        let was_known = self.known.get(&*name).is_some();
        if let Some(most) = self.limits.unknown_per_minute
            && running.without_key() >= most
            && !was_known
        {
            let error = format!(
                "{most} look-ups in the last minute found no key: see `CacheLimits::unknown_per_minute`"
            );
            return LookUp::Done(Some(Err(error.into())));
        }
        running.begin_in_this_minute();
        running.count = running.count.saturating_add(1);
        running.next = running.next.wrapping_add(1);
        let name: Arc<str> = name.into();
        let entry = Entry {
            cache: Arc::clone(self),
            name: Arc::clone(&name),
            id: running.next,
        };
        let id = entry.id;
        let loading: Loading = Box::pin(entry.load(load));
        let load = loading.shared();
        if let Some(weak) = load.downgrade() {
            running.loads.insert(name, (id, weak));
        }
        LookUp::Loading(load)
    }
}

/// The place of one look-up among those that run. It is given back when the look-up is dropped.
struct Entry {
    cache: Arc<Cache>,
    name: Arc<str>,
    id: u64,
}

impl Entry {
    async fn load<F>(self, load: impl FnOnce(String) -> F) -> Loaded
    where
        F: Future<Output = Result<Option<Keys>, BoxError>>,
    {
        // The time before the look-up: its keys are at least as new.
        let began = Instant::now();
        let deadline = self.cache.limits.load_deadline;
        let name = String::from(&*self.name);
        // The first poll calls the user's closure, when nothing is locked.
        let load = AssertUnwindSafe(async move {
            if Handle::try_current().is_err() {
                return load(name).await;
            }
            match tokio::time::timeout(deadline, load(name)).await {
                Ok(found) => found,
                Err(_) => Err(format!(
                    "the look-up of the keys took longer than {deadline:?}: see \
                     `CacheLimits::load_deadline`"
                )
                .into()),
            }
        });
        // A panic must not reach the other deliveries that wait.
        let found = match load.catch_unwind().await {
            Ok(found) => found,
            Err(_) => Err(BoxError::from("the look-up of the keys panicked")),
        };
        if matches!(found, Ok(Some(_))) {
            self.cache.running().has_found();
        }
        let found = found?.map(|keys| match self.cache.limits.are_tenants {
            true => keys.or_of_tenant(&self.name),
            false => keys,
        });
        self.remember(&found, began);
        Ok(found)
    }

    fn remember(&self, found: &Option<Keys>, began: Instant) {
        let running = self.cache.running();
        // After an invalidation, another look-up stores the result.
        if running.loads.get(&self.name).map(|(id, _)| *id) != Some(self.id) {
            return;
        }
        let name = Arc::clone(&self.name);
        match found {
            Some(keys) => {
                self.cache.unknown.remove(&*name);
                self.cache.known.insert(name, (keys.clone(), began));
            }
            None => {
                self.cache.known.remove(&*name);
                self.cache.unknown.insert(name, began);
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.cache.running();
        running.count = running.count.saturating_sub(1);
        if running.loads.get(&self.name).map(|(id, _)| *id) == Some(self.id) {
            running.loads.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_begins_with_its_first_look_up_and_lasts_60_seconds() {
        let mut running = Running::default();
        running.begin_in_this_minute();
        advance(Duration::from_secs(40)).await;
        running.begin_in_this_minute();
        assert_eq!(running.without_key(), 2);
        advance(Duration::from_millis(19_999)).await;
        assert_eq!(running.without_key(), 2);
        advance(Duration::from_millis(1)).await;
        assert_eq!(running.without_key(), 0);
        // The next minute begins with the next look-up.
        advance(Duration::from_secs(30)).await;
        running.begin_in_this_minute();
        advance(Duration::from_secs(59)).await;
        assert_eq!(running.without_key(), 1);
    }
}
