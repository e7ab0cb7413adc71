//! The operator's part of the wire, `/v1/admin`: everything about every lead, for whoever holds `operator_key`.
//!
//! Without that setting nothing here exists. Owns the gate, the routes and the record as the operator sees it; what
//! a lead is and how it is kept are elsewhere.

mod backfills;
mod imports;
mod leads;
mod record;
mod search;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, web};

use super::{Gateway, door, not_allowed};

/// The operator's routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let leads = web::resource("/v1/admin/leads")
        .wrap(from_fn(gate))
        .route(web::get().to(leads::list))
        .default_service(web::to(|request| not_allowed(request, "GET")));
    let lead = web::resource("/v1/admin/leads/{leadId}")
        .wrap(from_fn(gate))
        .route(web::get().to(leads::show))
        .default_service(web::to(|request| not_allowed(request, "GET")));
    let backfills = web::resource("/v1/admin/backfills")
        .wrap(from_fn(gate))
        .route(web::post().to(backfills::fill))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let imports = web::resource("/v1/admin/imports")
        .wrap(from_fn(gate))
        .route(web::post().to(imports::take))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    config
        .service(leads)
        .service(lead)
        .service(backfills)
        .service(imports);
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
