//! The sandbox on the network: routes, deliveries, and the ways an answer fails to arrive.

use std::any::Any;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use actix_web::dev::{Extensions, Server};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, RETRY_AFTER};
use actix_web::rt::{self, time::sleep};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::answer::{Answer, ENDPOINTS, Request};
use super::control::{Control, Verdict};
use super::faults::FaultKind;

/// Longer bodies are refused.
const MOST_BYTES: usize = 256 * 1024;

/// Longer than any client keeps an idle connection, so that closing one is always a fault on
/// command.
const KEEP_ALIVE: Duration = Duration::from_secs(300);

/// Binds and returns the server, not yet running, with its address.
pub(super) fn bind(listen: &str, control: Control) -> io::Result<(Server, std::net::SocketAddr)> {
    let data = Data::new(control);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .route("/_sandbox/report", web::get().to(report))
            .route("/_sandbox/faults", web::post().to(add_fault))
            .route("/_sandbox/faults", web::delete().to(clear_faults))
            .route("/_sandbox/events", web::post().to(change_event))
            .route("/_sandbox/reset", web::post().to(reset))
            .default_service(web::to(vendor))
    })
    .workers(1)
    .keep_alive(KEEP_ALIVE)
    .disable_signals()
    .on_connect(remember_socket)
    .bind(listen)?;
    let address = server.addrs().first().copied();
    let address = address.ok_or_else(|| io::Error::other("no address was bound"))?;
    Ok((server.run(), address))
}

/// A second handle to a connection's socket, through which it can be closed without an answer.
struct Socket(TcpStream);

fn remember_socket(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<rt::net::TcpStream>();
    if let Some(Ok(socket)) = stream.map(duplicate) {
        data.insert(Socket(socket));
    }
}

#[cfg(unix)]
fn duplicate(stream: &rt::net::TcpStream) -> io::Result<TcpStream> {
    use std::os::fd::AsFd;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn duplicate(stream: &rt::net::TcpStream) -> io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    Ok(stream.as_socket().try_clone_to_owned()?.into())
}

/// What reaches the caller.
enum Delivery {
    Whole(Answer),
    Page(u16),
    Half(Answer),
    Nothing,
}

async fn vendor(http: HttpRequest, payload: Payload, control: Data<Control>) -> HttpResponse {
    let name = format!("{} {}", http.method(), http.path());
    let Some(endpoint) = ENDPOINTS.into_iter().find(|known| *known == name) else {
        return whole(&Answer::plain(404, "Not found", None));
    };
    let authorization = http.headers().get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let verdict = control.arrive(authorization, endpoint);
    let Ok(Ok(body)) = payload.to_bytes_limited(MOST_BYTES).await else {
        return whole(&Answer::plain(413, "Request body is too large", None));
    };
    let request = Request {
        endpoint,
        query: http.query_string().to_owned(),
        body,
    };
    let (wait, fault) = match verdict {
        Verdict::Refused(answer) => return whole(&answer),
        Verdict::Served { wait, fault } => (wait, fault),
    };
    // A task of its own: the work goes on when the caller hangs up, as at any real server.
    let work = rt::spawn(serve(control, request, wait, fault));
    let delivery = work.await.unwrap_or(Delivery::Nothing);
    deliver(delivery, http.conn_data::<Socket>())
}

async fn serve(
    control: Data<Control>,
    request: Request,
    wait: Duration,
    fault: Option<FaultKind>,
) -> Delivery {
    sleep(wait).await;
    let act = || control.act(&request);
    match fault {
        None | Some(FaultKind::Latency { .. } | FaultKind::Limited { .. }) => {
            Delivery::Whole(act())
        }
        Some(FaultKind::SlotTakenFirst) => {
            control.take_slot_first(&request);
            Delivery::Whole(act())
        }
        Some(FaultKind::DropBefore) => Delivery::Nothing,
        Some(FaultKind::DropAfter) => {
            act();
            Delivery::Nothing
        }
        Some(FaultKind::HangBefore { seconds }) => {
            sleep(span(seconds)).await;
            Delivery::Nothing
        }
        Some(FaultKind::HangAfter { seconds }) => {
            act();
            sleep(span(seconds)).await;
            Delivery::Nothing
        }
        Some(FaultKind::StatusBefore { code }) => Delivery::Page(code),
        Some(FaultKind::StatusAfter { code }) => {
            act();
            Delivery::Page(code)
        }
        Some(FaultKind::Truncated) => Delivery::Half(act()),
        Some(FaultKind::WrongJson) => {
            act();
            Delivery::Whole(Answer::new(200, json!({ "result": "ok" })))
        }
        Some(FaultKind::KeyRefused) => Delivery::Whole(Answer::plain(401, "Invalid API key", None)),
        Some(FaultKind::BareBadRequest) => Delivery::Whole(Answer::plain(400, "Bad request", None)),
        Some(FaultKind::InnerRefusal) => {
            let inner = json!({ "message": "Selected slot is no longer available", "status": 400 });
            let body = json!({ "data": { "eventCall": inner } });
            Delivery::Whole(Answer::new(200, body))
        }
    }
}

/// Seconds as a length; what is no length counts as none.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn deliver(delivery: Delivery, socket: Option<&Socket>) -> HttpResponse {
    match delivery {
        Delivery::Whole(answer) => whole(&answer),
        Delivery::Page(code) => HttpResponse::build(status(code))
            .content_type("text/html")
            .body("<html><body><h1>An error page</h1></body></html>"),
        Delivery::Half(answer) => {
            let body = answer.body.to_string();
            let status = status(answer.status);
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            close(
                socket,
                &[head.as_bytes(), &body.as_bytes()[..body.len() / 2]].concat(),
            )
        }
        Delivery::Nothing => close(socket, b""),
    }
}

/// Sends these bytes alone and closes the connection. The response returned here goes nowhere, as
/// the socket is shut.
fn close(socket: Option<&Socket>, last: &[u8]) -> HttpResponse {
    if let Some(Socket(stream)) = socket {
        let _ = (&*stream).write_all(last);
        let _ = stream.shutdown(Shutdown::Both);
    }
    HttpResponse::InternalServerError().force_close().finish()
}

fn whole(answer: &Answer) -> HttpResponse {
    let mut response = HttpResponse::build(status(answer.status));
    if let Some(seconds) = answer.retry_after_seconds {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.json(&answer.body)
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn report(control: Data<Control>) -> HttpResponse {
    HttpResponse::Ok().json(control.report())
}

async fn add_fault(body: Bytes, control: Data<Control>) -> HttpResponse {
    commanded(&body, |fault| {
        control.add_fault(fault);
        HttpResponse::NoContent().finish()
    })
}

async fn clear_faults(control: Data<Control>) -> HttpResponse {
    control.clear_faults();
    HttpResponse::NoContent().finish()
}

async fn change_event(body: Bytes, control: Data<Control>) -> HttpResponse {
    commanded(&body, |change| match control.change_event(change) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(unknown) => HttpResponse::NotFound().json(json!({ "message": unknown.to_string() })),
    })
}

async fn reset(control: Data<Control>) -> HttpResponse {
    control.reset();
    HttpResponse::NoContent().finish()
}

fn commanded<T: DeserializeOwned>(
    body: &[u8],
    obey: impl FnOnce(T) -> HttpResponse,
) -> HttpResponse {
    match serde_json::from_slice(body) {
        Ok(command) => obey(command),
        Err(error) => HttpResponse::BadRequest().json(json!({ "message": error.to_string() })),
    }
}
