//! What stands for TLS where the feature is off: nothing that there could be one of.

use std::io;

use crate::http::server::socket::Socket;

/// Never there.
#[derive(Debug, Clone)]
pub(super) enum Tls {}

impl Tls {
    /// Never called.
    pub(super) async fn accept(&self, _: Socket) -> io::Result<Socket> {
        match *self {}
    }
}
