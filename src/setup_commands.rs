//! `nematode doctor`, `completions` and `man`: what a machine needs to work with this program.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Command;
use nematode::error::{Error, Problem};
use nematode::recording::{Frame, Layout, Provenance, Recorded, Recording};
use nematode::{connectome, parallel, simd};

/// Prints the completions of a shell.
pub fn completions(mut command: Command, shell: clap_complete::Shell) -> Result<(), Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "nematode", &mut text);
    print(&text)
}

/// Prints the man page, with every command below it.
pub fn man(mut command: Command) -> Result<(), Error> {
    command.build();
    let mut text = Vec::new();
    let mut render = |command: &Command| {
        let title = command.get_display_name().unwrap_or("nematode").to_string();
        clap_mangen::Man::new(command.clone().display_name(title)).render(&mut text)
    };
    let rendered = render(&command).and_then(|()| command.get_subcommands().try_for_each(&mut render));
    rendered.map_err(|source| Problem::new(format!("the man page can't be made: {source}")))?;
    print(&text)
}

fn print(text: &[u8]) -> Result<(), Error> {
    let written = std::io::stdout().write_all(text);
    Ok(written.map_err(|source| Problem::new(format!("standard output: {source}")))?)
}

/// Tries what a run needs and prints what it found; 1 where something is amiss.
pub fn doctor() -> ExitCode {
    let mut well = true;
    let mut row = |name: &str, found: Result<String, String>| {
        let (verdict, text) = match found {
            Ok(text) => ("ok", text),
            Err(text) => ("AMISS", text),
        };
        well &= verdict == "ok";
        println!("  {name:<22}{verdict:<7}{text}");
    };
    row("version", Ok(VERSION.to_string()));
    row("threads", threads());
    row("vector registers", Ok(simd::name()));
    row("a recording", read_back());
    row("tables", tables());
    ExitCode::from(u8::from(!well))
}

/// The version with what it was built for and by.
pub const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("NEMATODE_TARGET"), ", ", env!("NEMATODE_RUSTC"), ")");

/// How many there are, and whether two do more than one.
fn threads() -> Result<String, String> {
    let available = std::thread::available_parallelism().map_err(|error| error.to_string())?.get();
    let work = |threads: usize| {
        let started = Instant::now();
        let sum =
            parallel::with_threads(threads, || parallel::ordered_sum(4_000_000, |i| 1.0 / (1.0 + i as f64).sqrt()));
        (started.elapsed().as_secs_f64(), sum)
    };
    let ((one, sum), (all, same)) = (work(1), work(available));
    if sum.to_bits() != same.to_bits() {
        return Err(format!("{available} threads do not compute the bits of one"));
    }
    Ok(format!("{available}, {:.1} times as fast as one on a long sum, with the same bits", one / all))
}

/// Writes a small recording and reads it back.
fn read_back() -> Result<String, String> {
    let path = std::env::temp_dir().join(format!("nematode_doctor_{}.h5", std::process::id()));
    let result = write_and_read(&path).map_err(|error| error.to_string());
    // It is of no use any more; where it was never written there is nothing to remove.
    let _ = std::fs::remove_file(&path);
    result
}

fn write_and_read(path: &Path) -> Result<String, Error> {
    let midline: Vec<[f32; 3]> = (0..49).map(|k| [1e-5 * k as f32, 0.0, 0.0]).collect();
    let layout = Layout { midline_points: midline.len(), ..Layout::default() };
    let mut recording = Recording::create(path, &layout, &Provenance::default())?;
    recording.frame(&Frame {
        step: 0,
        time: 0.0,
        position: &[],
        velocity: &[],
        density: &[],
        pressure: &[],
        midline: &midline,
        curvature: &[0.0; 49],
        activation: &[],
        center_of_mass: [0.0; 3],
        senses: &[],
        extras: &[],
    })?;
    let size = recording.finish()?;
    let read = Recorded::open(path)?.values("observables/midline")?;
    if read.data != midline.concat() {
        return Err(Problem::new("an HDF5 file is read back with other numbers").into());
    }
    Ok(format!("HDF5 of {size} bytes written to {} and read back", std::env::temp_dir().display()))
}

/// Whether the tables of the connectome are here, from which `connectome.toml` makes its network.
fn tables() -> Result<String, String> {
    let folder = Path::new("models/connectome");
    if !folder.exists() {
        return Ok("not here: run from a clone of the repository to use its models".to_string());
    }
    let tables = connectome::Tables::read(folder, connectome::Source::Cook2019).map_err(|found| found.to_string())?;
    Ok(format!("{} neurons, {} muscles", tables.neurons.len(), tables.muscles.len()))
}
