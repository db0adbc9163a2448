//! Log lines of a call.

use std::cell::RefCell;
use std::sync::Once;

use log::{LevelFilter, Log, Metadata, Record};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct ThisThread;

impl Log for ThisThread {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// What a call gives and what it logs on this thread.
pub(crate) fn logged<T>(call: impl FnOnce() -> T) -> (T, Vec<String>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&ThisThread).expect("the tests' only logger");
        log::set_max_level(LevelFilter::Trace);
    });
    LINES.take();
    let result = call();
    (result, LINES.take())
}

#[test]
fn lines_of_the_call_alone_are_given() {
    logged(|| log::warn!("before"));
    assert_eq!(logged(|| log::warn!("{}", 1)).1, ["1"]);
}
