//! `nematode fit`: the search with its progress, the table of what it came to, and the files with the fitted values.

use std::ops::ControlFlow;
use std::path::PathBuf;

use nematode::error::{Error, write_whole};
use nematode::fit::{Fit, Outcome};
use nematode::parallel;

use crate::progress;

/// How to fit.
#[derive(clap::Args)]
pub struct FitOptions {
    /// The fit's TOML file.
    file: PathBuf,
    /// Where every point and its score is kept; a fit that was stopped goes on from it. By default the fit's name with
    /// .csv, in this folder.
    #[arg(long, value_name = "FILE.csv")]
    journal: Option<PathBuf>,
    /// Ends after so many generations, instead of what the fit says.
    #[arg(long)]
    generations: Option<usize>,
    /// Write the best values into the experiment's files.
    #[arg(long)]
    write: bool,
    /// Threads, each with a worm of its own; the result has the same bits on any number.
    #[arg(long, default_value_t = progress::available_threads())]
    threads: usize,
}

/// Fits, shows and perhaps writes; `interrupted` says whether to end after the generation.
pub fn fit(options: &FitOptions, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    let mut fit = Fit::load(&options.file)?;
    if let Some(generations) = options.generations {
        fit.generations = generations;
    }
    let default = || PathBuf::from(options.file.with_extension("csv").file_name().unwrap_or_default());
    let journal = options.journal.clone().unwrap_or_else(default);
    let bar = progress::bar(fit.generations);
    let (before, after, best) = parallel::with_threads(options.threads, || -> Result<_, Error> {
        let before = fit.outcome(fit.start());
        let (best, _) = fit.run(&journal, &mut |generation| {
            bar.set_position(generation.number as u64);
            bar.set_message(format!("score {:.3}, spread {:.3}", generation.overall.1, generation.spread));
            if interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let after = fit.outcome(&best);
        Ok((before, after, best))
    })?;
    bar.finish_and_clear();
    println!("{}\n", fit.title);
    print_outcomes(&before, &after);
    println!("\nevery point is in {}", journal.display());
    // What did not get better is not worth a change.
    if after.score >= before.score {
        println!("no point was better than the values in the files");
        return Ok(());
    }
    if !options.write {
        println!("--write puts these values into the files:\n");
        for (key, value) in fit.values(&best) {
            println!("  {key} = {value}");
        }
        return Ok(());
    }
    for (path, text) in fit.at(&best)?.texts() {
        if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
            continue;
        }
        write_whole(path, text)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

fn print_outcomes(before: &Outcome, after: &Outcome) {
    println!("  {:<32}{:>12}{:>12}   asked", "", "before", "fitted");
    let show = |value: Option<f64>, unit: f64| value.map_or("none".to_string(), |value| format!("{:.3}", value / unit));
    for ((trial, row, old, range), (_, _, new, _)) in before.rows.iter().zip(&after.rows) {
        let (name, unit) = match row.as_str() {
            "forward_speed" => ("forward_speed [mm/s]", 1e-3),
            "frequency" => ("frequency [Hz]", 1.0),
            other => (other, 1.0),
        };
        let asked = format!("{:.3} to {:.3}", range[0] / unit, range[1] / unit);
        println!("  {:<32}{:>12}{:>12}   {asked}", format!("{trial}: {name}"), show(*old, unit), show(*new, unit));
    }
    println!("  {:<32}{:>12.3}{:>12.3}", "score", before.score, after.score);
}
