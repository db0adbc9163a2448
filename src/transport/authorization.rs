//! Who a request says it is from.

use std::fmt;

use super::secrets::{REDACTED, Secrets};
use crate::base64;

/// The value of an `Authorization` header. `Debug` shows its scheme and nothing else.
///
/// ```
/// use tagmeter::transport::Authorization;
///
/// let login = Authorization::basic("prometheus", "very secret")?;
/// assert_eq!(format!("{login:?}"), "Authorization(Basic …)");
/// # Ok::<(), tagmeter::transport::InvalidAuthorization>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    scheme: Box<str>,
    /// As it stands in the header, Latin-1.
    header: Box<[u8]>,
    secrets: Secrets,
}

/// Why a text cannot be sent as credentials. It is not repeated here.
///
/// ```
/// use tagmeter::transport::{Authorization, InvalidAuthorization};
///
/// let error = Authorization::bearer("secret\0").unwrap_err();
/// assert_eq!(error, InvalidAuthorization::Unsendable);
/// assert!(!error.to_string().contains("secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthorization {
    /// A token or header is empty.
    #[error("the credentials are empty: expected a token, or the value of an Authorization header")]
    Empty,
    /// A character cannot stand in a header.
    #[error(
        "the credentials hold a control character or one beyond U+00FF: expected text that fits into an HTTP header"
    )]
    Unsendable,
    /// In basic authentication, the colon ends the user's name.
    #[error("the user name holds a colon or a control character: expected one without")]
    User,
    /// Basic authentication has no way to send control characters.
    #[error("the password holds a control character: expected one without")]
    Password,
}

impl Authorization {
    /// `Bearer` and a token, taken as it is: blanks are part of it. Source: RFC 6750.
    ///
    /// # Errors
    ///
    /// The token is empty, or a character cannot stand in an HTTP header.
    ///
    /// ```
    /// assert!(tagmeter::transport::Authorization::bearer("line\nbreak").is_err());
    /// ```
    pub fn bearer(token: impl AsRef<str>) -> Result<Self, InvalidAuthorization> {
        Authorization::with("Bearer", token.as_ref(), &[])
    }

    /// `Basic`: a user's name and password, in UTF-8. Source: RFC 7617.
    ///
    /// # Errors
    ///
    /// One of them holds a control character, or the name a colon.
    ///
    /// ```
    /// assert!(tagmeter::transport::Authorization::basic("sensor:7", "very secret").is_err());
    /// ```
    pub fn basic(user: impl AsRef<str>, password: impl AsRef<str>) -> Result<Self, InvalidAuthorization> {
        let (user, password) = (user.as_ref(), password.as_ref());
        if user.contains(|c: char| c == ':' || c.is_control()) {
            return Err(InvalidAuthorization::User);
        }
        if password.contains(char::is_control) {
            return Err(InvalidAuthorization::Password);
        }
        Authorization::with("Basic", &base64::encode(format!("{user}:{password}").as_bytes()), &[password])
    }

    /// Any other: the header's whole value.
    ///
    /// # Errors
    ///
    /// The value is empty, or a character cannot stand in an HTTP header.
    ///
    /// ```
    /// use tagmeter::transport::Authorization;
    ///
    /// let token = Authorization::header("Token very-secret")?;
    /// assert_eq!(format!("{token:?}"), "Authorization(Token …)");
    /// # Ok::<(), tagmeter::transport::InvalidAuthorization>(())
    /// ```
    pub fn header(value: impl AsRef<str>) -> Result<Self, InvalidAuthorization> {
        match value.as_ref().split_once(' ') {
            Some((scheme, credentials)) => Authorization::with(scheme, credentials, &[]),
            None => Authorization::with("", value.as_ref(), &[]),
        }
    }

    fn with(scheme: &str, credentials: &str, more: &[&str]) -> Result<Self, InvalidAuthorization> {
        if credentials.is_empty() {
            return Err(InvalidAuthorization::Empty);
        }
        let blank = if scheme.is_empty() { "" } else { " " };
        let header =
            latin1(&format!("{scheme}{blank}{credentials}")).ok_or(InvalidAuthorization::Unsendable)?;
        let mut secrets = Secrets::default();
        [credentials].iter().chain(more).for_each(|secret| secrets.add(secret));
        Ok(Authorization { scheme: scheme.into(), header, secrets })
    }

    pub(super) fn header_value(&self) -> &[u8] {
        &self.header
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

/// Latin-1, as HTTP reads header values; `None` if a character cannot stand in one.
pub(super) fn latin1(text: &str) -> Option<Box<[u8]>> {
    text.chars().map(header_byte).collect()
}

fn header_byte(c: char) -> Option<u8> {
    u8::try_from(u32::from(c)).ok().filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.scheme.is_empty() { "" } else { " " };
        write!(f, "Authorization({}{blank}{REDACTED})", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_is_written_as_its_standard_says() {
        let bearer = Authorization::bearer("s3cr3t-é").unwrap();
        assert_eq!(bearer.header_value(), b"Bearer s3cr3t-\xe9", "Latin-1 goes out as Latin-1");
        let basic = Authorization::basic("Aladdin", "open sesame").unwrap();
        assert_eq!(basic.header_value(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(Authorization::header("abc").unwrap().header_value(), b"abc");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_and_not_repeated() {
        for text in ["secret\r\nX: y", "secret\u{7f}", "secret€", "secret\0"] {
            for result in [
                Authorization::bearer(text),
                Authorization::header(text),
                Authorization::basic(format!("{text}:"), "p"),
                Authorization::basic("u", format!("{text}\n")),
            ] {
                let error = result.unwrap_err();
                assert!(!format!("{error} {error:?}").contains("secret"));
            }
        }
        assert_eq!(Authorization::bearer(""), Err(InvalidAuthorization::Empty));
        assert_eq!(Authorization::header(""), Err(InvalidAuthorization::Empty));
    }

    #[test]
    fn a_password_is_taken_out_of_texts_in_either_form() {
        let basic = Authorization::basic("Aladdin", "open sesame").unwrap();
        let said = "no open sesame, no QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned();
        assert_eq!(basic.secrets().redact(said), "no …, no …");
    }
}
