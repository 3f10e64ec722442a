//! Redis or Valkey: publish and subscribe on one channel.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use redis::{AsyncConnectionConfig, Client, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::Mutex,
    time::{interval, timeout},
};
use tower_webhook_auth::{
    BoxError,
    sync::{Bus, Subscriber},
};
use tracing::{info, warn};

use crate::{Counts, add};

/// How often the subscription sends a ping. Without a ping, nothing notices that the other end disappeared.
const PING_EVERY: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

pub struct RedisBus {
    client: Client,
    channel: String,
    connection: Mutex<Option<MultiplexedConnection>>,
    counts: Arc<Counts>,
    /// The last attempt failed, and the failure is in the log.
    away: AtomicBool,
}

impl RedisBus {
    /// # Errors
    ///
    /// If `url` is not the URL of a Redis. It does not connect yet.
    pub fn new(url: &str, channel: impl Into<String>) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            channel: channel.into(),
            connection: Mutex::new(None),
            counts: Arc::default(),
            away: AtomicBool::new(false),
        })
    }

    /// The host and the port, without the user and the password.
    pub fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    async fn listen(&self, subscriber: Subscriber, subscribed: &mut bool) -> Result<(), BoxError> {
        let mut connection = timeout(ANSWER_WITHIN, self.client.get_async_pubsub()).await??;
        timeout(ANSWER_WITHIN, connection.subscribe(&self.channel)).await??;
        *subscribed = true;
        add(&self.counts.catch_ups);
        self.away.store(false, Ordering::Relaxed);
        info!(redis = self.address(), "hears the other replicas");
        let subscription = subscriber.subscribed();
        let (mut sink, mut messages) = connection.split();
        let mut ping = interval(PING_EVERY);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let message = message.ok_or("the connection ended")?;
                    subscription.heard(message.get_payload_bytes());
                }
                _ = ping.tick() => {
                    let _: redis::Value = timeout(ANSWER_WITHIN, sink.ping())
                        .await
                        .map_err(|_| "no answer to a ping")??;
                }
            }
        }
    }
}

impl Bus for RedisBus {
    async fn tell(&self, message: Bytes) -> Result<(), BoxError> {
        let mut kept = self.connection.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(ANSWER_WITHIN))
                    .set_response_timeout(Some(ANSWER_WITHIN));
                self.client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?
            }
        };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.channel).arg(&message[..]);
        // After an error the connection is not kept: the next attempt opens another.
        let _receivers: u64 = publish.query_async(&mut connection).await?;
        *kept = Some(connection);
        add(&self.counts.told);
        Ok(())
    }

    async fn hear(&self, subscriber: Subscriber) -> Result<(), BoxError> {
        let mut subscribed = false;
        let ended = self.listen(subscriber, &mut subscribed).await;
        if subscribed {
            add(&self.counts.lost);
        }
        // One line for each interruption, although the subscription is tried again and again.
        if !self.away.swap(true, Ordering::Relaxed)
            && let Err(error) = &ended
        {
            let redis = self.address();
            warn!(redis, "does not hear the other replicas: {error}");
        }
        ended
    }
}
