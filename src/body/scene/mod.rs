//! A scene of elastic, liquid and boundary particles, moved step by explicit step as OpenWorm's Sibernetic moves it.
//!
//! ```text
//!   1. neighbours   the 32 nearest of each particle                        `pairs.rs`
//!   2. forces       viscosity, cohesion, gravity; springs and fibres       here
//!   3. pressure     three times: predict, measure density, push            `pressure.rs`
//!   4. move         v ← v + h a, x ← x + h v, out of the boundary          `boundary.rs`
//!   5. membranes    liquid is moved away from triangles of tissue          `membranes.rs`
//! ```
//!
//! It is the reference to compare with: the laws are the peer's, faults that change the motion included where its
//! trajectories need them, and each says so. Beyond the peer, δ follows the step, a lost particle is named, and
//! the numbers are f64 and the same on any number of threads. The worm of this project is `body/mod.rs`.
//!
//! Axes are the file's: y up, a worm lies along z with its head at great z; lengths here are metres.
//!
//! Source: the algorithm as read in the source of Sibernetic 0.0.6.

pub mod boundary;
pub mod constants;
pub mod file;
mod group;
mod membranes;
pub mod pairs;
mod pressure;
mod sums;

use crate::body::particles::Vec3;
use crate::body::smoothing::Smoothing;
use crate::error::{Problem, Problems};
use crate::parallel;
use crate::simd;
use boundary::Boundary;
use constants::Constants;
use file::{MUSCLES, ParticleFile};
use group::{Group, MOST, SIDE, vector};
use membranes::Membranes;
use pairs::Pairs;
use pressure::Pressure;
use sums::{Sum, Sums};

/// What a mover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Hangs on springs.
    Tissue,
    /// Hangs on softer springs.
    Agar,
    /// Flows.
    Liquid,
}

/// A spring as its owner feels it, in SI units.
#[derive(Debug, Clone, Copy)]
struct Spring {
    partner: u32,
    /// From 1; 0 for none.
    muscle: u32,
    rest: f64,
    /// Stiffness over mass [1/s²].
    stiffness: f64,
}

/// A scene at some time.
#[derive(Debug, Clone)]
pub struct Scene {
    constants: Constants,
    smoothing: Smoothing,
    gravity: Vec3,
    kind: Vec<Kind>,
    /// The worm's cross-sections from head to tail, by their particles; empty where the file is no worm.
    sections: Vec<Vec<usize>>,
    triangles: Vec<[usize; 3]>,
    springs: Vec<Vec<Spring>>,
    boundary: Boundary,
    membranes: Membranes,
    pairs: Pairs,
    /// Neighbours of the movers, a group of them side by side, and the sums over them.
    groups: Vec<(Group, Sum)>,
    /// Positions of the movers, then of the near boundary particles.
    place: Vec<Vec3>,
    /// The same, in the file's unit; the fourth number is not used.
    rounded: Vec<[f32; 4]>,
    /// Velocities of the same [m/s]; the fourth number is 1 for agar.
    moving: Vec<[f32; 4]>,
    velocity: Vec<Vec3>,
    density: Vec<f64>,
    /// All but pressure [m/s²].
    acceleration: Vec<Vec3>,
    pressure: Pressure,
}

/// A particle that a scene lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// Which one, and what of it is no number.
    pub what: String,
}

impl Scene {
    /// The scene of a file, with these constants.
    ///
    /// # Errors
    /// When it has no particles near enough for the constants to mean anything.
    pub fn new(file: &ParticleFile, constants: Constants) -> Result<Self, Problems> {
        let movers = file.movers();
        let unit = constants.unit;
        let position: Vec<Vec3> = file.position[..movers].iter().map(|x| x * unit).collect();
        let smoothing = Smoothing::new(constants.smoothing_length);
        let walls: Vec<Vec3> = file.position[movers..].iter().map(|x| x * unit).collect();
        let normals = file.velocity[movers..].iter().copied().zip(file.normal_code.iter().copied()).collect();
        let kind = |i: usize| match file.agar.get(i) {
            Some(true) => Kind::Agar,
            Some(false) => Kind::Tissue,
            None => Kind::Liquid,
        };
        let kind: Vec<Kind> = (0..movers).map(kind).collect();
        let spring = |owner: usize, bond: &file::Bond| {
            let soft = [owner, bond.partner].iter().any(|i| kind[*i] == Kind::Agar);
            let share = if soft { constants.agar_softness } else { 1.0 };
            Spring {
                partner: bond.partner as u32,
                muscle: bond.muscle.map_or(0, |muscle| muscle as u32 + 1),
                rest: bond.rest * unit,
                stiffness: share * constants.spring_stiffness / constants.mass,
            }
        };
        let springs = file.bonds.iter().enumerate();
        let springs = springs.map(|(owner, bonds)| bonds.iter().map(|bond| spring(owner, bond)).collect()).collect();
        let [x, y, z] = file.gravity;
        let gravity = Vec3::new(x.unwrap_or(0.0), y.unwrap_or(-constants.gravity), z.unwrap_or(0.0));
        let mut scene = Self {
            gravity,
            sections: cross_sections(file),
            triangles: file.triangles.clone(),
            springs,
            membranes: Membranes::new(file, unit),
            pairs: Pairs::new(smoothing.length, unit, &walls),
            boundary: Boundary::new(walls, normals, constants.rest_distance, constants.rebound, &smoothing),
            groups: vec![(Group::EMPTY, Sum::NONE); movers.div_ceil(SIDE)],
            place: position,
            rounded: Vec::new(),
            moving: Vec::new(),
            velocity: file.velocity[..movers].to_vec(),
            density: vec![constants.density; movers],
            acceleration: vec![Vec3::zeros(); movers],
            pressure: Pressure::default(),
            kind,
            smoothing,
            constants,
        };
        scene.check_springs()?;
        // The peer's step 0 moves nothing, but its membranes act.
        scene.find_neighbours();
        scene.membranes.part(&scene.groups, &scene.kind, scene.constants.rest_distance, &mut scene.place[..movers]);
        Ok(scene)
    }

    /// Refuses springs whose ends are at one place: they pull in no direction.
    fn check_springs(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        for (owner, springs) in self.springs.iter().enumerate() {
            let same = springs.iter().find(|spring| self.place[spring.partner as usize] == self.place[owner]);
            if let Some(spring) = same {
                let message = format!("particles {owner} and {} are joined and at the same place", spring.partner);
                problems.push(Problem::new(message).help("move one of them in [position]"));
            }
        }
        problems.or_ok(())
    }

    /// The largest stable step [s]: 2/ω, with ω² at most twice the stiffness around a particle over its mass.
    /// Springs point all ways, so a third of them resists any one direction.
    pub fn largest_step(&self) -> f64 {
        let around = |springs: &Vec<Spring>| springs.iter().map(|spring| spring.stiffness).sum::<f64>();
        let stiffest = self.springs.iter().map(around).fold(0.0, f64::max);
        let viscous = self.smoothing.length.powi(2) * self.constants.density / (8.0 * self.constants.viscosity);
        (2.0 / (2.0 * stiffest / 3.0).sqrt()).min(viscous)
    }

    /// Moves the scene over one step of `dt` [s] with these activations of its muscles.
    ///
    /// # Errors
    /// When a particle's position is no number any more.
    pub fn step(&mut self, dt: f64, activation: &[f64; MUSCLES]) -> Result<(), Lost> {
        self.find_neighbours();
        let movers = self.kind.len();
        self.add_forces(activation);
        let scaled = dt / self.constants.step;
        let fluid = pressure::Fluid {
            unit: self.constants.unit,
            mass: self.constants.mass,
            rest_density: self.constants.density,
            smoothing: self.smoothing,
            gain: self.constants.pressure_gain / (scaled * scaled),
            iterations: self.constants.iterations,
        };
        let state = pressure::State {
            pairs: &self.pairs,
            groups: &self.groups,
            boundary: &self.boundary,
            place: &self.place,
            rounded: &self.rounded,
            velocity: &self.velocity,
            acceleration: &self.acceleration,
        };
        self.pressure.solve(&fluid, &state, dt);
        for i in 0..movers {
            self.velocity[i] += (self.acceleration[i] + self.pressure.acceleration[i]) * dt;
            self.place[i] += self.velocity[i] * dt;
            let (group, lane) = (&self.groups[i / SIDE].0, i % SIDE);
            if !group.at_the_wall[lane] {
                continue;
            }
            let walls = self.pairs.walls(group, lane);
            if let Some(contact) = self.boundary.contact(walls, self.place[i]) {
                self.place[i] += contact.shift();
                self.boundary.stop(&contact, &mut self.velocity[i]);
            }
        }
        self.membranes.part(&self.groups, &self.kind, self.constants.rest_distance, &mut self.place[..movers]);
        match self.place[..movers].iter().position(|x| !(x.x + x.y + x.z).is_finite()) {
            Some(lost) => Err(Lost { what: format!("position of {} is not a number", self.describe(lost)) }),
            None => Ok(()),
        }
    }

    /// Neighbours of all particles where they are now, and the sums over them.
    fn find_neighbours(&mut self) {
        let movers = self.kind.len();
        if self.pairs.refresh(&self.place[..movers]) {
            self.place.truncate(movers);
            let near = self.pairs.near_walls.iter().map(|wall| self.boundary.position[*wall as usize]);
            self.place.extend(near);
        }
        let unit = self.constants.unit;
        self.rounded.clear();
        self.rounded
            .extend(self.place.iter().map(|x| [(x.x / unit) as f32, (x.y / unit) as f32, (x.z / unit) as f32, 0.0]));
        let kind = &self.kind;
        self.moving.clear();
        let agar = |i: usize| if kind[i] == Kind::Agar { 1.0 } else { 0.0 };
        let moving = |(i, v): (usize, &Vec3)| [v.x as f32, v.y as f32, v.z as f32, agar(i)];
        self.moving.extend(self.velocity.iter().enumerate().map(moving));
        // The boundary stands still.
        self.moving.resize(self.place.len(), [0.0; 4]);
        let sums = Sums {
            reach: (self.smoothing.length / unit) as f32,
            to_agar: (self.constants.viscosity_to_agar / self.constants.viscosity) as f32,
        };
        let (pairs, place, moving) = (&self.pairs, &self.rounded, &self.moving);
        parallel::for_each_large(&mut self.groups, |g, (group, sum)| {
            let first = g * SIDE;
            let mut tissue = [false; SIDE];
            tissue.iter_mut().zip(&kind[first..]).for_each(|(tissue, kind)| *tissue = *kind != Kind::Liquid);
            simd::widest(
                #[inline(always)]
                || {
                    let (mut distance, mut copied) = ([[0.0; SIDE]; MOST], [[[0.0; 4]; SIDE]; MOST]);
                    pairs.fill(first, place, group, &mut distance, &mut copied);
                    *sum = sums.over(group, &distance, first, &tissue, moving, &mut copied);
                    pressure::weigh(sums.reach, &distance, &mut group.weight);
                },
            );
        });
    }

    /// Density, and every acceleration but that of pressure.
    fn add_forces(&mut self, activation: &[f64; MUSCLES]) {
        let (constants, smoothing) = (&self.constants, &self.smoothing);
        let (place, springs, groups) = (&self.place, &self.springs, &self.groups);
        let pull = constants.fibre_force / constants.mass;
        // Smoothing functions of lengths in the file's unit: powers of h and the unit are put back at the end.
        let unit = constants.unit;
        let poly6 = smoothing.density(0.0) / (smoothing.length / unit).powi(6);
        let laplacian = smoothing.laplacian(0.0) / (smoothing.length / unit);
        let density = |i: usize| {
            let sum = f64::from(groups[i / SIDE].1.density[i % SIDE]);
            constants.mass * poly6 * sum.max((smoothing.length / unit).powi(6))
        };
        parallel::for_each(&mut self.density, |i, place| *place = density(i));
        parallel::for_each(&mut self.acceleration, |i, acceleration| {
            let (sum, lane) = (&groups[i / SIDE].1, i % SIDE);
            let cohesion = vector(&sum.cohesion, lane);
            let mut total = self.gravity - cohesion * (poly6 * unit * constants.surface_tension);
            let volume = constants.mass / (constants.density * density(i));
            total += vector(&sum.drag, lane) * (laplacian * constants.viscosity * volume);
            for spring in springs.get(i).into_iter().flatten() {
                let along = place[spring.partner as usize] - place[i];
                let length = along.norm();
                let mut towards = spring.stiffness * (length - spring.rest);
                if spring.muscle > 0 {
                    towards += pull * activation[spring.muscle as usize - 1];
                }
                total += along * (towards / length);
            }
            *acceleration = total;
        });
    }

    /// A particle in words.
    fn describe(&self, i: usize) -> String {
        let kind = if self.kind[i] == Kind::Liquid { "liquid" } else { "elastic" };
        format!("{kind} particle {i} of the file")
    }

    /// The constants that move it.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// What each mover is.
    pub fn kind(&self) -> &[Kind] {
        &self.kind
    }

    /// Positions of the movers [m].
    pub fn position(&self) -> &[Vec3] {
        &self.place[..self.kind.len()]
    }

    /// Velocities of the movers [m/s].
    pub fn velocity(&self) -> &[Vec3] {
        &self.velocity
    }

    /// Density of the movers at the beginning of the last step [kg/m³].
    pub fn density(&self) -> &[f64] {
        &self.density
    }

    /// Pressure of the movers in the last step [Pa].
    pub fn pressure(&self) -> &[f64] {
        let movers = self.kind.len().min(self.pressure.pressure.len());
        &self.pressure.pressure[..movers]
    }

    /// Whether it is a worm, with cross-sections to find its midline by.
    pub fn is_a_worm(&self) -> bool {
        self.sections.len() > 2
    }

    /// Centres of a worm's cross-sections, head to tail [m].
    pub fn midline(&self) -> Vec<Vec3> {
        let centre = |section: &Vec<usize>| section.iter().map(|i| self.place[*i]).sum::<Vec3>() / section.len() as f64;
        self.sections.iter().map(centre).collect()
    }

    /// Each pair of particles that a spring joins, once.
    pub fn spring_pairs(&self) -> Vec<[usize; 2]> {
        let pairs = self.springs.iter().enumerate();
        let mut pairs: Vec<[usize; 2]> = pairs
            .flat_map(|(a, springs)| springs.iter().map(move |s| (a, s.partner as usize)))
            .map(|(a, b)| [a.min(b), a.max(b)])
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Triangles of its membranes.
    pub fn triangles(&self) -> &[[usize; 3]] {
        &self.triangles
    }
}

/// Particles of each cross-section that the file names, from the greatest number, the head, down.
fn cross_sections(file: &ParticleFile) -> Vec<Vec<usize>> {
    let mut named: Vec<(usize, usize)> =
        file.section.iter().enumerate().filter_map(|(i, section)| Some((section.as_ref().copied()?, i))).collect();
    named.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    named.chunk_by(|a, b| a.0 == b.0).map(|section| section.iter().map(|(_, i)| *i).collect()).collect()
}
