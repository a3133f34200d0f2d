//! The command line: `nematode run`, `train`, `export`, `compare`, `contributions`, `fit`, `gait`, `report`, `lems`, `check`,
//! `validate`, `connectome build`, `cite`, `doctor`, `completions`, `man`.
//!
//! Exit codes: 0 done, 1 a law was missed, 2 wrong input, 3 the run diverged, 4 the system refused, 130 interrupted and
//! the recording closed.

mod compare_command;
mod fit_command;
mod policy_commands;
mod progress;
mod setup_commands;
mod worm_commands;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser, Subcommand};

use nematode::connectome::{self, Source};
use nematode::controller::lems_text;
use nematode::error::{Error, Problem, Problems};
use nematode::experiment::Experiment;
use nematode::lems::ensemble::Ensemble;
use nematode::lems::{Changes, Job, Results};
use nematode::neuroml::model::Model;
use nematode::recording::Recorded;
use nematode::resume::command_line;
use nematode::run::{Finished, Run};
use nematode::scene_run::SceneRun;
use nematode::settings::Settings;
use nematode::training;
use nematode::units::{Dimension, UnitTable};
use nematode::{citation, parallel};

/// Simulates C. elegans: 302 neurons, 95 muscles and a body that feel each other.
#[derive(Parser)]
#[command(version = setup_commands::VERSION, arg_required_else_help = true)]
#[command(after_help = "Example:\n  nematode run models/experiments/crawl.toml")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs an experiment, writes its recording and prints the gait.
    #[command(after_help = "Example:\n  nematode run models/experiments/crawl.toml --out crawl.h5 --duration '10 s'")]
    Run(RunOptions),
    /// Runs a LEMS simulation file and writes the output files that it names.
    #[command(after_help = "Example:\n  nematode lems LEMS_worm.xml --out results --dt '0.01 ms'")]
    Lems {
        /// The LEMS file, with its <Simulation>.
        file: PathBuf,
        /// The folder of the output files.
        #[arg(long, default_value = ".")]
        out: PathBuf,
        /// exponential (second order), rk4 (fourth order, explicit) or euler (first order, explicit).
        #[arg(long, default_value = "exponential", value_parser = ["exponential", "rk4", "euler"])]
        method: String,
        /// The time step, instead of the file's: "0.01 ms".
        #[arg(long)]
        dt: Option<String>,
        /// How long to simulate, instead of what the file says: "100 ms".
        #[arg(long, allow_hyphen_values = true)]
        duration: Option<String>,
        /// Seed of random numbers, instead of the file's.
        #[arg(long)]
        seed: Option<u64>,
        /// Write one HDF5 file of SONATA reports instead of the text files.
        #[arg(long, value_name = "FILE.h5", conflicts_with = "out")]
        h5: Option<PathBuf>,
        /// Run so many copies as one, which differ by seed or by the table of --parameters.
        #[arg(long, value_name = "N")]
        replicas: Option<usize>,
        /// A CSV file with one row per copy and columns named `component/parameter`, or `seed`.
        #[arg(long, value_name = "FILE.csv")]
        parameters: Option<PathBuf>,
    },
    /// Fits numbers of an experiment's files so that the worm moves as asked.
    #[command(after_help = "Example:\n  nematode fit models/fits/connectome_forward.toml --generations 5")]
    Fit(fit_command::FitOptions),
    /// Trains a policy and writes it, with its learning curve.
    #[command(after_help = "Example:\n  nematode train models/experiments/learn_crawl.toml --threads 2")]
    Train(training::Options),
    /// Lets controllers learn the same in the same worm, and compares them.
    #[command(after_help = "Example:\n  nematode compare models/experiments/controllers.toml --quick")]
    Compare(compare_command::CompareOptions),
    /// Says which senses and neurons of a policy moved which muscle, from what a recorded worm felt.
    #[command(after_help = "Example:\n  nematode contributions policy.safetensors crawl.h5 --synapses 'command/*'")]
    Contributions(policy_commands::ContributionOptions),
    /// Writes a trained LTC as a LEMS simulation that `nematode lems` runs.
    #[command(after_help = "Example:\n  nematode export policy.safetensors --neuroml LEMS_policy.xml")]
    Export {
        /// The policy, as safetensors.
        policy: PathBuf,
        /// Where to write the LEMS file.
        #[arg(long, value_name = "LEMS.xml")]
        neuroml: PathBuf,
    },
    /// Says what NeuroML or experiment files contain, or everything that is wrong with them.
    #[command(after_help = "Example:\n  nematode check models/experiments/crawl.toml neuroml/cells.nml")]
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Compares the engine with what is known: its body with laws of physics, its worms with measured ones.
    #[command(
        after_help = "Examples:\n  nematode validate body --markdown\n  nematode validate worm models/experiments/bbc.toml\n\n\
                      Exits with 1 where a row is missed."
    )]
    Validate(worm_commands::ValidateOptions),
    /// Prints how recorded worms move: those of recordings (HDF5) and of trackers (WCON).
    #[command(after_help = "Example:\n  nematode gait crawl.h5 tracked.wcon --wcon both.wcon")]
    Gait(worm_commands::GaitOptions),
    /// Makes a page of recordings to look at: the worm in 3D, its bends, muscles and neurons, and where they come from.
    #[command(after_help = "Examples:\n  nematode report crawl.h5 -o crawl.html\n  nematode report before.h5 after.h5")]
    Report(worm_commands::ReportOptions),
    /// Makes NeuroML networks from the published tables of contacts.
    #[command(after_help = "Example:\n  nematode connectome build --source witvliet")]
    Connectome {
        #[command(subcommand)]
        command: ConnectomeCommand,
    },
    /// Tries what a run needs on this machine: threads, vector registers, HDF5, the tables.
    #[command(after_help = "Example:\n  nematode doctor\n\nExits with 1 where something is amiss.")]
    Doctor,
    /// Prints the completions of a shell.
    #[command(
        after_help = "Example:\n  nematode completions bash > ~/.local/share/bash-completion/completions/nematode"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Prints the man page.
    #[command(after_help = "Example:\n  nematode man | man -l -")]
    Man,
    /// Prints the papers of the parts that an experiment uses.
    #[command(after_help = "Example:\n  nematode cite models/experiments/connectome.toml")]
    Cite {
        /// The experiment's TOML file.
        experiment: PathBuf,
    },
}

/// How to run an experiment.
#[derive(clap::Args)]
struct RunOptions {
    /// The experiment's TOML file.
    #[arg(required_unless_present_any = ["sibernetic", "resume"])]
    experiment: Option<PathBuf>,
    /// Instead of an experiment: a particle file of OpenWorm's Sibernetic, to be moved as that moves it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["experiment", "set"])]
    sibernetic: Option<PathBuf>,
    /// Where to write the recording, instead of where the experiment says.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write the worm's midline as WCON too, for the readers of trackers.
    #[arg(long, value_name = "FILE.wcon")]
    wcon: Option<PathBuf>,
    /// Change a value of the experiment, as often as needed: body.mixture=0.5.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How long to simulate, instead of what the experiment says: "10 s".
    #[arg(long, allow_hyphen_values = true, overrides_with = "duration")]
    duration: Option<String>,
    /// Threads to share the work of large bodies; the result has the same bits on any number.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Keep a state to go on from in the recording every so often, and at the end: "1 s".
    #[arg(long, value_name = "INTERVAL", overrides_with = "checkpoint")]
    checkpoint: Option<String>,
    /// Instead of an experiment: a recording with checkpoints, to be gone on with as if it had never stopped.
    #[arg(long, value_name = "RUN.h5", conflicts_with_all = ["experiment", "sibernetic", "out", "set", "checkpoint", "seed"])]
    resume: Option<PathBuf>,
    /// Seed of the noise; refused where an experiment asks for none.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Subcommand)]
enum ConnectomeCommand {
    /// Builds one network: 302 neurons, 95 muscles and what the source says of their contacts.
    #[command(after_help = "Example:\n  nematode connectome build --source witvliet")]
    Build {
        /// cook, white, varshney or witvliet.
        #[arg(long, default_value = "cook")]
        source: String,
        /// The file to write; by default neuroml/built/SOURCE.net.nml.
        #[arg(long)]
        out: Option<PathBuf>,
        /// The folder of the tables.
        #[arg(long, default_value = "models/connectome")]
        tables: PathBuf,
        /// The NeuroML file of the cells and synapses.
        #[arg(long, default_value = "neuroml/cells.nml")]
        cells: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(RunOptions { resume: Some(file), duration, threads, .. }) => resume(&file, duration, threads),
        Command::Run(options) => run_any(options),
        Command::Lems { file, out, method, dt, duration, seed, h5, replicas, parameters } => {
            let results = h5.as_deref().map_or(Results::Texts(&out), Results::Hdf5);
            let ensemble = Ensemble { replicas, parameters };
            run_lems(&file, results, &method, [dt, duration], seed, ensemble).map(done)
        }
        Command::Fit(options) => {
            stop_after_a_step();
            fit_command::fit(&options, &|| INTERRUPTED.load(Ordering::Relaxed)).map(done)
        }
        Command::Train(options) => {
            stop_after_a_step();
            let interrupted = || INTERRUPTED.load(Ordering::Relaxed);
            policy_commands::train(&options, &interrupted).map(of_whole)
        }
        Command::Contributions(options) => policy_commands::contributions(&options).map(done),
        Command::Compare(options) => {
            stop_after_a_step();
            let interrupted = || INTERRUPTED.load(Ordering::Relaxed);
            compare_command::compare(&options, &interrupted).map(of_whole)
        }
        Command::Export { policy, neuroml } => lems_text::export(&policy, &neuroml).map(done),
        Command::Check { files } => check(&files).map(done),
        Command::Connectome { command: ConnectomeCommand::Build { source, out, tables, cells } } => {
            build(&source, out, &tables, &cells).map(done)
        }
        Command::Validate(options) => worm_commands::validate(&options),
        Command::Gait(options) => worm_commands::gait(&options).map(done),
        Command::Report(options) => worm_commands::report(&options).map(done),
        Command::Doctor => Ok(setup_commands::doctor()),
        Command::Completions { shell } => setup_commands::completions(Arguments::command(), shell).map(done),
        Command::Man => setup_commands::man(Arguments::command()).map(done),
        Command::Cite { experiment } => cite(&experiment).map(done),
    };
    result.unwrap_or_else(|error: Error| {
        eprintln!("{error}");
        ExitCode::from(error.exit_code())
    })
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// What is not whole was stopped.
fn of_whole(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::from(STOPPED) }
}

/// Runs an experiment, or a scene.
fn run_any(options: RunOptions) -> Result<ExitCode, Error> {
    let scene = match (&options.sibernetic, &options.experiment) {
        (Some(particles), _) => SceneRun::of_particles(particles),
        (None, Some(experiment)) if SceneRun::is_named_by(experiment) => scene_of(experiment, &options.set),
        _ => return run(options, std::env::args().collect(), None),
    };
    if options.checkpoint.is_some() {
        let problem = Problem::new("--checkpoint: a scene of Sibernetic has no checkpoints yet");
        return Err(problem.help("leave it out").into());
    }
    run_scene(scene, options.out, options.duration, options.threads, options.seed).map(done)
}

/// Goes on with a run from its recording.
fn resume(file: &Path, duration: Option<String>, threads: usize) -> Result<ExitCode, Error> {
    let mut argv = command_line(&mut Recorded::open(file)?)?;
    argv.extend(duration.into_iter().flat_map(|duration| ["--duration".to_string(), duration]));
    match Arguments::try_parse_from(&argv) {
        Ok(Arguments { command: Command::Run(options) }) => {
            run(RunOptions { threads, ..options }, argv, Some(file.to_path_buf()))
        }
        _ => {
            let message = format!("{}: not the recording of `nematode run`: {}", file.display(), argv.join(" "));
            Err(Problem::new(message).help("name the run.h5 of such a run").into())
        }
    }
}

/// Runs an experiment, from its beginning or from the last checkpoint of a recording.
fn run(options: RunOptions, argv: Vec<String>, recording: Option<PathBuf>) -> Result<ExitCode, Error> {
    let mut settings = Settings::open(&options.experiment.unwrap_or_default())?;
    for change in &options.set {
        settings.set(change)?;
    }
    let mut experiment = Experiment::read(settings)?;
    check_choices(options.threads, options.seed)?;
    if let Some(duration) = options.duration {
        experiment.set_duration(&duration).map_err(of_duration)?;
    }
    if let Some(out) = options.out {
        experiment.recording.file = out;
    }
    let checkpoint = options.checkpoint.map(|text| UnitTable::new().parse_as(&text, Dimension::TIME)).transpose();
    let of_checkpoint = |problem: Problem| Problem { message: format!("--checkpoint: {}", problem.message), ..problem };
    let checkpoint = checkpoint.map_err(of_checkpoint)?;
    let title = experiment.title.clone();
    let duration = experiment.duration;
    let tell = |line: &str| eprintln!("{line}");
    let finished = parallel::with_threads(options.threads, || -> Result<Finished, Error> {
        let mut run = Run::prepare(experiment, argv, &tell)?;
        if let Some(interval) = checkpoint {
            run.keep_checkpoints(interval).map_err(of_checkpoint)?;
        }
        if let Some(recording) = recording {
            run.go_on(&recording)?;
            tell(&format!("going on from {:.3} s", run.time()));
        }
        stop_after_a_step();
        let bar = progress::bar(run.steps());
        let (started, begun) = (std::time::Instant::now(), run.time());
        let finished = run.run(&mut |time| {
            bar.inc(1);
            if bar.position().is_multiple_of(20) {
                bar.set_message(format!(
                    "{time:.2} of {duration} s, {:.2} × life",
                    (time - begun) / started.elapsed().as_secs_f64()
                ));
            }
            if INTERRUPTED.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        bar.finish_and_clear();
        finished
    })?;
    print_table(&title, &finished);
    if let Some(wcon) = &options.wcon {
        worm_commands::convert(std::slice::from_ref(&finished.file), wcon)?;
    }
    if let Some((time, kept)) = finished.stopped {
        let file = finished.file.display();
        let on = if kept { format!("go on with: nematode run --resume {file}") } else { format!("{file} is whole") };
        eprintln!("stopped at {time:.3} s; {on}");
        return Ok(ExitCode::from(STOPPED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code of a run that was interrupted and closed its recording, as shells have it for SIGINT.
const STOPPED: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C end a run after its step, so that its recording is closed; a second one ends it at once.
fn stop_after_a_step() {
    let set = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(STOPPED));
        }
    });
    if let Err(error) = set {
        eprintln!("Ctrl-C will not close the recording: {error}");
    }
}

/// Refuses what no run can do.
fn check_choices(threads: usize, seed: Option<u64>) -> Result<(), Problem> {
    if seed.is_some() {
        return Err(
            Problem::new("this experiment asks for no noise, so a seed would change nothing").help("leave out --seed")
        );
    }
    if threads == 0 {
        let problem = Problem::new("--threads: a run needs at least one thread, found 0");
        return Err(problem.help("leave out --threads"));
    }
    Ok(())
}

fn of_duration(problem: Problem) -> Problem {
    Problem { message: format!("--duration: {}", problem.message), ..problem }
}

/// The scene that an experiment names, with values changed.
fn scene_of(experiment: &Path, set: &[String]) -> Result<SceneRun, Problems> {
    let mut settings = Settings::open(experiment)?;
    for change in set {
        settings.set(change)?;
    }
    SceneRun::of_settings(&settings)
}

fn run_scene(
    scene: Result<SceneRun, Problems>,
    out: Option<PathBuf>,
    duration: Option<String>,
    threads: usize,
    seed: Option<u64>,
) -> Result<(), Error> {
    let mut scene = scene?;
    check_choices(threads, seed)?;
    if let Some(duration) = duration {
        scene.set_duration(&duration).map_err(of_duration)?;
    }
    if let Some(out) = out {
        scene.set_file(out);
    }
    println!("{}\n  {}\n", scene.title, scene.summary());
    let (bar, duration) = (progress::bar(scene.steps()), scene.duration());
    let argv = std::env::args().collect();
    let finished = parallel::with_threads(threads, || scene.run(argv, &mut |_| bar.inc(1)));
    bar.finish_and_clear();
    let finished = finished?;
    let row = |name: &str, value: String, note: &str| println!("  {name:<28}{value:>14}   {note}");
    let micrometres = |x: f64| format!("{:.2} um", 1e6 * x);
    for (axis, moved) in ["x", "y", "z"].iter().zip(&finished.moved) {
        row(&format!("centre of mass, along {axis}"), micrometres(*moved), "how far it has gone");
    }
    if let Some([before, after]) = finished.length {
        row("length of the midline", micrometres(after), &format!("{} at the beginning", micrometres(before)));
    }
    row("wall time of a step", format!("{:.2} ms", 1e3 * finished.wall / finished.steps as f64), "");
    row("wall time of a second", format!("{:.0} s", finished.wall / duration), "of simulated time");
    row("recording", format!("{:.1} MB", finished.size as f64 / 1e6), &finished.file.display().to_string());
    row("final state, SHA-256", finished.hash[..12].to_string(), "the same on any number of threads");
    Ok(())
}

fn run_lems(
    file: &Path,
    results: Results<'_>,
    method: &str,
    [dt, duration]: [Option<String>; 2],
    seed: Option<u64>,
    ensemble: Ensemble,
) -> Result<(), Error> {
    let changes = Changes::read(("--dt", dt.as_deref()), ("--duration", duration.as_deref()), method, seed)?;
    let job = Job { file, results, changes, ensemble, argv: std::env::args().collect() };
    let bar = progress::bar(0);
    let started = std::time::Instant::now();
    let steps = job.run(&mut |done, all| {
        if done.is_multiple_of(100) {
            bar.set_length(all);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    let (Results::Texts(place) | Results::Hdf5(place)) = results;
    println!("{} steps in {:.2} s, written to {}", steps?, started.elapsed().as_secs_f64(), place.display());
    Ok(())
}

fn print_table(title: &str, finished: &Finished) {
    println!("{title}\n");
    let row = |name: &str, value: String, note: &str| println!("  {name:<28}{value:>14}   {note}");
    match &finished.gait {
        Ok(gait) => {
            let none = || "none".to_string();
            row(
                "forward speed",
                format!("{:.3} mm/s", 1e3 * gait.forward_speed),
                "worms on agar: 0.1 to 0.3; below zero is tail first",
            );
            row(
                "undulation frequency",
                gait.frequency.map_or_else(none, |f| format!("{f:.2} Hz")),
                "worms on agar: 0.3 to 0.8",
            );
            row(
                "wavelength / length",
                gait.wavelength.map_or_else(none, |w| format!("{w:.2}")),
                "worms on agar: 0.50 to 0.75",
            );
            row("direction of the wave", gait.wave.to_string(), "");
            row("curvature × length, rms", format!("{:.2}", gait.bending), "worms on agar: 4 to 7");
            if let Some(grip) = gait.grip(finished.rest_length) {
                row("speed / speed of the wave", format!("{grip:.2}"), "worms on agar: 0.6 to 0.95");
            }
            row("length kept within", format!("{:.1} %", 100.0 * spread(gait.length)), "");
            row("volume kept within", format!("{:.2} %", 100.0 * spread(gait.volume)), "");
        }
        Err(short) => row("gait", "not reached".to_string(), &short.to_string()),
    }
    if let Some(error) = finished.density_error {
        row("liquid density error", format!("{:.2} %", 100.0 * error), "largest of any particle at any step");
    }
    row(
        "muscles active above 0.1",
        finished.activation.1.to_string(),
        &format!("of 95; largest activation {:.2}", finished.activation.0),
    );
    if let Some([neurons, muscles]) = finished.spikes {
        row("upward crossings", format!("{neurons} + {muscles}"), "of -20 mV, by neurons + muscle cells");
    }
    let per_second = finished.steps as f64 / finished.wall;
    row(
        "steps / s",
        format!("{per_second:.0}"),
        &format!("{:.2} s of wall time per simulated second", finished.wall / finished.simulated),
    );
    if finished.not_kept > 0 {
        row("checkpoints not kept", finished.not_kept.to_string(), "too many events were under way");
    }
    row("recording", format!("{:.1} MB", finished.size as f64 / 1e6), &finished.file.display().to_string());
    row("final state, SHA-256", finished.hash[..12].to_string(), "the same on any number of threads");
}

/// How far the ends of a range are from 1.
fn spread([low, high]: [f64; 2]) -> f64 {
    (1.0 - low).max(high - 1.0)
}

fn check(files: &[PathBuf]) -> Result<(), Error> {
    let mut problems = Problems::new();
    for file in files {
        let result = match file.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => check_experiment(file),
            _ => {
                Model::load(file).map(|model| println!("{}\n{}", file.display(), model.summary())).map_err(Error::Input)
            }
        };
        match result {
            Ok(()) => {}
            Err(Error::Input(found)) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    Ok(problems.or_ok(())?)
}

fn check_experiment(file: &Path) -> Result<(), Error> {
    if SceneRun::is_named_by(file) {
        let scene = SceneRun::of_experiment(file)?;
        println!("{}: {}", file.display(), scene.title);
        println!("  reproduces: {}", scene.reproduces);
        println!("  {} s in {} steps; {}", scene.duration(), scene.steps(), scene.summary());
        return Ok(());
    }
    let experiment = Experiment::load(file)?;
    println!("{}: {}", file.display(), experiment.title);
    println!("  reproduces: {}", experiment.reproduces);
    println!(
        "  {} s in {} steps; {} in {}",
        experiment.duration,
        experiment.steps(),
        experiment.anatomy.name(),
        experiment.medium.name
    );
    if let Some(network) = &experiment.network {
        // A check writes nothing, so what the run would make first can't be looked into yet.
        if let (Some(source), false) = (network.source, network.file.exists()) {
            println!("  network: {}, which a run makes from {}; not checked", network.file.display(), source.name());
            return Ok(());
        }
        println!("  network: {}", network.file.display());
    }
    Run::prepare(experiment, Vec::new(), &|line| eprintln!("{line}"))?;
    Ok(())
}

fn build(source: &str, out: Option<PathBuf>, tables: &Path, cells: &Path) -> Result<(), Error> {
    let source = Source::parse(source)?;
    let out = out.unwrap_or_else(|| PathBuf::from(format!("neuroml/built/{}.net.nml", source.name())));
    if let Some(folder) = out.parent() {
        // Where it can't be made, writing the file says so with its name.
        let _ = std::fs::create_dir_all(folder);
    }
    let summary = connectome::build(tables, source, cells, &out)?;
    println!("{summary}\n  written to {}", out.display());
    Ok(())
}

fn cite(path: &Path) -> Result<(), Error> {
    let papers = if SceneRun::is_named_by(path) {
        SceneRun::of_experiment(path)?.papers().to_vec()
    } else {
        citation::of(&Experiment::load(path)?)
    };
    for paper in papers {
        println!("{paper}");
    }
    Ok(())
}
