#![no_main]

libfuzzer_sys::fuzz_target!(|page: &str| tagmeter_fuzz::text_page(page));
