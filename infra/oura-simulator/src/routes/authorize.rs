//! `/oauth/authorize`: the consent page and its decision.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use url::Url;

use crate::answers::{bare, of_person, unstored};
use crate::cloud::authorization::{AuthorizationParameters, AuthorizationRequest, UntrustedRequest};
use crate::cloud::state::Cloud;

use super::consent_page;
use super::fields::Fields;

/// Checks the application and its callback. A failure is an error page and never a redirect.
fn checked(cloud: &Cloud, fields: &Fields) -> Result<AuthorizationRequest, Box<Response>> {
    let parameters = AuthorizationParameters {
        client_id: fields.one("client_id"),
        redirect_uri: fields.one("redirect_uri"),
        state: fields.one("state"),
        scopes: fields.all("scope").iter().map(String::as_str).collect(),
        code_challenge: fields.one("code_challenge"),
        code_challenge_method: fields.one("code_challenge_method"),
    };
    cloud.authorization_request(&parameters).map_err(|untrusted| {
        let title = match untrusted {
            UntrustedRequest::UnknownClient => "This application is not known",
            UntrustedRequest::UnregisteredRedirectUri => "This callback is not registered",
        };
        Box::new(consent_page::error(title, &untrusted.to_string()))
    })
}

fn redirect(to: &Url) -> Response {
    let mut response = bare(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::from_str(to.as_str()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    unstored(response)
}

fn refuse(request: &AuthorizationRequest, code: &str) -> Response {
    redirect(&request.callback(&[("error", code)]))
}

/// `GET /oauth/authorize`: the consent page.
pub(crate) async fn page(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let request = match checked(&cloud, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    if fields.one("response_type") != Some("code") {
        return refuse(&request, "unsupported_response_type");
    }
    if let Some(error) = request.error {
        return refuse(&request, error);
    }
    let hidden = ["client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"];
    let hidden: Vec<(&str, &str)> = hidden.into_iter().filter_map(|name| Some((name, fields.one(name)?))).collect();
    consent_page::page(&hidden, &request.scopes)
}

/// `POST /oauth/authorize`: the decision on the consent page. `scope` holds the scopes that stayed ticked.
pub(crate) async fn decision(State(cloud): State<Arc<Cloud>>, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    let request = match checked(&cloud, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    if let Some(error) = request.error {
        return refuse(&request, error);
    }
    match fields.one("decision") {
        Some("allow") => {}
        Some("deny") => return refuse(&request, "access_denied"),
        _ => return consent_page::error("No decision", "The form must say decision=allow or decision=deny."),
    }
    let Some((person, _)) = fields.one("account").and_then(|key| cloud.person_of(key)) else {
        return consent_page::error("No account", "The form must name one of the accounts.");
    };
    of_person(Some(person), redirect(&cloud.give_consent(person, &request).redirect_to))
}
