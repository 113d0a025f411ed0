//! Limits on the size of a package. `domain::problem::bounds` limits what a revision may contain.

use crate::budget::Budget;

/// Maximum size of an uploaded archive, in bytes.
pub const ARCHIVE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that any archive may inflate to, regardless of its size: test data compresses well.
pub const INFLATED_BYTES_FREE: u64 = 64 * 1024 * 1024;

/// Maximum inflation ratio of an archive that inflates to more than [`INFLATED_BYTES_FREE`].
pub const INFLATION_RATIO_MAX: u64 = 200;

/// Maximum number of files in a package, including links and folders. Ignored entries do not count.
pub const FILES_MAX: usize = 10_000;

/// Maximum number of central directory entries of an archive for each allowed file. Ignored
/// entries, such as the objects of a Git repository, count here too.
pub const ARCHIVE_ENTRIES_PER_FILE: usize = 20;

/// Maximum size of one file, in bytes. The format recommends the same limit.
pub const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Maximum total size of all files, in bytes.
pub const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Maximum number of names in a path, counted from the root of the package.
pub const DEPTH_MAX: usize = 16;

/// Maximum length of one name in a path, in bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// Maximum length of a link's target, in bytes.
pub const LINK_TARGET_BYTES_MAX: usize = 1_024;

/// Maximum number of links followed to reach one file.
pub const LINK_HOPS_MAX: usize = 16;

/// Maximum size of a YAML file, in bytes.
pub const YAML_BYTES_MAX: usize = 256 * 1024;

/// Maximum nesting depth of a YAML file.
pub const YAML_DEPTH_MAX: usize = 16;

/// Maximum number of scalars, lists and maps in a YAML file.
pub const YAML_NODES_MAX: usize = 10_000;

/// Maximum number of anchors, and of aliases, in a YAML file.
pub const YAML_ALIASES_MAX: usize = 2_000;

/// Maximum bytes that all aliases of a YAML file expand to, assuming that each value is as long as
/// the file.
pub const YAML_ALIASED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Maximum length of a pattern for names of submissions or tests, in characters.
pub const GLOB_CHARS_MAX: usize = 1_000;

/// Maximum length of a regular expression for file names, in characters.
pub const REGEX_CHARS_MAX: usize = 512;

/// Maximum size of a compiled regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Maximum backtracking steps for all names of an archive together, divided evenly among them.
pub const REGEX_STEPS_MAX: usize = 20_000_000;

/// Maximum backtracking steps for one name.
pub const REGEX_NAME_STEPS_MAX: usize = 1_000_000;

/// Maximum number of elements, texts and comments in an XML file.
pub const XML_NODES_MAX: u32 = 200_000;

/// Maximum number of attributes of one XML element. The duplicate check takes quadratic time.
pub const XML_ATTRIBUTES_MAX: usize = 100;

/// Maximum number of namespace declarations in an XML file. Each element that declares one copies
/// the outer ones.
pub const XML_NAMESPACES_MAX: usize = 100;

/// Positions further into a line of XML than this number of bytes are not reported.
pub const XML_COLUMN_BYTES_MAX: usize = 4_096;

/// Maximum size of an image embedded in a statement's Markdown, in bytes. Larger images are
/// attached.
pub const IMAGE_BYTES_MAX: usize = 128 * 1024;

/// Maximum size of an attached image that a statement shows, in bytes.
pub const ATTACHED_IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Maximum number of diagnostics kept for one package. Further ones are only counted.
pub const DIAGNOSTICS_MAX: usize = 500;

/// Limits of a file tree. The default uses the constants of this module and no time limit.
#[derive(Debug, Clone)]
pub struct TreeLimits {
    /// Maximum size of an archive, in bytes.
    pub archive_bytes_max: usize,
    /// Maximum number of files, links and folders.
    pub files_max: usize,
    /// Maximum size of one file, in bytes.
    pub file_bytes_max: u64,
    /// Maximum total size of all files, in bytes.
    pub total_bytes_max: u64,
    /// Maximum number of names in a path, counted from the root.
    pub depth_max: usize,
    /// Time for building and reading the tree.
    pub budget: Budget,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            archive_bytes_max: ARCHIVE_BYTES_MAX,
            files_max: FILES_MAX,
            file_bytes_max: FILE_BYTES_MAX,
            total_bytes_max: TOTAL_BYTES_MAX,
            depth_max: DEPTH_MAX,
            budget: Budget::default(),
        }
    }
}
