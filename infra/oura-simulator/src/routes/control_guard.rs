//! The guard of the control API against pages in a browser on this machine: it has no authentication.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName};
use url::{Host, Url};

use crate::control::error::ControlError;

/// Refuses a request that a page elsewhere may have sent. A page names itself in `Origin`. To read an answer it needs a host name
/// of its own that leads to this machine, so a simulator on loopback takes loopback names only.
pub(crate) fn check(headers: &HeaderMap, simulator: &Url) -> Result<(), ControlError> {
    let header = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = header(HOST).unwrap_or_default();
    let named = Url::parse(&format!("http://{host}")).ok();
    let is_local = |url: &Url| url.host().is_some_and(is_loopback);
    if is_local(simulator) && !named.as_ref().is_some_and(is_local) {
        return Err(ControlError::ForeignHost);
    }
    match header(ORIGIN) {
        Some(origin) if origin != format!("http://{host}") => Err(ControlError::ForeignOrigin),
        _ => Ok(()),
    }
}

fn is_loopback(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(simulator: &str, host: &str, origin: Option<&str>) -> Result<(), &'static str> {
        let mut headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
        check(&headers, &simulator.parse().unwrap()).map_err(|error| error.code())
    }

    #[test]
    fn simulator_on_loopback_takes_loopback_names_only() {
        for host in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000", "localhost"] {
            assert_eq!(checked("http://127.0.0.1:4000", host, None), Ok(()), "{host}");
        }
        for host in
            ["evil.example:4000", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1:4000", "u@evil.example", ""]
        {
            assert_eq!(checked("http://127.0.0.1:4000", host, None), Err("foreign_host"), "{host}");
        }
        assert_eq!(checked("http://0.0.0.0:4000", "oura:4000", None), Ok(()), "it was opened to other machines");
    }

    #[test]
    fn request_of_another_page_is_refused() {
        for (origin, expected) in [
            ("http://127.0.0.1:4000", Ok(())),
            ("http://127.0.0.1:3000", Err("foreign_origin")),
            ("https://evil.example", Err("foreign_origin")),
            ("null", Err("foreign_origin")),
            ("", Err("foreign_origin")),
        ] {
            assert_eq!(checked("http://127.0.0.1:4000", "127.0.0.1:4000", Some(origin)), expected, "{origin}");
        }
    }
}
