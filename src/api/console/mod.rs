//! The operator's console: a page and what belongs to it, served from the binary. It holds no data; its script asks
//! `/v1/admin` with the operator's key. Without `operator_key` it does not exist.

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::problem::Problem;
use super::{Gateway, at, no_such_path, not_allowed};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const VIEWS: &str = include_str!("views.js");
const WORDS: &str = include_str!("words.js");

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The console's routes.
pub fn routes(config: &mut web::ServiceConfig) {
    for (path, kind, text) in [
        ("/console", "text/html; charset=utf-8", PAGE),
        ("/console/style.css", "text/css; charset=utf-8", STYLE),
        (
            "/console/script.js",
            "text/javascript; charset=utf-8",
            SCRIPT,
        ),
        ("/console/views.js", "text/javascript; charset=utf-8", VIEWS),
        ("/console/words.js", "text/javascript; charset=utf-8", WORDS),
    ] {
        let serve = move |gateway: Data<Gateway>| async move { part(&gateway, kind, text) };
        config.service(
            at(path)
                .route(web::get().to(serve))
                .default_service(web::to(closed)),
        );
    }
}

fn part(
    gateway: &Gateway,
    kind: &'static str,
    text: &'static str,
) -> Result<HttpResponse, Problem> {
    if gateway.settings.server.operator_key.is_none() {
        return Err(no_such_path());
    }
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        // Another version of the binary has other parts.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text))
}

async fn closed(gateway: Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match gateway.settings.server.operator_key {
        None => Err(no_such_path()),
        Some(_) => not_allowed(request, "GET, HEAD").await,
    }
}
