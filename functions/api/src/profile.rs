//! `GET /profile`: the patient's personal information, where it is stored.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::http::{self, HttpError};

use crate::{Deps, unavailable};

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let profile = deps.connections.profile(&patient).await.map_err(unavailable)?;
    Ok(http::success(StatusCode::OK, &json!({ "profile": profile })))
}
