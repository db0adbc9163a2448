//! The global registry, statics and macros.

use super::*;

static HITS: Counter = Counter::new("static_hits").help("Hits.");
static DEPTH: Gauge = Gauge::new("static_depth");

#[test]
fn statics_and_macros_meet_in_the_global_registry() {
    HITS.inc();
    tagmeter::counter!("static_hits").inc();
    tagmeter::global().counter("static_hits").inc();
    assert_eq!(HITS.get(), 3);
    DEPTH.set(4.0);
    assert_eq!(tagmeter::global().value("static_depth"), Some(4.0));
    let text = tagmeter::global().snapshot().to_text();
    assert!(text.contains("# HELP static_hits_total Hits.\n"), "{text}");
}

#[test]
fn a_call_site_finds_its_series_each_time() {
    for n in 0..10 {
        let city = if n % 2 == 0 { "Oslo" } else { "Bergen" };
        tagmeter::counter!("site_orders", "city" => city, "kind" => String::from("book")).inc();
    }
    let orders = |city| tagmeter::global().value(("site_orders", [("city", city), ("kind", "book")]));
    assert_eq!((orders("Oslo"), orders("Bergen")), (Some(5.0), Some(5.0)));
}

#[test]
fn a_logger_that_counts_its_records_does_no_harm() {
    static RECORDS: Counter = Counter::new("log_records");
    struct Counting(Mutex<Vec<String>>);
    impl log::Log for Counting {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            RECORDS.inc();
            tagmeter::counter!("log_records_by", "level" => record.level().as_str()).inc();
            tagmeter::gauge!("log_conflict").set(1.0);
            self.0.lock().unwrap().push(record.args().to_string());
        }
        fn flush(&self) {}
    }
    static LOGGER: OnceLock<Counting> = OnceLock::new();
    log::set_logger(LOGGER.get_or_init(|| Counting(Mutex::default()))).unwrap();
    log::set_max_level(log::LevelFilter::Warn);

    tagmeter::global().counter("log_conflict").inc();
    (0..10).for_each(|_| tagmeter::global().gauge("log_conflict").set(1.0));
    let said = LOGGER.get().unwrap().0.lock().unwrap();
    let about: Vec<_> = said.iter().filter(|line| line.contains("\"log_conflict\"")).collect();
    assert_eq!(about.len(), 1, "said once: {about:?}");
    assert!(RECORDS.get() >= 1);
}
