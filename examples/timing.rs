//! For those who want to know how long things take, whatever shape the work has: a block, a function, a future, a
//! duration measured elsewhere, work that can fail or be cancelled. `cargo run --example timing`

use std::time::Duration;

use tagmeter::{Registry, TimedExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let timer = registry.define("work").help("Time to work.").timer()?;

    {
        let _timing = timer.start(); // records when dropped: return, `?` and panic alike
        work()?;
    }
    let timing = timer.start();
    work()?;
    println!("took {:?}", timing.stop());
    timer.start().discard(); // was not worth it

    timer.time(work)?;
    async { work() }.timed(&timer).await?;
    timer.record(Duration::from_millis(3));
    println!("{} pieces of work", timer.value().count());

    // Four series: ok, error, panic, cancelled.
    let save = registry.define("save").help("Time to save.").outcome().timer()?;
    save.time(work)?;
    let failed = async { "seventeen".parse::<u32>() }.timed_outcome(&save).await;
    drop(save.start());
    for outcome in ["ok", "error", "panic", "cancelled"] {
        let times = registry.value(("save", [("outcome", outcome)])).unwrap_or_default();
        println!("{outcome}: {times}");
    }
    println!("the error was: {}", failed.err().map(|error| error.to_string()).unwrap_or_default());
    Ok(())
}

fn work() -> Result<u32, std::num::ParseIntError> {
    "17".parse()
}
