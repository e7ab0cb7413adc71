//! Names resolved for receivers: only to addresses of the public internet, unless the operator says otherwise.
//!
//! The rule stands between the resolver and the connection, so a name cannot be one address when it is looked at and
//! another when it is connected to.

use std::net::SocketAddr;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{is_public, literal};

/// A name has no address that may be sent to.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to no address of the public internet")]
pub struct Refused;

/// The system's resolver, with the rule behind it.
#[derive(Clone, Copy)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = allowed(found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Those of the addresses that are public, when there are any.
fn allowed(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let public: Vec<SocketAddr> = found.filter(|one| is_public(one.ip())).collect();
    if public.is_empty() {
        return Err(Refused);
    }
    Ok(public)
}

/// Whether the address in the URL itself is not public: such a host is connected to without being resolved.
pub fn names_private(url: &Url) -> bool {
    let host = url.host_str().and_then(literal);
    host.is_some_and(|address| !is_public(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_names_addresses_only_public_ones_are_left() {
        let of = |texts: &[&str]| {
            let addresses: Vec<SocketAddr> = texts.iter().map(|one| one.parse().unwrap()).collect();
            allowed(addresses.into_iter()).map(|left| left.len()).ok()
        };
        for (found, left) in [
            (&["8.8.8.8:0", "10.0.0.1:0"][..], Some(1)),
            (&["8.8.8.8:0", "[2606:4700::1]:0"], Some(2)),
            (&["127.0.0.1:0", "[::1]:0"], None),
            (&[], None),
        ] {
            assert_eq!(of(found), left, "{found:?}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused() {
        let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
        let error = resolved.err().expect("nothing is resolved");
        assert!(error.downcast_ref::<Refused>().is_some(), "{error}");
    }

    #[test]
    fn an_address_in_the_url_is_judged_however_it_is_written() {
        for (url, private) in [
            ("https://8.8.8.8/", false),
            ("https://crm.example/", false),
            ("https://0x7f.1/", true),
            ("https://[::ffff:192.168.0.1]/", true),
        ] {
            assert_eq!(names_private(&Url::parse(url).unwrap()), private, "{url}");
        }
    }
}
