//! What a cell adds to running a program, over a bare fork and exec of the same static program. The program is the
//! runner's own size of thing: a C program that does nothing, compiled in a cell.
//!
//! ```text
//! cargo run --release --package sandbox --example overhead [native|docker]
//! ```

use std::{
    error::Error,
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sandbox::{CellPath, CellSpec, Execution, Languages, Limits, SandboxConfig, resolve};

/// How many runs each figure is the median of.
const RUNS: usize = 300;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let adapter = std::env::args().nth(1).unwrap_or_else(|| "native".to_owned());
    let sandbox = resolve(&adapter.parse::<SandboxConfig>()?)?;
    let languages = Languages::builtin();
    let language = languages.get("c").ok_or("C is built in")?;

    let mut compiling = sandbox.prepare(&CellSpec::compile(language)).await?;
    let source = Bytes::from_static(b"int main(void) { return 0; }");
    compiling.put(&CellPath::work(&language.source)?, source, false).await?;
    let compile = Execution::new(language.compile[0].clone(), language.compile_limits()).keeping();
    let compiled = compiling.execute(&compile).await?;
    if !compiled.ended.is_success() {
        return Err(format!("{compiled:?}").into());
    }
    let program = compiling.get(&CellPath::work(&language.artifact)?, 64 << 20).await?;
    compiling.close().await?;

    let limits = Limits::default();
    let started = Instant::now();
    let mut cell = sandbox.prepare(&CellSpec::run(language, &limits)).await?;
    let prepared = started.elapsed();
    cell.put(&CellPath::program(&language.artifact)?, program.clone(), true).await?;
    let run = Execution::new(language.run_argv(limits.memory_bytes), limits);

    let bare_program = std::env::temp_dir().join(format!("assay-overhead-{}", std::process::id()));
    fs::write(&bare_program, &program)?;
    fs::set_permissions(&bare_program, fs::Permissions::from_mode(0o755))?;
    let (mut bare, mut celled, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    // Taken in turns, so that a busy moment of the machine falls on both.
    for _ in 0..RUNS {
        let started = Instant::now();
        Command::new(&bare_program).status()?;
        bare.push(started.elapsed());
        let started = Instant::now();
        inside.push(cell.execute(&run).await?.wall);
        celled.push(started.elapsed());
    }
    fs::remove_file(&bare_program)?;
    let started = Instant::now();
    cell.close().await?;
    let closed = started.elapsed();
    sandbox.shutdown().await;

    let (bare, celled, inside) = (median(bare), median(celled), median(inside));
    println!(
        "bare {bare:?}, in the cell {celled:?} (measured inside {inside:?}), added {:?}",
        celled - bare
    );
    println!("cell prepared in {prepared:?}, closed in {closed:?}");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
