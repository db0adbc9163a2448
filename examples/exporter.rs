//! For those who write an exporter: numbers that something else counts, here the kernel of Linux, mirrored in the two ways
//! there are for sources that take their time. `cargo run --example exporter`

use std::time::Duration;
use std::{fs, io};

use tagmeter::registry::Families;
use tagmeter::{Registry, Unit};

fn main() -> io::Result<()> {
    let registry = Registry::new();

    // Asked when somebody reads, at most every five seconds, and waited for no longer than one.
    registry
        .define_collector("load")
        .cached(Duration::from_secs(5))
        .timeout(Duration::from_secs(1))
        .try_collect(load);

    // Read here, as often as this program likes, and shown as a whole: no reader sees half of the devices.
    let network = registry.staged("network");
    for _ in 0..3 {
        network.try_publish(devices)?; // an error leaves the set before
    }

    print!("{}", registry.snapshot().to_text());
    Ok(())
}

/// `/proc/loadavg`: three averages, then threads that run of all there are: `0.52 0.58 0.59 2/1234 5678`.
fn load(families: &mut Families<'_>) -> io::Result<()> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let mut words = text.split_whitespace();
    let mut averages = families.gauge("load_average", "Processes that run or wait, on average.");
    for (minutes, word) in ["1", "5", "15"].into_iter().zip(words.by_ref()) {
        averages = averages.try_set([("minutes", minutes)], word.parse::<f64>());
    }
    let threads = words.next().and_then(|word| word.split_once('/'));
    let (running, all) = threads.ok_or(io::ErrorKind::InvalidData)?;
    families
        .gauge("threads", "Threads of all processes.")
        .try_set([("state", "running")], running.parse::<f64>())
        .try_set([("state", "any")], all.parse::<f64>());
    Ok(())
}

/// `/proc/net/dev`: a line a device, of eight counts for what it received, bytes and packets first, and eight for what it
/// sent.
fn devices(families: &mut Families<'_>) -> io::Result<()> {
    let text = fs::read_to_string("/proc/net/dev")?;
    for (device, counts) in text.lines().filter_map(|line| line.split_once(':')) {
        let counts: Vec<&str> = counts.split_whitespace().collect();
        for (direction, first) in [("received", 0), ("sent", 8)] {
            let tags = [("device", device.trim()), ("direction", direction)];
            let count = |at: usize| counts.get(first + at).copied().unwrap_or_default().parse::<u64>();
            // A device that is made anew counts from zero: what is pushed as increases must not fall.
            let bytes = families.counter("network", "Through a device.").unit(Unit::Bytes).monotone();
            bytes.try_set(tags, count(0));
            families.counter("network_packets", "Through a device.").monotone().try_set(tags, count(1));
        }
    }
    Ok(())
}
