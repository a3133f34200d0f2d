//! 95 muscles: drive becomes activation, which the body turns into the pull of its fibres or springs.
//!
//!   τ dE/dt = D − E,   A = max(0, E)
//!
//! D drive from a controller or from the muscle's cell, −I … 1, E excitation, A activation 0 … 1, τ activation time
//! [s], I how far an inhibited muscle can be pulled below rest (0 for one that can only be excited). Integrated exactly
//! over a step in which D is constant. What a muscle pulls with is the body's: particles have fibres whose pull is A
//! times the largest, at any length and speed or by Hill's law (`body/contraction.rs`); rods have springs that shorten
//! (`body/rod.rs`).
//!
//! Source: Boyle, Berri & Cohen 2012, doi:10.3389/fncom.2012.00010 (first-order activation, τ = 0.1 s).

use crate::error::Problem;
use crate::names::MUSCLE_COUNT;

/// The body-wall muscles with their activations.
#[derive(Debug, Clone, PartialEq)]
pub struct Muscles {
    excitation: Vec<f64>,
    activation: Vec<f64>,
    activation_time: f64,
    inhibition: f64,
}

impl Muscles {
    /// Relaxed muscles; `activation_time` τ [s], `inhibition` I.
    pub fn new(activation_time: f64, inhibition: f64) -> Self {
        let relaxed = vec![0.0; MUSCLE_COUNT];
        Self { excitation: relaxed.clone(), activation: relaxed, activation_time, inhibition }
    }

    /// Muscles follow the drives, −I … 1 in order of muscle, over `dt` [s]; what is outside is clipped.
    pub fn follow(&mut self, drives: &[f64], dt: f64) {
        let share = if self.activation_time > 0.0 { -libm::expm1(-dt / self.activation_time) } else { 1.0 };
        let least = 0.0 - self.inhibition;
        for ((activation, excitation), drive) in self.activation.iter_mut().zip(&mut self.excitation).zip(drives) {
            *excitation += (drive.clamp(least, 1.0) - *excitation) * share;
            *activation = excitation.max(0.0);
        }
    }

    /// Activation of each muscle, 0 … 1.
    pub fn activation(&self) -> &[f64] {
        &self.activation
    }

    /// Every number that the next step depends on.
    pub fn state(&self) -> &[f64] {
        &self.excitation
    }

    /// Goes on from a state that [`Muscles::state`] gave.
    ///
    /// # Errors
    /// Not one number for each muscle.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        if state.len() != self.excitation.len() {
            return Err(Problem::new(format!("a state of {} muscles for {}", state.len(), self.excitation.len())));
        }
        self.excitation.copy_from_slice(state);
        self.activation.iter_mut().zip(state).for_each(|(activation, excitation)| *activation = excitation.max(0.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_follows_its_drive_exponentially_at_any_step() {
        let after_a_tenth = |steps: i32| {
            let mut muscles = Muscles::new(0.1, 0.0);
            for _ in 0..steps {
                muscles.follow(&[1.0; MUSCLE_COUNT], 0.1 / f64::from(steps));
            }
            muscles.activation()[0]
        };
        let exact = 1.0 - (-1.0_f64).exp();
        // Exact but for rounding.
        assert!((after_a_tenth(1) - exact).abs() < 1e-14);
        assert!((after_a_tenth(100) - exact).abs() < 1e-13);
    }

    #[test]
    fn drives_outside_zero_to_one_are_clipped() {
        let mut muscles = Muscles::new(0.0, 0.0);
        muscles.follow(&[7.0; MUSCLE_COUNT], 1e-3);
        assert_eq!(muscles.activation()[0], 1.0);
        muscles.follow(&[-7.0; MUSCLE_COUNT], 1e-3);
        assert_eq!(muscles.activation()[0], 0.0);
    }

    #[test]
    fn an_inhibited_muscle_contracts_later_than_a_relaxed_one() {
        let (mut inhibited, mut relaxed) = (Muscles::new(0.1, 1.0), Muscles::new(0.1, 0.0));
        for muscles in [&mut inhibited, &mut relaxed] {
            muscles.follow(&[-1.0; MUSCLE_COUNT], 1.0);
            assert_eq!(muscles.activation()[0], 0.0);
            muscles.follow(&[1.0; MUSCLE_COUNT], 0.06);
        }
        // From −1 up to 0 takes 0.1 s · ln 2 = 69 ms.
        assert_eq!(inhibited.activation()[0], 0.0);
        assert!(relaxed.activation()[0] > 0.4);
    }
}
