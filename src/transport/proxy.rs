//! The way to a server: directly, by proxies, or over a local socket.

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

use super::endpoint::{parse_scheme, shown_host};
use super::secrets::Secrets;
use super::{HttpBuildError, InvalidUrl};
use crate::base64;
use crate::tag::Environment;

/// How connections are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Over TCP, by the proxies there are.
    Network(Proxies),
    /// To a socket on this machine.
    #[cfg(unix)]
    Socket(PathBuf),
}

/// Proxies by the scheme of the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Proxies {
    pub(super) http: Option<Proxy>,
    pub(super) https: Option<Proxy>,
    /// Hosts that are reached directly, in the words of `NO_PROXY`.
    pub(super) except: String,
}

/// A proxy. `Debug` does not show its credentials.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy(pub(super) Url);

impl Way {
    pub(super) fn note_secrets(&self, secrets: &mut Secrets) {
        match self {
            Way::Network(proxies) => proxies.note_secrets(secrets),
            #[cfg(unix)]
            Way::Socket(_) => {}
        }
    }
}

impl Proxy {
    /// `http://user:password@host:port`, or with `https`; `http` where there is no scheme.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let scheme = if text.contains("://") { "" } else { "http://" };
        parse_scheme(&format!("{scheme}{text}")).map(Proxy)
    }

    fn needs_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The user's name is none.
    fn note_secrets(&self, secrets: &mut Secrets) {
        let Some(password) = self.0.password() else { return };
        let password = percent_decoded(password);
        secrets.add(&password);
        secrets.add(&base64::encode(format!("{}:{password}", percent_decoded(self.0.username())).as_bytes()));
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), shown_host(&self.0))
    }
}

impl Proxies {
    pub(super) fn all(proxy: Proxy) -> Self {
        Proxies { http: Some(proxy.clone()), https: Some(proxy), except: String::new() }
    }

    /// What the environment says, as curl reads it: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in upper case
    /// or lower.
    ///
    /// A CGI program's `HTTP_PROXY` is the header `Proxy` of whoever asks, so it is left alone there (CVE-2016-5385).
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, HttpBuildError> {
        let is_cgi = environment.setting("REQUEST_METHOD", None).is_some();
        let http = if is_cgi { &["http_proxy"][..] } else { &["HTTP_PROXY", "http_proxy"] };
        Ok(Proxies {
            http: named_or_all(environment, http)?,
            https: named_or_all(environment, &["HTTPS_PROXY", "https_proxy"])?,
            except: first(environment, &["NO_PROXY", "no_proxy"]).map(|(_, text)| text).unwrap_or_default(),
        })
    }

    /// Whether no host is left. The HTTP library takes `*` for all names, and for no address.
    pub(super) fn except_all(&self) -> bool {
        self.except.split(',').any(|host| host.trim() == "*")
    }

    pub(super) fn need_tls(&self) -> bool {
        self.http.iter().any(Proxy::needs_tls)
    }

    fn note_secrets(&self, secrets: &mut Secrets) {
        self.http.iter().chain(&self.https).for_each(|proxy| proxy.note_secrets(secrets));
    }
}

/// The proxy that the first of these variables names, or the one for all requests, which is not looked at otherwise: it may
/// be of a kind that other programs use.
fn named_or_all(environment: &Environment, names: &[&'static str]) -> Result<Option<Proxy>, HttpBuildError> {
    match named(environment, names)? {
        None => named(environment, &["ALL_PROXY", "all_proxy"]),
        some => Ok(some),
    }
}

fn named(environment: &Environment, names: &[&'static str]) -> Result<Option<Proxy>, HttpBuildError> {
    let Some((variable, text)) = first(environment, names) else { return Ok(None) };
    let proxy =
        Proxy::parse(&text).map_err(|fault| HttpBuildError::ProxyVariable { variable, source: fault })?;
    Ok(Some(proxy))
}

fn first(environment: &Environment, names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| Some((*name, environment.setting(name, None)?)))
}

/// The text with each `%41` the byte it means.
fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|two| str::from_utf8(two).ok());
        let (byte, skipped) = match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => (byte, 2),
            None => (*first, 0),
        };
        bytes.push(byte);
        rest = &after[skipped..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &'static [(&'static str, &'static str)]) -> Result<Proxies, HttpBuildError> {
        let lookup =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, text)| (*text).into());
        Proxies::from_environment(&Environment::new(lookup))
    }

    fn shown(proxy: &Option<Proxy>) -> String {
        proxy.as_ref().map(|proxy| format!("{proxy:?}")).unwrap_or_default()
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let both =
            proxies(&[("HTTPS_PROXY", "https://a:1"), ("http_proxy", "b:2"), ("NO_PROXY", "c,d")]).unwrap();
        assert_eq!((shown(&both.http), shown(&both.https)), ("http://b:2".into(), "https://a:1".into()));
        assert_eq!(both.except, "c,d");
        let all = proxies(&[("all_proxy", "http://a"), ("HTTPS_PROXY", "http://b:8080")]).unwrap();
        assert_eq!((shown(&all.http), shown(&all.https)), ("http://a:80".into(), "http://b:8080".into()));
        let unneeded = proxies(&[("ALL_PROXY", "socks5h://a"), ("HTTPS_PROXY", "b"), ("HTTP_PROXY", "b")]);
        assert_eq!(shown(&unneeded.unwrap().https), "http://b:80");
        assert_eq!(proxies(&[]).unwrap(), Proxies::default());
    }

    #[test]
    fn a_request_to_a_cgi_program_names_no_proxy() {
        let cgi = proxies(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://mallory")]).unwrap();
        assert_eq!(cgi.http, None);
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_told_without_its_password() {
        for text in ["socks5://u:hunter2@a", "http://u:hunter2@", "//u:hunter2@"] {
            let lookup = move |name: &str| (name == "ALL_PROXY").then(|| text.to_owned());
            let error = Proxies::from_environment(&Environment::new(lookup)).unwrap_err();
            assert!(matches!(error, HttpBuildError::ProxyVariable { variable: "ALL_PROXY", .. }), "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn credentials_are_not_shown_and_taken_out_of_texts_in_either_form() {
        let proxy = Proxy::parse("http://user:p%40ssw0rd%@host").unwrap();
        assert_eq!(format!("{proxy:?}"), "http://host:80");
        let mut secrets = Secrets::default();
        proxy.note_secrets(&mut secrets);
        let said = format!("p@ssw0rd% {}", base64::encode(b"user:p@ssw0rd%"));
        assert_eq!(secrets.redact(said), "… …");
    }
}
