//! What an answer means for the points.

use serde_json::Value;

use crate::report::{Outcome, PointError, Rejection};
use crate::transport::Answer;

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) points: usize,
    pub(super) body_bytes: usize,
}

/// Reads an answer. Any 2xx is success, less the failures its body names; only a 400 says which points failed;
/// everything else is about all of them.
pub(super) fn judge(answer: &Answer, sent: Sent) -> Result<Outcome, Rejection> {
    let status = answer.status;
    let details = Details::read(answer);
    match status {
        200..=299 => Ok(details.outcome(status, sent.points, 0)),
        400 => {
            let reason = details.reason.clone().unwrap_or_else(|| "points were refused".to_owned());
            let Outcome { successful, failed, errors, .. } =
                details.outcome(status, sent.points, sent.points);
            Err(Rejection { status, successful, failed, errors, reason, retry_after: answer.retry_after })
        }
        _ => Err(Rejection {
            status,
            successful: 0,
            failed: sent.points,
            errors: Vec::new(),
            reason: reason(status, sent),
            retry_after: answer.retry_after,
        }),
    }
}

fn reason(status: u16, sent: Sent) -> String {
    match status {
        300..=399 => "redirects are not followed: check the endpoint".to_owned(),
        401 => "the API token is not valid".to_owned(),
        413 => format!("{} bytes with {} points are too much for one request", sent.body_bytes, sent.points),
        429 => "too many requests".to_owned(),
        500.. => "server error".to_owned(),
        _ => "the request was refused".to_owned(),
    }
}

/// `{"success": n, "failed": n, "errors": [{"datapoint": {…}, "error": "…"}]}`, as far as it is there.
#[derive(Debug, Default)]
struct Details {
    failed: Option<usize>,
    errors: Vec<PointError>,
    /// The whole body, where it is something else.
    reason: Option<String>,
}

impl Details {
    /// Without what the request said in confidence, should the server have repeated it.
    fn read(answer: &Answer) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(&answer.body) else {
            let reason = Some(answer.excerpt()).filter(|excerpt| !excerpt.is_empty());
            return Details { reason, ..Details::default() };
        };
        let redacted = |error: PointError| PointError {
            message: answer.redact(error.message),
            point: answer.redact(error.point),
        };
        let failed = body.get("failed").and_then(count);
        let errors = match body.get("errors") {
            Some(Value::Array(errors)) => errors.iter().map(point_error).map(redacted).collect(),
            _ => Vec::new(),
        };
        Details { failed, errors, reason: body.get("error").map(error_text).map(|text| answer.redact(text)) }
    }

    /// The counts, of `points` points in all. The server's `failed` decides, if it gave one: a missing or contradictory
    /// `success` loses nothing.
    fn outcome(self, status: u16, points: usize, failed_if_unknown: usize) -> Outcome {
        let named = (!self.errors.is_empty()).then_some(self.errors.len());
        let failed = self.failed.or(named).unwrap_or(failed_if_unknown).min(points);
        Outcome { status: Some(status), successful: points - failed, failed, errors: self.errors }
    }
}

/// A count, also where it was written as text.
fn count(value: &Value) -> Option<usize> {
    let count = match value {
        Value::String(digits) => digits.parse().ok()?,
        _ => value.as_u64()?,
    };
    usize::try_from(count).ok()
}

fn point_error(entry: &Value) -> PointError {
    let Value::Object(fields) = entry else {
        return PointError { message: error_text(entry), point: String::new() };
    };
    let message = fields.get("error").map(error_text).unwrap_or_default();
    let point = fields.get("datapoint").map(Value::to_string).unwrap_or_default();
    PointError { message, point }
}

/// The text of an error: itself, its `message`, or the JSON it is.
fn error_text(error: &Value) -> String {
    let text = error.as_str().or_else(|| error.get("message")?.as_str());
    text.map_or_else(|| error.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO: Sent = Sent { points: 2, body_bytes: 99 };

    fn judged(status: u16, body: &str) -> Result<(usize, usize, usize), (usize, usize, usize)> {
        match judge(&Answer::new(status, body), TWO) {
            Ok(outcome) => Ok((outcome.successful, outcome.failed, outcome.errors.len())),
            Err(refused) => Err((refused.successful, refused.failed, refused.errors.len())),
        }
    }

    #[test]
    fn any_2xx_is_success_less_what_its_body_names() {
        assert_eq!(judged(200, ""), Ok((2, 0, 0)));
        assert_eq!(judged(202, "{}"), Ok((2, 0, 0)));
        assert_eq!(judged(200, "not json"), Ok((2, 0, 0)));
        assert_eq!(judged(200, r#"{"success":1,"failed":1,"errors":[{"error":"bad"}]}"#), Ok((1, 1, 1)));
        assert_eq!(judged(200, r#"{"errors":["bad"]}"#), Ok((1, 1, 1)));
    }

    #[test]
    fn a_400_tells_which_points_failed_or_all_did() {
        assert_eq!(judged(400, r#"{"success":1,"failed":1,"errors":[]}"#), Err((1, 1, 0)));
        assert_eq!(judged(400, r#"{"success":"1","failed":"1","errors":null}"#), Err((1, 1, 0)));
        assert_eq!(judged(400, r#"{"success":2,"failed":0,"errors":[]}"#), Err((2, 0, 0)));
        for body in ["", "Bad Request", "[]", "null", r#"{"error":{"code":400,"message":"bad"}}"#] {
            assert_eq!(judged(400, body), Err((0, 2, 0)), "{body}");
        }
    }

    #[test]
    fn other_statuses_are_about_all_points_whatever_the_body_says() {
        for status in [301, 304, 401, 403, 413, 422, 429, 500, 503, 600] {
            assert_eq!(
                judged(status, r#"{"success":1,"failed":1,"errors":["x"]}"#),
                Err((0, 2, 0)),
                "{status}"
            );
        }
    }

    #[test]
    fn an_error_is_shown_as_text_whatever_its_shape() {
        let body = r#"{"failed":2,"errors":["plain",{"error":{"code":5}},{"datapoint":{"metric":"m"},"error":"bad"},7]}"#;
        let refused = judge(&Answer::new(400, body), TWO).unwrap_err();
        let messages: Vec<&str> = refused.errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, ["plain", r#"{"code":5}"#, "bad", "7"]);
        assert_eq!(refused.errors[2].point, r#"{"metric":"m"}"#);
    }

    proptest! {
        #[test]
        fn no_body_panics_and_all_points_are_accounted_for(status in 100u16..999, body: Vec<u8>, failed: i64) {
            let counted = format!("{{\"failed\":{failed}}}").into_bytes();
            for body in [body, counted] {
                let (successful, failed) = match judge(&Answer::new(status, body), TWO) {
                    Ok(outcome) => (outcome.successful, outcome.failed),
                    Err(refused) => (refused.successful, refused.failed),
                };
                prop_assert_eq!(successful + failed, 2);
            }
        }
    }
}
