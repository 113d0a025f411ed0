use std::path::PathBuf;

use serde::Deserialize;

/// A header that most programs of a language include, compiled in advance. In compile cells it is
/// below `/pch/<language>`, which is first in the compile command's search path for headers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precompiled {
    /// The header as programs include it: `bits/stdc++.h`.
    pub header: String,
    /// The command that compiles [`SOURCE`](Self::SOURCE) to [`OUTPUT`](Self::OUTPUT), with the
    /// flags programs are compiled with.
    pub command: Vec<String>,
}

impl Precompiled {
    /// The name of the command's input file.
    pub const SOURCE: &str = "header.hpp";

    /// The name of the command's output file.
    pub const OUTPUT: &str = "header.gch";

    /// The source, which only includes the header.
    pub fn source(&self) -> String {
        format!("#include <{}>\n", self.header)
    }

    /// The path where compilers look for the compiled header, below the language's directory.
    pub fn file(&self) -> PathBuf {
        format!("{}.gch", self.header).into()
    }

    /// The path where compilers look for the header itself, below the language's directory. They
    /// need it when they cannot use the compiled one: when a program includes the header twice or
    /// after other code.
    pub fn fallback_file(&self) -> PathBuf {
        (&self.header).into()
    }

    /// The content of that file: it includes the toolchain's own header.
    pub fn fallback(&self) -> String {
        format!("#include_next <{}>\n", self.header)
    }
}
