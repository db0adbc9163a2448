//! What makes connections and keeps them: one client of the HTTP library for each route.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ClientConfig;

use super::http::Route;
use super::proxy::{Proxies, Proxy, Way};
use super::worker::unavailable;
use super::{TransportError, tls};

/// `User-Agent` of every request that has no other.
const USER_AGENT: &str = concat!("tagmeter/", env!("CARGO_PKG_VERSION"));
/// Routes whose connections are kept; a program has a few. Beyond, the one used longest ago is closed.
const MOST: usize = 16;

/// Clients by their routes, the one used last at the end. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Clients(Arc<Mutex<Vec<Kept>>>);

struct Kept {
    route: Arc<Route>,
    /// Reading the system's certificates takes milliseconds, and their absence is nothing to a program that talks to its
    /// own network, so what needs no TLS has a client without.
    secure: bool,
    client: reqwest::Client,
}

impl Clients {
    /// The client of a route, for `https` or else for `http`; made when it is first needed.
    pub(super) fn client(&self, route: &Arc<Route>, https: bool) -> Result<reqwest::Client, TransportError> {
        let secure = https || matches!(&route.way, Way::Network(proxies) if proxies.need_tls());
        let same = |kept: &Kept| kept.secure == secure && kept.route == *route;
        let mut all = self.0.lock();
        let kept = match all.iter().position(same) {
            Some(at) => all.remove(at),
            None => Kept { route: Arc::clone(route), secure, client: new_client(route, secure)? },
        };
        if all.len() >= MOST {
            all.remove(0);
        }
        let client = kept.client.clone();
        all.push(kept);
        Ok(client)
    }
}

fn new_client(route: &Route, secure: bool) -> Result<reqwest::Client, TransportError> {
    let tls = match secure {
        true => tls::config(&route.trust, route.identity.as_ref()),
        false => tls::no_config(),
    };
    let mut builder = plain_builder(tls.map_err(unavailable)?).connect_timeout(route.connect_timeout);
    if let Some(timeout) = route.read_timeout {
        builder = builder.read_timeout(timeout);
    }
    match &route.way {
        Way::Network(proxies) => with_proxies(builder, proxies)?,
        #[cfg(unix)]
        Way::Socket(path) => builder.unix_socket(path.as_path()),
    }
    .build()
    .map_err(unavailable)
}

/// One attempt, no redirect (it would turn the POST into a GET or carry the token elsewhere), no netrc (the library
/// knows none), no proxy but ours, HTTP/1.1, answers as they come: whatever other features of the library the program
/// has switched on.
fn plain_builder(tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}

fn with_proxies(
    builder: reqwest::ClientBuilder,
    proxies: &Proxies,
) -> Result<reqwest::ClientBuilder, TransportError> {
    let except = reqwest::NoProxy::from_string(&proxies.except);
    let url = |proxy: &Proxy| proxy.0.as_str().to_owned();
    let http = proxies.http.as_ref().map(url).map(reqwest::Proxy::http);
    let https = proxies.https.as_ref().map(url).map(reqwest::Proxy::https);
    http.into_iter().chain(https).try_fold(builder, |builder, proxy| {
        Ok(builder.proxy(proxy.map_err(unavailable)?.no_proxy(except.clone())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Http;

    fn route(proxy: &str) -> Arc<Route> {
        Arc::clone(&Http::builder().proxy(proxy).build().unwrap().0.route)
    }

    #[test]
    fn no_more_clients_are_kept_than_a_program_needs() {
        let clients = Clients::default();
        let oldest = route("proxy-of-old");
        for n in 0..3 * MOST {
            clients.client(&route(&format!("proxy-{n}")), false).unwrap();
            // What is used again and again stays, whoever asks for it.
            clients.client(&oldest, false).unwrap();
        }
        let kept = clients.0.lock();
        assert_eq!(kept.len(), MOST);
        assert!(kept.iter().any(|kept| kept.route == oldest));
        assert_eq!(kept.iter().filter(|kept| *kept.route == *route("proxy-of-old")).count(), 1);
    }

    #[test]
    fn what_needs_no_tls_reads_no_certificates() {
        let clients = Clients::default();
        clients.client(&route("http://proxy"), false).unwrap();
        clients.client(&route("https://proxy"), false).unwrap();
        let kept: Vec<bool> = clients.0.lock().iter().map(|kept| kept.secure).collect();
        assert_eq!(kept, [false, true]);
    }
}
