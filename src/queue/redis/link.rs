//! The way to Redis: one server or a cluster, and what its refusals mean.
//!
//! One connection carries everything; commands of many tasks share it. Nothing is tried again here that may have
//! been done: a command without an answer is [`StoreError::Unavailable`], and who asked decides.

use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, PubSub};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError,
    RedisResult, Value,
};
use tokio::time::timeout;

use super::OpenError;
use crate::queue::StoreError;

/// A server that is there answers in less, even over a slow network or in the middle of a flush.
pub const PATIENCE: Duration = Duration::from_secs(1);
const CONNECTING: Duration = Duration::from_millis(300);
/// Between tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Commands on their way; more callers wait for a place.
const UNDER_WAY: usize = 1024;
/// A connection of which nothing has come for so long is given up, and made anew: a network that drops everything
/// tells nobody, and the system would send again for a quarter of an hour.
#[cfg(target_os = "linux")]
const SILENT: Duration = Duration::from_secs(5);
/// When nothing is to be said, the system asks this often whether the other side is there.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Where Redis is.
pub struct Address {
    nodes: Vec<ConnectionInfo>,
    is_cluster: bool,
}

impl Address {
    /// Reads `redis://host:port/db`, `rediss://` (TLS), `redis+cluster://host:port,host:port` or `rediss+cluster://`,
    /// each with `user:password@` before the first host.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let (scheme, is_cluster) = match scheme {
            "redis" => ("redis", false),
            "rediss" => ("rediss", false),
            "redis+cluster" => ("redis", true),
            "rediss+cluster" => ("rediss", true),
            _ => return Err(OpenError::Url("its scheme is not known")),
        };
        let nodes = if is_cluster {
            let (login, hosts) = match rest.rsplit_once('@') {
                Some((login, hosts)) => (format!("{login}@"), hosts),
                None => (String::new(), rest),
            };
            let hosts = hosts.trim_end_matches('/').split(',');
            hosts
                .map(|host| node(&format!("{scheme}://{login}{host}")))
                .collect::<Result<_, _>>()?
        } else {
            vec![node(url)?]
        };
        Ok(Self { nodes, is_cluster })
    }

    /// A connection whose commands may take `patience` each.
    pub async fn connect(&self, patience: Duration) -> RedisResult<Link> {
        if self.is_cluster {
            let client = ClusterClientBuilder::new(self.nodes.iter().cloned())
                .use_protocol(ProtocolVersion::RESP3)
                .tcp_settings(tcp())
                .connection_timeout(CONNECTING)
                .response_timeout(patience)
                .overall_response_timeout(Some(patience))
                // It would also try again what may have been done.
                .retries(0)
                .build()?;
            let connection = client.get_async_connection().await?;
            return Ok(Link::Cluster(connection));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(1)
            .set_max_delay(LONGEST_PAUSE)
            .set_pipeline_buffer_size(UNDER_WAY);
        let manager = ConnectionManager::new_with_config(self.client(0)?, config).await?;
        Ok(Link::One(manager))
    }

    /// Messages on `channel`, from the `turn`-th node; of a cluster every node tells the same.
    pub async fn subscribe(&self, turn: usize, channel: &str) -> RedisResult<PubSub> {
        let subscribed = async {
            let mut subscription = self.client(turn)?.get_async_pubsub().await?;
            subscription.subscribe(channel).await?;
            Ok(subscription)
        };
        timeout(PATIENCE, subscribed)
            .await
            .unwrap_or_else(|_| Err(no_answer()))
    }

    fn client(&self, turn: usize) -> RedisResult<Client> {
        let node = self
            .nodes
            .iter()
            .cycle()
            .nth(turn % self.nodes.len().max(1));
        let node = node.ok_or((redis::ErrorKind::InvalidClientConfig, "no node is named"))?;
        Client::open(node.clone())
    }
}

fn node(url: &str) -> Result<ConnectionInfo, OpenError> {
    // What the parser says could repeat the password.
    let info = url
        .into_connection_info()
        .map_err(|_| OpenError::Url("it cannot be read"))?;
    let settings = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp()))
}

fn tcp() -> TcpSettings {
    let asking = TcpKeepalive::new()
        .with_time(ASK_EVERY)
        .with_interval(ASK_EVERY);
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(asking);
    // What was sent and is not acknowledged: only Linux can be told how long to wait for that.
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(SILENT);
    settings
}

fn no_answer() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// A connection that repairs itself. Clones share it.
#[derive(Clone)]
pub enum Link {
    /// One server.
    One(ConnectionManager),
    /// Many, each with a part of the keys.
    Cluster(ClusterConnection),
}

impl Link {
    /// One command, to the node that has its keys.
    pub async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self.clone() {
            Link::One(mut manager) => manager.send_packed_command(command).await,
            Link::Cluster(mut cluster) => cluster.req_packed_command(command).await,
        };
        answer?.extract_error()
    }

    /// Two commands in one go over one connection, to the node that has the first one's keys.
    pub async fn send_both(&self, first: &Cmd, second: &Cmd) -> RedisResult<[Value; 2]> {
        let mut both = Pipeline::with_capacity(2);
        both.add_command(first.clone());
        both.add_command(second.clone());
        let answers = match self.clone() {
            Link::One(mut manager) => manager.send_packed_commands(&both, 0, 2).await,
            // The first command that names a key decides where both go.
            Link::Cluster(mut cluster) => cluster.req_packed_commands(&both, 0, 2).await,
        };
        let answers = answers?.into_iter().map(Value::extract_error);
        let answers: Vec<Value> = answers.collect::<RedisResult<_>>()?;
        answers.try_into().map_err(|_| no_answer())
    }

    /// One command to every server that takes writes.
    pub async fn ask_all(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        match self.clone() {
            Link::One(_) => Ok(vec![self.send(command).await?]),
            Link::Cluster(mut cluster) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let answers = cluster.route_command(command.clone(), all).await?;
                match answers.extract_error()? {
                    Value::Map(answers) => Ok(answers.into_iter().map(|(_, one)| one).collect()),
                    other => Ok(vec![other]),
                }
            }
        }
    }
}

/// What an error means for who asked.
pub fn store_error(error: &RedisError) -> StoreError {
    match error.code().and_then(refusal) {
        Some(why) => StoreError::Full(why.to_owned()),
        None => StoreError::Unavailable(format!("Redis: {error}")),
    }
}

/// Errors by which Redis says that it has written nothing because it takes no writes now.
fn refusal(code: &str) -> Option<&'static str> {
    match code {
        "OOM" => Some("Redis has reached its memory ceiling (maxmemory)"),
        "READONLY" => Some("Redis is read-only: a replica, or a failover is under way"),
        "MISCONF" => Some("Redis cannot write to its disk and refuses all writes"),
        "NOREPLICAS" => Some("Redis has fewer replicas than it needs to take writes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_is_read_and_no_other() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379/3", Some((1, false))),
            ("rediss://user:secret@redis.example:6380", Some((1, false))),
            ("redis+cluster://a:7000,b:7001,c:7002/", Some((3, true))),
            (
                "rediss+cluster://user:secret@a:7000,b:7001",
                Some((2, true)),
            ),
            ("redis+sentinel://a:26379/main", None),
            ("http://a", None),
            ("redis://", None),
            ("", None),
        ] {
            let found = Address::parse(url).map(|a| (a.nodes.len(), a.is_cluster));
            assert_eq!(found.ok(), expected, "{url}");
        }
        let cluster = Address::parse("rediss+cluster://user:secret@a:7000,b:7001").unwrap();
        assert!(
            cluster
                .nodes
                .iter()
                .all(|node| node.redis_settings().password() == Some("secret"))
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_fell_silent_is_given_up_within_seconds() {
        for url in ["redis://a", "rediss://a:6380", "redis+cluster://a,b"] {
            for node in Address::parse(url).unwrap().nodes {
                let settings = node.tcp_settings();
                assert!(settings.keepalive().is_some(), "{url}");
                assert_eq!(settings.user_timeout(), Some(SILENT), "{url}");
            }
        }
    }

    #[test]
    fn an_address_that_cannot_be_read_is_not_repeated() {
        let Err(error) = Address::parse("redis://user:secret@[host") else {
            panic!("it is no address")
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
