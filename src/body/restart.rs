//! A body as numbers, so that a run can be stopped here and go on with the same bits.
//!
//! Positions and velocities are not all: the next step begins from the pressure of the last one, from what the liquid did
//! to its walls and from the velocities that it had without its forces, guesses from the change of velocity, and uses a factor that was made some steps ago, whose
//! making is kept; a frame shows densities and pressures of the last step. Neighbours and the midline follow from the
//! positions.

use crate::body::midline::Midline;
use crate::body::particles::Vec3;
use crate::body::{Body, Mover};
use crate::error::Problem;

impl Body {
    /// All that the next step and the next frame depend on.
    pub fn state(&self) -> Vec<f64> {
        let numbers = [self.mean_pressure, self.density_error, self.iterations as f64];
        let mut state = numbers.to_vec();
        let points = self.position.iter().chain(&self.velocity);
        state.extend(points.flat_map(|point| [point.x, point.y, point.z]));
        match &self.mover {
            Mover::Implicit(tissue_step, liquid) => {
                state.extend(tissue_step.state());
                let vectors = liquid.reaction.iter().chain(liquid.unforced());
                state.extend(vectors.flat_map(|vector| [vector.x, vector.y, vector.z]));
                state.extend(liquid.pressure().iter().chain(liquid.density()));
            }
            Mover::Explicit(step) => state.extend(step.pressure().iter().chain(step.density())),
        }
        state
    }

    /// Goes on from a state that [`Body::state`] of the same body gave.
    ///
    /// # Errors
    /// A state of another length than this body's.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        let expected = self.state().len();
        if state.len() != expected {
            let message = format!("a state of {} numbers for a body of {expected}", state.len());
            return Err(Problem::new(message).help("resume with the anatomy and the scheme that the run began with"));
        }
        let mut left = state;
        let mut take = |count: usize| {
            let (taken, rest) = left.split_at(count);
            left = rest;
            taken
        };
        if let [mean_pressure, density_error, iterations] = take(3) {
            (self.mean_pressure, self.density_error, self.iterations) =
                (*mean_pressure, *density_error, *iterations as usize);
        }
        let count = self.position.len();
        let points = |numbers: &[f64], points: &mut [Vec3]| {
            for (point, numbers) in points.iter_mut().zip(numbers.as_chunks::<3>().0) {
                *point = Vec3::from(*numbers);
            }
        };
        points(take(3 * count), &mut self.position);
        points(take(3 * count), &mut self.velocity);
        match &mut self.mover {
            Mover::Implicit(tissue_step, liquid) => {
                let numbers = take(tissue_step.state().len());
                tissue_step.restore(numbers, &self.tissue, &self.contact);
                points(take(3 * liquid.reaction.len()), &mut liquid.reaction);
                points(take(3 * count), liquid.unforced_mut());
                liquid.show(take(count), take(count));
            }
            Mover::Explicit(step) => step.show(take(count), take(count)),
        }
        self.midline = Midline::of(&self.tissue, &self.position);
        Ok(())
    }
}
