//! Spheres, posts and walls stop a body and give back no more energy than they took.

use nematode::body::Scheme;
use nematode::body::anatomy::Anatomy;
use nematode::body::medium::{Floor, Medium};
use nematode::body::obstacle::{Obstacle, Shape};
use nematode::body::particles::Vec3;
use nematode::body::worm_body::{WormAnatomy, WormBody};
use nematode::body::{Body, particles};
use nematode::names::{MUSCLE_COUNT, muscles};
use nematode::settings::Settings;

const NEVER: [f64; 3] = [f64::INFINITY; 3];

fn medium(name: &str) -> Medium {
    let file = format!("{}/models/media/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Medium::load(std::path::Path::new(&file)).expect("a medium of the repository")
}

fn anatomy(name: &str) -> WormAnatomy {
    let file = format!("{}/models/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    WormAnatomy::load(std::path::Path::new(&file)).expect("a worm of the repository")
}

/// Activation of a crawl's wave, 0.4 Hz and a body long by a half, with its whole strength after half a second.
fn wave(time: f64) -> Vec<f64> {
    let pull = |(quadrant, row): &(nematode::names::Quadrant, usize)| {
        let side = if quadrant.is_dorsal() { 1.0 } else { -1.0 };
        let turn = std::f64::consts::TAU * (0.4 * time - 1.5 * (*row as f64 - 0.5) / 24.0);
        (side * libm::sin(turn)).max(0.0) * (2.0 * time).min(1.0)
    };
    muscles().iter().map(pull).collect()
}

/// The least distance [m] of any point of a body, its liquid left out, from any obstacle.
fn nearest(body: &WormBody, obstacles: &[Obstacle]) -> f64 {
    let (points, _) = body.tissue_and_mass();
    let distance = |x: &Vec3| obstacles.iter().map(|obstacle| obstacle.distance(*x, NEVER).0).fold(1.0, f64::min);
    body.position()[..points].iter().map(distance).fold(1.0, f64::min)
}

#[test]
fn a_worm_of_particles_and_one_of_rods_do_not_pass_through_posts() {
    let posts = medium("posts");
    let alone = Medium { obstacles: Vec::new(), ..posts.clone() };
    for (name, steps) in [("worm", 220), ("rod_adult", 300)] {
        let anatomy = anatomy(name);
        let mut bodies = [&posts, &alone].map(|medium| WormBody::new(&anatomy, medium, Scheme::Implicit));
        let (mut least, mut least_alone) = (f64::INFINITY, f64::INFINITY);
        for step in 0..steps {
            let time = 5e-3 * f64::from(step);
            for body in &mut bodies {
                body.step(5e-3, &wave(time)).unwrap_or_else(|diverged| panic!("{name} at {time}: {}", diverged.what));
            }
            least = least.min(nearest(&bodies[0], &posts.obstacles));
            least_alone = least_alone.min(nearest(&bodies[1], &posts.obstacles));
        }
        // It leans on them, by less than a spacing of its particles; without them it would be well inside.
        assert!(least < 0.0 && least > -8e-6, "{name}: {least:e} m");
        assert!(least_alone < -12e-6, "{name}, with nothing in the way: {least_alone:e} m");
    }
}

/// Kinetic energy, that of springs, of the compressed liquid, of height and of contact [J].
fn energy(body: &Body, gravity: f64, bulk_modulus: f64) -> f64 {
    let mass = body.particle_mass();
    let moving: f64 = body.velocity().iter().map(|v| 0.5 * mass * v.norm_squared()).sum();
    let high: f64 = body.position().iter().map(|x| mass * gravity * x.z).sum();
    let stretched = |spring: &particles::Spring| {
        let length = (body.position()[spring.b] - body.position()[spring.a]).norm();
        0.5 * spring.stiffness * (length - spring.rest).powi(2)
    };
    let springs: f64 = body.tissue().springs.iter().map(stretched).sum();
    let tissue = body.tissue();
    let volume = particles::enclosed_volume(&tissue.triangles, &tissue.position);
    let pressed = 0.5 * body.mean_pressure().powi(2) * volume / bulk_modulus;
    moving + high + springs + pressed + body.contact_energy()
}

#[test]
fn a_worm_that_falls_on_a_ball_and_a_wall_gains_no_energy() {
    let file = format!("{}/models/worm.toml", env!("CARGO_MANIFEST_DIR"));
    let anatomy = Anatomy::load(std::path::Path::new(&file)).expect("the worm");
    let gravity = 9.81;
    let ball = Shape::Sphere { centre: Vec3::new(0.1e-3, 0.0, -0.15e-3), radius: 0.1e-3 };
    let wall = Shape::Wall { point: Vec3::new(0.0, 0.0, -60e-6), normal: Vec3::new(0.0, 0.0, 1.0) };
    let obstacles = [ball, wall].map(|shape| Obstacle { shape, stiffness: 0.05 }).to_vec();
    let medium = Medium { gravity, obstacles: obstacles.clone(), ..Medium::vacuum() };
    let mut body = Body::new(&anatomy, medium, Scheme::Implicit);
    let start = energy(&body, gravity, anatomy.bulk_modulus);
    let (mut last, mut lowest, mut gained) = (start, f64::INFINITY, 0.0_f64);
    for step in 0..60 {
        body.step(5e-4, &[0.0; MUSCLE_COUNT]).unwrap_or_else(|diverged| panic!("step {step}: {}", diverged.what));
        let now = energy(&body, gravity, anatomy.bulk_modulus);
        gained = gained.max(now - last);
        last = now;
        let tissue = body.tissue().position.len();
        let distance = |x: &Vec3| obstacles.iter().map(|obstacle| obstacle.distance(*x, NEVER).0).fold(1.0, f64::min);
        lowest = body.position()[..tissue].iter().map(distance).fold(lowest, f64::min);
    }
    // What it has to lose: its weight times the height to the wall.
    let weight = body.particle_mass() * body.position().len() as f64 * gravity;
    let fall = weight * 24e-6;
    // The liquid inside acts on its walls a step late, which may give some of its own motion back.
    assert!(gained < 5e-3 * fall, "{gained:e} J of {fall:e} J");
    assert!(last < start - 0.3 * fall, "{last:e} J after {start:e} J");
    assert!(lowest < 0.0 && lowest > -5e-6, "{lowest:e} m");
}

#[test]
fn every_combination_of_liquid_drag_floor_and_posts_runs() {
    let file = format!("{}/models/worm.toml", env!("CARGO_MANIFEST_DIR"));
    let mut anatomy = Anatomy::load(std::path::Path::new(&file)).expect("the worm");
    // A third of a worm in a box just large enough, so that sixteen kinds of it are quickly worked out.
    (anatomy.length, anatomy.rings) = (anatomy.length / 3.0, 33);
    let mut water = medium("water_particles");
    if let Some(basin) = &mut water.liquid {
        basin.size = [0.46e-3, 0.2e-3, 0.13e-3];
    }
    let agar = medium("agar");
    for kind in 0..16 {
        let has = |bit: u32| kind & 1 << bit != 0;
        let drag = |value: f64| if has(1) { value } else { 0.0 };
        let post = Obstacle { shape: Shape::Post { centre: [0.0, 80e-6], radius: 20e-6 }, stiffness: 1.0 };
        let combined = Medium {
            liquid: water.liquid.clone().filter(|_| has(0)),
            normal_drag: drag(agar.normal_drag),
            tangential_drag: drag(agar.tangential_drag),
            film_stiffness: drag(agar.film_stiffness),
            floor: has(2).then_some(Floor { height: -38e-6, stiffness: 0.01 }),
            gravity: if has(2) && !has(0) { 9.81 } else { 0.0 },
            obstacles: if has(3) { vec![post] } else { Vec::new() },
            ..Medium::vacuum()
        };
        let whole = WormAnatomy::Particles(Box::new(anatomy.clone()));
        WormBody::bears(&whole, &combined, Scheme::Implicit).expect("a worm can be in it");
        let mut body = Body::new(&anatomy, combined, Scheme::Implicit);
        for step in 0..3 {
            let pull: Vec<f64> = wave(0.02 * f64::from(step)).iter().map(|a| a * anatomy.fibre_force).collect();
            body.step(2e-3, &pull).unwrap_or_else(|diverged| panic!("kind {kind:04b}, step {step}: {}", diverged.what));
        }
        assert!(body.density_error() < 0.02, "kind {kind:04b}: {}", body.density_error());
        let speed = body.velocity().iter().map(|v| v.norm()).fold(0.0, f64::max);
        assert!(speed > 0.0 && speed < 0.1, "kind {kind:04b}: {speed} m/s");
    }
}

fn told(text: &str) -> String {
    Medium::read(&Settings::from_text("medium.toml", text)).expect_err("a bad obstacle").to_string()
}

#[test]
fn an_obstacle_that_can_not_be_is_told_with_its_place_and_mend() {
    let nowhere =
        "name = \"x\"\n[[wall]]\nat = [\"0 m\", \"0 m\", \"0 m\"]\nnormal = [0.0, 0.0, 0.0]\nstiffness = \"1 N/m\"\n";
    assert!(
        told(nowhere).starts_with("medium.toml:4:10: a wall's normal points nowhere\n  help: "),
        "{}",
        told(nowhere)
    );
    let flat = "name = \"x\"\n[[post]]\nat = [\"0 m\", \"1 s\"]\nradius = \"-1 um\"\nstiffness = \"1 N/m\"\n";
    let said = told(flat);
    assert!(said.contains("medium.toml:3:14: ") && said.contains("medium.toml:4:10: must be above zero"), "{said}");
    let mut thin = medium("posts");
    thin.obstacles[0].shape = Shape::Post { centre: [0.0, 0.1], radius: 1e-6 };
    for name in ["worm", "rod_adult"] {
        let problem = WormBody::bears(&anatomy(name), &thin, Scheme::Implicit).expect_err("it would slip through");
        assert!(problem.to_string().contains("slips between the points"), "{problem}");
    }
}
