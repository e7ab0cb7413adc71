//! The operator's part of the wire, `/v1/admin`: everything about every lead, for whoever holds `operator_key`.
//!
//! Without that setting nothing here exists. Owns the gate, the routes and the record as the operator sees it; what
//! a lead is and how it is kept are elsewhere.

mod act;
mod acts;
mod backfills;
mod erasures;
mod export;
mod imports;
mod leads;
mod pauses;
mod receivers;
mod record;
mod replays;
mod search;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, web};

use super::problem::{Code, Problem};
use super::{Gateway, at, door, not_allowed};

/// The operator's routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let leads = at("/v1/admin/leads")
        .wrap(from_fn(gate))
        .route(web::get().to(leads::list))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    let lead = at("/v1/admin/leads/{leadId}")
        .wrap(from_fn(gate))
        .route(web::get().to(leads::show))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    let backfills = at("/v1/admin/backfills")
        .wrap(from_fn(gate))
        .route(web::post().to(backfills::fill))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let imports = at("/v1/admin/imports")
        .wrap(from_fn(gate))
        .route(web::post().to(imports::take))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    config
        .service(leads)
        .service(lead)
        .service(backfills)
        .service(imports)
        .configure(acts_on_leads)
        .configure(pauses_and_resumes)
        .configure(receivers::routes);
}

/// Acts on one lead, and on many.
fn acts_on_leads(config: &mut web::ServiceConfig) {
    let retry = at("/v1/admin/leads/{leadId}/retry")
        .wrap(from_fn(gate))
        .route(web::post().to(acts::retry))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let release = at("/v1/admin/leads/{leadId}/release")
        .wrap(from_fn(gate))
        .route(web::post().to(acts::release))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let cancel = at("/v1/admin/leads/{leadId}/cancel")
        .wrap(from_fn(gate))
        .route(web::post().to(acts::cancel))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let replays = at("/v1/admin/replays")
        .wrap(from_fn(gate))
        .route(web::post().to(replays::replay))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let erasures = at("/v1/admin/erasures")
        .wrap(from_fn(gate))
        .route(web::post().to(erasures::erase))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let export = at("/v1/admin/export")
        .wrap(from_fn(gate))
        .route(web::get().to(export::export))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    config
        .service(retry)
        .service(release)
        .service(cancel)
        .service(replays)
        .service(erasures)
        .service(export);
}

fn pauses_and_resumes(config: &mut web::ServiceConfig) {
    let accounts = at("/v1/admin/accounts")
        .wrap(from_fn(gate))
        .route(web::get().to(pauses::accounts))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    let pause_account = at("/v1/admin/accounts/{account}/pause")
        .wrap(from_fn(gate))
        .route(web::post().to(pauses::pause_account))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let resume_account = at("/v1/admin/accounts/{account}/resume")
        .wrap(from_fn(gate))
        .route(web::post().to(pauses::resume_account))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let sources = at("/v1/admin/sources")
        .wrap(from_fn(gate))
        .route(web::get().to(pauses::sources))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    let pause_source = at("/v1/admin/sources/{source}/pause")
        .wrap(from_fn(gate))
        .route(web::post().to(pauses::pause_source))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let resume_source = at("/v1/admin/sources/{source}/resume")
        .wrap(from_fn(gate))
        .route(web::post().to(pauses::resume_source))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    config
        .service(accounts)
        .service(pause_account)
        .service(resume_account)
        .service(sources)
        .service(pause_source)
        .service(resume_source);
}

/// A record that cannot be written as JSON: a fault of leadgate's own.
fn unwritable() -> Problem {
    Problem::new(Code::Internal, "a record cannot be written")
}

/// Asks for the operator's key before anything else is looked at, the method included.
async fn gate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admitted = match request.app_data::<web::Data<Gateway>>() {
        Some(gateway) => door::admit_operator(gateway, request.request()),
        None => Err(super::no_such_path()),
    };
    if let Err(problem) = admitted {
        return Ok(request.error_response(problem).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}
