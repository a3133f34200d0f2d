//! What the body is made of: tissue particles with their springs and fibres, the cuticle, the liquid.

use crate::body::contraction::Contraction;

/// A point or vector in space [m, unless said].
pub type Vec3 = nalgebra::Vector3<f64>;

/// Two tissue particles held at a distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spring {
    /// One end; always the smaller number.
    pub a: usize,
    /// The other end.
    pub b: usize,
    /// Length without stress [m].
    pub rest: f64,
    /// Stiffness [N/m].
    pub stiffness: f64,
    /// Whether it lies around the cuticle, which is stiff that way and soft along the body.
    pub hoop: bool,
}

/// One contracting line between two tissue particles, part of a muscle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fibre {
    /// The end nearer to the head.
    pub a: usize,
    /// The end nearer to the tail.
    pub b: usize,
    /// The muscle that it belongs to, by number (`names::muscle_names`).
    pub muscle: usize,
}

/// The elastic part of a body: particles ring by ring from head to tail.
#[derive(Debug, Clone, PartialEq)]
pub struct Tissue {
    /// Positions at rest [m], ring after ring.
    pub position: Vec<Vec3>,
    /// Masses [kg].
    pub mass: Vec<f64>,
    /// Where each ring begins in the list of particles, and the end of the last one.
    pub ring_start: Vec<usize>,
    /// Springs; each joins particles of one ring or of two neighbouring ones.
    pub springs: Vec<Spring>,
    /// Contracting lines; each has a spring beside it.
    pub fibres: Vec<Fibre>,
    /// How the pull of a fibre depends on its motion; not at all where absent.
    pub contraction: Option<Contraction>,
    /// The cuticle: a closed surface with normals outwards.
    pub triangles: Vec<[usize; 3]>,
    /// Whether a particle lies on the cuticle and so touches the medium.
    pub on_surface: Vec<bool>,
    /// Each ring's particle on the dorsal midline.
    pub dorsal: Vec<usize>,
    /// Each ring's particle on the ventral midline.
    pub ventral: Vec<usize>,
}

impl Tissue {
    /// How many rings there are.
    pub fn rings(&self) -> usize {
        self.ring_start.len() - 1
    }

    /// The particles of a ring.
    pub fn ring(&self, ring: usize) -> std::ops::Range<usize> {
        self.ring_start[ring]..self.ring_start[ring + 1]
    }

    /// The particle that closes the cuticle at the head.
    pub fn head_pole(&self) -> usize {
        self.ring_start[1] - 1
    }

    /// The particle that closes the cuticle at the tail.
    pub fn tail_pole(&self) -> usize {
        self.position.len() - 1
    }

    /// How many fibres pull for each of `muscles` muscles.
    pub fn fibres_per_muscle(&self, muscles: usize) -> Vec<usize> {
        let mut count = vec![0; muscles];
        for fibre in &self.fibres {
            count[fibre.muscle] += 1;
        }
        count
    }
}

/// Volume inside the closed surface [m³]: V = ⅙ Σ a·(b×c) over its triangles.
pub fn enclosed_volume(triangles: &[[usize; 3]], position: &[Vec3]) -> f64 {
    let six_volumes: f64 = triangles.iter().map(|&[a, b, c]| position[a].dot(&position[b].cross(&position[c]))).sum();
    six_volumes / 6.0
}

/// How the enclosed volume grows when a particle moves, ∂V/∂x [m²]: the area vector that pressure pushes on.
pub fn volume_gradient(triangles: &[[usize; 3]], position: &[Vec3], gradient: &mut [Vec3]) {
    gradient.fill(Vec3::zeros());
    for &[a, b, c] in triangles {
        gradient[a] += position[b].cross(&position[c]) / 6.0;
        gradient[b] += position[c].cross(&position[a]) / 6.0;
        gradient[c] += position[a].cross(&position[b]) / 6.0;
    }
}
