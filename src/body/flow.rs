//! One implicit step of a liquid of particles, in the order of their bins.
//!
//!   sort → neighbours → v ← viscosity (`viscosity.rs`) → v ← compressed no further (`divergence.rs`)
//!     → x ← x + h v, and where that is too dense, aside (`pressure.rs`)
//!
//! What moves particles aside, to where their density is right, changes no velocity: a way that was corrected within one
//! step and left as speed would be energy from nowhere. In a liquid that fills its space pressures may have both signs
//! (`projection.rs`):
//!
//!   sort → neighbours → v ← last pressures → v ← viscosity → v ← free of divergence → x ← x + h v, evened out
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

/// In a liquid that fills its space no particle is to be denser than rest by more than this share.
const EVEN: f64 = 0.01;

/// Its mean density may be above rest by this share; where the space that there is makes it more, rest counts as more.
const OVERFULL: f64 = 0.005;

/// No particle is moved aside by more than this many spacings in a step, however dense it is.
const FARTHEST_ASIDE: f64 = 0.5;

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
    laid: Laid,
    velocity: Vec<Vec3>,
    /// Velocity from which the viscosity of the next step begins, in the caller's order; empty before the first [m/s]. What
    /// has changed velocities since acts all through that step: forces, and pressures of the step before. Pressures that
    /// pull set a flow free of divergence at once, and only what keeps it so is such a force.
    pub unforced: Vec<Vec3>,
    /// The same in the order of the bins, and then what pressure works with: walls that slide have no speed there.
    standing: Vec<Vec3>,
    still: Vec<Vec3>,
    viscosity: Viscosity,
    divergence: Divergence,
    crowding: Pressure,
    projection: Projection,
}

/// The liquid as it lies, in the order of its bins.
#[derive(Debug, Clone, Default)]
struct Laid {
    position: Vec<Vec3>,
    moves: Vec<bool>,
    /// Which are inside a body.
    enclosed: Vec<bool>,
    neighbors: Neighbors,
}

impl Laid {
    fn lying<'a>(&'a self, fluid: &'a Fluid) -> Lying<'a> {
        let Self { position, moves, enclosed, neighbors } = self;
        Lying { fluid, neighbors, position, moves, enclosed }
    }
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
        let laid = &mut self.laid;
        gather(number, position, &mut laid.position);
        gather(number, velocity, &mut self.velocity);
        gather(number, moves, &mut laid.moves);
        match setting.enclosed {
            Some(enclosed) => gather(number, enclosed, &mut laid.enclosed),
            None => {
                laid.enclosed.clear();
                laid.enclosed.resize(count, false);
            }
        }
        laid.neighbors.rebuild_around(&laid.position, reach, &laid.moves, setting.period);
        if self.pulls {
            return self.step_projected(setting, dt, moves, velocity);
        }
        self.shear(setting, dt);
        let Laid { neighbors, position: places, moves: moving, enclosed } = &self.laid;
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
        let (divergence, standing) = (&mut self.divergence, &mut self.standing);
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
        let Laid { neighbors, position: places, moves, .. } = &self.laid;
        let velocity = &mut self.velocity;
        self.viscosity.step(setting.fluid, setting.viscosity, neighbors, dt, places, moves, &self.standing, velocity);
    }

    /// The rest of a step of a liquid that pulls too.
    fn step_projected(&mut self, setting: &Setting<'_>, dt: f64, moves: &[bool], velocity: &mut [Vec3]) -> Corrected {
        let (fluid, count) = (setting.fluid, velocity.len());
        if self.pressure.len() == count {
            gather(&self.number, &self.pressure, &mut self.projection.pressure);
        } else {
            self.projection.pressure.clear();
        }
        self.projection.push(&self.laid.lying(fluid), dt, &mut self.velocity);
        self.shear(setting, dt);
        let (lying, projection) = (self.laid.lying(fluid), &mut self.projection);
        let mut iterations = projection.project(&lying, setting.viscosity, dt, setting.walls_slide, &mut self.velocity);
        self.pressed = projection.pushed * (fluid.mass / dt);
        iterations += self.even_out(setting, dt);
        let (place, lying, projection) = (&self.place, self.laid.lying(fluid), &self.projection);
        let crowding = &self.crowding;
        self.aside.resize(count, Vec3::zeros());
        let farthest = FARTHEST_ASIDE * libm::cbrt(fluid.mass / fluid.rest_density);
        parallel::for_each(&mut self.aside, |i, aside| {
            *aside = Vec3::zeros();
            if moves[i] {
                let place = place[i] as usize;
                let away = projection.aside(&lying, place) + crowding.acceleration[place] * (dt * dt);
                *aside = away * (farthest / away.norm()).min(1.0);
            }
        });
        self.pressure.resize(count, 0.0);
        parallel::for_each(&mut self.pressure, |i, pressure| *pressure = projection.pressure[place[i] as usize]);
        self.density.resize(count, 0.0);
        parallel::for_each(&mut self.density, |i, density| *density = crowding.density[place[i] as usize]);
        let (aside, moving, density) = (&self.aside, &self.velocity, &self.density);
        parallel::for_each(velocity, |i, v| {
            if moves[i] {
                let place = place[i] as usize;
                *v = moving[place] + projection.carried(&lying, place, aside[i], moving);
            }
        });
        self.unforced.clear();
        self.unforced.extend_from_slice(velocity);
        let too_dense = |i: usize| if moves[i] { density[i] / fluid.rest_density - 1.0 } else { 0.0 };
        Corrected { iterations, error: parallel::largest(count, too_dense) }
    }

    /// Finds how far particles of a liquid that fills its space are moved aside so that none is too dense at the end of the
    /// step; gives the rounds that it took.
    fn even_out(&mut self, setting: &Setting<'_>, dt: f64) -> usize {
        let (fluid, lying, projection, flowing) =
            (setting.fluid, self.laid.lying(setting.fluid), &self.projection, &self.velocity);
        let (moves, count) = (lying.moves, flowing.len());
        self.standing.resize(count, Vec3::zeros());
        parallel::for_each(&mut self.standing, |n, v| {
            *v = match (moves[n], setting.walls_slide) {
                (true, _) => flowing[n] + projection.aside(&lying, n) / dt,
                (false, false) => flowing[n],
                (false, true) => Vec3::zeros(),
            };
        });
        self.still.resize(count, Vec3::zeros());
        // Around a body, where there is one.
        let outside = |i: usize| moves[i] && !lying.enclosed[i];
        let number = parallel::ordered_sum(count, |i| if outside(i) { 1.0 } else { 0.0 }).max(1.0);
        let mean = parallel::ordered_sum(count, |i| if outside(i) { projection.density[i] } else { 0.0 }) / number;
        let even = Fluid { rest_density: fluid.rest_density.max(mean / (1.0 + OVERFULL)), ..*fluid };
        let stop = Stop { error: EVEN, ..setting.stop };
        let Lying { neighbors, position, .. } = lying;
        self.crowding.solve(&even, &stop, neighbors, dt, position, &self.standing, &self.still, moves).iterations
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
        self.laid.neighbors.count(self.place[i] as usize) > 0
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
        let (fluid, Laid { neighbors, position, .. }) = (setting.fluid, &self.laid);
        let volume = fluid.mass / fluid.rest_density;
        let i = self.place[i] as usize;
        let mut force = if setting.viscosity > 0.0 { self.viscosity.on_wall(i) } else { Vec3::zeros() };
        if !self.pulls {
            for j in neighbors.list(i)[..neighbors.moving(i)].iter().map(|j| *j as usize) {
                let away = neighbors.away(position, i, j);
                let r = away.norm();
                if r > 0.0 {
                    // As from a mirror.
                    let pressure = 2.0 * self.divergence.pressure[j];
                    force += away * (volume * volume * pressure * fluid.smoothing.steepness(r) / r);
                }
            }
            return (force, Vec3::zeros());
        }
        let lying = self.laid.lying(fluid);
        let beside = |inside: bool| self.projection.beside(&lying, i, inside);
        (force, area * (beside(true) - beside(false)))
    }
}

/// The values of some particles in the order of their numbers.
fn gather<T: Copy + Send + Sync + Default>(number: &[u32], from: &[T], to: &mut Vec<T>) {
    to.resize(number.len(), T::default());
    parallel::for_each(to, |place, value| *value = from[number[place] as usize]);
}
