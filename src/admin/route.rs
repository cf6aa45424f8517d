//! Which request gets which answer.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::error::Error;
use crate::policy::problem::JSON;
use crate::telemetry::metrics::{CONTENT_TYPE, exposition};

use super::answer::{json, refusal, with_body};
use super::health::Readiness;
use super::{Admin, host};

/// What `/healthz` says: that the process can say it.
const HEALTH: &str = r#"{"status":"ok"}"#;

enum Route {
    Health,
    Readiness,
    Metrics,
}

/// Answers a request that reached us at `reached_at`; its body, if any, is never read.
pub(super) fn answer<B>(
    admin: &Admin,
    reached_at: IpAddr,
    request: &Request<B>,
) -> Response<Full<Bytes>> {
    match route(reached_at, request) {
        Ok(route) => route.answer(admin),
        Err(error) => refusal(&error),
    }
}

fn route<B>(reached_at: IpAddr, request: &Request<B>) -> Result<Route, Error> {
    host::judge(request, reached_at)?;
    let route = match request.uri().path() {
        "/healthz" => Route::Health,
        "/readyz" => Route::Readiness,
        "/metrics" => Route::Metrics,
        _ => return Err(Error::NoRoute),
    };
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        Ok(route)
    } else {
        Err(Error::MethodNotAllowed)
    }
}

// === impl Route ===

impl Route {
    /// To a `HEAD`, hyper sends the same head without the body.
    fn answer(self, admin: &Admin) -> Response<Full<Bytes>> {
        match self {
            Self::Health => with_body(StatusCode::OK, JSON, Bytes::from_static(HEALTH.as_bytes())),
            Self::Readiness => {
                let readiness = Readiness::from(&admin.facts.snapshot());
                let status = if readiness.ready {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                json(status, &readiness)
            }
            Self::Metrics => with_body(StatusCode::OK, CONTENT_TYPE, exposition(&admin.registry)),
        }
    }
}
