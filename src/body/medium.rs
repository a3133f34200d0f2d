//! What surrounds the body: nothing, a resistive medium (drag on the surface), a floor, liquid, obstacles.
//!
//! Drag per length of body, along and across its axis (resistive-force theory):
//!
//!   f = −C_T (v·t) t − C_N (v − (v·t) t)
//!
//! f force per length [N/m], t unit tangent of the midline, C_T and C_N drag per length [kg/(m·s)]. A ring's share
//! is spread evenly over its particles on the surface. On agar a worm is pressed flat by the water film around it:
//! a film of stiffness k [N/m²] pulls each ring's centre back to the height at which it was laid down.
//!
//! Source: Gray & Hancock 1955, J Exp Biol 32:802 (the law); Boyle, Berri & Cohen 2012,
//! doi:10.3389/fncom.2012.00010 (the coefficients of agar and water).

use std::path::Path;

use serde::Deserialize;

use crate::body::obstacle::{self, Obstacle, PostFile, SphereFile, WallFile};
use crate::body::particles::Vec3;
use crate::error::{Problem, Problems};
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// A medium as its file describes it, all in SI units.
#[derive(Debug, Clone, PartialEq)]
pub struct Medium {
    /// What the file calls it.
    pub name: String,
    /// Drag across the axis per length of body, C_N [kg/(m·s)].
    pub normal_drag: f64,
    /// Drag along the axis per length of body, C_T [kg/(m·s)].
    pub tangential_drag: f64,
    /// Stiffness per length with which a film holds the body at its height [N/m²].
    pub film_stiffness: f64,
    /// Gravity [m/s²], along −z.
    pub gravity: f64,
    /// A solid plane below the body.
    pub floor: Option<Floor>,
    /// Liquid of particles around the body.
    pub liquid: Option<Basin>,
    /// What stands in it.
    pub obstacles: Vec<Obstacle>,
    /// Normal and tangential drag [kg/(m·s)] of the medium that it can be mixed with.
    pub diluted: Option<[f64; 2]>,
    /// Normal and tangential drag over viscosity, of a Newtonian fluid.
    pub per_viscosity: Option<[f64; 2]>,
}

/// A horizontal plane that nothing passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Its height [m].
    pub height: f64,
    /// Stiffness of the contact with one particle [N/m].
    pub stiffness: f64,
}

/// A box of liquid around a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Basin {
    /// Dynamic viscosity [Pa·s].
    pub viscosity: f64,
    /// Lengths of the box along x, y and z [m]; the body lies along x in its middle.
    pub size: [f64; 3],
    /// Whether it has walls along each axis; where not, it repeats.
    pub walls: [bool; 3],
    /// Whether its pressures have both signs, by projection; else they only push, by DFSPH.
    pub pulls: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    gravity: Option<Spanned<String>>,
    resistive: Option<Resistive>,
    diluted: Option<Diluted>,
    newtonian: Option<Newtonian>,
    floor: Option<FloorFile>,
    liquid: Option<LiquidFile>,
    #[serde(default)]
    sphere: Vec<SphereFile>,
    #[serde(default)]
    post: Vec<PostFile>,
    #[serde(default)]
    wall: Vec<WallFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LiquidFile {
    viscosity: Spanned<String>,
    #[serde(rename = "box")]
    size: [Spanned<String>; 3],
    #[serde(default)]
    walls: Vec<Spanned<String>>,
    pressure: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resistive {
    normal: Spanned<String>,
    tangential: Spanned<String>,
    film: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Diluted {
    normal: Spanned<String>,
    tangential: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Newtonian {
    normal: f64,
    tangential: f64,
    viscosity: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorFile {
    height: Spanned<String>,
    stiffness: Spanned<String>,
}

impl Medium {
    /// Reads a medium's file.
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
        let mut problems = Problems::new();
        let mut medium = Self::vacuum();
        medium.name = file.name;
        let per_length = Dimension::DRAG.over(Dimension::LENGTH);
        if let Some(resistive) = &file.resistive {
            medium.normal_drag = settings.not_negative(&resistive.normal, per_length, &mut problems);
            medium.tangential_drag = settings.not_negative(&resistive.tangential, per_length, &mut problems);
            if let Some(film) = &resistive.film {
                let stiffness = Dimension::STIFFNESS.over(Dimension::LENGTH);
                medium.film_stiffness = settings.not_negative(film, stiffness, &mut problems);
            }
        }
        medium.diluted = file.diluted.as_ref().map(|diluted| {
            [&diluted.normal, &diluted.tangential].map(|text| settings.not_negative(text, per_length, &mut problems))
        });
        if let Some(newtonian) = &file.newtonian {
            let viscosity = settings.positive(&newtonian.viscosity, Dimension::VISCOSITY, &mut problems);
            if file.resistive.is_some() || newtonian.normal.min(newtonian.tangential) <= 0.0 {
                let message = "[newtonian] has drags above zero, and stands in the place of [resistive]";
                let problem = settings.problem(newtonian.viscosity.span(), message);
                problems.push(
                    problem.help("give `normal` and `tangential`, about 5.2 and 3.3 for a worm, and no [resistive]"),
                );
            }
            medium.per_viscosity = Some([newtonian.normal, newtonian.tangential]);
            medium.normal_drag = newtonian.normal * viscosity;
            medium.tangential_drag = newtonian.tangential * viscosity;
        }
        if let Some(gravity) = &file.gravity {
            medium.gravity = settings.not_negative(gravity, Dimension::ACCELERATION, &mut problems);
        }
        if let Some(floor) = &file.floor {
            medium.floor = Some(Floor {
                height: settings.quantity(&floor.height, Dimension::LENGTH, &mut problems),
                stiffness: settings.positive(&floor.stiffness, Dimension::STIFFNESS, &mut problems),
            });
        }
        medium.obstacles = obstacle::read(settings, &file.sphere, &file.post, &file.wall, &mut problems);
        if let (Some(liquid), Some(wall)) = (&file.liquid, file.wall.first()) {
            let message = "a [[wall]] in [liquid]: the box of liquid has walls of its own";
            let problem = settings.problem(wall.place(), message);
            let along = if liquid.walls.is_empty() { "name an axis in `walls` of [liquid]" } else { "leave it out" };
            problems.push(problem.help(format!("{along}, or give [[post]] or [[sphere]]")));
        }
        medium.liquid = file.liquid.as_ref().map(|liquid| read_basin(settings, liquid, &mut problems));
        if let Some(gravity) = file.gravity.as_ref().filter(|_| medium.liquid.is_some() && medium.gravity > 0.0) {
            let message = "particles of [liquid] weigh as much as those of a worm, which neither sinks nor floats";
            let problem = settings.problem(gravity.span(), message);
            problems.push(problem.help("leave out `gravity`, or give [resistive] drag in the place of [liquid]"));
        }
        problems.or_ok(medium)
    }

    /// No medium at all.
    pub fn vacuum() -> Self {
        Self {
            name: "vacuum".to_string(),
            normal_drag: 0.0,
            tangential_drag: 0.0,
            film_stiffness: 0.0,
            gravity: 0.0,
            floor: None,
            liquid: None,
            obstacles: Vec::new(),
            diluted: None,
            per_viscosity: None,
        }
    }

    /// Mixes it with what dilutes it: C ← C_diluted + m (C − C_diluted), m 1 for it alone, 0 for the other alone.
    ///
    /// # Errors
    /// A share that is none, or a medium that can't be mixed.
    pub fn mix(&mut self, share: f64) -> Result<(), Problem> {
        let Some([normal, tangential]) = self.diluted else {
            let problem = Problem::new(format!("{} is not mixed with anything: it has no [diluted]", self.name));
            return Err(problem.help("leave out `mixture`, or give a medium with [diluted]"));
        };
        if !(0.0..=1.0).contains(&share) {
            let problem = Problem::new(format!("a mixture is between 0 and 1, found {share}"));
            return Err(problem.help("1 is the medium alone, 0 what dilutes it"));
        }
        self.normal_drag = normal + share * (self.normal_drag - normal);
        self.tangential_drag = tangential + share * (self.tangential_drag - tangential);
        Ok(())
    }

    /// Gives a Newtonian fluid another viscosity [Pa·s]; its drag is in proportion.
    ///
    /// # Errors
    /// A medium that is not Newtonian.
    pub fn set_viscosity(&mut self, viscosity: f64) -> Result<(), Problem> {
        let Some([normal, tangential]) = self.per_viscosity else {
            let problem = Problem::new(format!("the drag of {} does not follow from a viscosity", self.name));
            return Err(problem.help("leave out `viscosity`, or give a medium with [newtonian]"));
        };
        self.normal_drag = normal * viscosity;
        self.tangential_drag = tangential * viscosity;
        Ok(())
    }
}

fn read_basin(settings: &Settings, liquid: &LiquidFile, problems: &mut Problems) -> Basin {
    let mut basin = Basin {
        viscosity: settings.positive(&liquid.viscosity, Dimension::VISCOSITY, problems),
        size: liquid.size.each_ref().map(|size| settings.positive(size, Dimension::LENGTH, problems)),
        walls: [false; 3],
        pulls: true,
    };
    if let Some(pressure) = &liquid.pressure {
        match pressure.get_ref().as_str() {
            "projection" => {}
            "DFSPH" => basin.pulls = false,
            other => {
                let problem = settings.problem(pressure.span(), format!("\"{other}\" is no way to solve for pressure"));
                problems.push(problem.help("give \"projection\", which pulls too, or \"DFSPH\", which only pushes"));
            }
        }
    }
    for wall in &liquid.walls {
        match ["x", "y", "z"].iter().position(|axis| axis == wall.get_ref()) {
            Some(axis) => basin.walls[axis] = true,
            None => {
                let problem = settings.problem(wall.span(), format!("\"{}\" is no axis", wall.get_ref()));
                problems.push(problem.help("name the axes along which the box has walls: \"x\", \"y\", \"z\""));
            }
        }
    }
    basin
}

/// Drag of one particle: along the axis and across it [kg/s], and the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drag {
    /// Along the axis [kg/s].
    pub along: f64,
    /// Across the axis [kg/s].
    pub across: f64,
    /// Unit tangent of the midline.
    pub axis: Vec3,
}

impl Drag {
    /// A particle that touches nothing.
    pub const NONE: Self = Self { along: 0.0, across: 0.0, axis: Vec3::new(1.0, 0.0, 0.0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(text: &str) -> Medium {
        Medium::read(&Settings::from_text("medium.toml", text)).expect("a good file")
    }

    #[test]
    fn a_mixture_lies_between_its_two_media() {
        let mut mixed = medium(include_str!("../../models/media/agar_to_water.toml"));
        let agar = mixed.clone();
        mixed.mix(0.25).expect("it has what dilutes it");
        let [normal, tangential] = agar.diluted.expect("water");
        assert!((mixed.normal_drag - (0.25 * agar.normal_drag + 0.75 * normal)).abs() < 1e-12);
        assert!((mixed.tangential_drag - (0.25 * agar.tangential_drag + 0.75 * tangential)).abs() < 1e-12);
        assert!(mixed.mix(1.5).expect_err("more than all").to_string().contains("between 0 and 1"));
        assert!(mixed.set_viscosity(1.0).expect_err("no fluid").help.is_some());
    }

    #[test]
    fn the_drag_of_a_newtonian_fluid_keeps_its_ratio_at_every_viscosity() {
        let mut fluid = medium(include_str!("../../models/media/newtonian.toml"));
        // Water at 1 mPa s, as in water.toml.
        assert!((fluid.normal_drag - 5.2e-3).abs() < 1e-9 && (fluid.tangential_drag - 3.3e-3).abs() < 1e-9);
        fluid.set_viscosity(28.0).expect("Newtonian");
        assert!((fluid.normal_drag / fluid.tangential_drag - 5.2 / 3.3).abs() < 1e-12);
        assert!((fluid.normal_drag - 28.0 * 5.2).abs() < 1e-9);
        assert!(fluid.mix(0.5).is_err());
    }
}
