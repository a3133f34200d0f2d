//! What surrounds the body: nothing, a resistive medium (drag on the surface), a floor.
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

use crate::body::particles::Vec3;
use crate::error::Problems;
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
}

/// A horizontal plane that nothing passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Its height [m].
    pub height: f64,
    /// Stiffness of the contact with one particle [N/m].
    pub stiffness: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    gravity: Option<Spanned<String>>,
    resistive: Option<Resistive>,
    floor: Option<FloorFile>,
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
        if let Some(resistive) = &file.resistive {
            let per_length = Dimension::DRAG.over(Dimension::LENGTH);
            medium.normal_drag = settings.not_negative(&resistive.normal, per_length, &mut problems);
            medium.tangential_drag = settings.not_negative(&resistive.tangential, per_length, &mut problems);
            if let Some(film) = &resistive.film {
                let stiffness = Dimension::STIFFNESS.over(Dimension::LENGTH);
                medium.film_stiffness = settings.not_negative(film, stiffness, &mut problems);
            }
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
        }
    }
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
