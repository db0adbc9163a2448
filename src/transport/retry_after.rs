//! How long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// `Retry-After`: seconds, or a date. Source: RFC 9110, section 10.2.3.
///
/// A date is seen from that of the answer, so that it does not matter whether both clocks agree; from ours where the
/// answer has none.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let date = self::text(headers, &DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(date.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn asked(retry_after: &str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(retry_after.as_bytes()).ok()?);
        headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
        read(&headers)
    }

    const DATED: Option<&str> = Some("Fri, 31 Dec 1999 23:59:29 GMT");

    #[test]
    fn seconds_and_each_form_of_a_date_are_read() {
        for text in [
            "30",
            " 30 ",
            "Fri, 31 Dec 1999 23:59:59 GMT",
            "Friday, 31-Dec-99 23:59:59 GMT",
            "Fri Dec 31 23:59:59 1999",
        ] {
            assert_eq!(asked(text, DATED), Some(Duration::from_secs(30)), "{text}");
        }
        assert_eq!(asked("Fri, 31 Dec 1999 00:00:00 GMT", DATED), Some(Duration::ZERO), "it is over");
    }

    #[test]
    fn a_date_is_seen_from_our_clock_where_the_answer_has_none() {
        assert_eq!(asked("Fri, 31 Dec 1999 23:59:59 GMT", None), Some(Duration::ZERO));
        assert!(asked("Fri, 31 Dec 9999 23:59:59 GMT", Some("today")) > Some(Duration::from_secs(1 << 32)));
    }

    #[test]
    fn what_is_neither_is_not_heard() {
        for text in ["", "soon", "-1", "1.5", "Fri, 31 Dec", "31 Dec 1999"] {
            assert_eq!(asked(text, DATED), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "\\PC{0,40}", date in "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT") {
            let _ = (asked(&text, None), asked(&date, DATED));
        }
    }
}
