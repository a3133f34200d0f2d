//! 95 muscles: drive becomes activation, activation becomes the pull of fibres.
//!
//!   τ dA/dt = D − A,   F = F_max A
//!
//! D drive 0 … 1 from a controller or from the muscle cell's calcium, A activation 0 … 1, τ activation time [s],
//! F pull of one fibre [N]. Integrated exactly over a step in which D is constant. A fibre pulls with the same force
//! at any length and speed; force–length and force–velocity are not modelled.
//!
//! Source: Boyle, Berri & Cohen 2012, doi:10.3389/fncom.2012.00010 (first-order activation, τ = 0.1 s).

use crate::error::Problem;
use crate::names::MUSCLE_COUNT;

/// The body-wall muscles with their activations.
#[derive(Debug, Clone, PartialEq)]
pub struct Muscles {
    activation: Vec<f64>,
    activation_time: f64,
    fibre_force: f64,
}

impl Muscles {
    /// Relaxed muscles; `activation_time` τ [s], `fibre_force` F_max [N].
    pub fn new(activation_time: f64, fibre_force: f64) -> Self {
        Self { activation: vec![0.0; MUSCLE_COUNT], activation_time, fibre_force }
    }

    /// Activations follow the drives, 0 … 1 in order of muscle, over `dt` [s]; what is outside is clipped.
    pub fn follow(&mut self, drives: &[f64], dt: f64) {
        let share = if self.activation_time > 0.0 { -libm::expm1(-dt / self.activation_time) } else { 1.0 };
        for (activation, drive) in self.activation.iter_mut().zip(drives) {
            *activation += (drive.clamp(0.0, 1.0) - *activation) * share;
        }
    }

    /// Activation of each muscle, 0 … 1.
    pub fn activation(&self) -> &[f64] {
        &self.activation
    }

    /// Goes on from these activations.
    ///
    /// # Errors
    /// Not one number for each muscle.
    pub fn restore(&mut self, activation: &[f64]) -> Result<(), Problem> {
        if activation.len() != self.activation.len() {
            let message = format!("{} activations for {} muscles", activation.len(), self.activation.len());
            return Err(Problem::new(message));
        }
        self.activation.copy_from_slice(activation);
        Ok(())
    }

    /// Pull of one fibre of each muscle [N].
    pub fn fibre_force(&self) -> Vec<f64> {
        self.activation.iter().map(|activation| activation * self.fibre_force).collect()
    }
}

/// Drive of a muscle from the calcium of its cell: D = min(1, [Ca]/[Ca]_full).
///
/// Both concentrations in mol/m³. Source: Sibernetic's coupling to c302, full at 4e-7 mol/m³.
pub fn drive_from_calcium(concentration: f64, full: f64) -> f64 {
    (concentration / full).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_follows_its_drive_exponentially_at_any_step() {
        let after_a_tenth = |steps: i32| {
            let mut muscles = Muscles::new(0.1, 2e-6);
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
        let mut muscles = Muscles::new(0.0, 2e-6);
        muscles.follow(&[7.0; MUSCLE_COUNT], 1e-3);
        assert_eq!(muscles.fibre_force()[0], 2e-6);
        muscles.follow(&[-7.0; MUSCLE_COUNT], 1e-3);
        assert_eq!(muscles.fibre_force()[0], 0.0);
    }
}
