//! A server whose certificate nobody here vouches for.

use std::path::{Path, PathBuf};

use super::drained;
use crate::endpoint::{Controlled, Endpoint};
use crate::figures::Row;
use crate::process::command;
use crate::program::{Program, ROLE, Settings};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

pub(super) fn wrong_ca_then_mended(scratch: &Path) -> Row {
    let mut endpoint = Controlled::new(scratch);
    endpoint.tls(&file("tls/second.pem"), &file("tls/second.key.pem"));
    endpoint.up();
    let settings = Settings::to(&endpoint.url());
    let trusted = file("pki/authority.pem");
    let mut program = command(ROLE, &settings);
    let mut program = Program::start_by(program.env("SSL_CERT_FILE", &trusted), settings);
    let figures = program.report(20);
    assert_eq!(figures.delivered, 0);
    assert!(figures.last_error.is_some_and(|error| error.contains("certificate")), "it says why");
    assert_eq!(endpoint.held().distinct(), 0);
    endpoint.down();
    endpoint.tls(&file("pki/server.pem"), &file("pki/server.key"));
    endpoint.up();
    let row = drained(program, &endpoint);
    assert_eq!(row.held, row.accepted);
    row
}
