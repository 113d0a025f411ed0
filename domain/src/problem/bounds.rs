//! Bounds of a revision's content, which keep its event small.

/// Characters of a title, which also needs at least one.
pub const TITLE_CHARS_MAX: usize = 120;
/// Tags of a problem.
pub const TAGS_MAX: usize = 16;
/// Bytes of a statement, an editorial or a hint.
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
/// CPU time limit of a test, in milliseconds.
pub const TIME_MS: std::ops::RangeInclusive<u64> = 10..=60_000;
/// Memory limit of a test or a validator, in KiB.
pub const MEMORY_KIB: std::ops::RangeInclusive<u64> = 1_024..=4 * 1024 * 1024;
/// Output limit of a test, in KiB.
pub const OUTPUT_KIB: std::ops::RangeInclusive<u64> = 1..=256 * 1024;
/// Size limit of a submitted source, in bytes.
pub const SOURCE_BYTES: std::ops::RangeInclusive<u64> = 1..=1024 * 1024;
/// Test groups of a problem.
pub const GROUPS_MAX: usize = 500;
/// Attachments of a problem.
pub const ATTACHMENTS_MAX: usize = 100;
/// Translations of a problem's statement.
pub const TRANSLATIONS_MAX: usize = 50;
/// Files of one packaged program, of one set of included files, or of one test.
pub const PROGRAM_FILES_MAX: usize = 200;
/// Validators of a problem.
pub const VALIDATORS_MAX: usize = 8;
/// Number of runs of a submission on one test.
pub const PASSES: std::ops::RangeInclusive<u32> = 1..=100;
/// CPU time limit of a validator, in milliseconds.
pub const VALIDATION_TIME_MS: std::ops::RangeInclusive<u64> = 100..=300_000;
/// Characters of all arguments of one test: the program's and the validators' together.
pub const ARGS_CHARS_MAX: usize = 4_096;
