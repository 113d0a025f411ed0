//! How large a package may be. What a revision may hold is bounded by `domain::problem::bounds`.

use crate::budget::Budget;

/// Bytes of an archive that is uploaded.
pub const ARCHIVE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that any archive may inflate to, however small it is: test data repeats itself.
pub const INFLATED_BYTES_FREE: u64 = 64 * 1024 * 1024;

/// How many times its own size an archive may inflate to beyond [`INFLATED_BYTES_FREE`].
pub const INFLATION_RATIO_MAX: u64 = 200;

/// Files of a package, links and folders included. What counts as absent is not counted.
pub const FILES_MAX: usize = 10_000;

/// Entries that the table of contents of an archive may have for each file that a package may have. What counts as
/// absent stands there too, as the objects of a repository.
pub const ARCHIVE_ENTRIES_PER_FILE: usize = 20;

/// Bytes of one file; the format recommends no more.
pub const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Bytes of all files together.
pub const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Names from the root of the package to a file.
pub const DEPTH_MAX: usize = 16;

/// Bytes of one name in a path.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of the target of a link.
pub const LINK_TARGET_BYTES_MAX: usize = 1_024;

/// Links that are followed to reach one file.
pub const LINK_HOPS_MAX: usize = 16;

/// Bytes of a YAML file.
pub const YAML_BYTES_MAX: usize = 256 * 1024;

/// Levels of nesting in a YAML file.
pub const YAML_DEPTH_MAX: usize = 16;

/// Scalars, lists and maps in a YAML file.
pub const YAML_NODES_MAX: usize = 10_000;

/// Anchors, and aliases of them, in a YAML file.
pub const YAML_ALIASES_MAX: usize = 2_000;

/// Bytes that the aliases of a YAML file may stand for together, if each value were as long as the file.
pub const YAML_ALIASED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Characters of a pattern for names of submissions or tests.
pub const GLOB_CHARS_MAX: usize = 1_000;

/// Characters of a regular expression for names of files.
pub const REGEX_CHARS_MAX: usize = 512;

/// Bytes of a compiled regular expression.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Steps of matching all names of an archive, divided among them.
pub const REGEX_STEPS_MAX: usize = 20_000_000;

/// Steps of matching one name.
pub const REGEX_NAME_STEPS_MAX: usize = 1_000_000;

/// Elements, texts and comments of an XML file.
pub const XML_NODES_MAX: u32 = 200_000;

/// Attributes of one element of an XML file. Finding one that stands twice compares each with all others.
pub const XML_ATTRIBUTES_MAX: usize = 100;

/// Declarations of namespaces in an XML file. Each element that declares one copies those around it.
pub const XML_NAMESPACES_MAX: usize = 100;

/// Bytes of a line of XML before a place in it, beyond which the place is not told.
pub const XML_COLUMN_BYTES_MAX: usize = 4_096;

/// Bytes of an image that is put into the Markdown of a statement; larger ones are attached.
pub const IMAGE_BYTES_MAX: usize = 128 * 1024;

/// Bytes of an attached image that a statement shows.
pub const ATTACHED_IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Diagnostics of one reading; what is beyond them is counted.
pub const DIAGNOSTICS_MAX: usize = 500;

/// Bounds of a file tree. The default is what the constants of this module say, and as much time as it takes.
#[derive(Debug, Clone)]
pub struct TreeLimits {
    /// Bytes of an archive.
    pub archive_bytes_max: usize,
    /// Files, links and folders.
    pub files_max: usize,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of all files together.
    pub total_bytes_max: u64,
    /// Names from the root to a file.
    pub depth_max: usize,
    /// Time for making the tree and for reading what is in it.
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
