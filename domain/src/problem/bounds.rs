//! Bounds of a revision, so that one event stays a small thing.

/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 120;
/// Tags of a problem.
pub const TAGS_MAX: usize = 16;
/// Bytes of a statement or an editorial.
pub const MARKDOWN_BYTES_MAX: usize = 256 * 1024;
/// Hints of a problem.
pub const HINTS_MAX: usize = 16;
/// Samples of a problem.
pub const SAMPLES_MAX: usize = 32;
/// Bytes of one sample's input or output.
pub const SAMPLE_BYTES_MAX: usize = 64 * 1024;
/// Tests of a problem.
pub const TESTS_MAX: usize = 2_000;
/// Bytes of a starter code or a snippet.
pub const CODE_BYTES_MAX: usize = 64 * 1024;
/// Milliseconds a test may take.
pub const TIME_MS: std::ops::RangeInclusive<u64> = 10..=60_000;
/// KiB a test may use.
pub const MEMORY_KIB: std::ops::RangeInclusive<u64> = 1_024..=4 * 1024 * 1024;
/// KiB a test may print.
pub const OUTPUT_KIB: std::ops::RangeInclusive<u64> = 1..=256 * 1024;
/// Bytes of a submitted source.
pub const SOURCE_BYTES: std::ops::RangeInclusive<u64> = 1..=1024 * 1024;
/// Test groups of a problem.
pub const GROUPS_MAX: usize = 500;
/// Attachments of a problem.
pub const ATTACHMENTS_MAX: usize = 100;
/// Natural languages of a problem besides its first.
pub const TRANSLATIONS_MAX: usize = 50;
/// Files of a packaged program, or beside submissions or a test.
pub const PROGRAM_FILES_MAX: usize = 200;
/// Validators of a problem.
pub const VALIDATORS_MAX: usize = 8;
/// Times that a submission is run on one test.
pub const PASSES: std::ops::RangeInclusive<u32> = 1..=100;
/// Milliseconds a validator may take.
pub const VALIDATION_TIME_MS: std::ops::RangeInclusive<u64> = 100..=300_000;
/// Characters of all arguments of one test, of its program and its validators.
pub const ARGS_CHARS_MAX: usize = 4_096;
