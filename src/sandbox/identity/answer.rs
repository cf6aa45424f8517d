//! How the two services write: IAM in JSON, its errors nested, each answer with a trace id; the metadata service in
//! JSON or plain text. A caller whom the API gateway before IAM refuses is told so in the API gateway's form instead.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::answer::new_request_id;
use crate::sandbox::catalogue::JSON;

/// IAM's own name for a request's id.
const TRACE_ID: HeaderName = HeaderName::from_static("x-iam-trace-id");

/// An answer of IAM.
pub(super) fn of_iam(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut answer = written(status, JSON, body.to_string());
    if let Ok(trace_id) = HeaderValue::from_str(&new_request_id()) {
        answer.headers_mut().insert(TRACE_ID, trace_id); // hexadecimal: always a header value
    }
    answer
}

/// An error of IAM. `code` is a number.
pub(super) fn iam_error(status: StatusCode, message: &str) -> Response<Bytes> {
    let title = status.canonical_reason().unwrap_or("Error");
    let error = json!({"code": status.as_u16(), "message": message, "title": title});
    of_iam(status, &json!({"error": error}))
}

/// An answer of the metadata service, in words.
pub(super) fn of_metadata(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    written(status, "text/plain", text)
}

/// An answer of the metadata service, in JSON.
pub(super) fn of_metadata_json(body: &Value) -> Response<Bytes> {
    written(StatusCode::OK, "application/json", body.to_string())
}

/// `2020-01-04T09:05:22.701000Z`
pub(super) fn told(at: SystemTime) -> String {
    let at = Timestamp::try_from(at).unwrap_or_default(); // fails 8 000 years from now
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn written(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::StatusCode;
    use serde_json::Value;

    use super::{iam_error, told};

    #[test]
    fn a_time_is_told_in_six_decimals_of_utc() {
        for (at, text) in [
            (Duration::ZERO, "1970-01-01T00:00:00.000000Z"),
            (
                Duration::from_micros(1_578_128_722_701_000),
                "2020-01-04T09:05:22.701000Z",
            ),
            (Duration::from_nanos(1_999), "1970-01-01T00:00:00.000001Z"),
        ] {
            assert_eq!(told(SystemTime::UNIX_EPOCH + at), text);
        }
    }

    #[test]
    fn an_error_of_iam_reads_as_the_recorded_one() {
        let recorded = include_str!("../../../tests/samples/error-401-iam.json");
        let message = "The request you have made requires authentication.";
        let answer = iam_error(StatusCode::UNAUTHORIZED, message);
        let ours: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(ours, serde_json::from_str::<Value>(recorded).unwrap());
    }
}
