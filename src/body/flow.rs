//! One implicit step of a liquid of particles, in the order of their bins.
//!
//!   sort → neighbours → v ← viscosity (`viscosity.rs`) → v ← compressed no further (`divergence.rs`)
//!     → x ← x + h v, and where that is too dense, aside (`pressure.rs`)
//!
//! What moves particles aside, to where their density is right, changes no velocity: a way that was corrected within one
//! step and left as speed would be energy from nowhere. In a liquid that fills its space pressures may have both signs
//! (`projection.rs`):
//!
//!   sort → neighbours → v ← last pressures → v ← viscosity → v ← free of divergence → moved aside
//!
//! Particles that are near each other in space stand near each other in memory while a step works on them: what a
//! particle costs does not grow with their number. Callers keep their own order and see nothing of it.
//!
//! Source: Ihmsen et al. 2011, A parallel SPH implementation on multi-core CPUs, doi:10.1111/j.1467-8659.2010.01832.x
//! (sorting by place); Hu & Adams 2007, doi:10.1016/j.jcp.2007.07.013 (velocities and places corrected apart).

use crate::body::divergence::Divergence;
use crate::body::neighbors::{Bins, Neighbors};
use crate::body::particles::Vec3;
use crate::body::pressure::{Corrected, Fluid, Pressure, Stop};
use crate::body::projection::{Lying, Projection};
use crate::body::viscosity::Viscosity;
use crate::parallel;

/// What a step of a liquid depends on beside its particles.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Constants of the liquid.
    pub fluid: &'a Fluid,
    /// Dynamic viscosity [Pa·s]; 0 for none.
    pub viscosity: f64,
    /// When pressures are good enough.
    pub stop: Stop,
    /// Lengths after which space repeats [m], infinite where it does not; none where it repeats nowhere.
    pub period: Option<[f64; 3]>,
    /// Which particles are inside a body, where some are: pressures inside and outside have nothing in common.
    pub enclosed: Option<&'a [bool]>,
    /// Walls slide along themselves and stay where they are: their velocity counts in viscosity only.
    pub walls_slide: bool,
}

/// The work space of a step, and what the last one left. Particles are in the caller's order where it says so, else in
/// that of their bins.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// Pressure of each particle [Pa], in the caller's order.
    pub pressure: Vec<f64>,
    /// Predicted density of each particle [kg/m³], in the caller's order.
    pub density: Vec<f64>,
    /// How far each particle is moved beside its velocity [m], in the caller's order.
    aside: Vec<Vec3>,
    /// Force with which pressures of both signs moved the liquid [N]: the opposite acts on its walls.
    pub pressed: Vec3,
    /// The liquid fills its space and pulls too.
    pub pulls: bool,
    bins: Bins,
    /// The caller's number of each place, and the place of each number.
    number: Vec<u32>,
    place: Vec<u32>,
    position: Vec<Vec3>,
    velocity: Vec<Vec3>,
    moves: Vec<bool>,
    enclosed: Vec<bool>,
    /// Velocity from which the viscosity of the next step begins, in the caller's order; empty before the first [m/s]. What
    /// has changed velocities since acts all through that step: forces, and pressures of the step before. Pressures that
    /// pull set a flow free of divergence at once, and only what keeps it so is such a force.
    pub unforced: Vec<Vec3>,
    /// The same in the order of the bins, and then what pressure works with: walls that slide have no speed there.
    standing: Vec<Vec3>,
    still: Vec<Vec3>,
    neighbors: Neighbors,
    viscosity: Viscosity,
    divergence: Divergence,
    crowding: Pressure,
    projection: Projection,
}

impl Flow {
    /// Gives the particles that move the velocities [m/s] with which they keep their density over a step of `dt` [s].
    ///
    /// `position` lies inside the period where there is one; `velocity` is that of walls too.
    pub fn step(
        &mut self,
        setting: &Setting<'_>,
        dt: f64,
        position: &[Vec3],
        moves: &[bool],
        velocity: &mut [Vec3],
    ) -> Corrected {
        let (count, reach) = (position.len(), setting.fluid.smoothing.length);
        self.bins.sort(position, reach);
        self.number.clear();
        self.number.extend(self.bins.by_bin().map(|i| i as u32));
        self.place.resize(count, 0);
        for (place, number) in self.number.iter().enumerate() {
            self.place[*number as usize] = place as u32;
        }
        let number = &self.number;
        gather(number, position, &mut self.position);
        gather(number, velocity, &mut self.velocity);
        gather(number, moves, &mut self.moves);
        self.neighbors.rebuild_around(&self.position, reach, &self.moves, setting.period);
        if self.pulls {
            return self.step_projected(setting, dt, moves, velocity);
        }
        self.shear(setting, dt);
        let (neighbors, places, moving) = (&self.neighbors, &self.position, &self.moves);
        let (number, place, dragged) = (&self.number, &self.place, &self.velocity);
        self.unforced.resize(count, Vec3::zeros());
        parallel::for_each(&mut self.unforced, |i, v| *v = dragged[place[i] as usize]);
        let (fluid, stop) = (setting.fluid, &setting.stop);
        let slides = |place: usize| setting.walls_slide && !moving[place];
        self.standing.resize(count, Vec3::zeros());
        parallel::for_each(&mut self.standing, |n, v| *v = if slides(n) { Vec3::zeros() } else { dragged[n] });
        if self.pressure.len() == count {
            gather(number, &self.pressure, &mut self.divergence.pressure);
        } else {
            self.divergence.pressure.clear();
        }
        match setting.enclosed {
            Some(enclosed) => gather(number, enclosed, &mut self.enclosed),
            None => self.enclosed.clear(),
        }
        let (divergence, standing, enclosed) = (&mut self.divergence, &mut self.standing, &self.enclosed);
        let rounds = divergence.solve(fluid, stop, neighbors, dt, places, standing, moving, enclosed).iterations;
        parallel::for_each(standing, |n, v| *v += divergence.acceleration[n] * dt);
        self.still.resize(count, Vec3::zeros());
        let mut corrected = self.crowding.solve(fluid, stop, neighbors, dt, places, standing, &self.still, moving);
        corrected.iterations += rounds;
        let (place, divergence, crowding) = (&self.place, &self.divergence, &self.crowding);
        self.pressure.resize(count, 0.0);
        parallel::for_each(&mut self.pressure, |i, pressure| *pressure = divergence.pressure[place[i] as usize]);
        self.density.resize(count, 0.0);
        parallel::for_each(&mut self.density, |i, density| *density = crowding.density[place[i] as usize]);
        self.aside.resize(count, Vec3::zeros());
        parallel::for_each(&mut self.aside, |i, aside| *aside = crowding.acceleration[place[i] as usize] * (dt * dt));
        let standing = &self.standing;
        parallel::for_each(velocity, |i, v| {
            if moves[i] {
                *v = standing[place[i] as usize];
            }
        });
        corrected
    }

    /// Viscosity's part of a step.
    fn shear(&mut self, setting: &Setting<'_>, dt: f64) {
        if setting.viscosity == 0.0 {
            return;
        }
        if self.unforced.len() == self.velocity.len() {
            gather(&self.number, &self.unforced, &mut self.standing);
        } else {
            self.standing.clone_from(&self.velocity);
        }
        let (neighbors, places, moves, velocity) = (&self.neighbors, &self.position, &self.moves, &mut self.velocity);
        self.viscosity.step(setting.fluid, setting.viscosity, neighbors, dt, places, moves, &self.standing, velocity);
    }

    /// The rest of a step of a liquid that pulls too.
    fn step_projected(&mut self, setting: &Setting<'_>, dt: f64, moves: &[bool], velocity: &mut [Vec3]) -> Corrected {
        let (fluid, count) = (setting.fluid, velocity.len());
        match setting.enclosed {
            Some(enclosed) => gather(&self.number, enclosed, &mut self.enclosed),
            None => self.enclosed.resize(count, false),
        }
        let lying = Lying {
            fluid,
            neighbors: &self.neighbors,
            position: &self.position,
            moves: &self.moves,
            enclosed: &self.enclosed,
        };
        let projection = &mut self.projection;
        if self.pressure.len() == count {
            gather(&self.number, &self.pressure, &mut projection.pressure);
        } else {
            projection.pressure.clear();
        }
        projection.push(&lying, dt, &mut self.velocity);
        self.shear(setting, dt);
        let lying = Lying {
            fluid,
            neighbors: &self.neighbors,
            position: &self.position,
            moves: &self.moves,
            enclosed: &self.enclosed,
        };
        let projection = &mut self.projection;
        let corrected = projection.project(&lying, setting.viscosity, dt, setting.walls_slide, &mut self.velocity);
        self.pressed = projection.pushed * (fluid.mass / dt);
        let place = &self.place;
        self.aside.resize(count, Vec3::zeros());
        parallel::for_each(&mut self.aside, |i, aside| {
            let place = place[i] as usize;
            *aside = if moves[i] { projection.aside(&lying, place) } else { Vec3::zeros() };
        });
        self.pressure.resize(count, 0.0);
        parallel::for_each(&mut self.pressure, |i, pressure| *pressure = projection.pressure[place[i] as usize]);
        self.density.resize(count, 0.0);
        parallel::for_each(&mut self.density, |i, density| *density = projection.density[place[i] as usize]);
        let (aside, moving) = (&self.aside, &self.velocity);
        parallel::for_each(velocity, |i, v| {
            if moves[i] {
                let place = place[i] as usize;
                *v = moving[place] + projection.carried(&lying, place, aside[i], moving);
            }
        });
        self.unforced.clear();
        self.unforced.extend_from_slice(velocity);
        corrected
    }

    /// The liquid as it lies, in the order of the bins.
    fn lying<'a>(&'a self, fluid: &'a Fluid) -> Lying<'a> {
        Lying {
            fluid,
            neighbors: &self.neighbors,
            position: &self.position,
            moves: &self.moves,
            enclosed: &self.enclosed,
        }
    }

    /// The first particle, in the caller's order, whose step gave what is no number, and which term of it.
    pub fn lost(&self) -> Option<(usize, &'static str)> {
        let pushed = |place: usize| {
            if self.pulls {
                self.projection.pressure[place]
            } else {
                self.divergence.acceleration[place].sum() + self.crowding.acceleration[place].sum()
            }
        };
        let is_lost = |place: usize| !(self.velocity[place].sum() + pushed(place)).is_finite();
        let i = self.place.iter().position(|place| is_lost(*place as usize))?;
        let place = self.place[i] as usize;
        let term = match (self.velocity[place].sum().is_finite(), self.pulls) {
            (true, true) => "pressure",
            (true, false) => "acceleration by pressure",
            (false, true) => "velocity, after viscosity and pressure,",
            (false, false) => "velocity, after viscosity,",
        };
        Some((i, term))
    }

    /// Whether any particle that moves was near particle `i`, or it moved itself.
    pub fn was_asked(&self, i: usize) -> bool {
        self.neighbors.count(self.place[i] as usize) > 0
    }

    /// How far particle `i` is to be moved beside its velocity [m].
    pub fn aside(&self, i: usize) -> Vec3 {
        self.aside.get(i).copied().unwrap_or_default()
    }

    /// Force [N] of the particles that move on particle `i` at rest, on which a wall with liquid on both sides has so much
    /// `area`, outwards [m²].
    ///
    /// Viscosity does to it the opposite of what it does to them, and so does pressure that only pushes. Pressures of
    /// both signs are told apart: they act on the area, each from its side.
    pub fn reaction(&self, setting: &Setting<'_>, i: usize, area: Vec3) -> (Vec3, Vec3) {
        let (fluid, neighbors) = (setting.fluid, &self.neighbors);
        let volume = fluid.mass / fluid.rest_density;
        let i = self.place[i] as usize;
        let mut force = if setting.viscosity > 0.0 { self.viscosity.on_wall(i) } else { Vec3::zeros() };
        if !self.pulls {
            for j in neighbors.list(i)[..neighbors.moving(i)].iter().map(|j| *j as usize) {
                let away = neighbors.away(&self.position, i, j);
                let r = away.norm();
                if r > 0.0 {
                    // As from a mirror.
                    let pressure = 2.0 * self.divergence.pressure[j];
                    force += away * (volume * volume * pressure * fluid.smoothing.steepness(r) / r);
                }
            }
            return (force, Vec3::zeros());
        }
        let lying = self.lying(fluid);
        let beside = |inside: bool| self.projection.beside(&lying, i, inside);
        (force, area * (beside(true) - beside(false)))
    }
}

/// The values of some particles in the order of their numbers.
fn gather<T: Copy + Send + Sync + Default>(number: &[u32], from: &[T], to: &mut Vec<T>) {
    to.resize(number.len(), T::default());
    parallel::for_each(to, |place, value| *value = from[number[place] as usize]);
}
