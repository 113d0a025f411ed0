use std::path::PathBuf;

use serde::Deserialize;

/// A header that most programs of a language include, compiled ahead. Compile cells find it below
/// `/pch/<language>`, which the compile command names first among the places to look for headers.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precompiled {
    /// The header as programs include it: `bits/stdc++.h`.
    pub header: String,
    /// The command that compiles [`SOURCE`](Self::SOURCE) to [`OUTPUT`](Self::OUTPUT), with the flags programs are
    /// compiled with.
    pub command: Vec<String>,
}

impl Precompiled {
    /// What the command reads.
    pub const SOURCE: &str = "header.hpp";

    /// What the command makes.
    pub const OUTPUT: &str = "header.gch";

    /// The source that includes the header and nothing else.
    #[must_use]
    pub fn source(&self) -> String {
        format!("#include <{}>\n", self.header)
    }

    /// Where compilers look for the result, below the language's directory.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        format!("{}.gch", self.header).into()
    }

    /// Where compilers look for the header itself, below the language's directory, when they cannot use the compiled
    /// one: it is included a second time, or after other code.
    #[must_use]
    pub fn fallback_file(&self) -> PathBuf {
        (&self.header).into()
    }

    /// What is in that file: the header that the toolchain has.
    #[must_use]
    pub fn fallback(&self) -> String {
        format!("#include_next <{}>\n", self.header)
    }
}
