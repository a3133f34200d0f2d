//! How the rings of a body turn, so that what was worked out for one pose may serve the next.
//!
//!   Q = E(now) E(then)ᵀ,   E = (t, b, t × b)
//!
//! t unit tangent of the midline at a ring, b the unit vector from its ventral to its dorsal particle, made normal to t.
//! With Q of its ring each particle's share of a vector is turned. Strain does not show: a ring is taken as rigid.
//!
//! Source: Hecht et al. 2012, Updated sparse Cholesky factors for corotational elastodynamics, doi:10.1145/2231816.2231821
//! (stiffness that turns with each node, behind a factor that is kept).

use nalgebra::Matrix3;

use crate::body::midline::Midline;
use crate::body::particles::{Tissue, Vec3};

/// A rotation for each ring.
pub type Axes = Vec<Matrix3<f64>>;

/// E of each ring of a tissue whose particles stand at `position` [m].
pub fn axes(tissue: &Tissue, position: &[Vec3]) -> Axes {
    let midline = Midline::of(tissue, position);
    let of_ring = |ring: usize| {
        let along = midline.tangent[ring];
        let up = position[tissue.dorsal[ring]] - position[tissue.ventral[ring]];
        let back = (up - along * along.dot(&up)).try_normalize(0.0)?;
        Some(Matrix3::from_columns(&[along, back, along.cross(&back)]))
    };
    // A ring without a plane of its own does not turn.
    (0..tissue.rings()).map(|ring| of_ring(ring).unwrap_or_else(Matrix3::identity)).collect()
}

/// Q of each ring, from its axes then and now.
pub fn since(then: &Axes, now: &Axes, turned: &mut Axes) {
    turned.clear();
    turned.extend(then.iter().zip(now).map(|(then, now)| now * then.transpose()));
}

/// Turns the three numbers of each particle with its ring; not at all without turns.
pub fn turn(tissue: &Tissue, turned: &Axes, vector: &mut [f64]) {
    for (ring, turned) in turned.iter().enumerate() {
        each(tissue, ring, vector, |x| turned * x);
    }
}

/// Undoes [`turn`].
pub fn turn_back(tissue: &Tissue, turned: &Axes, vector: &mut [f64]) {
    for (ring, turned) in turned.iter().enumerate() {
        each(tissue, ring, vector, |x| turned.tr_mul(&x));
    }
}

fn each(tissue: &Tissue, ring: usize, vector: &mut [f64], change: impl Fn(Vec3) -> Vec3) {
    let particles = tissue.ring(ring);
    for x in vector[3 * particles.start..3 * particles.end].as_chunks_mut::<3>().0 {
        *x = change(Vec3::from(*x)).into();
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Rotation3;

    use super::*;
    use crate::body::anatomy::Anatomy;
    use crate::body::construction::build_tissue;
    use crate::settings::Settings;

    #[test]
    fn a_body_that_turns_as_a_whole_turns_each_of_its_rings() {
        let settings = Settings::from_text("worm.toml", include_str!("../../models/worm.toml"));
        let tissue = build_tissue(&Anatomy::read(&settings).expect("a good file"));
        let turn_of_all = Rotation3::from_euler_angles(0.3, -0.2, 1.1);
        let now: Vec<Vec3> = tissue.position.iter().map(|x| turn_of_all * x).collect();
        let mut turned = Axes::new();
        since(&axes(&tissue, &tissue.position), &axes(&tissue, &now), &mut turned);
        let mut vector: Vec<f64> = tissue.position.iter().flat_map(|x| [x.x, x.y, x.z]).collect();
        turn(&tissue, &turned, &mut vector);
        // Rounding, of places within a millimetre.
        let off = |vector: &[f64], places: &[Vec3]| {
            vector.as_chunks::<3>().0.iter().zip(places).map(|(x, y)| (Vec3::from(*x) - y).norm()).fold(0.0, f64::max)
        };
        assert!(off(&vector, &now) < 1e-16, "{:e}", off(&vector, &now));
        turn_back(&tissue, &turned, &mut vector);
        assert!(off(&vector, &tissue.position) < 1e-16, "{:e}", off(&vector, &tissue.position));
    }
}
