//! Packs the sample problems into the binary, for the demo.

#[path = "src/pack.rs"]
mod pack;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let problems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../problems");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?);
    println!("cargo::rerun-if-changed={}", problems.display());
    println!("cargo::rerun-if-changed=src/pack.rs");
    let mut folders =
        fs::read_dir(&problems)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let mut list = String::from("&[\n");
    for folder in folders {
        let slug = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let archive = out.join(format!("{slug}.zip"));
        fs::write(&archive, pack::pack(&folder, |_| true)?)?;
        list.push_str(&format!(
            "    ({slug:?}, include_bytes!({:?})),\n",
            archive.display().to_string()
        ));
    }
    list.push_str("]\n");
    fs::write(out.join("samples.rs"), list)
}
