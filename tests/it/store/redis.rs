//! The store in Redis: the contract, on one server and on a cluster. What only it promises is in the two modules.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use leadgate::queue::Store;
use leadgate::queue::redis::{Options, Redis};

use super::contract::Bench;
use crate::support::redis_server::{RedisCluster, RedisServer};

mod batching;
mod failing;
mod files;
mod lapsing;
mod permits;
mod replicas;
mod unfit;

/// A store of its own on a Redis that others use too.
struct Shared<S> {
    _server: Arc<S>,
    options: Options,
    store: Option<Arc<dyn Store>>,
}

fn options(url: String) -> Options {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    Options {
        url,
        prefix: format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        allow_eviction: false,
        allow_no_persistence: false,
        offset: Some(Arc::new(AtomicI64::new(0))),
    }
}

/// A store that must open.
async fn open(options: &Options) -> Arc<dyn Store> {
    Arc::new(Redis::open(options.clone()).await.unwrap())
}

impl<S> Shared<S> {
    async fn new(server: Arc<S>, url: String) -> Self
    where
        S: Send + Sync,
    {
        let mut bench = Self {
            _server: server,
            options: options(url),
            store: None,
        };
        bench.reopen().await;
        bench
    }
}

#[async_trait]
impl<S: Send + Sync> Bench for Shared<S> {
    fn store(&self) -> &Arc<dyn Store> {
        self.store.as_ref().unwrap()
    }

    fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap();
        let offset = self.options.offset.as_ref().unwrap();
        offset.fetch_add(by, Ordering::SeqCst);
    }

    async fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(&self.options).await);
    }
}

mod alone {
    use super::*;

    async fn bench() -> Shared<RedisServer> {
        let server = RedisServer::shared().await;
        let url = server.url();
        Shared::new(server, url).await
    }

    contract!(crate::store::redis::alone::bench);
}

mod cluster {
    use super::*;

    async fn bench() -> Shared<RedisCluster> {
        let cluster = RedisCluster::shared().await;
        let url = cluster.url();
        Shared::new(cluster, url).await
    }

    contract!(crate::store::redis::cluster::bench);
}
