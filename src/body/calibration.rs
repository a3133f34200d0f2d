//! How stiff the tissue's springs must be for the bending modulus that the anatomy asks for.
//!
//! Pure bending of the middle of the body: one ring is held, a couple M acts on another, and between them
//!
//!   EI = M / κ
//!
//! κ from the parabola through the rings' sideways shifts. Small displacements, so one linear solve an attempt.
//!
//! Source: Euler–Bernoulli beam theory.

use crate::body::elasticity;
use crate::body::envelope::Envelope;
use crate::body::particles::{Tissue, Vec3};

/// Secant steps: EI is almost proportional to the springs' stiffness, so each gains two digits.
const STEPS: usize = 5;

/// Gives all springs but the cuticle's hoops the stiffness at which the body's bending modulus is
/// `bending_modulus` [N·m²].
pub fn calibrate(tissue: &mut Tissue, bending_modulus: f64) {
    for _ in 0..STEPS {
        let ratio = bending_modulus / measure(tissue);
        for spring in tissue.springs.iter_mut().filter(|spring| !spring.hoop) {
            spring.stiffness *= ratio;
        }
    }
}

/// Bending modulus EI [N·m²] of the body's middle, dorso-ventrally.
pub fn measure(tissue: &Tissue) -> f64 {
    let (held, pulled) = (tissue.rings() * 3 / 10, tissue.rings() * 7 / 10);
    let mut matrix = Envelope::of(tissue);
    let at_rest = elasticity::damp(&tissue.springs, &tissue.position, 0.0, 1.0);
    elasticity::add_stiffness(tissue, &at_rest, &[], 1.0, &tissue.position, 0.0, &mut matrix);
    let stiffest = tissue.springs.iter().map(|spring| spring.stiffness).fold(0.0, f64::max);
    for i in 0..3 * tissue.position.len() {
        // A billionth of a spring on every particle keeps the free ends from drifting without being felt.
        let hold = if tissue.ring(held).contains(&(i / 3)) { 1e3 } else { 1e-9 };
        matrix.add(i / 3, i % 3, hold * stiffest);
    }
    let couple = 1e-12;
    let lever: f64 = tissue.ring(pulled).map(|i| tissue.position[i].y.powi(2)).sum();
    let mut shift = vec![0.0; 3 * tissue.position.len()];
    for i in tissue.ring(pulled) {
        shift[3 * i] = couple * tissue.position[i].y / lever;
    }
    if matrix.factorise().is_err() {
        // Springs that do not hold the body together at all have no stiffness in bending.
        return 0.0;
    }
    matrix.solve(&mut shift);
    let margin = (pulled - held) / 5;
    let middle: Vec<(f64, f64)> = (held + margin..=pulled - margin)
        .map(|ring| {
            let count = tissue.ring(ring).len() as f64;
            let sum: Vec3 = tissue.ring(ring).map(|i| Vec3::new(tissue.position[i].x, shift[3 * i + 1], 0.0)).sum();
            (sum.x / count, sum.y / count)
        })
        .collect();
    couple / parabola_curvature(&middle).abs()
}

/// Second derivative of the parabola that fits the points best.
fn parabola_curvature(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let moment = |power: i32| points.iter().map(|(x, _)| (x - mean).powi(power)).sum::<f64>();
    let against = |power: i32| points.iter().map(|(x, y)| (x - mean).powi(power) * y).sum::<f64>();
    let normal = nalgebra::Matrix3::new(
        moment(4),
        moment(3),
        moment(2),
        moment(3),
        moment(2),
        moment(1),
        moment(2),
        moment(1),
        n,
    );
    let wanted = Vec3::new(against(2), against(1), against(0));
    normal.lu().solve(&wanted).map_or(0.0, |fit| 2.0 * fit.x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::anatomy::Anatomy;
    use crate::body::construction::build_tissue;
    use crate::settings::Settings;

    #[test]
    fn the_springs_give_the_bending_modulus_asked_for() {
        let settings = Settings::from_text("worm.toml", include_str!("../../models/worm.toml"));
        let anatomy = Anatomy::read(&settings).expect("a good file");
        let mut tissue = build_tissue(&anatomy);
        calibrate(&mut tissue, 9.5e-14);
        let found = measure(&tissue);
        assert!((found / 9.5e-14 - 1.0).abs() < 1e-3, "{found:e}");
    }
}
