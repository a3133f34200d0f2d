//! Reads `worm.toml`: the size, tissue, muscles and liquid of a worm, in SI units.

use std::path::Path;

use serde::Deserialize;

use crate::body::contraction::Contraction;
use crate::error::Problems;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// A worm as its file describes it, all in SI units.
#[derive(Debug, Clone, PartialEq)]
pub struct Anatomy {
    /// What the file calls it.
    pub name: String,
    /// Arc of the ring centres [m].
    pub length: f64,
    /// Rings along the body.
    pub rings: usize,
    /// Distance of the particles of a ring, and of the outer from the inner ring [m].
    pub spacing: f64,
    /// Half-width at places along the body: (0 head … 1 tail, [m]), places increasing.
    pub radius: Vec<(f64, f64)>,
    /// What the springs' stiffness follows from.
    pub elasticity: Elasticity,
    /// Stiffness of the cuticle around the body, modulus times thickness [N/m]; as soft as the rest where absent.
    pub hoop_stiffness: Option<f64>,
    /// Internal viscosity over bending modulus [s].
    pub damping_time: f64,
    /// Mass of one tissue particle [kg].
    pub particle_mass: f64,
    /// The quadrants' sectors, from the dorsal or ventral midline [rad].
    pub muscle_sector: [f64; 2],
    /// Rows of muscle cells in each quadrant.
    pub muscle_rows: usize,
    /// Pull of one fibre of a fully active muscle [N].
    pub fibre_force: f64,
    /// How that pull depends on the fibre's motion; not at all where absent.
    pub contraction: Option<Contraction>,
    /// Time in which a muscle's activation follows its drive [s].
    pub activation_time: f64,
    /// Rest density of the liquid [kg/m³].
    pub liquid_density: f64,
    /// Dynamic viscosity of the liquid [Pa·s].
    pub liquid_viscosity: f64,
    /// Cohesion between particles [m³/s²], see `surface_tension.rs`; none in a closed body.
    pub surface_tension: f64,
    /// Bulk modulus of liquid and tissue [Pa].
    pub bulk_modulus: f64,
    /// Smoothing length of the liquid [m].
    pub smoothing_length: f64,
}

/// What sets the stiffness of the tissue's springs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Elasticity {
    /// The bending modulus EI of the whole worm [N·m²]; the springs are calibrated to it.
    BendingModulus(f64),
    /// The stiffness of every spring [N/m].
    SpringStiffness(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "kind")]
    _kind: Option<String>,
    name: String,
    shape: Shape,
    tissue: Tissue,
    muscle: Muscle,
    liquid: Liquid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    length: Spanned<String>,
    rings: Spanned<usize>,
    spacing: Spanned<String>,
    radius: Vec<(Spanned<f64>, Spanned<String>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tissue {
    bending_modulus: Option<Spanned<String>>,
    spring_stiffness: Option<Spanned<String>>,
    hoop_stiffness: Option<Spanned<String>>,
    damping_time: Spanned<String>,
    particle_mass: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Muscle {
    sector: [Spanned<String>; 2],
    rows: Spanned<usize>,
    fibre_force: Spanned<String>,
    contraction: Option<ContractionFile>,
    activation_time: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractionFile {
    width: Spanned<f64>,
    fastest: Spanned<String>,
    curvature: Spanned<f64>,
    lengthening: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Liquid {
    density: Spanned<String>,
    viscosity: Spanned<String>,
    surface_tension: Option<Spanned<String>>,
    bulk_modulus: Spanned<String>,
    smoothing_length: Spanned<String>,
}

/// More rings or rows than any worm has; a guard against a slip of the keyboard.
const MOST_RINGS: usize = 10_000;

impl Anatomy {
    /// Reads the file.
    ///
    /// # Errors
    /// Every problem in it, with its place and mend.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::read(&Settings::open(path)?)
    }

    /// Reads settings that are already in memory.
    ///
    /// # Errors
    /// Every problem in them, with its place and mend.
    pub fn read(settings: &Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let mut found = Problems::new();
        let problems = &mut found;
        let positive = |text, dimension, problems: &mut Problems| settings.positive(text, dimension, problems);
        let elasticity = match (&file.tissue.bending_modulus, &file.tissue.spring_stiffness) {
            (Some(text), None) => Elasticity::BendingModulus(positive(text, Dimension::BENDING_MODULUS, problems)),
            (None, Some(text)) => Elasticity::SpringStiffness(positive(text, Dimension::STIFFNESS, problems)),
            (modulus, _) => {
                let span = modulus.as_ref().map_or(file.tissue.damping_time.span(), Spanned::span);
                let message = "[tissue] needs either `bending_modulus` or `spring_stiffness`, and only one of them";
                problems.push(settings.problem(span, message));
                Elasticity::BendingModulus(f64::NAN)
            }
        };
        let cohesion = Dimension::from_powers([0, 3, -2, 0, 0, 0, 0]);
        let anatomy = Self {
            name: file.name,
            length: positive(&file.shape.length, Dimension::LENGTH, problems),
            rings: *file.shape.rings.get_ref(),
            spacing: positive(&file.shape.spacing, Dimension::LENGTH, problems),
            radius: file
                .shape
                .radius
                .iter()
                .map(|(place, radius)| (*place.get_ref(), positive(radius, Dimension::LENGTH, problems)))
                .collect(),
            elasticity,
            hoop_stiffness: file
                .tissue
                .hoop_stiffness
                .as_ref()
                .map(|text| positive(text, Dimension::STIFFNESS, problems)),
            damping_time: settings.not_negative(&file.tissue.damping_time, Dimension::TIME, problems),
            particle_mass: positive(&file.tissue.particle_mass, Dimension::MASS, problems),
            muscle_sector: file.muscle.sector.each_ref().map(|edge| positive(edge, Dimension::NONE, problems)),
            muscle_rows: *file.muscle.rows.get_ref(),
            fibre_force: positive(&file.muscle.fibre_force, Dimension::FORCE, problems),
            contraction: file.muscle.contraction.as_ref().map(|contraction| {
                let above = |number: &Spanned<f64>, least: f64, problems: &mut Problems| {
                    if number.get_ref().is_nan() || *number.get_ref() <= least {
                        let message = format!("must be above {least}, found {}", number.get_ref());
                        problems.push(settings.problem(number.span(), message));
                    }
                    *number.get_ref()
                };
                Contraction {
                    width: above(&contraction.width, 0.0, problems),
                    fastest: positive(&contraction.fastest, Dimension::PER_TIME, problems),
                    curvature: above(&contraction.curvature, 0.0, problems),
                    lengthening: above(&contraction.lengthening, 1.0, problems),
                }
            }),
            activation_time: settings.not_negative(&file.muscle.activation_time, Dimension::TIME, problems),
            liquid_density: positive(&file.liquid.density, Dimension::DENSITY, problems),
            liquid_viscosity: positive(&file.liquid.viscosity, Dimension::VISCOSITY, problems),
            surface_tension: file
                .liquid
                .surface_tension
                .as_ref()
                .map_or(0.0, |text| settings.not_negative(text, cohesion, problems)),
            bulk_modulus: positive(&file.liquid.bulk_modulus, Dimension::PRESSURE, problems),
            smoothing_length: positive(&file.liquid.smoothing_length, Dimension::LENGTH, problems),
        };
        if !(5..=MOST_RINGS).contains(&anatomy.rings) {
            let message = format!("a body needs 5 to {MOST_RINGS} rings, found {}", anatomy.rings);
            problems.push(settings.problem(file.shape.rings.span(), message));
        }
        if !(1..=anatomy.rings.max(1)).contains(&anatomy.muscle_rows) {
            let message = format!("muscle rows must be 1 to the number of rings, found {}", anatomy.muscle_rows);
            problems.push(settings.problem(file.muscle.rows.span(), message));
        }
        if anatomy.muscle_sector[0] >= anatomy.muscle_sector[1] {
            let message = "a sector runs from its smaller angle to its larger one";
            problems.push(settings.problem(file.muscle.sector[0].span(), message).help("swap the two angles"));
        }
        check_profile(&file.shape.radius, settings, problems);
        found.or_ok(anatomy)
    }

    /// Half-width at a place along the body, 0 head … 1 tail [m].
    pub fn radius_at(&self, place: f64) -> f64 {
        let after = self.radius.partition_point(|(at, _)| *at < place).clamp(1, self.radius.len() - 1);
        let ((a, r_a), (b, r_b)) = (self.radius[after - 1], self.radius[after]);
        let t = ((place - a) / (b - a)).clamp(0.0, 1.0);
        r_a + t * (r_b - r_a)
    }
}

/// Places must run from 0 to 1 and increase, else the profile crosses itself.
fn check_profile(profile: &[(Spanned<f64>, Spanned<String>)], settings: &Settings, problems: &mut Problems) {
    for pair in profile.windows(2) {
        let (here, next) = (&pair[0].0, &pair[1].0);
        if next.get_ref() <= here.get_ref() || next.get_ref().is_nan() {
            let message = format!("the radius table crosses itself: {} after {}", next.get_ref(), here.get_ref());
            problems.push(settings.problem(next.span(), message).help("sort the places from 0 (head) to 1 (tail)"));
        }
    }
    let ends = (profile.first(), profile.last());
    let covers = matches!(ends, (Some((a, _)), Some((b, _))) if *a.get_ref() == 0.0 && *b.get_ref() == 1.0);
    if !covers || profile.len() < 2 {
        let span = profile.first().map_or(0..0, |(place, _)| place.span());
        problems.push(settings.problem(span, "the radius table must run from place 0 (head) to place 1 (tail)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worm_toml() -> String {
        include_str!("../../models/worm.toml").to_string()
    }

    #[test]
    fn the_worm_of_the_repository_is_read_in_si() {
        let worm = Anatomy::read(&Settings::from_text("worm.toml", worm_toml())).expect("a good file");
        assert!((worm.length - 1164e-6).abs() < 1e-15);
        assert!((worm.radius_at(0.5) - 36.6e-6).abs() < 1e-12);
        assert!((worm.radius_at(0.0205) - 13.65e-6).abs() < 1e-9);
        assert_eq!(worm.elasticity, Elasticity::BendingModulus(9.5e-14));
    }

    #[test]
    fn a_radius_table_that_crosses_itself_is_refused_with_its_place() {
        let text = worm_toml().replace("[0.082,", "[0.002,");
        let problems = Anatomy::read(&Settings::from_text("worm.toml", text)).expect_err("crossed");
        let text = problems.to_string();
        assert!(text.contains("worm.toml:18:") && text.contains("crosses itself"), "{text}");
    }
}
