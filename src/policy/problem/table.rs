//! The error contract, row by row: every failure a client can be told of, its status, code and text.
//!
//! The README lists this table by [`readme_table`](super::readme_table). A text says what happened and what the reader can do, and names no
//! host, path, source or credential.

use http::StatusCode;

/// How the gateway's own codes begin; upstream's never do (one that did would be dropped).
pub const OWN_PREFIX: &str = "JG.";

/// One failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What happened, for the README.
    pub cause: &'static str,
    /// The status the client gets.
    pub status: StatusCode,
    /// The gateway's code.
    pub code: &'static str,
    /// The gateway's text.
    pub text: &'static str,
    /// When upstream's code and text take the place of the gateway's.
    pub quotes: Quotes,
    /// Comes with `Retry-After`.
    pub retry_after: bool,
    /// Comes with `Allow`, the methods of the path.
    pub allow: bool,
    /// The connection is closed afterwards.
    pub close: bool,
}

/// When a failure is told in upstream's code and text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Never: upstream's words would mislead the client, or there are none.
    Never,
    /// If upstream sent a readable code.
    IfCoded,
    /// Always: it is upstream's code that makes it this failure.
    Always,
}

/// Declares each row once, by name for the conversion and in [`TABLE`] for everybody else.
macro_rules! rows {
    ($($name:ident = $row:expr;)+) => {
        $(pub(crate) const $name: Row = $row;)+

        /// Every row, in the order of the README.
        pub const TABLE: &[Row] = &[$($name),+];
    };
}

rows! {
    INVALID_JOB_ID = own(
        "bad job id",
        StatusCode::BAD_REQUEST,
        "JG.4001",
        "The job id must be exactly 32 letters and digits. Nothing was looked up; check the id in the path.",
    );
    UNREADABLE_REQUEST = own(
        "unreadable request",
        StatusCode::BAD_REQUEST,
        "JG.4002",
        "The request cannot be understood.",
    );
    UNEXPECTED_BODY = Row {
        close: true,
        ..own(
            "request that announces a body",
            StatusCode::BAD_REQUEST,
            "JG.4002",
            "This request must not have a body. Send it without Content-Length and Transfer-Encoding.",
        )
    };
    MISSING_KEY = own(
        "no client key",
        StatusCode::UNAUTHORIZED,
        "JG.4011",
        "No client key was presented. Send the key you were given for this gateway as X-Api-Key, X-Auth-Token or Authorization: Bearer, or sign with its access key and secret key.",
    );
    UNKNOWN_KEY = own(
        "unknown client key",
        StatusCode::UNAUTHORIZED,
        "JG.4011",
        "The client key is not known to this gateway. Check it for typing errors, or ask the gateway's operator whether it was replaced.",
    );
    OVERSIZED_KEY = own(
        "client key over 512 bytes",
        StatusCode::UNAUTHORIZED,
        "JG.4011",
        "What was presented as client key is longer than 512 bytes, so it is probably a cloud token. It was neither used nor kept. Send the key you were given for this gateway instead.",
    );
    BAD_SIGNATURE = own(
        "bad signature of a virtual AK/SK",
        StatusCode::UNAUTHORIZED,
        "JG.4012",
        "The signature of this request is not accepted.",
    );
    CLIENT_CLOCK = own(
        "client clock off by more than 15 minutes",
        StatusCode::UNAUTHORIZED,
        "JG.4013",
        "The time of this request's signature is more than 15 minutes away from the gateway's clock. Set the clock of the machine that signs.",
    );
    ADMIN_TOKEN = own(
        "no or wrong admin token",
        StatusCode::UNAUTHORIZED,
        "JG.4011",
        "The admin API asks for its token. Send it as Authorization: Bearer TOKEN; where it is kept is said in [admin] of the configuration.",
    );
    FOREIGN_ORIGIN = own(
        "admin side asked by a foreign web page",
        StatusCode::FORBIDDEN,
        "JG.4032",
        "This request comes from a web page of another address, so it was not carried out. Ask from a terminal, or from a page of this very address.",
    );
    JOB_FORBIDDEN = own(
        "client may not see this job",
        StatusCode::FORBIDDEN,
        "JG.4031",
        "Your client may not see this job. Ask the gateway's operator to add it to your client's jobs.",
    );
    NO_ROUTE = own(
        "no such route",
        StatusCode::NOT_FOUND,
        "JG.4041",
        "There is nothing at this path. Clients find a job at /v1/job/{job_id}/info; the operator's listener has /healthz, /readyz, /metrics and /api.",
    );
    METHOD_NOT_ALLOWED = Row {
        allow: true,
        ..own(
            "wrong method",
            StatusCode::METHOD_NOT_ALLOWED,
            "JG.4051",
            "This path does not answer this method. Those that it answers are in the header Allow.",
        )
    };
    URI_TOO_LONG = own(
        "request target too long",
        StatusCode::URI_TOO_LONG,
        "JG.4141",
        "The path and query are longer than this gateway reads. Send the path of the job alone.",
    );
    MISDIRECTED = own(
        "host not served here",
        StatusCode::MISDIRECTED_REQUEST,
        "JG.4211",
        "This gateway does not answer for the host in the request. Use the address its operator published.",
    );
    ABOVE_RATE = Row {
        retry_after: true,
        ..own(
            "client above its rate",
            StatusCode::TOO_MANY_REQUESTS,
            "JG.4291",
            "Your client asks more often than it may; RateLimit-Policy says how often that is. Nothing was looked up. Repeat the request after the time in Retry-After.",
        )
    };
    BUDGET_SPENT = Row {
        retry_after: true,
        ..own(
            "nothing stored that may be served, and the budget is spent",
            StatusCode::TOO_MANY_REQUESTS,
            "JG.4292",
            "The gateway holds no answer for this job that may be served and has spent its upstream calls for now. Repeat the request after the time in Retry-After.",
        )
    };
    THROTTLE_HOLD = Row {
        retry_after: true,
        ..own(
            "nothing stored that may be served, and upstream throttles",
            StatusCode::TOO_MANY_REQUESTS,
            "JG.4292",
            "The gateway holds no answer for this job that may be served, and the upstream service takes no calls for now. Repeat the request after the time in Retry-After.",
        )
    };
    BAD_REQUEST = quoting(Quotes::IfCoded, own(
        "upstream 400",
        StatusCode::BAD_REQUEST,
        "JG.5024",
        "The upstream service refused the request and gave no code that says why. Check that the job id is a build task's; if it is, tell the gateway's operator.",
    ));
    BUILD_FORBIDDEN = quoting(Quotes::Always, own(
        "upstream 403 of the build service",
        StatusCode::FORBIDDEN,
        "JG.5024",
        "The upstream service refused to show this job.",
    ));
    BUILD_NOT_FOUND = quoting(Quotes::Always, own(
        "upstream 404 of the build service, or 422 `…00031006`: no such job",
        StatusCode::NOT_FOUND,
        "JG.5024",
        "The upstream service does not know this job.",
    ));
    UNPROCESSABLE = quoting(Quotes::IfCoded, own(
        "upstream 422, any other",
        StatusCode::UNPROCESSABLE_ENTITY,
        "JG.5024",
        "The upstream service could not process the request and gave no code that says why. If it persists, tell the gateway's operator.",
    ));
    THROTTLED = Row {
        retry_after: true,
        ..quoting(Quotes::IfCoded, own(
            "upstream 429, or 500 `…00060211`: throttled",
            StatusCode::TOO_MANY_REQUESTS,
            "JG.4292",
            "The upstream service takes no calls for now. Repeat the request after the time in Retry-After.",
        ))
    };
    CREDENTIAL_REFUSED = own(
        "upstream refuses the central credential",
        StatusCode::BAD_GATEWAY,
        "JG.5022",
        "The upstream service refused the gateway's own credential. Your client key is not at fault; the gateway's operator must look at this.",
    );
    CREDENTIAL_HOLD = Row {
        retry_after: true,
        ..own(
            "calls held back after a refused central credential",
            StatusCode::SERVICE_UNAVAILABLE,
            "JG.5033",
            "The gateway holds its calls back because its own credential was refused by the upstream service, or could not be proven to it. Your client key is not at fault; repeat the request after the time in Retry-After.",
        )
    };
    CREDENTIAL_UNAVAILABLE = Row {
        retry_after: true,
        ..own(
            "central credential not available",
            StatusCode::SERVICE_UNAVAILABLE,
            "JG.5033",
            "The gateway has no credential of its own to use at the moment. Your client key is not at fault; the gateway's operator must look at this.",
        )
    };
    MISCONFIGURED = own(
        "upstream set up wrongly (API-gateway 0101, 0103, 04xx; 405, 413, 414, 494; any 3xx)",
        StatusCode::BAD_GATEWAY,
        "JG.5025",
        "The gateway's upstream is set up wrongly: what answers there does not offer this API. Your request is not at fault; the gateway's operator must look at this.",
    );
    FAILED_500 = quoting(Quotes::IfCoded, own(
        "upstream 500",
        StatusCode::INTERNAL_SERVER_ERROR,
        "JG.5023",
        "The upstream service failed with an internal error. Try again later.",
    ));
    FAILED_502 = quoting(Quotes::IfCoded, own(
        "upstream 502",
        StatusCode::BAD_GATEWAY,
        "JG.5023",
        "The upstream service could not reach its own backend. Try again later.",
    ));
    FAILED_503 = quoting(Quotes::IfCoded, own(
        "upstream 503",
        StatusCode::SERVICE_UNAVAILABLE,
        "JG.5023",
        "The upstream service is not available. Try again later.",
    ));
    FAILED_504 = quoting(Quotes::IfCoded, own(
        "upstream 504",
        StatusCode::GATEWAY_TIMEOUT,
        "JG.5023",
        "The upstream service did not get an answer from its own backend in time. Try again later.",
    ));
    NOT_SUCCESS = quoting(Quotes::IfCoded, own(
        "upstream 200 that is no success, not JSON, cut off or too large; any answer without a row of its own",
        StatusCode::BAD_GATEWAY,
        "JG.5024",
        "The upstream service gave an answer that is neither a job nor a known error. Try again later; if it persists, tell the gateway's operator.",
    ));
    UNREACHABLE = own(
        "cannot connect to upstream",
        StatusCode::BAD_GATEWAY,
        "JG.5021",
        "The gateway cannot reach the upstream service. Try again later.",
    );
    CONNECTION_LOST = own(
        "connection to upstream lost",
        StatusCode::BAD_GATEWAY,
        "JG.5021",
        "The gateway lost its connection to the upstream service before an answer came. Try again.",
    );
    TIMED_OUT = own(
        "timed out",
        StatusCode::GATEWAY_TIMEOUT,
        "JG.5042",
        "No answer came from the upstream service in time. Try again later.",
    );
    NOT_STORED = own(
        "`only-if-cached` and nothing stored",
        StatusCode::GATEWAY_TIMEOUT,
        "JG.5041",
        "Nothing is stored for this job, and the request asked for a stored answer only. Repeat it without only-if-cached.",
    );
    PAUSED = Row {
        retry_after: true,
        ..own(
            "upstream calls paused by the operator",
            StatusCode::SERVICE_UNAVAILABLE,
            "JG.5034",
            "The gateway's operator has paused its upstream calls, and nothing is stored for this job that may be served. Repeat the request after the time in Retry-After.",
        )
    };
    OVERLOADED = Row {
        retry_after: true,
        ..own(
            "too many requests in flight or waiting",
            StatusCode::SERVICE_UNAVAILABLE,
            "JG.5031",
            "The gateway has too many requests in flight. Repeat the request after the time in Retry-After.",
        )
    };
    DRAINING = Row {
        retry_after: true,
        ..own(
            "draining",
            StatusCode::SERVICE_UNAVAILABLE,
            "JG.5032",
            "The gateway is shutting down. Repeat the request on a new connection after the time in Retry-After.",
        )
    };
    INTERNAL = own(
        "a fault of the gateway",
        StatusCode::INTERNAL_SERVER_ERROR,
        "JG.5001",
        "The gateway made a mistake. Give its operator the request_id of this answer.",
    );
}

/// A row in the gateway's own words and without headers of its own.
const fn own(
    cause: &'static str,
    status: StatusCode,
    code: &'static str,
    text: &'static str,
) -> Row {
    Row {
        cause,
        status,
        code,
        text,
        quotes: Quotes::Never,
        retry_after: false,
        allow: false,
        close: false,
    }
}

const fn quoting(quotes: Quotes, row: Row) -> Row {
    Row { quotes, ..row }
}
