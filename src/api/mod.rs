//! The wire: routes, extraction, status codes and shapes. The rules behind them are elsewhere.

pub mod admin;
mod answer;
pub mod console;
pub mod cors;
pub mod door;
pub mod events;
pub mod forms;
pub mod health;
pub mod hooks;
pub mod leads;
pub mod metrics;
pub mod page;
pub mod platform;
pub mod prefer;
pub mod problem;
pub mod reply;
pub mod request;
pub mod slots;
pub mod state;
pub mod status;
pub mod time;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use tokio_util::sync::CancellationToken;

use crate::booking::lookup::Lookup;
use crate::intake::person::Hasher;
use crate::intake::throttle::{Throttles, counted};
use crate::queue::{Limit, Store, Switches};
use crate::settings::{Settings, Source};

use problem::{Code, Problem};

/// The demo's page holds its own script and style.
const DEMO_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/// Everything a request may need; shared by all of them.
pub struct Gateway {
    /// The operator's choices.
    pub settings: Arc<Settings>,
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// What rests.
    pub switches: Arc<Switches>,
    /// Digests under the store's key.
    pub hasher: Hasher,
    /// Slots, by account.
    pub lookups: HashMap<String, Arc<Lookup>>,
    /// What each account may send per endpoint.
    pub limits: HashMap<String, Limit>,
    /// Speaks to platforms and to those who check captchas. Follows no redirects.
    pub http: reqwest::Client,
    /// The doors' allowances.
    pub throttles: Throttles,
    /// Set when the server begins to stop: nobody waits any longer.
    pub stopping: CancellationToken,
    /// A page to serve at `/`, in the demo.
    pub page: Option<&'static str>,
}

impl Gateway {
    /// Counts one request of an anonymous caller.
    fn knock(&self, request: &HttpRequest) -> Result<(), Problem> {
        let address = counted(door::client_address(self, request));
        self.throttles
            .per_address
            .knock(&address)
            .map(|_| ())
            .map_err(Problem::throttled)
    }
}

/// The whole route table.
pub fn routes(config: &mut web::ServiceConfig) {
    let leads_of_source = at("/v1/sources/{source}/leads")
        .wrap(from_fn(cors::around))
        .route(web::post().to(leads::take))
        .route(web::get().to(platform::handshake))
        .default_service(web::to(not_allowed_of_source));
    let slots_of_source = at("/v1/sources/{source}/slots")
        .wrap(from_fn(cors::around))
        .route(web::get().to(slots::list))
        .default_service(web::to(|request| {
            not_allowed(request, "GET, HEAD, OPTIONS")
        }));
    let lead = at("/v1/leads/{leadId}")
        .wrap(from_fn(cors::around))
        .route(web::get().to(status::tell))
        .default_service(web::to(|request| {
            not_allowed(request, "GET, HEAD, OPTIONS")
        }));
    let events = at("/v1/leads/{leadId}/events")
        .wrap(from_fn(cors::around))
        .route(web::get().to(events::follow))
        .default_service(web::to(|request| {
            not_allowed(request, "GET, HEAD, OPTIONS")
        }));
    let time = at("/v1/leads/{leadId}/time")
        .wrap(from_fn(cors::around))
        .route(web::post().to(time::choose))
        .default_service(web::to(|request| not_allowed(request, "POST, OPTIONS")));
    let webhooks = at("/v1/accounts/{account}/webhooks")
        .route(web::post().to(hooks::take))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let webhooks_with_token = at("/v1/accounts/{account}/webhooks/{token}")
        .route(web::post().to(hooks::take))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    config
        // Looked through in this order: the door that leads come by stands first.
        .service(leads_of_source)
        .service(slots_of_source)
        .service(webhooks)
        .service(webhooks_with_token)
        .service(lead)
        .service(events)
        .service(time)
        .configure(admin::routes)
        .configure(console::routes)
        .service(plain("/livez", web::get().to(health::livez)))
        .service(plain("/readyz", web::get().to(health::readyz)))
        .service(plain("/metrics", web::get().to(metrics::tell)))
        .service(plain("/openapi.yaml", web::get().to(health::openapi)))
        .service(plain("/", web::get().to(page)))
        .default_service(web::to(nothing_here));
}

/// The routes at one path, which know its pattern themselves: the library would match the path once more to tell it.
fn at(pattern: &'static str) -> actix_web::Resource {
    web::resource(pattern).app_data(request::Pattern(pattern))
}

fn plain(path: &'static str, route: actix_web::Route) -> actix_web::Resource {
    at(path)
        .route(route)
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")))
}

async fn not_allowed(request: HttpRequest, allow: &'static str) -> Result<HttpResponse, Problem> {
    // Asked by a program rather than for a page, OPTIONS wants to know just this (RFC 9110, section 9.3.7).
    if request.method() == Method::OPTIONS && allow.contains("OPTIONS") {
        let mut answer = HttpResponse::NoContent();
        return Ok(answer.insert_header((header::ALLOW, allow)).finish());
    }
    Err(Problem::method(allow))
}

async fn not_allowed_of_source(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let allow = platform::methods(&gateway, &request);
    not_allowed(request, allow).await
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(no_such_path())
}

fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "there is nothing at this path")
}

async fn page(gateway: web::Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match gateway.page.filter(|_| request.method() == Method::GET) {
        Some(page) => Ok(HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, DEMO_POLICY))
            .body(page)),
        None => nothing_here().await,
    }
}

/// The source named in the path.
fn source_named<'a>(gateway: &'a Gateway, request: &HttpRequest) -> Result<&'a Source, Problem> {
    let name = request
        .match_info()
        .get("source")
        .unwrap_or_default()
        .to_ascii_lowercase();
    gateway
        .settings
        .sources
        .get(&name)
        .ok_or_else(|| Problem::new(Code::UnknownSource, "no source has this name"))
}
