//! The recorded bodies, and the job id that stands for each.
//!
//! An id is the name of its body, filled up with zeros, so that a person can read it in a log. The documented success
//! has the id that its body tells; the id that the document asks for to get it is another spelling of it. Bodies are
//! served byte for byte, save one thing: a recorded job is told by the id it was asked by, as every other job of the
//! sandbox is. The gateway takes an upstream that answers some jobs with their own id and others with a foreign one for
//! one that mixes up its answers, and refuses the latter.

use bytes::Bytes;
use http::StatusCode;

use crate::policy::job::JobId;

/// Upstream's content type, letter for letter.
pub(super) const JSON: &str = "application/json;charset=UTF-8";

/// A well-formed id that begins so is a job that does not exist.
pub const MISSING_PREFIX: &str = "missing";

/// The job id in every recorded success.
const RECORDED_JOB_ID: &str = "f5af662119404ad187437cd272b5099b";

/// The job id that the API document asks for to get that success: another spelling of the same example.
const REQUESTED_JOB_ID: &str = "901878212b1a49be9c1a1054c272762a";

/// The header value that belongs to the recorded bodies of the API gateway: they repeat it.
const RECORDED_REQUEST_ID: &str = "fd6530a01c09807640189e65e837b8ad";

/// One recorded answer, and the job id it is given for.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The job id.
    pub id: &'static str,
    /// The status.
    pub status: StatusCode,
    /// `Content-Type`; `None`: the header is left out.
    pub content_type: Option<&'static str>,
    /// `X-Request-Id`; `None`: a new one each time.
    pub request_id: Option<&'static str>,
    /// The body, byte for byte as recorded.
    pub body: &'static [u8],
    /// What it is, in a few words.
    pub about: &'static str,
}

macro_rules! sample {
    ($file:literal) => {
        include_bytes!(concat!("../../tests/samples/", $file))
    };
}

// === impl Example ===

impl Example {
    /// The body that is served: as recorded, with `id` in the place of the recorded job's.
    pub(super) fn body_of(&self, id: &JobId) -> Bytes {
        match std::str::from_utf8(self.body) {
            Ok(text) if text.contains(RECORDED_JOB_ID) => {
                text.replace(RECORDED_JOB_ID, id.as_str()).into()
            }
            Ok(_) | Err(_) => Bytes::from_static(self.body),
        }
    }
}

/// Every recorded answer.
#[must_use]
pub fn catalogue() -> &'static [Example] {
    CATALOGUE
}

/// The recorded answer that an id stands for.
pub(super) fn find(id: &str) -> Option<&'static Example> {
    let id = if id == REQUESTED_JOB_ID {
        RECORDED_JOB_ID
    } else {
        id
    };
    CATALOGUE.iter().find(|example| example.id == id)
}

/// The first recorded answer with a status.
pub(super) fn with_status(status: StatusCode) -> Option<&'static Example> {
    CATALOGUE.iter().find(|example| example.status == status)
}

/// Another job than this one, for answers that are about the wrong one.
pub(super) fn another_job(id: &JobId) -> Option<JobId> {
    [RECORDED_JOB_ID, REQUESTED_JOB_ID]
        .into_iter()
        .find(|other| *other != id.as_str())
        .and_then(|other| JobId::parse(other).ok())
}

/// What the build service says to an id it cannot read.
pub(super) const MALFORMED_ID: Example = service(
    "error400taskid000000000000000000",
    StatusCode::BAD_REQUEST,
    sample!("error-400-task-id.json"),
    "malformed job id",
);

/// What the build service says to a query it cannot read: the text that its page of error codes has.
pub(super) const BAD_QUERY: Example = service(
    "",
    StatusCode::BAD_REQUEST,
    br#"{"error_msg":"Invalid parameter.","error_code":"CB.00060200"}"#,
    "a query out of bounds",
);

/// What the build service says of a job that was never built.
pub(super) const NEVER_BUILT: Example = service(
    "successnulls00000000000000000000",
    StatusCode::OK,
    sample!("success-nulls.json"),
    "a job that was never built: fields are null",
);

/// What the build service says to an id it does not know.
pub(super) const MISSING_JOB: Example = service(
    "error422notfound0000000000000000",
    StatusCode::UNPROCESSABLE_ENTITY,
    sample!("error-422-not-found.json"),
    "no such job: the real answer to an unknown id",
);

#[rustfmt::skip] // a row a line
const CATALOGUE: &[Example] = &[
    service(RECORDED_JOB_ID, StatusCode::OK, sample!("success-documented.json"), "the success example of the API document; create_time is a string"),
    service("successnormalised000000000000000", StatusCode::OK, sample!("success-normalised.json"), "the same job in the types that every SDK accepts"),
    NEVER_BUILT,
    service("successmissingandunknown00000000", StatusCode::OK, sample!("success-missing-and-unknown.json"), "fields absent, and one that nobody knows"),
    service("fail200statusfail000000000000000", StatusCode::OK, sample!("fail-200-status-fail.json"), "a failure under status 200: status is fail"),
    service("fail200nestederror00000000000000", StatusCode::OK, sample!("fail-200-nested-error.json"), "a failure under status 200: error is an object"),
    service("fail200errorcode0000000000000000", StatusCode::OK, sample!("fail-200-error-code.json"), "a failure under status 200: error_code"),
    service("failstringified00000000000000000", StatusCode::OK, sample!("fail-stringified.json"), "a failure under status 200: a JSON string that contains JSON"),
    MALFORMED_ID,
    service("error400devcb0000000000000000000", StatusCode::BAD_REQUEST, sample!("error-400-dev-cb.json"), "malformed job id, in the other code family"),
    gateway("error401signature000000000000000", StatusCode::UNAUTHORIZED, sample!("error-401-signature.json"), "signature wrong"),
    gateway("error401akunknown000000000000000", StatusCode::UNAUTHORIZED, sample!("error-401-ak-unknown.json"), "no such access key"),
    gateway("error401aklocked0000000000000000", StatusCode::UNAUTHORIZED, sample!("error-401-ak-locked.json"), "access key locked after too many failures"),
    gateway("error401tokenexpired000000000000", StatusCode::UNAUTHORIZED, sample!("error-401-token-expired.json"), "token expired or revoked"),
    gateway("error401tokenundecryptable000000", StatusCode::UNAUTHORIZED, sample!("error-401-token-undecryptable.json"), "token damaged"),
    service("error401iam000000000000000000000", StatusCode::UNAUTHORIZED, sample!("error-401-iam.json"), "IAM's form: nested, the code a number"),
    gateway("error403apigw0000000000000000000", StatusCode::FORBIDDEN, sample!("error-403-apigw.json"), "user not authorised for the API"),
    service("error403build0000000000000000000", StatusCode::FORBIDDEN, sample!("error-403-build.json"), "never built, or the history is gone"),
    service("error403encodedauthorization0000", StatusCode::FORBIDDEN, sample!("error-403-encoded-authorization.json"), "access denied by an identity policy"),
    gateway("error404apigw0000000000000000000", StatusCode::NOT_FOUND, sample!("error-404-apigw.json"), "API not published"),
    service("error404build0000000000000000000", StatusCode::NOT_FOUND, sample!("error-404-build.json"), "no such URL, says the build service"),
    MISSING_JOB,
    gateway("error429user00000000000000000000", StatusCode::TOO_MANY_REQUESTS, sample!("error-429-user.json"), "throttled, the user's policy"),
    gateway("error429api000000000000000000000", StatusCode::TOO_MANY_REQUESTS, sample!("error-429-api.json"), "throttled, the API's policy"),
    service("error500internal0000000000000000", StatusCode::INTERNAL_SERVER_ERROR, sample!("error-500-internal.json"), "internal error"),
    service("error500busy00000000000000000000", StatusCode::INTERNAL_SERVER_ERROR, sample!("error-500-busy.json"), "network busy"),
    service("error500toomany00000000000000000", StatusCode::INTERNAL_SERVER_ERROR, sample!("error-500-too-many.json"), "throttled by the build service, under status 500"),
    service("error500backend00000000000000000", StatusCode::INTERNAL_SERVER_ERROR, sample!("error-500-backend.json"), "a service behind the build service failed"),
    gateway("error502apigw0000000000000000000", StatusCode::BAD_GATEWAY, sample!("error-502-apigw.json"), "backend unavailable"),
    gateway("error503apigw0000000000000000000", StatusCode::SERVICE_UNAVAILABLE, sample!("error-503-apigw.json"), "IAM unavailable"),
    gateway("error504apigw0000000000000000000", StatusCode::GATEWAY_TIMEOUT, sample!("error-504-apigw.json"), "backend timeout"),
    Example { content_type: Some("text/html"), ..service("error502loadbalancer000000000000", StatusCode::BAD_GATEWAY, sample!("error-502-load-balancer.html"), "a load balancer's HTML page") },
    Example { content_type: None, ..service("error503empty0000000000000000000", StatusCode::SERVICE_UNAVAILABLE, b"", "nothing: no body, no content type") },
    service("errorcamelcase000000000000000000", StatusCode::BAD_REQUEST, sample!("error-camel-case.json"), "errorCode and errorMsg, as other services write"),
    service("errorcodemessage0000000000000000", StatusCode::BAD_REQUEST, sample!("error-code-message.json"), "code and message, as other services write"),
    service("errorstringlyfail000000000000000", StatusCode::BAD_REQUEST, sample!("error-stringly-fail.json"), "the success envelope under an error status"),
];

/// An answer of the build service.
const fn service(
    id: &'static str,
    status: StatusCode,
    body: &'static [u8],
    about: &'static str,
) -> Example {
    Example {
        id,
        status,
        content_type: Some(JSON),
        request_id: None,
        body,
        about,
    }
}

/// An answer of the API gateway before it.
const fn gateway(
    id: &'static str,
    status: StatusCode,
    body: &'static [u8],
    about: &'static str,
) -> Example {
    Example {
        request_id: Some(RECORDED_REQUEST_ID),
        ..service(id, status, body, about)
    }
}
