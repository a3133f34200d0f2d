//! Laws of the body without flow: falling, keeping momentum, losing energy, bending, being dragged.

use crate::body::anatomy::Anatomy;
use crate::body::contact::Contact;
use crate::body::envelope::Envelope;
use crate::body::implicit::{ImplicitStep, Loads};
use crate::body::medium::{Drag, Medium};
use crate::body::particles::{Tissue, Vec3};
use crate::body::{Body, Scheme, calibration, construction, elasticity};
use crate::names::{MUSCLE_COUNT, muscles};
use crate::settings::Settings;
use crate::validate::{Claim, Measured};

/// Standard gravity [m/s²].
const GRAVITY: f64 = 9.806_65;

pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "free fall in 20 ms",
        unit: "m",
        tolerance: 0.01,
        source: "Galilei: g t^2/2",
        slow: false,
        experiment: Some(free_fall),
    },
    Claim {
        name: "momentum of a free body, explicit",
        unit: "",
        tolerance: 1e-10,
        source: "Newton's third law; of the sum of all |m v|",
        slow: false,
        experiment: Some(|| momentum(Scheme::Explicit)),
    },
    Claim {
        name: "angular momentum of a free body, explicit",
        unit: "",
        tolerance: 1e-10,
        source: "forces along the line between two; of the sum of all |r x m v|",
        slow: false,
        experiment: Some(|| angular_momentum(Scheme::Explicit)),
    },
    Claim {
        name: "momentum of a free body, implicit",
        unit: "",
        tolerance: 1e-10,
        source: "Newton's third law, with what the liquid has given its walls; of the sum of all |m v|",
        slow: false,
        experiment: Some(|| momentum(Scheme::Implicit)),
    },
    Claim {
        name: "angular momentum of a free body, implicit",
        unit: "",
        tolerance: 1e-10,
        source: "forces along the line between two; of the sum of all |r x m v|",
        slow: false,
        experiment: Some(|| angular_momentum(Scheme::Implicit)),
    },
    Claim {
        name: "energy gained by a passive body in a step",
        unit: "",
        tolerance: 1e-6,
        source: "second law; of what it had when it was let go",
        slow: false,
        experiment: Some(energy_gain),
    },
    Claim {
        name: "cantilever, deflection of its end",
        unit: "m",
        tolerance: 0.05,
        source: "Euler-Bernoulli: F L^3 / 3 EI",
        slow: false,
        experiment: Some(deflection),
    },
    Claim {
        name: "cantilever, lowest frequency",
        unit: "Hz",
        tolerance: 0.05,
        source: "Euler-Bernoulli: (1.8751^2/2 pi) sqrt(EI/(m L^4))",
        slow: false,
        experiment: Some(frequency),
    },
    Claim {
        name: "bending modulus EI of the worm",
        unit: "N m^2",
        tolerance: 0.1,
        source: "Fang-Yen et al. 2010, doi:10.1073/pnas.1003016107",
        slow: false,
        experiment: Some(bending_modulus),
    },
    Claim {
        name: "drag of a straight worm across, per length",
        unit: "kg/(m s)",
        tolerance: 0.01,
        source: "what the medium sets, over the length",
        slow: false,
        experiment: Some(|| towed([0.0, 1.0]).map(|drag| Measured { value: drag, reference: agar().normal_drag })),
    },
    Claim {
        name: "drag of a straight worm along, per length",
        unit: "kg/(m s)",
        tolerance: 0.01,
        source: "what the medium sets, over the length",
        slow: false,
        experiment: Some(|| towed([1.0, 0.0]).map(|drag| Measured { value: drag, reference: agar().tangential_drag })),
    },
    Claim {
        name: "ratio K of the two drags",
        unit: "",
        tolerance: 0.01,
        source: "what the medium sets",
        slow: false,
        experiment: Some(drag_ratio),
    },
];

/// The worm that comes with the project.
fn worm(text: &str) -> Result<Anatomy, String> {
    Anatomy::read(&Settings::from_text("worm.toml", text)).map_err(|problems| problems.to_string())
}

fn adult() -> Result<Anatomy, String> {
    worm(include_str!("../../models/worm.toml"))
}

/// Agar that does not hold the worm at its height.
fn agar() -> Medium {
    let settings = Settings::from_text("agar.toml", include_str!("../../models/media/agar.toml"));
    Medium { film_stiffness: 0.0, ..Medium::read(&settings).unwrap_or_else(|_| Medium::vacuum()) }
}

fn free_fall() -> Result<Measured, String> {
    let medium = Medium { gravity: GRAVITY, ..Medium::vacuum() };
    let mut body = Body::new(&adult()?, medium, Scheme::Implicit);
    let from = body.center_of_mass().z;
    // Backward Euler falls by g t (t + h)/2, half a percent more.
    let (dt, steps) = (1e-4, 200);
    for _ in 0..steps {
        body.step(dt, &[0.0; MUSCLE_COUNT]).map_err(|diverged| diverged.what)?;
    }
    let time = dt * f64::from(steps);
    Ok(Measured { value: from - body.center_of_mass().z, reference: 0.5 * GRAVITY * time * time })
}

/// A worm in vacuum whose dorsal muscles pull near the head for some steps, seen after each with its step [s].
fn pull(scheme: Scheme, look: &mut dyn FnMut(&Body, f64)) -> Result<Body, String> {
    let (anatomy, dt, force) = match scheme {
        Scheme::Implicit => (adult()?, 1e-3, 1e-7),
        Scheme::Explicit => (worm(include_str!("../../models/worm_soft.toml"))?, 2e-5, 4e-9),
    };
    let mut body = Body::new(&anatomy, Medium::vacuum(), scheme);
    let one_side = |(quadrant, row): &(crate::names::Quadrant, usize)| quadrant.is_dorsal() && *row < 12;
    let pull: Vec<f64> = muscles().iter().map(|muscle| if one_side(muscle) { force } else { 0.0 }).collect();
    for _ in 0..20 {
        body.step(dt, &pull).map_err(|diverged| diverged.what)?;
        look(&body, dt);
    }
    Ok(body)
}

/// The largest sum of `moment` over all particles at any time, relative to the largest sum of its sizes. What the tissue
/// got from the liquid in a step, and shows in its velocity after the next, is its own already.
fn imbalance(scheme: Scheme, moment: impl Fn(Vec3, Vec3) -> Vec3) -> Result<Measured, String> {
    let (mut sum, mut sizes) = (0.0_f64, 0.0_f64);
    pull(scheme, &mut |body, dt| {
        let center = body.center_of_mass();
        let moments = || body.position().iter().zip(body.velocity()).map(|(x, v)| moment(x - center, *v));
        let owed = body.owed(dt);
        let owed = body.position().iter().zip(&owed).map(|(x, owed)| moment(x - center, owed / body.particle_mass()));
        sum = sum.max((moments().sum::<Vec3>() + owed.sum::<Vec3>()).norm());
        sizes = sizes.max(moments().map(|moment| moment.norm()).sum());
    })?;
    Ok(Measured { value: sum / sizes, reference: 0.0 })
}

fn momentum(scheme: Scheme) -> Result<Measured, String> {
    imbalance(scheme, |_, v| v)
}

fn angular_momentum(scheme: Scheme) -> Result<Measured, String> {
    imbalance(scheme, |x, v| x.cross(&v))
}

/// Kinetic energy, springs' and compressed liquid's [J].
fn energy(body: &Body, anatomy: &Anatomy, rest_volume: f64) -> f64 {
    let kinetic: f64 = body.velocity().iter().map(|v| 0.5 * body.particle_mass() * v.norm_squared()).sum();
    let stretched = |spring: &crate::body::particles::Spring| {
        let length = (body.position()[spring.b] - body.position()[spring.a]).norm();
        0.5 * spring.stiffness * (length - spring.rest).powi(2)
    };
    let springs: f64 = body.tissue().springs.iter().map(stretched).sum();
    kinetic + springs + 0.5 * body.mean_pressure().powi(2) * rest_volume / anatomy.bulk_modulus
}

fn energy_gain() -> Result<Measured, String> {
    let anatomy = adult()?;
    let mut body = pull(Scheme::Implicit, &mut |_, _| ())?;
    let tissue = body.tissue();
    let volume = crate::body::particles::enclosed_volume(&tissue.triangles, &tissue.position);
    let start = energy(&body, &anatomy, volume);
    let (mut last, mut gain) = (start, 0.0_f64);
    for _ in 0..40 {
        body.step(1e-3, &[0.0; MUSCLE_COUNT]).map_err(|diverged| diverged.what)?;
        let now = energy(&body, &anatomy, volume);
        gain = gain.max(now - last);
        last = now;
    }
    Ok(Measured { value: gain / start, reference: 0.0 })
}

/// A cantilever: a worm as thick all along, the first of its rings beside `HELD` clamped.
struct Cantilever {
    tissue: Tissue,
    matrix: Envelope,
    modulus: f64,
}

/// The clamped ring: far enough from the pole that closes the tip.
const HELD: usize = 5;

/// The ring that is pulled: as far from the other pole.
const PULLED: usize = 93;

impl Cantilever {
    fn new() -> Result<Self, String> {
        let mut anatomy = adult()?;
        anatomy.radius = vec![(0.0, 36.6e-6), (1.0, 36.6e-6)];
        let tissue = construction::build_tissue(&anatomy);
        let mut matrix = Envelope::of(&tissue);
        let at_rest = elasticity::damp(&tissue.springs, &tissue.position, 0.0, 1.0);
        elasticity::add_stiffness(&tissue, &at_rest, &[], 1.0, &tissue.position, 0.0, &mut matrix);
        let stiffest = tissue.springs.iter().map(|spring| spring.stiffness).fold(0.0, f64::max);
        let clamped = tissue.ring_start[HELD + 1];
        for k in 0..3 * tissue.position.len() {
            // A billionth of a spring keeps the poles, which nothing holds along the body, from drifting.
            matrix.add(k / 3, k % 3, if k / 3 < clamped { 1e3 } else { 1e-9 } * stiffest);
        }
        matrix.factorise().map_err(|_| "the springs do not hold the body together".to_string())?;
        Ok(Self { modulus: calibration::measure(&tissue), tissue, matrix })
    }

    /// Mean of a ring's shifts across, of a vector with three numbers a particle.
    fn shift(&self, shifts: &[f64], ring: usize) -> f64 {
        let ring = self.tissue.ring(ring);
        ring.clone().map(|i| shifts[3 * i + 1]).sum::<f64>() / ring.len() as f64
    }

    /// Place of a ring along the body [m].
    fn place(&self, ring: usize) -> f64 {
        let ring = self.tissue.ring(ring);
        ring.clone().map(|i| self.tissue.position[i].x).sum::<f64>() / ring.len() as f64
    }
}

fn deflection() -> Result<Measured, String> {
    let beam = Cantilever::new()?;
    let force = 1e-9;
    let mut shifts = vec![0.0; 3 * beam.tissue.position.len()];
    let pulled = beam.tissue.ring(PULLED);
    for i in pulled.clone() {
        shifts[3 * i + 1] = force / pulled.len() as f64;
    }
    beam.matrix.solve(&mut shifts);
    let length = (beam.place(PULLED) - beam.place(HELD)).abs();
    Ok(Measured { value: beam.shift(&shifts, PULLED), reference: force * length.powi(3) / (3.0 * beam.modulus) })
}

fn frequency() -> Result<Measured, String> {
    let beam = Cantilever::new()?;
    let mass = &beam.tissue.mass;
    // Rayleigh's quotient of the shape under the beam's own weight: half a percent above the lowest frequency.
    let mut shape: Vec<f64> = (0..3 * mass.len()).map(|k| if k % 3 == 1 { mass[k / 3] } else { 0.0 }).collect();
    beam.matrix.solve(&mut shape);
    let across = |i: usize| shape[3 * i + 1];
    let work: f64 = (0..mass.len()).map(|i| mass[i] * across(i)).sum();
    let inertia: f64 = (0..mass.len()).map(|i| mass[i] * across(i).powi(2)).sum();
    let squared = work / inertia;
    let last = beam.tissue.rings() - 1;
    let length = (beam.place(last) - beam.place(HELD)).abs();
    let free: f64 = (HELD + 1..=last).flat_map(|ring| beam.tissue.ring(ring)).map(|i| mass[i]).sum();
    let (root, per_length) = (1.875_104_068_711_961_f64, free / length);
    let reference = root * root * (beam.modulus / (per_length * length.powi(4))).sqrt() / std::f64::consts::TAU;
    Ok(Measured { value: squared.sqrt() / std::f64::consts::TAU, reference })
}

fn bending_modulus() -> Result<Measured, String> {
    Ok(Measured { value: calibration::measure(&construction::build_tissue(&adult()?)), reference: 9.5e-14 })
}

/// Drag per length [kg/(m·s)] that a straight worm on agar shows when a force of `[along, across]` tows it.
fn towed(direction: [f64; 2]) -> Result<f64, String> {
    let anatomy = adult()?;
    let body = Body::new(&anatomy, agar(), Scheme::Implicit);
    let tissue = body.tissue();
    let force = Vec3::new(direction[0], direction[1], 0.0) * 1e-9;
    let drag = body.drag();
    // Where the drag is, the force is, so that the worm stays straight.
    let total: f64 = drag.iter().map(|drag| drag.across).sum();
    let external: Vec<Vec3> = drag.iter().map(|drag: &Drag| force * (drag.across / total)).collect();
    let contact = Contact::new(&agar(), tissue, anatomy.length / (anatomy.rings - 1) as f64);
    let loads = Loads { fibre_force: &[0.0; MUSCLE_COUNT], external: &external, drag: &drag, contact: &contact };
    let mut step = ImplicitStep::new(tissue, anatomy.bulk_modulus, anatomy.damping_time);
    let (mut position, mut velocity) = (tissue.position.clone(), vec![Vec3::zeros(); tissue.position.len()]);
    // Inertia is gone after a microsecond: three steps show the steady speed.
    for _ in 0..3 {
        step.step(tissue, &loads, 5e-3, &mut position, &mut velocity).map_err(|unsolved| unsolved.what)?;
    }
    let speed = velocity.iter().sum::<Vec3>().dot(&force.normalize()) / velocity.len() as f64;
    Ok(force.norm() / (speed * anatomy.length))
}

fn drag_ratio() -> Result<Measured, String> {
    let medium = agar();
    Ok(Measured {
        value: towed([0.0, 1.0])? / towed([1.0, 0.0])?,
        reference: medium.normal_drag / medium.tangential_drag,
    })
}
