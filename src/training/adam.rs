//! Adam: each weight goes down its gradient at its own pace.
//!
//!   m ← β₁ m + (1 − β₁) g,   s ← β₂ s + (1 − β₂) g²,   θ ← θ − η m̂ / (√ŝ + ε),   m̂ = m/(1 − β₁ᵗ), ŝ = s/(1 − β₂ᵗ)
//!
//! Before it, a gradient longer than `clip` is cut to that length.
//!
//! Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, with its β₁ = 0.9, β₂ = 0.999, ε = 1e-8; Pascanu, Mikolov & Bengio
//! 2013, arXiv:1211.5063 (clipping).

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// The optimiser and what it remembers of each weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// η.
    pub rate: f64,
    /// The longest gradient; infinite if none is cut.
    pub clip: f64,
    /// m.
    pub mean: Vec<f64>,
    /// s.
    pub square: Vec<f64>,
    /// t.
    pub steps: u64,
}

impl Adam {
    /// For so many weights.
    pub fn new(weights: usize, rate: f64, clip: f64) -> Self {
        Self { rate, clip, mean: vec![0.0; weights], square: vec![0.0; weights], steps: 0 }
    }

    /// One step down `gradient`; lists of another length are a defect of the caller.
    pub fn step(&mut self, weights: &mut [f64], gradient: &[f64]) {
        self.steps += 1;
        let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let cut = if length > self.clip { self.clip / length } else { 1.0 };
        let corrections = BETA.map(|beta| 1.0 - libm::pow(beta, self.steps as f64));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((weight, gradient), (mean, square)) in weights.iter_mut().zip(gradient).zip(moments) {
            let g = gradient * cut;
            *mean = BETA[0] * *mean + (1.0 - BETA[0]) * g;
            *square = BETA[1] * *square + (1.0 - BETA[1]) * g * g;
            let (mean, square) = (*mean / corrections[0], *square / corrections[1]);
            *weight -= self.rate * mean / (square.sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_as_long_as_the_rate_whatever_the_gradient() {
        let mut weights = vec![1.0, 1.0, 1.0];
        Adam::new(3, 0.1, f64::INFINITY).step(&mut weights, &[1e-3, -1e3, 0.0]);
        // ε over a gradient of 1e-3 is 1e-5 of the step.
        assert!((weights[0] - 0.9).abs() < 2e-6 && (weights[1] - 1.1).abs() < 2e-12 && weights[2] == 1.0);
    }

    #[test]
    fn a_bowl_is_descended_to_its_bottom() {
        let mut weights = vec![3.0, -2.0];
        let mut adam = Adam::new(2, 0.05, 1.0);
        for _ in 0..2000 {
            let gradient = [2.0 * (weights[0] - 1.0), 20.0 * (weights[1] - 0.5)];
            adam.step(&mut weights, &gradient);
        }
        assert!((weights[0] - 1.0).abs() < 1e-3 && (weights[1] - 0.5).abs() < 1e-3, "{weights:?}");
    }
}
