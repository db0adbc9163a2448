#![no_main]

libfuzzer_sys::fuzz_target!(|snapshot: tagmeter_fuzz::AnySnapshot| tagmeter_fuzz::pages_of(&snapshot.0));
