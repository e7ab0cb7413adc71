//! The socket that leads come in by, and the server behind it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use tokio::net::TcpSocket;

use crate::api::{self, Gateway};

/// Connections that may wait to be taken while every worker is busy; the system may allow fewer.
const BACKLOG: u32 = 4096;

/// A socket at the first of the addresses that `listen` names which can be had.
pub(super) async fn listener_at(listen: &str) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::other("the name has no address");
    for address in tokio::net::lookup_host(listen).await? {
        match listener(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As the standard library does: what is left of a process before must not keep a restart waiting.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

pub(super) fn serve(
    gateway: web::Data<Gateway>,
    listener: TcpListener,
    proof: Option<ServerConfig>,
    deadline: Duration,
) -> std::io::Result<(Server, SocketAddr)> {
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&gateway))
            .wrap(from_fn(api::request::around))
            .configure(api::routes)
    })
    .workers(
        std::thread::available_parallelism()
            .map_or(2, std::num::NonZero::get)
            .min(8),
    )
    .shutdown_timeout(deadline.as_secs())
    .disable_signals();
    let server = match proof {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    };
    Ok((server.run(), address))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_crowd_is_let_in_while_nobody_answers_the_door() {
        const CROWD: usize = 300;
        let listener = listener_at("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let crowd: Vec<_> = (0..CROWD)
            .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900)))
            .take_while(Result::is_ok)
            .collect();
        assert_eq!(crowd.len(), CROWD);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let listener = listener_at("localhost:0").await.unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        let error = listener_at(&taken).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    }
}
