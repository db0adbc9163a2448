#![no_main]

libfuzzer_sys::fuzz_target!(|page: &str| tagmeter_fuzz::openmetrics_page(page));
