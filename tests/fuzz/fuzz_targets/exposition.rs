#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netwolf_fuzz_bodies::exposition::run(data));
