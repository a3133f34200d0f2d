//! `nematode compare`: the contest with its progress and its table.

use std::ops::ControlFlow;
use std::path::PathBuf;

use nematode::compare::Comparison;
use nematode::compare::contest::Contest;
use nematode::error::Error;
use nematode::parallel;
use nematode::settings::Settings;

use crate::progress;

/// Whom to compare.
#[derive(clap::Args)]
pub struct CompareOptions {
    /// The contest's TOML file.
    file: PathBuf,
    /// The short contest that the file describes.
    #[arg(long)]
    quick: bool,
    /// Where entries, policies and results go; a contest that was stopped goes on from there. By default the file's name in
    /// this folder, with `_quick` for a short one.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Change a value of the contest, as often as needed: imitation.epochs=10.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Threads, each with a contestant of its own; the result has the same bits on any number.
    #[arg(long, default_value_t = progress::available_threads())]
    threads: usize,
}

impl CompareOptions {
    fn folder(&self) -> PathBuf {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let default = || PathBuf::from(format!("{stem}{}", if self.quick { "_quick" } else { "" }));
        self.out.clone().unwrap_or_else(default)
    }
}

/// Compares and prints; `interrupted` says whether to end after the contestants of now. Says whether all are ready.
pub fn compare(options: &CompareOptions, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
    let folder = options.folder();
    let contest = Contest::read(Settings::open(&options.file)?, options.quick, &options.set)?;
    let comparison = Comparison::prepare(contest, &folder)?;
    let (known, all) = comparison.progress()?;
    let bar = progress::bar(all);
    bar.set_position(known as u64);
    let whole = parallel::with_threads(options.threads, || {
        comparison.run(&|contestant, seed| {
            bar.inc(1);
            bar.set_message(format!("{contestant}, seed {seed}"));
            if interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    })?;
    bar.finish_and_clear();
    if !whole {
        let (known, all) = comparison.progress()?;
        eprintln!("{known} of {all} are ready; the same command goes on");
        return Ok(false);
    }
    let (table, broke) = parallel::with_threads(1, || comparison.results())?;
    let contest = comparison.contest();
    println!("{}\n", contest.title);
    println!(
        "mean ± sd over {} seeds; in brackets the 95 % interval of the mean difference from {}\n",
        contest.seeds.len(),
        contest.entrants[contest.against].name
    );
    print!("{table}{broke}");
    println!("results.h5, results.json, results.md and every trained policy are in {}", folder.display());
    Ok(true)
}
