//! Membranes: liquid is moved away from the triangles around each tissue particle near it.
//!
//!   n_b = mean over the triangles at b of the unit vector from the triangle's plane to the liquid particle
//!   w_b = max(0, (r₀ − d_b)/r₀),   n = Σ_b w_b n_b,   Δx = n̂ Σ_b w_b (r₀ − d_b) / Σ_b w_b
//!
//! d_b what the peer takes for the distance of the liquid particle from tissue particle b: a slip puts the difference
//! of their types, as a length, where that along z belongs. Its trajectories can't be followed without; the scene's
//! boundary and all other laws have true distances. Only positions of liquid change: the tissue feels
//! nothing, and which side is inside is not remembered. `body/membrane.rs` does both.
//!
//! Source: Ihmsen et al. 2010, doi:10.2312/PE/vriphys/vriphys10/079-088 (weights), as read in the source of
//! Sibernetic 0.0.6.

use crate::body::particles::Vec3;
use crate::body::scene::Kind;
use crate::body::scene::file::ParticleFile;
use crate::body::scene::group::{Group, SIDE};
use crate::body::scene::sums::Sum;

/// The triangles of a scene.
#[derive(Debug, Clone, Default)]
pub struct Membranes {
    triangles: Vec<[usize; 3]>,
    /// Triangles at each elastic particle.
    of_corner: Vec<Vec<usize>>,
    /// Types of the movers, as a length [m].
    code: Vec<f64>,
    /// Unit normals of the triangles as they lie.
    normal: Vec<Option<Vec3>>,
}

impl Membranes {
    /// The membranes of a file.
    pub fn new(file: &ParticleFile, unit: f64) -> Self {
        let code = file.code.iter().map(|code| code * unit).collect();
        Self { triangles: file.triangles.clone(), of_corner: file.triangles_of.clone(), code, normal: Vec::new() }
    }

    /// Moves liquid away from triangles nearer than `rest_distance` r₀ [m].
    pub fn part(&mut self, groups: &[(Group, Sum)], kind: &[Kind], rest_distance: f64, position: &mut [Vec3]) {
        self.normal.clear();
        self.normal.extend(self.triangles.iter().map(|corners| {
            let [a, b, c] = corners.map(|corner| position[corner]);
            (b - a).cross(&(c - a)).try_normalize(0.0)
        }));
        for i in (0..kind.len()).filter(|i| kind[*i] == Kind::Liquid) {
            let here = position[i];
            let (mut normal, mut sum, mut pushes) = (Vec3::zeros(), 0.0, 0.0);
            let is_corner = |b: &usize| self.of_corner.get(*b).is_some_and(|triangles| !triangles.is_empty());
            for b in groups[i / SIDE].0.partners(i % SIDE).filter(is_corner) {
                let apart = here - position[b];
                let gap = rest_distance - Vec3::new(apart.x, apart.y, self.code[i] - self.code[b]).norm();
                if gap <= 0.0 {
                    continue;
                }
                let weight = gap / rest_distance;
                normal += self.away(&self.of_corner[b], here, position) * weight;
                sum += weight;
                pushes += weight * gap;
            }
            if let Some(direction) = normal.try_normalize(0.0) {
                position[i] += direction * (pushes / sum);
            }
        }
    }

    /// The direction from these triangles' planes to a point: the mean of their unit vectors.
    fn away(&self, triangles: &[usize], point: Vec3, position: &[Vec3]) -> Vec3 {
        let mut sum = Vec3::zeros();
        for triangle in triangles {
            if let Some(normal) = self.normal[*triangle] {
                let height = (point - position[self.triangles[*triangle][0]]).dot(&normal);
                if height != 0.0 {
                    sum += normal * height.signum();
                }
            }
        }
        sum / triangles.len() as f64
    }
}
