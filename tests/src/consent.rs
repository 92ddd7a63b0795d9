//! The patient's consent at Oura.

use oura_simulator::{ConsentRequest, Control, Decision};
use url::Url;

use crate::Answer;

/// The browser's part between connect and callback.
#[derive(Debug, Clone)]
pub struct Flow {
    pub auth_url: String,
    /// The binding cookie, `name=value`.
    pub cookie: String,
}

impl Flow {
    /// From the answer of `POST /connect/oura`.
    pub(crate) fn of(answer: &Answer) -> Self {
        let auth_url = answer.data()["authUrl"].as_str().unwrap().to_owned();
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        Self { auth_url, cookie }
    }

    /// A parameter of Oura's consent page.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let url = Url::parse(&self.auth_url).unwrap();
        url.query_pairs().find(|(key, _)| key == name).expect(name).1.into_owned()
    }
}

/// Decides about the request as this account; returns the query of the callback. Without `scopes` everything is granted.
pub(crate) fn consent(oura: &Control, flow: &Flow, account: &str, decision: &str, scopes: Option<&[&str]>) -> String {
    let request = ConsentRequest {
        authorize_url: Some(Url::parse(&flow.auth_url).unwrap()),
        scopes: scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        decision: if decision == "deny" { Decision::Deny } else { Decision::Allow },
        ..ConsentRequest::default()
    };
    let callback = oura.consent(account, &request).unwrap();
    callback.redirect_to.query().unwrap().to_owned()
}
