//! `nematode gait`, `report` and `validate`: worms to look at, beside each other, and beside what was measured.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nematode::behaviour;
use nematode::error::{Error, Problem};
use nematode::gait::{Gait, Quantity};
use nematode::parallel;
use nematode::report;
use nematode::settings::Settings;
use nematode::table::{Style, aligned};
use nematode::tracks::{self, Origin, Track};
use nematode::validate::{self as laws, Claim, Outcome};

use crate::progress;

/// What to compare.
#[derive(clap::Args)]
pub struct ValidateOptions {
    /// body: laws of physics on the engine's own parts. worm: experiments beside measured worms.
    #[arg(value_parser = ["body", "worm"])]
    part: String,
    /// For worm: the experiments' TOML files.
    #[arg(required_if_eq("part", "worm"))]
    experiments: Vec<PathBuf>,
    /// Change a value of the experiments, as often as needed: body.mixture=0.5.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write a table of Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Write a list of JSON objects.
    #[arg(long)]
    json: bool,
    /// For body: leave out what takes longer than some seconds.
    #[arg(long)]
    quick: bool,
}

/// Which worms.
#[derive(clap::Args)]
pub struct GaitOptions {
    /// Recordings of this engine or of Tierpsy Tracker (.hdf5), and WCON files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Leave out what comes before this time [s].
    #[arg(long, default_value_t = 0.0)]
    from: f64,
    /// Leave out what comes after this time [s].
    #[arg(long, default_value_t = f64::INFINITY)]
    to: f64,
    /// Write a table of Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Write a list of JSON objects, in SI units.
    #[arg(long)]
    json: bool,
    /// Write all worms into one WCON file.
    #[arg(long, value_name = "FILE.wcon")]
    wcon: Option<PathBuf>,
}

/// Of what the page is made.
#[derive(clap::Args)]
pub struct ReportOptions {
    /// Recordings; several are shown side by side, with one clock.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The page to write.
    #[arg(short, long, value_name = "FILE.html", default_value = "report.html")]
    out: PathBuf,
    /// Show which senses and neurons of a policy moved which muscle; the policy must lie where the run found it.
    #[arg(long)]
    contributions: bool,
}

/// Writes the page and says how large it is.
pub fn report(options: &ReportOptions) -> Result<(), Error> {
    let size = report::write(&options.files, &options.out, options.contributions)?;
    println!("{}: {:.1} MB, to be opened in a browser", options.out.display(), size as f64 * 1e-6);
    Ok(())
}

fn style(json: bool, markdown: bool) -> Style {
    match (json, markdown) {
        (true, _) => Style::Json,
        (_, true) => Style::Markdown,
        _ => Style::Plain,
    }
}

/// Compares and prints; 1 where something is missed.
pub fn validate(options: &ValidateOptions) -> Result<ExitCode, Error> {
    let style = style(options.json, options.markdown);
    if options.part == "body" {
        return Ok(validate_body(style, options.quick));
    }
    let mut passed = true;
    for file in &options.experiments {
        let mut settings = Settings::open(file)?;
        for change in &options.set {
            settings.set(change)?;
        }
        let spinner = progress::spinner();
        let answers = parallel::with_threads(1, || {
            behaviour::ask(&settings, &mut |what| {
                spinner.set_message(format!("{}: {what}", file.display()));
                spinner.tick();
            })
        })?;
        spinner.finish_and_clear();
        if style != Style::Json {
            println!("{}\n", file.display());
        }
        println!("{}", behaviour::table(&answers, style));
        passed &= behaviour::all_pass(&answers);
    }
    Ok(ExitCode::from(u8::from(!passed)))
}

fn validate_body(style: Style, quick: bool) -> ExitCode {
    let claims: Vec<Claim> = laws::body().into_iter().filter(|claim| !(quick && claim.slow)).collect();
    let bar = progress::bar(claims.len());
    let try_out = |claim: Claim| {
        bar.set_message(claim.name);
        let outcome = parallel::with_threads(1, || claim.try_out());
        bar.inc(1);
        (claim, outcome)
    };
    let rows: Vec<(Claim, Outcome)> = claims.into_iter().map(try_out).collect();
    bar.finish_and_clear();
    print!("{}", laws::table(&rows, style));
    let missed = rows.iter().any(|(_, outcome)| matches!(outcome, Outcome::Missed(_) | Outcome::Broke(_)));
    ExitCode::from(u8::from(missed))
}

/// Prints the gait of every worm.
pub fn gait(options: &GaitOptions) -> Result<(), Error> {
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for file in &options.files {
        for track in tracks::read(file)? {
            let mut poses = track.poses();
            poses.retain(|pose| (options.from..=options.to).contains(&pose.time));
            let name = format!("{} {}", file.display(), track.id);
            match Gait::of(&poses, f64::NEG_INFINITY) {
                Ok(gait) => {
                    rows.push(cells(&name, &gait));
                    let values =
                        Quantity::ALL.iter().map(|(key, quantity, _)| (key.to_string(), quantity.of(&gait).into()));
                    let mut object: serde_json::Map<String, serde_json::Value> = values.collect();
                    object.insert("worm".to_string(), name.into());
                    object.insert("gait_class".to_string(), gait.class().to_string().into());
                    objects.push(serde_json::Value::from(object));
                }
                Err(short) => {
                    let mut row: [String; 12] = std::array::from_fn(|_| "-".to_string());
                    row[0] = name.clone();
                    row[11] = short.to_string();
                    rows.push(row);
                    objects.push(serde_json::json!({"worm": name, "why": short.to_string()}));
                }
            }
        }
    }
    let head = [
        "worm",
        "speed [mm/s]",
        "slip",
        "frequency [Hz]",
        "wavelength [L]",
        "amplitude [mm]",
        "κL rms",
        "eigenworms",
        "reversals",
        "omega turns",
        "wave",
        "gait class",
    ];
    match style(options.json, options.markdown) {
        Style::Json => println!("{:#}", serde_json::Value::from(objects)),
        style => print!("{}", aligned(head, &rows, style == Style::Markdown)),
    }
    options.wcon.as_ref().map_or(Ok(()), |wcon| convert(&options.files, wcon))
}

fn cells(name: &str, gait: &Gait) -> [String; 12] {
    let number =
        |value: Option<f64>, digits: usize| value.map_or("none".to_string(), |value| format!("{value:.digits$}"));
    [
        name.to_string(),
        number(Some(1e3 * gait.forward_speed), 3),
        number(Quantity::Slip.of(gait), 2),
        number(gait.frequency, 2),
        number(gait.wavelength, 2),
        number(Some(1e3 * gait.amplitude), 3),
        number(Some(gait.bending), 2),
        number(gait.postures.eigenworms, 3),
        gait.postures.reversals.to_string(),
        gait.postures.omega_turns.to_string(),
        gait.wave.to_string(),
        gait.class().to_string(),
    ]
}

/// Writes the worms of some files as one WCON file.
pub fn convert(files: &[PathBuf], wcon: &Path) -> Result<(), Error> {
    let mut all: Vec<Track> = Vec::new();
    for track in files.iter().map(|file| tracks::read(file)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        // Two worms must not become one by their ids.
        let id =
            if all.iter().any(|known| known.id == track.id) { (all.len() + 1).to_string() } else { track.id.clone() };
        all.push(Track { id, ..track });
    }
    if all.is_empty() {
        return Err(Problem::new("no worm to write").into());
    }
    let command = std::env::args().collect::<Vec<_>>().join(" ");
    let files = files.iter().map(|file| file.display().to_string()).collect();
    Ok(tracks::write_wcon(wcon, &all, &Origin { command, files })?)
}
