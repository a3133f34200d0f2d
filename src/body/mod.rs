//! The 3D body: an elastic worm filled with liquid, moved by its muscles in a medium.
//!
//! A substep of the implicit scheme, in order:
//!
//! ```text
//!   1. drag       from the midline as it lies                         `medium.rs`
//!   2. tissue     springs, fibres, drag, film, floor and the mean     `implicit.rs`
//!                 pressure in balance at the end of the step,
//!                 torques by themselves                             `torque.rs`
//!   3. liquid     viscosity and the pressure's variation              `liquid.rs`
//!   4. midline    centres, tangents, curvature                        `midline.rs`
//! ```
//!
//! The explicit scheme does 2 and 3 in one (`explicit.rs`) and is kept as the reference to compare with.

pub mod anatomy;
pub mod banded;
pub mod calibration;
pub mod construction;
pub mod contact;
pub mod contraction;
pub mod divergence;
pub mod elasticity;
pub mod envelope;
pub mod exchange;
pub mod explicit;
pub mod flow;
pub mod implicit;
pub mod liquid;
pub mod medium;
pub mod membrane;
pub mod midline;
pub mod multilevel;
pub mod neighbors;
pub mod obstacle;
pub mod particles;
pub mod pool;
pub mod pressure;
pub mod projection;
mod restart;
pub mod rod;
pub mod rod_anatomy;
mod rod_balance;
pub mod scene;
pub mod smoothing;
pub mod surface_tension;
pub mod surroundings;
mod torque;
pub mod turning;
pub mod viscosity;
pub mod worm_body;

use crate::body::anatomy::Anatomy;
use crate::body::contact::Contact;
use crate::body::explicit::ExplicitStep;
use crate::body::implicit::{ImplicitStep, Loads};
use crate::body::liquid::Liquid;
use crate::body::medium::{Drag, Medium};
use crate::body::midline::Midline;
use crate::body::particles::{Tissue, Vec3, enclosed_volume};
use crate::body::surroundings::FORESEEN;
use crate::names::{MUSCLE_COUNT, muscle_names};

/// Which scheme moves the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Everything stiff at once; steps of milliseconds.
    Implicit,
    /// The reference; steps of microseconds.
    Explicit,
}

/// A worm's body in its medium.
#[derive(Debug, Clone)]
pub struct Body {
    /// The elastic part at rest.
    tissue: Tissue,
    medium: Medium,
    contact: Contact,
    mover: Mover,
    /// Tissue, then liquid.
    position: Vec<Vec3>,
    velocity: Vec<Vec3>,
    midline: Midline,
    rest_length: f64,
    rest_volume: f64,
    /// Length of each fibre at rest [m].
    fibre_rest: Vec<f64>,
    particle_mass: f64,
    mean_pressure: f64,
    density_error: f64,
    iterations: usize,
}

#[derive(Debug, Clone)]
enum Mover {
    Implicit(Box<ImplicitStep>, Box<Liquid>),
    Explicit(Box<ExplicitStep>),
}

/// Why a body could not take a step, to be joined with the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Diverged {
    /// Who did what.
    pub what: String,
}

impl Body {
    /// Builds a worm of this anatomy, straight and at rest, the head at positive x.
    pub fn new(anatomy: &Anatomy, medium: Medium, scheme: Scheme) -> Self {
        let tissue = construction::build_tissue(anatomy);
        let pitch = anatomy.length / (anatomy.rings - 1) as f64;
        let mut contact = Contact::new(&medium, &tissue, pitch);
        let mut position = tissue.position.clone();
        position.extend(construction::fill_with_liquid(anatomy));
        let mover = match scheme {
            Scheme::Implicit => {
                let mut liquid = Liquid::settle(anatomy, tissue.position.len(), &mut position);
                if let Some(basin) = &medium.liquid {
                    liquid.surround(basin, &medium.obstacles, anatomy, tissue.position.len(), &mut position);
                    liquid.period().iter().for_each(|period| contact.repeat(*period));
                }
                let tissue_step = ImplicitStep::new(&tissue, anatomy.bulk_modulus, anatomy.damping_time);
                Mover::Implicit(Box::new(tissue_step), Box::new(liquid))
            }
            Scheme::Explicit => Mover::Explicit(Box::new(ExplicitStep::new(anatomy, &tissue, &position))),
        };
        let midline = Midline::of(&tissue, &position);
        let length_of = |fibre: &particles::Fibre| (tissue.position[fibre.b] - tissue.position[fibre.a]).norm();
        Self {
            contact,
            medium,
            mover,
            velocity: vec![Vec3::zeros(); position.len()],
            rest_length: midline.length(),
            rest_volume: enclosed_volume(&tissue.triangles, &tissue.position),
            fibre_rest: tissue.fibres.iter().map(length_of).collect(),
            midline,
            position,
            tissue,
            particle_mass: anatomy.particle_mass,
            mean_pressure: 0.0,
            density_error: 0.0,
            iterations: 0,
        }
    }

    /// Moves the body over one step of `dt` [s] while each fibre of a muscle pulls with `fibre_force` [N].
    ///
    /// # Errors
    /// When its forces find no balance, or a particle is lost; the body is then as before the step.
    pub fn step(&mut self, dt: f64, fibre_force: &[f64]) -> Result<(), Diverged> {
        if let Some(muscle) = fibre_force.iter().position(|force| !force.is_finite()) {
            let name = muscle_names().get(muscle).cloned().unwrap_or_default();
            return Err(Diverged { what: format!("the pull of muscle {name} is not a number") });
        }
        let lost = |list: &[Vec3]| list.iter().position(|x| !x.sum().is_finite());
        for (what, list) in [("position", &self.position), ("velocity", &self.velocity)] {
            if let Some(i) = lost(list) {
                let who = describe(&self.tissue, i);
                return Err(Diverged { what: format!("{what} of {who} is not a number, before any force acts") });
            }
        }
        let mut drag = self.drag();
        let foreseen = self.foreseen_drag();
        for (drag, foreseen) in drag.iter_mut().zip(&foreseen) {
            (drag.along, drag.across) = (drag.along + foreseen, drag.across + foreseen);
        }
        let tissue_count = self.tissue.position.len();
        match &mut self.mover {
            Mover::Implicit(tissue_step, liquid) => {
                // The liquid, enclosed, rests with its whole weight on its walls.
                let heavier = liquid.inside() as f64 / tissue_count as f64;
                let weight = Vec3::new(0.0, 0.0, -self.medium.gravity * self.particle_mass * heavier);
                let mut external: Vec<Vec3> = liquid.reaction.iter().map(|reaction| reaction + weight).collect();
                for ((force, foreseen), v) in external.iter_mut().zip(&foreseen).zip(&self.velocity) {
                    *force += v * *foreseen;
                }
                let loads = Loads { fibre_force, external: &external, drag: &drag, contact: &self.contact };
                if let Some(i) = external.iter().position(|force| !force.sum().is_finite()) {
                    let who = describe(&self.tissue, i);
                    return Err(Diverged { what: format!("the force of the liquid on {who} is not a number") });
                }
                let mut moved = self.position[..tissue_count].to_vec();
                let solved = tissue_step
                    .step(&self.tissue, &loads, dt, &mut moved, &mut self.velocity[..tissue_count])
                    .map_err(|unsolved| Diverged { what: unsolved.what })?;
                self.mean_pressure = solved.pressure;
                self.iterations = solved.iterations;
                let cuticle = &self.tissue.triangles;
                let corrected = liquid.step(dt, tissue_count, cuticle, &mut self.position, &mut self.velocity);
                self.density_error = corrected.error;
                if let Some((i, term)) = liquid.lost() {
                    return Err(Diverged { what: format!("{term} of {} is not a number", describe(&self.tissue, i)) });
                }
                self.position[..tissue_count].copy_from_slice(&moved);
            }
            Mover::Explicit(step) => {
                let (position, velocity) = (&mut self.position, &mut self.velocity);
                let corrected = step.step(&self.tissue, fibre_force, &drag, &self.medium, dt, position, velocity);
                self.density_error = corrected.error;
                self.iterations = corrected.iterations;
                if let Some((i, term)) = step.lost() {
                    return Err(Diverged { what: format!("{term} of {} is not a number", describe(&self.tissue, i)) });
                }
            }
        }
        if let Some(lost) = lost(&self.position) {
            return Err(Diverged { what: format!("position of {} is not a number", describe(&self.tissue, lost)) });
        }
        self.midline = Midline::of(&self.tissue, &self.position);
        Ok(())
    }

    /// Drag of every tissue particle, along and across the midline as it lies.
    pub fn drag(&self) -> Vec<Drag> {
        let mut drag = vec![Drag::NONE; self.tissue.position.len()];
        self.for_each_wet(|i, ring, share| {
            drag[i] = Drag {
                along: self.medium.tangential_drag * share,
                across: self.medium.normal_drag * share,
                axis: self.midline.tangent[ring],
            };
        });
        drag
    }

    /// The drag with which the answer of the liquid around each tissue particle is foreseen [kg/s], D of
    /// `surroundings.rs`.
    fn foreseen_drag(&self) -> Vec<f64> {
        let mut foreseen = Vec::new();
        if let Some(basin) = &self.medium.liquid {
            foreseen.resize(self.tissue.position.len(), 0.0);
            self.for_each_wet(|i, _, share| foreseen[i] = FORESEEN * basin.viscosity * share);
        }
        foreseen
    }

    /// Every particle that touches the medium, its ring, and the length of body that it stands for [m].
    fn for_each_wet(&self, mut visit: impl FnMut(usize, usize, f64)) {
        let pitch = self.rest_length / (self.tissue.rings() - 1) as f64;
        for ring in 0..self.tissue.rings() {
            let wet = self.tissue.ring(ring).filter(|i| self.tissue.on_surface[*i]);
            // The first and the last ring stand for half a stretch each.
            let stretch = if ring == 0 || ring == self.tissue.rings() - 1 { 0.5 * pitch } else { pitch };
            let share = stretch / wet.clone().count() as f64;
            for i in wet {
                visit(i, ring, share);
            }
        }
    }

    /// From now on the medium drags so much across and along the body [kg/(m·s)].
    pub fn set_drag(&mut self, normal: f64, tangential: f64) {
        (self.medium.normal_drag, self.medium.tangential_drag) = (normal, tangential);
    }

    /// The largest stable step [s], where the scheme has one.
    pub fn largest_step(&self) -> Option<f64> {
        match &self.mover {
            Mover::Implicit(..) => None,
            Mover::Explicit(_) => Some(ExplicitStep::largest_step(&self.tissue)),
        }
    }

    /// Positions of all particles, tissue then liquid [m].
    pub fn position(&self) -> &[Vec3] {
        &self.position
    }

    /// Velocities of all particles [m/s].
    pub fn velocity(&self) -> &[Vec3] {
        &self.velocity
    }

    /// The elastic part at rest, with its springs, fibres and cuticle.
    pub fn tissue(&self) -> &Tissue {
        &self.tissue
    }

    /// Energy stored in the contact with floor and obstacles [J].
    pub fn contact_energy(&self) -> f64 {
        self.contact.energy(&self.position[..self.tissue.position.len()])
    }

    /// Mass of one particle [kg].
    pub fn particle_mass(&self) -> f64 {
        self.particle_mass
    }

    /// Density of every particle as the smoothed sum measures it [kg/m³].
    pub fn density(&self) -> &[f64] {
        match &self.mover {
            Mover::Implicit(_, liquid) => liquid.density(),
            Mover::Explicit(step) => step.density(),
        }
    }

    /// Pressure of every particle [Pa], the mean included.
    pub fn pressure(&self) -> Vec<f64> {
        match &self.mover {
            Mover::Implicit(_, liquid) => liquid.pressure().iter().map(|p| p + self.mean_pressure).collect(),
            Mover::Explicit(step) => step.pressure().to_vec(),
        }
    }

    /// The midline, head to tail.
    pub fn midline(&self) -> &Midline {
        &self.midline
    }

    /// Arc length of the midline over that at rest.
    pub fn relative_length(&self) -> f64 {
        self.midline.length() / self.rest_length
    }

    /// Length of the midline at rest [m].
    pub fn rest_length(&self) -> f64 {
        self.rest_length
    }

    /// Volume inside the cuticle over that at rest.
    pub fn relative_volume(&self) -> f64 {
        enclosed_volume(&self.tissue.triangles, &self.position) / self.rest_volume
    }

    /// Mean pressure of the liquid [Pa]; none in the explicit scheme, where particles carry all of it.
    pub fn mean_pressure(&self) -> f64 {
        self.mean_pressure
    }

    /// Largest density error of the last step, as a fraction of rest density.
    pub fn density_error(&self) -> f64 {
        self.density_error
    }

    /// Iterations of the last step's solver: Newton's, or the pressure's in the explicit scheme.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Centre of mass of tissue and of the liquid in it [m].
    pub fn center_of_mass(&self) -> Vec3 {
        let inside = match &self.mover {
            Mover::Implicit(_, liquid) => liquid.inside(),
            Mover::Explicit(_) => self.position.len(),
        };
        self.position[..inside].iter().sum::<Vec3>() / inside as f64
    }

    /// The impulse that each tissue particle got from the liquid in a step of `dt` [s] and that its velocity shows after the
    /// next one [kg·m/s]; empty in a scheme where nothing acts late.
    pub fn owed(&self, dt: f64) -> Vec<Vec3> {
        match &self.mover {
            Mover::Implicit(_, liquid) => liquid.reaction.iter().map(|force| force * dt).collect(),
            Mover::Explicit(_) => Vec::new(),
        }
    }

    /// How much longer each muscle is than at rest, as a fraction: the mean over its fibres.
    pub fn muscle_strain(&self) -> Vec<f64> {
        let mut strain = vec![0.0; MUSCLE_COUNT];
        for (fibre, rest) in self.tissue.fibres.iter().zip(&self.fibre_rest) {
            strain[fibre.muscle] += (self.position[fibre.b] - self.position[fibre.a]).norm() / rest - 1.0;
        }
        for (strain, fibres) in strain.iter_mut().zip(self.tissue.fibres_per_muscle(MUSCLE_COUNT)) {
            *strain /= fibres.max(1) as f64;
        }
        strain
    }
}

/// A particle in words: "tissue particle 512 (ring 21)".
fn describe(tissue: &Tissue, particle: usize) -> String {
    match tissue.ring_start.partition_point(|start| *start <= particle) {
        ring if ring <= tissue.rings() => format!("tissue particle {particle} (ring {ring})"),
        _ => format!("liquid particle {}", particle - tissue.position.len()),
    }
}
