//! [`RedisStore`]: the deliveries of several processes, in Redis or Valkey.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Duration,
};

use redis::{
    Client, Script,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};

use super::{
    memory::taken_over,
    store::{Claimed, Owner, ReplayStore},
};
use crate::{
    error::{BoxError, ConfigError},
    identity::Identity,
};

const DEFAULT_PREFIX: &str = "webhook:";

/// Redis rejects a time to live whose end its clock cannot represent.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The key holds the owner while the delivery is claimed, and `done` afterwards. One script is one atomic
/// step, and uses one key, so it also runs in a cluster.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local held = redis.call('GET', KEYS[1])
if held == 'done' then return -1 end
if held and held ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 1) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0",
    )
});

static COMMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
return 1",
    )
});

static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1",
    )
});

/// Remembers deliveries in Redis or Valkey, for any number of processes.
///
/// Each delivery is one key: the prefix, and the [`Identity`] in hexadecimal digits. It takes about
/// 200 bytes in Redis, and disappears by itself. A step is one round trip.
///
/// ```
/// use tower_webhook_auth::replay::{RedisStore, ReplayGuardLayer};
/// use tower_webhook_auth::{BoxError, Secret, provider};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let slack = provider::slack(Secret::new("wJ4mX9")?);
/// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
/// let guard = ReplayGuardLayer::new(&slack, store)?;
/// # let _ = guard;
/// # Ok(())
/// # }
/// ```
///
/// # Settings of Redis
///
/// - **`maxmemory-policy noeviction`**, which is the default. With any other policy a full Redis forgets
///   deliveries early. With this one it rejects new keys, and new deliveries get 503.
/// - `appendonly yes`, if deliveries must not be forgotten by a restart.
/// - A replica that takes over may lack the last keys, because Redis replicates asynchronously. Deliveries
///   of that moment can run a second time.
///
/// # Connections
///
/// [`connect`](Self::connect) makes one connection for all calls, on first use, and makes it again when it
/// breaks. It waits at most half a second for a connection or a response. [`new`](Self::new) takes any other
/// asynchronous connection of the `redis` crate, such as one to a cluster or with TLS.
#[derive(Clone)]
pub struct RedisStore<C = ConnectionManager> {
    connection: C,
    prefix: Arc<str>,
}

impl RedisStore {
    /// A store in the Redis at this URL, such as `redis://:password@host:6379/0`. It connects on first use.
    ///
    /// Call it in the tokio runtime that serves the requests.
    ///
    /// # Errors
    ///
    /// - The URL is not one of Redis. The error does not contain it, since it may contain a password.
    /// - There is no tokio runtime.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        const PATIENCE: Duration = Duration::from_millis(500);
        let invalid = |error: redis::RedisError| {
            ConfigError::new("the URL of the replay store is not a Redis URL").caused_by(error)
        };
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_max_delay(PATIENCE)
            .set_number_of_retries(1);
        let client = Client::open(url).map_err(invalid)?;
        // The connection manager spawns a task at once, and panics without a runtime.
        tokio::runtime::Handle::try_current().map_err(|error| {
            ConfigError::new(
                "there is no tokio runtime: call `RedisStore::connect` in an async function",
            )
            .caused_by(error)
        })?;
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(invalid)?;
        Ok(Self::new(connection))
    }
}

impl<C> RedisStore<C> {
    /// A store over a connection of your own. Clones of it must share one connection.
    ///
    /// A call that is dropped drops the future of a command. Use a connection that stays usable then, as
    /// `ConnectionManager`, `MultiplexedConnection` and `ClusterConnection` do.
    pub fn new(connection: C) -> Self {
        Self {
            connection,
            prefix: DEFAULT_PREFIX.into(),
        }
    }

    /// Begins each key with this text. The default is `webhook:`. Applications that share a Redis and
    /// receive the same deliveries need a prefix each.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, delivery: Identity) -> String {
        format!("{}{delivery}", self.prefix)
    }
}

impl<C> ReplayStore for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    type Claim = RedisClaim;
    type Settle = RedisSettle;

    fn claim(&self, delivery: Identity, owner: Owner, lease: Duration) -> RedisClaim {
        let (mut connection, key) = (self.connection.clone(), self.key(delivery));
        RedisClaim(Box::pin(async move {
            let mut script = CLAIM.key(key);
            script.arg(owner.to_string()).arg(milliseconds(lease));
            let state: i64 = script.invoke_async(&mut connection).await?;
            Ok(match u64::try_from(state) {
                Err(_) => Claimed::Done,
                Ok(0) => Claimed::Granted,
                Ok(left) => Claimed::InFlight(Duration::from_millis(left)),
            })
        }))
    }

    fn commit(&self, delivery: Identity, owner: Owner, keep: Duration) -> RedisSettle {
        let (mut connection, key) = (self.connection.clone(), self.key(delivery));
        RedisSettle(Box::pin(async move {
            let mut script = COMMIT.key(key);
            script.arg(owner.to_string()).arg(milliseconds(keep));
            match script.invoke_async(&mut connection).await? {
                true => Ok(()),
                false => Err(taken_over()),
            }
        }))
    }

    fn release(&self, delivery: Identity, owner: Owner) -> RedisSettle {
        let (mut connection, key) = (self.connection.clone(), self.key(delivery));
        RedisSettle(Box::pin(async move {
            let mut script = RELEASE.key(key);
            script.arg(owner.to_string());
            Ok(script.invoke_async(&mut connection).await?)
        }))
    }

    /// Sends the release in a task of the current runtime. Without one the claim ends with its lease.
    fn abandon(&self, delivery: Identity, owner: Owner) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // No caller is left that could handle an error. After an error, the claim ends with
            // its lease.
            drop(runtime.spawn(self.release(delivery, owner)));
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.min(LONGEST).as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// The future of a claim in a [`RedisStore`].
pub struct RedisClaim(Boxed<Claimed>);

impl Future for RedisClaim {
    type Output = Result<Claimed, BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

/// The future of a commit or a release in a [`RedisStore`].
pub struct RedisSettle(Boxed<()>);

impl Future for RedisSettle {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for RedisClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClaim").finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisSettle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettle").finish_non_exhaustive()
    }
}

/// Without the connection, which knows the password.
impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
