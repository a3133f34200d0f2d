//! Reads `rod.toml`: the size, springs, muscles and drag of a worm of rods (`rod.rs`), in SI units.

use serde::Deserialize;

use crate::error::Problems;
use crate::names::MUSCLE_ROWS;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// A worm of rods as its file describes it, all in SI units.
#[derive(Debug, Clone, PartialEq)]
pub struct RodAnatomy {
    /// What the file calls it.
    pub name: String,
    /// From the first rod to the last [m].
    pub length: f64,
    /// N; a multiple of the rows of muscles.
    pub segments: usize,
    /// Width in the middle, D [m].
    pub diameter: f64,
    /// How far the ellipse of the outline reaches beyond the ends, e [segments].
    pub overhang: f64,
    /// κ_L [N/m].
    pub lateral_stiffness: f64,
    /// β_L/κ_L [s].
    pub lateral_damping_time: f64,
    /// κ_D [N/m].
    pub diagonal_stiffness: f64,
    /// β_D/κ_D [s].
    pub diagonal_damping_time: f64,
    /// How its muscles pull.
    pub pull: Pull,
    /// Time in which a muscle's activation follows its drive [s].
    pub activation_time: f64,
    /// How far below rest a drive may pull a muscle, as a part of full activation.
    pub inhibition: f64,
    /// r of the drag of a rod against turning.
    pub turning_drag: f64,
}

/// How a muscle of rods pulls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pull {
    /// As a spring that activation shortens.
    Spring {
        /// κ_M [N/m].
        stiffness: f64,
        /// β_M/κ_M [s].
        damping_time: f64,
        /// s: part of its rest length by which full activation shortens a muscle in the middle of the body.
        shortening: f64,
    },
    /// As a fibre whose pull is the same at any length and place: one side, fully active [N].
    Fibre(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "kind")]
    _kind: String,
    name: String,
    shape: Shape,
    lateral: Spring,
    diagonal: Spring,
    muscle: Muscle,
    drag: Drag,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    length: Spanned<String>,
    segments: Spanned<usize>,
    diameter: Spanned<String>,
    overhang: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spring {
    stiffness: Spanned<String>,
    damping_time: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Muscle {
    force: Option<Spanned<String>>,
    stiffness: Option<Spanned<String>>,
    damping_time: Option<Spanned<String>>,
    shortening: Option<Spanned<f64>>,
    activation_time: Spanned<String>,
    inhibition: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drag {
    turning: Spanned<f64>,
}

/// More segments than a step of microseconds carries; a guard against a slip of the keyboard.
const MOST_SEGMENTS: usize = 2400;

impl RodAnatomy {
    /// Reads settings that are already in memory.
    ///
    /// # Errors
    /// Every problem in them, with its place and mend.
    pub fn read(settings: &Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let mut found = Problems::new();
        let problems = &mut found;
        let positive = |text, dimension, problems: &mut Problems| settings.positive(text, dimension, problems);
        let time = |text, problems: &mut Problems| settings.not_negative(text, Dimension::TIME, problems);
        let anatomy = Self {
            name: file.name,
            length: positive(&file.shape.length, Dimension::LENGTH, problems),
            segments: *file.shape.segments.get_ref(),
            diameter: positive(&file.shape.diameter, Dimension::LENGTH, problems),
            overhang: *file.shape.overhang.get_ref(),
            lateral_stiffness: positive(&file.lateral.stiffness, Dimension::STIFFNESS, problems),
            lateral_damping_time: time(&file.lateral.damping_time, problems),
            diagonal_stiffness: positive(&file.diagonal.stiffness, Dimension::STIFFNESS, problems),
            diagonal_damping_time: time(&file.diagonal.damping_time, problems),
            pull: pull(settings, &file.muscle, problems),
            activation_time: time(&file.muscle.activation_time, problems),
            inhibition: *file.muscle.inhibition.get_ref(),
            turning_drag: *file.drag.turning.get_ref(),
        };
        let segments = anatomy.segments;
        if segments == 0 || segments > MOST_SEGMENTS || !segments.is_multiple_of(MUSCLE_ROWS) {
            let message = format!("segments must be {MUSCLE_ROWS} or a multiple of it, found {segments}");
            let problem = settings.problem(file.shape.segments.span(), message);
            problems.push(problem.help(format!("every row of muscles takes as many; at most {MOST_SEGMENTS}")));
        }
        for (value, [least, most], what) in [
            (&file.shape.overhang, [f64::MIN_POSITIVE, f64::MAX], "the overhang"),
            (&file.muscle.inhibition, [0.0, 1.0], "the inhibition"),
            (&file.drag.turning, [f64::MIN_POSITIVE, f64::MAX], "the drag against turning"),
        ] {
            within(settings, value, [least, most], what, problems);
        }
        found.or_ok(anatomy)
    }

    /// Length of one segment [m].
    pub fn pitch(&self) -> f64 {
        self.length / self.segments as f64
    }

    /// R_i, half the length of each rod [m]. Of sin(acos z) the form √(1 − z²) is used, which has the same bits on
    /// every machine.
    pub fn radii(&self) -> Vec<f64> {
        let half = 0.5 * self.segments as f64;
        let radius = |i: usize| {
            let z = (i as f64 - half) / (half + self.overhang);
            0.5 * self.diameter * (1.0 - z * z).sqrt()
        };
        (0..=self.segments).map(radius).collect()
    }
}

/// A number without a unit, or what is wrong with it.
fn within(
    settings: &Settings,
    value: &Spanned<f64>,
    [least, most]: [f64; 2],
    what: &str,
    problems: &mut Problems,
) -> f64 {
    let number = *value.get_ref();
    if !(least..=most).contains(&number) {
        let range = if most == f64::MAX { "above 0".to_string() } else { format!("{least} to {most}") };
        let problem = settings.problem(value.span(), format!("{what} must be {range}, found {number}"));
        problems.push(problem.help("a number without a unit; see models/rod.toml"));
    }
    number
}

/// A spring or a fibre, whichever the file describes whole.
fn pull(settings: &Settings, file: &Muscle, problems: &mut Problems) -> Pull {
    match (&file.force, &file.stiffness, &file.damping_time, &file.shortening) {
        (Some(force), None, None, None) => Pull::Fibre(settings.positive(force, Dimension::FORCE, problems)),
        (None, Some(stiffness), Some(damping_time), Some(shortening)) => Pull::Spring {
            stiffness: settings.positive(stiffness, Dimension::STIFFNESS, problems),
            damping_time: settings.not_negative(damping_time, Dimension::TIME, problems),
            shortening: within(settings, shortening, [0.0, 0.99], "the shortening", problems),
        },
        _ => {
            let message = "a muscle of rods is a fibre with `force`, or a spring with `stiffness`, `damping_time` and `shortening`";
            let problem = settings.problem(file.activation_time.span(), message);
            problems.push(problem.help("give one of them whole; see models/rod_adult.toml and models/rod.toml"));
            Pull::Fibre(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rod_toml() -> String {
        include_str!("../../models/rod.toml").to_string()
    }

    #[test]
    fn the_rods_of_the_repository_are_read_in_si_with_the_published_outline() {
        let rod = RodAnatomy::read(&Settings::from_text("rod.toml", rod_toml())).expect("a good file");
        assert_eq!((rod.segments, rod.lateral_stiffness), (48, 0.02));
        let radii = rod.radii();
        assert_eq!(radii.len(), 49);
        for (i, radius) in radii.iter().enumerate() {
            let published = 40e-6 * ((i as f64 - 24.0) / 24.2).acos().sin().abs();
            assert!((radius / published - 1.0).abs() < 1e-12, "{i}");
        }
    }

    #[test]
    fn every_wrong_number_of_a_rod_is_named_with_its_place() {
        let text = rod_toml()
            .replace("segments = 48", "segments = 50")
            .replace("shortening = 0.65", "shortening = 1.5")
            .replace("turning = 1.0", "turning = 0.0");
        let problems = RodAnatomy::read(&Settings::from_text("rod.toml", text)).expect_err("three problems");
        let said = problems.to_string();
        assert_eq!(problems.len(), 3, "{said}");
        for wanted in
            ["rod.toml:12:12: segments must be 24", "shortening must be 0 to 0.99, found 1.5", "above 0, found 0"]
        {
            assert!(said.contains(wanted), "{said}");
        }
    }

    #[test]
    fn a_muscle_that_is_a_spring_and_a_fibre_is_refused() {
        let text = rod_toml().replace("shortening = 0.65", "shortening = 0.65\nforce = \"20 uN\"");
        let said = RodAnatomy::read(&Settings::from_text("rod.toml", text)).expect_err("both").to_string();
        assert!(said.contains("rod.toml:") && said.contains("give one of them whole"), "{said}");
    }
}
