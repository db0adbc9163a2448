//! How options are made.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::ask::{Ask, Asked};
use super::authorization::latin1;
use super::http::{Credentials, Http, Options, Route};
use super::proxy::{Proxies, Proxy, Way};
use super::secrets::Secrets;
use super::tls::{Identity, Pem, Trust};
use super::{Authorization, Coding, HttpBuildError, InvalidAuthorization};
use crate::tag::Environment;

/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Headers that make a request what it is, or have their own place in [`HttpBuilder`].
const RESERVED: [HeaderName; 11] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Makes [`Http`] options. See the [module's table](super#options).
///
/// ```no_run
/// use tagmeter::transport::{Http, Pem};
///
/// let http = Http::builder()
///     .bearer("very secret")
///     .trust_only(Pem::file("/etc/shop/ca.pem"))
///     .client_certificate(Pem::file("/etc/shop/client.pem"), Pem::file("/etc/shop/client.key"))
///     .build()?;
/// assert!(!format!("{http:?}").contains("secret"));
/// # Ok::<(), tagmeter::transport::HttpBuildError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct HttpBuilder {
    credentials: Option<Result<Credentials, InvalidAuthorization>>,
    headers: Vec<(String, String)>,
    way: Chosen,
    except: Option<String>,
    trusted: Vec<Pem>,
    only: bool,
    identity: Option<(Pem, Pem)>,
    connect_timeout: Duration,
    read_timeout: Option<Duration>,
    timeout: Duration,
    coding: Option<Coding>,
    environment: Environment,
}

/// The way that was chosen last.
enum Chosen {
    Environment,
    Direct,
    Proxy(String),
    #[cfg(unix)]
    Socket(PathBuf),
}

impl HttpBuilder {
    pub(super) fn new() -> Self {
        HttpBuilder {
            credentials: None,
            headers: Vec::new(),
            way: Chosen::Environment,
            except: None,
            trusted: Vec::new(),
            only: false,
            identity: None,
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: None,
            timeout: Duration::MAX,
            coding: None,
            environment: Environment::default(),
        }
    }

    /// Sends `Authorization: Bearer` with this token, in place of what the sink would say.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.credentials(Authorization::bearer(token).map(Credentials::Fixed))
    }

    /// Sends `Authorization: Basic` with this user and password, in place of what the sink would say.
    pub fn basic(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.credentials(Authorization::basic(user, password).map(Credentials::Fixed))
    }

    /// Sends this `Authorization`, in place of what the sink would say.
    pub fn authorize(self, authorization: Authorization) -> Self {
        self.credentials(Ok(Credentials::Fixed(authorization)))
    }

    /// Asks a function before each attempt, and at once again where the answer is 401: then that is tried, too, if it is
    /// something else.
    ///
    /// The function runs on a thread of its own, one call at a time. It may be slow: the time it takes is part of the
    /// request's, and a request whose time is over before it returns is not made. One that panics, or gives an error, is
    /// [`TransportError::NoCredentials`](super::TransportError::NoCredentials) and passes, as far as retries are concerned.
    /// The text of its error is shown, so it should hold no secret.
    ///
    /// ```
    /// use tagmeter::transport::{Asked, Authorization, Http};
    /// # struct Tokens; impl Tokens { fn get(&self, _: bool) -> Result<String, std::io::Error> { Ok("t".into()) } }
    /// # let tokens = Tokens;
    /// let http = Http::builder().authorize_with(move |asked| {
    ///     let token = tokens.get(asked == Asked::AfterRefusal)?;
    ///     Ok(Authorization::bearer(token)?)
    /// });
    /// assert!(http.build().is_ok());
    /// ```
    pub fn authorize_with(
        self,
        function: impl Fn(Asked) -> Result<Authorization, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.credentials(Ok(Credentials::Asked(Ask::new(function))))
    }

    fn credentials(mut self, credentials: Result<Credentials, InvalidAuthorization>) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sends this header, in place of one of that name. Its value is taken for a secret.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Goes by this proxy, `http://user:password@host:port` or `https://…`, and leaves the environment's unread. A `%` stands
    /// before two digits that mean a byte: `@` in a password is `%40`.
    ///
    /// To an `https` server it is asked for a tunnel (`CONNECT`), so it sees nothing of what is sent.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.way = Chosen::Proxy(url.into());
        self
    }

    /// Goes to these hosts directly, in the words of `NO_PROXY`, which then is left unread: names (with all below them),
    /// addresses, networks (`10.0.0.0/8`), separated by commas; `*` for all.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.except = Some(hosts.into());
        self
    }

    /// Goes to servers directly, whatever the environment says of proxies.
    pub fn direct(mut self) -> Self {
        self.way = Chosen::Direct;
        self
    }

    /// Goes to this socket on the same machine, whatever host the address names; that is what the server is told.
    #[cfg(unix)]
    #[cfg_attr(docsrs, doc(cfg(unix)))]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.way = Chosen::Socket(path.into());
        self
    }

    /// Trusts servers that these authorities vouch for, as well as those that the system trusts.
    pub fn trust(mut self, authorities: Pem) -> Self {
        self.trusted.push(authorities);
        self
    }

    /// Trusts servers that these authorities vouch for and no others.
    pub fn trust_only(mut self, authorities: Pem) -> Self {
        self.only = true;
        self.trust(authorities)
    }

    /// Shows this certificate to servers that ask for one (mTLS), with those that vouch for it in order.
    pub fn client_certificate(mut self, certificates: Pem, key: Pem) -> Self {
        self.identity = Some((certificates, key));
        self
    }

    /// Longest time until there is a connection, proxy and TLS included; 10 s unless said.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Longest time without a byte from the server; unlimited within the request's time unless said.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// Longest time for one request, credentials, connecting and answer included. Limits of sinks and clients hold as well:
    /// the shorter one counts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How bodies are made smaller; as the sink would unless said. Sinks whose protocol has one coding keep to that.
    pub fn coding(mut self, coding: Coding) -> Self {
        self.coding = Some(coding);
        self
    }

    /// Where `HTTPS_PROXY` and its like are looked up; the process's environment unless said.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// The options.
    ///
    /// # Errors
    ///
    /// One of them cannot be used. Files are read here; the system's certificates are not, and no connection is made.
    pub fn build(self) -> Result<Http, HttpBuildError> {
        let HttpBuilder { connect_timeout, read_timeout, timeout, coding, .. } = self;
        check_level(coding)?;
        let way = self.way()?;
        let mut secrets = Secrets::default();
        way.note_secrets(&mut secrets);
        let headers = header_map(&self.headers, &mut secrets)?;
        let trust = Trust::of(&self.trusted, self.only)?;
        let identity =
            self.identity.map(|(certificates, key)| Identity::of(&certificates, &key)).transpose()?;
        let route = Arc::new(Route { way, trust, identity, connect_timeout, read_timeout });
        let credentials = self.credentials.transpose()?;
        Ok(Http(Arc::new(Options { route, credentials, headers, coding, timeout, secrets })))
    }

    fn way(&self) -> Result<Way, HttpBuildError> {
        let mut proxies = match &self.way {
            Chosen::Environment => Proxies::from_environment(&self.environment)?,
            Chosen::Direct => Proxies::default(),
            Chosen::Proxy(url) => Proxies::all(Proxy::parse(url).map_err(HttpBuildError::Proxy)?),
            #[cfg(unix)]
            Chosen::Socket(path) => return socket(path),
        };
        if let Some(except) = &self.except {
            proxies.except.clone_from(except);
        }
        Ok(Way::Network(if proxies.except_all() { Proxies::default() } else { proxies }))
    }
}

#[cfg(unix)]
fn socket(path: &PathBuf) -> Result<Way, HttpBuildError> {
    match std::os::unix::net::SocketAddr::from_pathname(path) {
        Ok(_) => Ok(Way::Socket(path.clone())),
        Err(error) => Err(HttpBuildError::Socket { path: path.clone(), reason: error.to_string() }),
    }
}

fn check_level(coding: Option<Coding>) -> Result<(), HttpBuildError> {
    match coding.and_then(|coding| Some((coding, coding.exceeded()?))) {
        Some((coding, most)) => Err(HttpBuildError::Level { coding, most }),
        None => Ok(()),
    }
}

fn header_map(headers: &[(String, String)], secrets: &mut Secrets) -> Result<HeaderMap, HttpBuildError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name_of = |_| HttpBuildError::HeaderName { name: name.clone() };
        let key: HeaderName = name.parse().map_err(name_of)?;
        if RESERVED.contains(&key) {
            return Err(HttpBuildError::ReservedHeader { name: name.clone() });
        }
        let bytes = latin1(value).and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        let mut header = bytes.ok_or_else(|| HttpBuildError::HeaderValue { name: name.clone() })?;
        header.set_sensitive(true);
        secrets.add(value);
        map.insert(key, header);
    }
    Ok(map)
}

/// Without credentials and values of headers.
impl fmt::Debug for HttpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBuilder")
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("trusted", &self.trusted)
            .field("client_certificate", &self.identity)
            .field("connect_timeout", &self.connect_timeout)
            .field("coding", &self.coding)
            .finish_non_exhaustive()
    }
}
