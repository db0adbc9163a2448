//! Who may look: basic and bearer authentication.
//!
//! Source: RFC 7617 (basic), RFC 6750 (bearer), RFC 9110, section 11.

use std::fmt;

use hyper::header::{self, HeaderMap, HeaderValue};
use subtle::{Choice, ConstantTimeEq};

use crate::base64;

/// What opens the door, in the words of `Authorization`. Without any it stands open.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    accepted: Vec<(Scheme, Box<[u8]>)>,
    refused: Option<&'static str>,
}

/// How a client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

const USABLE_PASSWORD: &str =
    "a user without a colon and a password that is not empty, neither with control characters";
const USABLE_TOKEN: &str = "a token of visible ASCII characters that is not empty";

impl Scheme {
    const ALL: [Scheme; 2] = [Scheme::Basic, Scheme::Bearer];

    fn of(word: &[u8]) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| word.eq_ignore_ascii_case(scheme.word().as_bytes()))
    }

    fn word(self) -> &'static str {
        match self {
            Scheme::Basic => "Basic",
            Scheme::Bearer => "Bearer",
        }
    }

    fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Scheme::Basic => r#"Basic realm="metrics", charset="UTF-8""#,
            Scheme::Bearer => r#"Bearer realm="metrics""#,
        })
    }
}

impl Credentials {
    /// Lets this user in, too.
    pub(super) fn add_basic(&mut self, user: &str, password: &str) {
        let is_plain = |text: &str| !text.contains(char::is_control);
        if user.contains(':') || password.is_empty() || !is_plain(user) || !is_plain(password) {
            self.refused = Some(USABLE_PASSWORD);
        }
        let pair = base64::encode(format!("{user}:{password}").as_bytes());
        self.accepted.push((Scheme::Basic, pair.into_bytes().into()));
    }

    /// Lets the bearer of this in, too.
    pub(super) fn add_bearer(&mut self, token: &str) {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.refused = Some(USABLE_TOKEN);
        }
        self.accepted.push((Scheme::Bearer, token.as_bytes().into()));
    }

    /// What was expected, where some cannot be sent by any client.
    pub(super) fn refused(&self) -> Option<&'static str> {
        self.refused
    }

    /// Whether a request with these headers may be answered.
    pub(super) fn permit(&self, headers: &HeaderMap) -> bool {
        if self.accepted.is_empty() {
            return true;
        }
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) => self.know(line.as_bytes()),
            _ => false,
        }
    }

    /// Whether they are among those accepted; for how long that is asked tells at most how long they are.
    fn know(&self, line: &[u8]) -> bool {
        let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let (Some(scheme), given) = (Scheme::of(word), line[word.len()..].trim_ascii()) else { return false };
        let own = self.accepted.iter().filter(|(own, _)| *own == scheme);
        own.fold(Choice::from(0), |known, (_, secret)| known | secret.ct_eq(given)).into()
    }

    /// What to ask of those who are not permitted, one value a scheme.
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let is_used = |scheme: &Scheme| self.accepted.iter().any(|(own, _)| own == scheme);
        Scheme::ALL.into_iter().filter(is_used).map(Scheme::challenge)
    }
}

/// Says which schemes there are and no secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.accepted.iter().map(|(scheme, _)| scheme)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::AUTHORIZATION, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn whoever_has_one_of_them_may_look() {
        let mut credentials = Credentials::default();
        credentials.add_basic("Aladdin", "open sesame");
        credentials.add_bearer("t0ken");
        credentials.add_bearer("t0ken-of-tomorrow");
        for known in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ== ",
            "Bearer t0ken",
            "BEARER t0ken-of-tomorrow",
        ] {
            assert!(credentials.permit(&headers(&[known])), "{known}");
        }
        for unknown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer t0ke",
            "Bearer t0kenn",
            "Bearer T0ken",
            "Basic t0ken",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic Aladdin:open sesame",
            "Digest t0ken",
            "t0ken",
        ] {
            assert!(!credentials.permit(&headers(&[unknown])), "{unknown}");
        }
        assert!(!credentials.permit(&headers(&[])));
        assert!(!credentials.permit(&headers(&["Bearer t0ken", "Bearer t0ken"])), "said twice");
    }

    #[test]
    fn without_credentials_the_door_is_open() {
        assert!(Credentials::default().permit(&headers(&[])));
    }

    #[test]
    fn what_no_client_can_send_is_refused() {
        let basic = |user, password| {
            let mut credentials = Credentials::default();
            credentials.add_basic(user, password);
            credentials.refused()
        };
        for (user, password) in [("a:b", "c"), ("a", ""), ("a", "b\n"), ("a\0", "b")] {
            assert_eq!(basic(user, password), Some(USABLE_PASSWORD), "{user:?} {password:?}");
        }
        assert_eq!([basic("", "b:c"), basic("ä", "ö ü")], [None; 2]);
        for token in ["", "a b", "a\n", "ä"] {
            let mut credentials = Credentials::default();
            credentials.add_bearer(token);
            assert_eq!(credentials.refused(), Some(USABLE_TOKEN), "{token:?}");
        }
    }
}
