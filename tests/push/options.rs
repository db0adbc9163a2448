//! Options that cannot be used are refused when they are built, with the reason and without a secret.

use std::error::Error;

use tagmeter::apptuit::{BuildError, Client};
use tagmeter::tag::Environment;
use tagmeter::transport::{
    Authorization, Coding, Http, HttpBuildError, HttpBuilder, InvalidAuthorization, InvalidUrl, Pem,
};

use crate::tls::pki;

const SECRET: &str = "hunter2";

/// Why these are refused. No cause of it shows the secret.
fn refused(options: HttpBuilder) -> HttpBuildError {
    let error = options.build().unwrap_err();
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(shown) = cause {
        assert!(!format!("{shown} {shown:?}").contains(SECRET), "{shown:?}");
        cause = shown.source();
    }
    error
}

fn http() -> HttpBuilder {
    Http::builder().environment(Environment::empty())
}

#[test]
fn credentials_that_cannot_be_sent() {
    let bearer = http().bearer(format!("{SECRET}\n"));
    assert_eq!(refused(bearer), HttpBuildError::Authorization(InvalidAuthorization::Unsendable));
    assert_eq!(refused(http().bearer("")), HttpBuildError::Authorization(InvalidAuthorization::Empty));
    let user = http().basic(format!("a:{SECRET}"), SECRET);
    assert_eq!(refused(user), HttpBuildError::Authorization(InvalidAuthorization::User));
    let password = http().basic("a", format!("{SECRET}\0"));
    assert_eq!(refused(password), HttpBuildError::Authorization(InvalidAuthorization::Password));
    let last_counts = http().bearer("").authorize(Authorization::header("ApiKey k").unwrap());
    assert!(last_counts.build().is_ok());
}

#[test]
fn headers_that_are_none_or_not_for_the_asking() {
    assert_eq!(refused(http().header("a b", SECRET)), HttpBuildError::HeaderName { name: "a b".into() });
    let value = http().header("x-token", format!("{SECRET}\r\nx: y"));
    assert_eq!(refused(value), HttpBuildError::HeaderValue { name: "x-token".into() });
    for name in ["Authorization", "host", "Content-Length", "content-type", "Transfer-Encoding", "connection"]
    {
        let error = refused(http().header(name, SECRET));
        assert_eq!(error, HttpBuildError::ReservedHeader { name: name.into() });
    }
}

#[test]
fn proxies_that_have_no_address() {
    for url in ["socks5://a:hunter2@proxy:1080", "ftp://a:hunter2@proxy"] {
        assert!(
            matches!(refused(http().proxy(url)), HttpBuildError::Proxy(InvalidUrl::Scheme { .. })),
            "{url}"
        );
    }
    for url in ["", "http://", "http://a:hunter2@", "http://a:hunter2@proxy:99999", "http://a b"] {
        assert!(
            matches!(refused(http().proxy(url)), HttpBuildError::Proxy(InvalidUrl::Syntax { .. })),
            "{url}"
        );
    }
    let variable = |name: &str| (name == "HTTPS_PROXY").then(|| format!("socks5://a:{SECRET}@proxy"));
    let error = refused(Http::builder().environment(Environment::new(variable)));
    assert!(matches!(&error, HttpBuildError::ProxyVariable { variable: "HTTPS_PROXY", .. }), "{error:?}");
    let client = Client::builder().token("tok").environment(Environment::new(variable)).ignore_environment();
    assert_eq!(client.build().unwrap_err(), BuildError::Http(error));
    assert!(Http::builder().direct().environment(Environment::new(variable)).build().is_ok());
}

#[test]
fn codings_of_levels_that_there_are_not() {
    let coding = Coding::gzip().level(10);
    assert_eq!(refused(http().coding(coding)), HttpBuildError::Level { coding, most: 9 });
    assert!(http().coding(Coding::deflate().level(0)).build().is_ok());
}

#[test]
fn files_and_texts_that_hold_no_certificate() {
    let nowhere = refused(http().trust(Pem::file("/nowhere/ca.pem")));
    assert!(matches!(&nowhere, HttpBuildError::Unreadable { path, .. } if path.ends_with("ca.pem")));
    for pem in [Pem::text(""), Pem::file(pki("client.key")), Pem::text("-----BEGIN CERTIFICATE-----\n!")] {
        let error = refused(http().trust_only(pem.clone()));
        assert!(matches!(error, HttpBuildError::NoCertificate { .. }), "{pem:?}: {error}");
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(refused(http().trust(Pem::text(broken))), HttpBuildError::BrokenCertificate { .. }));
}

#[test]
fn client_certificates_without_their_key() {
    let (certificate, key) = (|| Pem::file(pki("client.pem")), |name| Pem::file(pki(name)));
    let none = refused(http().client_certificate(certificate(), certificate()));
    assert_eq!(none, HttpBuildError::NoKey { pem: format!("{:?}", pki("client.pem")) });
    let other = refused(http().client_certificate(certificate(), key("server.key")));
    assert!(matches!(&other, HttpBuildError::Pair { reason } if reason.contains("KeyMismatch")), "{other}");
    let nowhere = refused(http().client_certificate(certificate(), key("nowhere.key")));
    assert!(matches!(nowhere, HttpBuildError::Unreadable { .. }));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let error = refused(http().client_certificate(certificate(), Pem::text(encrypted)));
    assert!(matches!(&error, HttpBuildError::NoKey { .. }) && error.to_string().contains("not encrypted"));
    assert!(http().client_certificate(certificate(), key("client.key")).build().is_ok());
}

#[cfg(unix)]
#[test]
fn sockets_whose_path_is_too_long() {
    let error = refused(http().unix_socket("/".to_owned() + &"x".repeat(200)));
    assert!(matches!(error, HttpBuildError::Socket { .. }));
}

#[test]
fn endpoints_that_hold_a_secret() {
    for endpoint in
        ["http://a:hunter2@host", "http://host/?token=hunter2", "http://host#hunter2", "hunter2@host"]
    {
        let client = Client::builder().token("tok").endpoint(endpoint).ignore_environment();
        assert!(!format!("{client:?}").contains(SECRET));
        let error = client.build().unwrap_err();
        assert!(matches!(error, BuildError::InvalidEndpoint(_)));
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
}
