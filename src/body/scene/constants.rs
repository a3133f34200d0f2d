//! The constants of a scene, and the wave that its muscles play where nothing else drives them.
//!
//!   A_k(n) = min(1, n/ramp) · gain_k · max(0, ± sin(2π waves k/11 − phase · n)),    k = 0 … 11
//!
//! n number of the step; each k drives two muscles of a row, one after the other. Of the four rows (MDR, MVR, MVL,
//! MDL) the dorsal ones have the upper sign and the ventral ones the lower.
//!
//! Source: read in the source of Sibernetic 0.0.6; the numbers stand in `models/sibernetic.toml`.

use std::f64::consts::TAU;

use serde::Deserialize;

use crate::body::scene::file::MUSCLES;
use crate::error::Problems;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// The file that goes with the program.
const PEER: &str = include_str!("../../../models/sibernetic.toml");

/// Where `PEER` stands, for errors.
const PEER_PATH: &str = "models/sibernetic.toml";

/// The constants of a scene, in SI units.
#[derive(Debug, Clone, PartialEq)]
pub struct Constants {
    /// Whose they are.
    pub name: String,
    /// One unit of length of the particle file [m].
    pub unit: f64,
    /// The step for which they are meant [s].
    pub step: f64,
    /// Gravity, along −y of the file [m/s²].
    pub gravity: f64,
    /// Mass of a particle [kg].
    pub mass: f64,
    /// Density at rest [kg/m³].
    pub density: f64,
    /// Smoothing length h [m].
    pub smoothing_length: f64,
    /// Distance r₀ at which boundary and membranes begin to push [m].
    pub rest_distance: f64,
    /// Viscosity [Pa·s].
    pub viscosity: f64,
    /// Viscosity between tissue and agar [Pa·s].
    pub viscosity_to_agar: f64,
    /// Cohesion [m³/s²].
    pub surface_tension: f64,
    /// Pressure per density error δ [m²/s²] at `step`.
    pub pressure_gain: f64,
    /// Corrections of pressure in a step.
    pub iterations: usize,
    /// What is left of a velocity at the boundary.
    pub rebound: f64,
    /// Stiffness of a spring [N/m].
    pub spring_stiffness: f64,
    /// Share of it that agar's springs have.
    pub agar_softness: f64,
    /// Pull of a fibre at activation 1 [N].
    pub fibre_force: f64,
    /// The wave of the muscles.
    pub drive: Drive,
}

/// A wave of activation, by number of the step.
#[derive(Debug, Clone, PartialEq)]
pub struct Drive {
    ramp: f64,
    swim_until: usize,
    swim: Wave,
    crawl: Wave,
}

/// One of its two shapes.
#[derive(Debug, Clone, PartialEq)]
struct Wave {
    phase: f64,
    waves: f64,
    gain: [f64; MUSCLES / 8],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    unit: Spanned<String>,
    step: Spanned<String>,
    gravity: Spanned<String>,
    particle: ParticleFile,
    liquid: LiquidFile,
    boundary: BoundaryFile,
    tissue: TissueFile,
    drive: DriveFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParticleFile {
    mass: Spanned<String>,
    density: Spanned<String>,
    smoothing_length: Spanned<String>,
    rest_distance: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LiquidFile {
    viscosity: Spanned<String>,
    viscosity_to_agar: Spanned<String>,
    surface_tension: Spanned<String>,
    pressure_gain: Spanned<String>,
    iterations: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundaryFile {
    rebound: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TissueFile {
    spring_stiffness: Spanned<String>,
    agar_softness: f64,
    fibre_force: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DriveFile {
    ramp: f64,
    swim: WaveFile,
    crawl: WaveFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaveFile {
    until: Option<usize>,
    phase: Spanned<String>,
    waves: f64,
    gain: [f64; MUSCLES / 8],
}

impl Constants {
    /// The constants of the peer.
    ///
    /// # Errors
    /// Every problem of `models/sibernetic.toml`, which came with the program.
    pub fn of_the_peer() -> Result<Self, Problems> {
        Self::read(&Settings::from_text(PEER_PATH, PEER))
    }

    /// Reads constants from settings in memory.
    ///
    /// # Errors
    /// Every problem in them, with its place and mend.
    pub fn read(settings: &Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let mut problems = Problems::new();
        let gain = Dimension::VELOCITY.times(Dimension::VELOCITY);
        let cohesion = Dimension::from_powers([0, 3, -2, 0, 0, 0, 0]);
        let mut positive = |text: &Spanned<String>, dimension| settings.positive(text, dimension, &mut problems);
        let constants = Self {
            name: file.name,
            unit: positive(&file.unit, Dimension::LENGTH),
            step: positive(&file.step, Dimension::TIME),
            gravity: positive(&file.gravity, Dimension::ACCELERATION),
            mass: positive(&file.particle.mass, Dimension::MASS),
            density: positive(&file.particle.density, Dimension::DENSITY),
            smoothing_length: positive(&file.particle.smoothing_length, Dimension::LENGTH),
            rest_distance: positive(&file.particle.rest_distance, Dimension::LENGTH),
            viscosity: positive(&file.liquid.viscosity, Dimension::VISCOSITY),
            viscosity_to_agar: positive(&file.liquid.viscosity_to_agar, Dimension::VISCOSITY),
            surface_tension: positive(&file.liquid.surface_tension, cohesion),
            pressure_gain: positive(&file.liquid.pressure_gain, gain),
            iterations: file.liquid.iterations,
            rebound: file.boundary.rebound,
            spring_stiffness: positive(&file.tissue.spring_stiffness, Dimension::STIFFNESS),
            agar_softness: file.tissue.agar_softness,
            fibre_force: positive(&file.tissue.fibre_force, Dimension::FORCE),
            drive: Drive {
                ramp: file.drive.ramp,
                swim_until: file.drive.swim.until.unwrap_or(usize::MAX),
                swim: Wave::of(&file.drive.swim, &mut positive),
                crawl: Wave::of(&file.drive.crawl, &mut positive),
            },
        };
        problems.or_ok(constants)
    }
}

impl Wave {
    fn of(file: &WaveFile, positive: &mut impl FnMut(&Spanned<String>, Dimension) -> f64) -> Self {
        Self { phase: positive(&file.phase, Dimension::NONE), waves: file.waves, gain: file.gain }
    }
}

impl Drive {
    /// Activation of each muscle in step `step`, by the file's numbering.
    pub fn activation(&self, step: usize) -> [f64; MUSCLES] {
        let wave = if step <= self.swim_until { &self.swim } else { &self.crawl };
        let amplitude = (step as f64 / self.ramp).min(1.0);
        std::array::from_fn(|muscle| {
            let (row, pair) = (muscle / 24, muscle % 24 / 2);
            let place = pair as f64 / (wave.gain.len() - 1) as f64;
            let sine = libm::sin(TAU * wave.waves * place - wave.phase * step as f64);
            // The outer two of the four rows are dorsal.
            let side = if row == 0 || row == 3 { 1.0 } else { -1.0 };
            amplitude * wave.gain[pair] * (side * sine).max(0.0)
        })
    }
}

/// Names of the 96 muscles in the file's numbering: MDR01 …, MVR, MVL, MDL. A worm has no MVL24; the peer does.
pub fn muscle_names() -> Vec<String> {
    ["MDR", "MVR", "MVL", "MDL"].iter().flat_map(|row| (1..=24).map(move |place| format!("{row}{place:02}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_that_come_with_the_program_are_read() {
        let constants = Constants::of_the_peer().expect("a good file");
        assert_eq!((constants.mass, constants.iterations), (2e-12, 3));
    }

    #[test]
    fn opposite_rows_take_turns_and_neighbours_go_in_pairs() {
        let drive = Constants::of_the_peer().expect("a good file").drive;
        let activation = drive.activation(1950);
        for k in 0..24 {
            assert_eq!(activation[k], activation[72 + k]);
            assert_eq!(activation[24 + k], activation[48 + k]);
            assert!(activation[k] == 0.0 || activation[24 + k] == 0.0);
            assert_eq!(activation[k], activation[k / 2 * 2]);
        }
        assert!(activation.iter().any(|a| *a > 0.3), "{activation:?}");
        assert!(drive.activation(0).iter().all(|a| *a == 0.0));
    }
}
