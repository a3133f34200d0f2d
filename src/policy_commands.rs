//! `nematode train` and `nematode contributions`: policies that learn, and what their senses and neurons did.

use std::path::PathBuf;

use nematode::contributions::{Strongest, contributions as probe};
use nematode::controller::policy::Policy;
use nematode::error::{Error, Problem};
use nematode::parallel;
use nematode::table::aligned;
use nematode::training::{Options, Training};

use crate::progress;

/// Whom to probe, and with what.
#[derive(clap::Args)]
pub struct ContributionOptions {
    /// The policy, as safetensors.
    policy: PathBuf,
    /// The recording of a worm, whose senses are replayed.
    recording: PathBuf,
    /// Where the tables and traces go; by default the policy's name with .contributions.h5.
    #[arg(long, value_name = "FILE.h5")]
    out: Option<PathBuf>,
    /// Synapses of an LTC whose traces are kept, by name: "DB1 > MDL05", or with a star "DB1*"; as often as needed.
    #[arg(long)]
    synapses: Vec<String>,
    /// Write a list of JSON objects.
    #[arg(long)]
    json: bool,
    /// Threads; the result has the same bits on any number.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Trains a policy, from its beginning or from the state beside it; says whether every epoch is done.
pub fn train(options: &Options, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
    if options.threads == 0 {
        let problem = Problem::new("--threads: a training needs at least one thread, found 0");
        return Err(problem.help("leave out --threads").into());
    }
    let mut training = Training::read(options)?;
    let bar = progress::bar(training.epochs());
    bar.set_position(training.curve().len() as u64);
    parallel::with_threads(options.threads, || {
        training.run(&mut |epoch| {
            bar.inc(1);
            bar.set_message(epoch.to_string());
            interrupted()
        })
    })?;
    bar.finish_and_clear();
    print!("{}", training.summary());
    Ok(training.done())
}

/// Probes a policy, prints the strongest of each muscle, and writes everything.
pub fn contributions(options: &ContributionOptions) -> Result<(), Error> {
    let policy = Policy::read(&options.policy)?;
    let found = parallel::with_threads(options.threads, || probe(&policy, &options.recording))?;
    let out = options.out.clone().unwrap_or_else(|| options.policy.with_extension("contributions.h5"));
    let fits =
        |pattern: &str, name: &str| pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start));
    for pattern in &options.synapses {
        if !found.synapses.iter().any(|name| fits(pattern, name)) {
            let problem = Problem::new(format!("--synapses: the policy has no synapse \"{pattern}\""));
            let first = found
                .synapses
                .first()
                .map_or("it has none with a name".to_string(), |name| format!("one is \"{name}\""));
            return Err(problem.help(first).into());
        }
    }
    found.write(&out, &|name| options.synapses.iter().any(|pattern| fits(pattern, name)))?;
    let strongest = found.strongest();
    if options.json {
        let objects = strongest.iter().map(
            |Strongest { muscle, senses, neurons }| serde_json::json!({ "muscle": muscle, "senses": senses, "neurons": neurons }),
        );
        println!("{:#}", serde_json::Value::from(objects.collect::<Vec<_>>()));
        return Ok(());
    }
    let told = |all: &[(String, f64)]| {
        let one = |(name, value): &(String, f64)| format!("{name} {value:.3}");
        all.iter().map(one).collect::<Vec<String>>().join(", ")
    };
    let rows: Vec<[String; 3]> = strongest
        .iter()
        .map(|Strongest { muscle, senses, neurons }| [muscle.clone(), told(senses), told(neurons)])
        .collect();
    print!("{}", aligned(["muscle", "senses without which it changes most (rms)", "neurons"], &rows, false));
    println!("\ntables by ablation and gradient, and traces, are in {}", out.display());
    Ok(())
}
