//! A look at a Redis that is not opened: whose leads it holds. Writes nothing.

use super::OpenError;
use super::accounts::Accounts;
use super::link::{Address, PATIENCE};
use super::script::unexpected;

/// The accounts that ever had a lead in the store at `url` under `prefix`, in the order of the alphabet.
///
/// # Errors
/// When Redis cannot be asked.
pub async fn accounts_at(url: &str, prefix: &str) -> Result<Vec<String>, OpenError> {
    let unreachable = |error: redis::RedisError| OpenError::Unreachable(error.to_string());
    let address = Address::parse(url)?;
    let link = address.connect(PATIENCE).await.map_err(unreachable)?;
    let mut command = redis::cmd("SMEMBERS");
    command.arg(Accounts::new(prefix).set);
    let value = link.send(&command).await.map_err(unreachable)?;
    let mut names: Vec<String> = redis::from_redis_value(value).map_err(|_| unexpected())?;
    names.sort_unstable();
    Ok(names)
}
