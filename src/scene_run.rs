//! Runs a scene of OpenWorm's Sibernetic: its particle file, its constants, its drive; records it as any other run.
//!
//! `nematode run --sibernetic FILE`, or an experiment whose `[body]` names the file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::body::midline::Midline;
use crate::body::particles::Vec3;
use crate::body::scene::constants::{Constants, muscle_names};
use crate::body::scene::file::{MUSCLES, ParticleFile};
use crate::body::scene::{Kind, Scene};
use crate::error::{Error, Problem, Problems, RunFailure};
use crate::recording::{Frame, Layout, Provenance, Recording, Species};
use crate::settings::{Settings, Spanned};
use crate::units::{Dimension, UnitTable};

/// Simulated time where nobody says another. Source: the recorded reference runs end here.
const DURATION: f64 = 0.039;

/// Time between frames where nobody says another: a moderate recording of 40 frames.
const INTERVAL: f64 = 1e-3;

/// Points of the recorded midline of a worm, as in other runs.
const MIDLINE_POINTS: usize = 49;

/// More steps than anyone waits for.
const MOST_STEPS: f64 = 1e10;

const PAPERS: &[&str] = &[
    "Palyanov, Khayrulin & Larson 2018, Three-dimensional simulation of C. elegans body and muscle cells (Sibernetic), Phil Trans R Soc B 373:20170376, doi:10.1098/rstb.2017.0376",
    "Solenthaler & Pajarola 2009, Predictive-corrective incompressible SPH, ACM TOG 28:40, doi:10.1145/1531326.1531346",
    "Ihmsen et al. 2010, Boundary handling and adaptive time-stepping for PCISPH, VRIPHYS 2010, doi:10.2312/PE/vriphys/vriphys10/079-088",
    "Müller, Charypar & Gross 2003, Particle-based fluid simulation for interactive applications, SCA 2003",
    "Becker & Teschner 2007, Weakly compressible SPH for free surface flows, SCA 2007",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    reproduces: String,
    duration: Spanned<String>,
    step: Option<Spanned<String>>,
    body: BodyFile,
    recording: RecordingFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyFile {
    sibernetic: Spanned<String>,
    #[serde(default)]
    drive: DriveFile,
}

/// What moves the muscles of a scene.
#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum DriveFile {
    /// The wave, where the file is a worm.
    #[default]
    Wave,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingFile {
    file: String,
    interval: Spanned<String>,
}

/// A scene that is ready to run.
pub struct SceneRun {
    /// One line on what it is.
    pub title: String,
    /// What it reproduces, as its experiment says.
    pub reproduces: String,
    scene: Scene,
    drive: DriveFile,
    step: f64,
    duration: f64,
    interval: f64,
    file: PathBuf,
    files: Vec<PathBuf>,
    text: String,
    /// Physical parameters of the particle file that have no effect.
    unused: Vec<String>,
}

/// What a run of a scene amounts to.
pub struct SceneFinished {
    /// Steps taken.
    pub steps: usize,
    /// Wall time of the stepping [s].
    pub wall: f64,
    /// How far the centre of mass has gone, along the file's axes [m].
    pub moved: Vec3,
    /// Arc length of a worm's midline at the beginning and at the end [m].
    pub length: Option<[f64; 2]>,
    /// Size of the recording [bytes].
    pub size: u64,
    /// Where the recording is.
    pub file: PathBuf,
    /// SHA-256 of every number of the final state.
    pub hash: String,
}

impl SceneRun {
    /// Whether an experiment's file names a scene; a file that can't be read names none.
    pub fn is_named_by(experiment: &Path) -> bool {
        let text = std::fs::read_to_string(experiment).unwrap_or_default();
        let table: Option<toml::Table> = text.parse().ok();
        table.is_some_and(|table| table.get("body").is_some_and(|body| body.get("sibernetic").is_some()))
    }

    /// The scene of a particle file with its default drive, 39 ms of it.
    ///
    /// # Errors
    /// Every problem of the file, with its place and mend.
    pub fn of_particles(path: &Path) -> Result<Self, Problems> {
        let constants = Constants::of_the_peer()?;
        let file = ParticleFile::load(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self {
            title: format!("{name}, with the constants of {}", constants.name),
            reproduces: String::new(),
            drive: DriveFile::Wave,
            step: constants.step,
            duration: DURATION,
            interval: INTERVAL,
            file: PathBuf::from(format!("{name}.h5")),
            files: vec![path.to_path_buf()],
            text: String::new(),
            unused: file.unused.clone(),
            scene: Scene::new(&file, constants)?,
        })
    }

    /// Reads an experiment that names a scene.
    ///
    /// # Errors
    /// Every problem of it and of the particle file, with its place and mend.
    pub fn of_experiment(path: &Path) -> Result<Self, Problems> {
        Self::of_settings(&Settings::open(path)?)
    }

    /// Reads an experiment from settings that are already in memory.
    ///
    /// # Errors
    /// As [`SceneRun::of_experiment`].
    pub fn of_settings(settings: &Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let mut problems = Problems::new();
        let duration = settings.positive(&file.duration, Dimension::TIME, &mut problems);
        let interval = settings.positive(&file.recording.interval, Dimension::TIME, &mut problems);
        let step = file.step.as_ref().map(|step| settings.positive(step, Dimension::TIME, &mut problems));
        let particles = settings.beside(file.body.sibernetic.get_ref());
        let mut run = match Self::of_particles(&particles) {
            Ok(run) => run,
            Err(found) => {
                // A file that can't be read has no place of its own.
                let place = settings.place(file.body.sibernetic.span());
                problems.extend(found.into_iter().map(|p| if p.place.is_some() { p } else { p.at(place.clone()) }));
                return Err(problems);
            }
        };
        run.title = file.title;
        run.reproduces = file.reproduces;
        run.drive = file.body.drive;
        run.step = step.unwrap_or(run.step);
        run.duration = duration;
        run.interval = interval;
        run.file = PathBuf::from(&file.recording.file);
        run.files.insert(0, settings.path().to_path_buf());
        let largest = run.scene.largest_step();
        if let Some(text) = file.step.as_ref().filter(|_| run.step > largest) {
            let message = format!(
                "a step of \"{}\" is too large for the springs of this scene, which are stable up to {:.3} us",
                text.get_ref(),
                1e6 * largest
            );
            problems.push(
                settings.problem(text.span(), message).help(format!("give {}", in_microseconds(run.constants().step))),
            );
        } else {
            for (text, time) in [(&file.duration, duration), (&file.recording.interval, interval)] {
                if time > 0.0 && run.step > 0.0 && !run.is_whole(time) {
                    let message = format!(
                        "\"{}\" is not a whole number of steps of {}",
                        text.get_ref(),
                        in_microseconds(run.step)
                    );
                    problems.push(settings.problem(text.span(), message).help("make it a multiple of `step`"));
                }
            }
        }
        run.text = settings.text().to_string();
        problems.or_ok(run)
    }

    /// Whether a time is a number of steps that someone can wait for, but for rounding of the decimal numbers.
    fn is_whole(&self, time: f64) -> bool {
        let steps = time / self.step;
        (0.5..MOST_STEPS).contains(&steps) && (steps - steps.round()).abs() < 1e-6 * steps
    }

    /// Simulates `text`, "10 ms", instead of what the file says.
    ///
    /// # Errors
    /// When it is no time above zero, or no whole number of steps.
    pub fn set_duration(&mut self, text: &str) -> Result<(), Problem> {
        let duration = UnitTable::new().parse_as(text, Dimension::TIME)?;
        if !self.is_whole(duration) {
            let problem = Problem::new(format!("a run can't last \"{text}\""));
            return Err(problem.help(format!("give a multiple of the step, {}", in_microseconds(self.step))));
        }
        self.duration = duration;
        Ok(())
    }

    /// Records to `file` instead of where the experiment says.
    pub fn set_file(&mut self, file: PathBuf) {
        self.file = file;
    }

    fn constants(&self) -> &Constants {
        self.scene.constants()
    }

    /// How many steps the run takes.
    pub fn steps(&self) -> usize {
        (self.duration / self.step).round() as usize
    }

    /// Simulated time [s].
    pub fn duration(&self) -> f64 {
        self.duration
    }

    /// What it consists of, in a few words.
    pub fn summary(&self) -> String {
        let count = |kind| self.scene.kind().iter().filter(|other| **other == kind).count();
        let mut words = format!(
            "{} elastic and {} liquid particles{}",
            count(Kind::Tissue) + count(Kind::Agar),
            count(Kind::Liquid),
            if self.scene.is_a_worm() { ", a worm" } else { "" }
        );
        if !self.unused.is_empty() {
            words += &format!("; of its physical parameters only gravity counts, not {}", self.unused.join(", "));
        }
        words
    }

    /// The papers behind it.
    pub fn papers(&self) -> &'static [&'static str] {
        PAPERS
    }

    /// Activation of the muscles in step `step`: the wave in a worm that is driven, nothing else.
    fn activation(&self, step: usize) -> [f64; MUSCLES] {
        if self.drive == DriveFile::Wave && self.scene.is_a_worm() {
            self.constants().drive.activation(step)
        } else {
            [0.0; MUSCLES]
        }
    }

    /// The scene, to be looked at.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Takes step number `step`, counted from 0.
    ///
    /// # Errors
    /// When a particle is lost; says which, and when.
    pub fn step(&mut self, step: usize) -> Result<(), RunFailure> {
        let activation = self.activation(step);
        self.scene.step(self.step, &activation).map_err(|lost| RunFailure {
            time: step as f64 * self.step,
            what: lost.what,
            help: Some("try a smaller `step`".to_string()),
        })
    }

    /// Runs to the end; `progress` hears the simulated time [s] after every step.
    ///
    /// # Errors
    /// When the recording can't be written, or a particle is lost; what was recorded until then stays readable.
    pub fn run(mut self, argv: Vec<String>, progress: &mut dyn FnMut(f64)) -> Result<SceneFinished, Error> {
        let of_kind = |kind: &Kind| if *kind == Kind::Liquid { Species::Liquid } else { Species::Elastic };
        let species: Vec<Species> = self.scene.kind().iter().map(of_kind).collect();
        let mass = vec![self.constants().mass as f32; species.len()];
        let springs: Vec<[u32; 2]> = self.scene.spring_pairs().iter().map(|pair| pair.map(|i| i as u32)).collect();
        let triangles: Vec<[u32; 3]> = self.scene.triangles().iter().map(|t| t.map(|i| i as u32)).collect();
        let names = muscle_names();
        let layout = Layout {
            species: &species,
            mass: &mass,
            springs: &springs,
            triangles: &triangles,
            muscle_names: &names,
            // What is no worm has its centre of mass for a midline.
            midline_points: if self.scene.is_a_worm() { MIDLINE_POINTS } else { 1 },
            ..Layout::default()
        };
        let provenance = Provenance {
            experiment_toml: self.text.clone(),
            files: self.files.iter().map(|path| (path.display().to_string(), sha256_of(path))).collect(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            seed: None,
            argv,
            papers: PAPERS.iter().map(ToString::to_string).collect(),
        };
        let mut recording = Recording::create(&self.file, &layout, &provenance)?;
        let (from, length) = (center(&self.scene), self.length());
        let started = Instant::now();
        let outcome = self.play(&mut recording, progress);
        let wall = started.elapsed().as_secs_f64();
        let size = recording.finish()?;
        outcome?;
        Ok(SceneFinished {
            steps: self.steps(),
            wall,
            moved: center(&self.scene) - from,
            length: length.zip(self.length()).map(|(before, after)| [before, after]),
            size,
            hash: hash_of(&self.scene),
            file: self.file,
        })
    }

    fn play(&mut self, recording: &mut Recording, progress: &mut dyn FnMut(f64)) -> Result<(), Error> {
        let every = (self.interval / self.step).round() as usize;
        for step in 0..=self.steps() {
            if step.is_multiple_of(every) {
                self.record(recording, step)?;
            }
            if step < self.steps() {
                self.step(step)?;
                progress((step + 1) as f64 * self.step);
            }
        }
        Ok(())
    }

    /// Arc length of a worm's midline [m].
    fn length(&self) -> Option<f64> {
        let points = self.scene.midline();
        self.scene.is_a_worm().then(|| points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum())
    }

    fn record(&self, recording: &mut Recording, step: usize) -> Result<(), Error> {
        let points =
            |list: &[Vec3]| -> Vec<[f32; 3]> { list.iter().map(|p| [p.x as f32, p.y as f32, p.z as f32]).collect() };
        let single = |list: &[f64]| -> Vec<f32> { list.iter().map(|x| *x as f32).collect() };
        let scene = &self.scene;
        let center = center(scene);
        let (midline, curvature) = if scene.is_a_worm() {
            let points = scene.midline();
            // The back of the peer's worm lies at great x.
            let to_the_back = vec![Vec3::x(); points.len()];
            let midline = Midline::through(points, &to_the_back);
            (midline.resampled(MIDLINE_POINTS), midline.curvature_at(MIDLINE_POINTS))
        } else {
            (vec![center], vec![0.0])
        };
        let mut pressure = single(scene.pressure());
        pressure.resize(scene.kind().len(), 0.0);
        recording.frame(&Frame {
            step: step as i64,
            time: step as f64 * self.step,
            position: &points(scene.position()),
            velocity: &points(scene.velocity()),
            density: &single(scene.density()),
            pressure: &pressure,
            midline: &points(&midline),
            curvature: &single(&curvature),
            activation: &single(&self.activation(step)),
            center_of_mass: [center.x, center.y, center.z],
            senses: &[],
            extras: &[],
        })
    }
}

/// "20 us"; the ninth digit is rounding of the decimal number in the file.
fn in_microseconds(time: f64) -> String {
    format!("{} us", (1e9 * time * 1e6).round() / 1e9)
}

/// Centre of mass of what moves [m].
fn center(scene: &Scene) -> Vec3 {
    scene.position().iter().sum::<Vec3>() / scene.kind().len() as f64
}

/// SHA-256 of every number of a scene's state, bit for bit.
pub fn hash_of(scene: &Scene) -> String {
    let mut hash = Sha256::new();
    for point in scene.position().iter().chain(scene.velocity()) {
        for number in point {
            hash.update(number.to_bits().to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

fn sha256_of(path: &Path) -> String {
    std::fs::read(path).map_or_else(|_| "unreadable".to_string(), |bytes| hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
