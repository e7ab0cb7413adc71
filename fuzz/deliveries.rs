//! Any delivery at all to the adapter of any platform: a line with the kind, a line with the content type, the body.

#![no_main]

#[path = "../tests/it/sources/judge.rs"]
mod judge;

libfuzzer_sys::fuzz_target!(|input: &[u8]| judge::judge(input));
