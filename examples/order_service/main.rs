//! For everybody who wants to see the whole path at once: a web service with every instrument, pulled and pushed.
//! `cargo run --example order_service --features apptuit,spool`, then the curl lines that it prints.
//!
//! `metrics.rs` defines what is measured, `routes.rs` measures it; `orders.rs` and `tree.rs` do the work and know
//! nothing of metrics; `receiver.rs` takes the pushes when no token says where else they should go.

mod metrics;
mod orders;
mod receiver;
mod routes;
mod tree;

use std::error::Error;
use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tagmeter::apptuit::BuildError;
use tagmeter::{Apptuit, Registry, Reporter};
use tokio::net::TcpListener;

use crate::routes::Service;

/// How long requests in flight, and after them the last push, may take at the end.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("order_service: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let seconds: u64 = variable("REPORT_SECONDS", 10)?;
    let listener = listen(variable("PORT", 8080)?).await?;

    let registry = Registry::new();
    let service = Arc::new(Service::new(&registry)?);
    let apptuit = apptuit().await?;
    println!("pushing every {seconds} s to {}", apptuit.endpoint());
    let mut reporter = Reporter::new(&registry, apptuit) // APPTUIT_API_TOKEN, APPTUIT_API_ENDPOINT, APPTUIT_TAGS
        .every(Duration::from_secs(seconds))
        .tags([("service", "order-service")])
        .on_error(|error| eprintln!("{error}"));
    if let Ok(directory) = std::env::var("SPOOL_DIR") {
        reporter = reporter.spool(directory); // what the receiver does not take is sent after the next start
    }
    let reporter = reporter.start()?;

    print_what_to_try(listener.local_addr()?);
    serve(listener, service).await?;

    // Waits here, on the main thread; the runtime's own threads go on, and with them the receiver.
    let last = reporter.stop(GRACE)?;
    println!("last report: {} of {} points taken", last.successful, last.points);
    Ok(())
}

/// Where to push: as the environment says, or to a receiver of our own when it says nothing.
async fn apptuit() -> Result<Apptuit, Box<dyn Error>> {
    match Apptuit::from_env() {
        Err(BuildError::NoToken) => {
            println!("APPTUIT_API_TOKEN is not set: pushes go to a receiver in this process");
            Ok(Apptuit::builder().token(receiver::TOKEN).endpoint(receiver::start().await?).build()?)
        }
        described => Ok(described?),
    }
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| format!("cannot listen on {address} (PORT chooses another port): {error}"))
}

/// Answers requests until somebody asks it to end.
async fn serve(listener: TcpListener, service: Arc<Service>) -> Result<(), Box<dyn Error>> {
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, routes::router(service.clone()))
        .with_graceful_shutdown(async { ended.await.unwrap_or_default() });
    let server = tokio::spawn(server.into_future());

    service.is(metrics::SERVING);
    asked_to_end().await?;
    service.is(metrics::STOPPING);
    println!("\nstopping");
    let _ = end.send(());
    // Those who are still not answered after this are not waited for.
    let _ = tokio::time::timeout(GRACE, server).await;
    Ok(())
}

/// Ctrl-C, or SIGTERM as init systems send it.
#[cfg(unix)]
async fn asked_to_end() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// A number from the environment.
fn variable<T: FromStr<Err: Display>>(name: &str, default: T) -> Result<T, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|error| format!("{name} is {text:?}, expected a number: {error}")),
        Err(_) => Ok(default),
    }
}

fn print_what_to_try(address: SocketAddr) {
    println!(
        r#"listening on http://{address}

To try in another terminal:
  curl http://{address}/orders -d '{{"item": "tree", "amount": 2}}'    # an order
  curl http://{address}/orders/1                                     # the same again
  curl http://{address}/orders -d '{{"item": "tree", "amount": 0}}'    # refused: 400
  curl http://{address}/orders -d '{{"item": "boom", "amount": 1}}'    # the warehouse breaks: 500
  curl 'http://{address}/treecounter?depth=14'                       # some work to time
  curl http://{address}/metrics                                      # what was measured
Ctrl-C ends it, after one last push.
"#
    );
}
