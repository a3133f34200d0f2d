//! A worm in water of particles: the liquid moves it, it moves the liquid, and nothing is lost.

use std::path::Path;

use nematode::body::anatomy::Anatomy;
use nematode::body::medium::Medium;
use nematode::body::worm_body::{WormAnatomy, WormBody};
use nematode::body::{Body, Scheme};
use nematode::names::muscles;
use nematode::parallel;
use nematode::settings::Settings;

/// A medium with a box of water as narrow as a worm allows.
fn narrow(pressure: &str) -> Medium {
    let text = format!(
        "name = \"water\"\n[liquid]\nviscosity = \"1 mPa*s\"\nbox = [\"1.3 mm\", \"0.2 mm\", \"0.13 mm\"]\npressure = \"{pressure}\"\n"
    );
    Medium::read(&Settings::from_text("narrow.toml", text)).expect("a good medium")
}

fn adult() -> Anatomy {
    Anatomy::load(Path::new("models/worm.toml")).expect("the worm")
}

/// Density error that a single particle may have: the one at which moving aside ends.
const ALLOWED: f64 = 0.0101;

/// Takes a step of 2 ms, the muscles of the back pulling harder from step to step.
fn step(body: &mut Body, anatomy: &Anatomy, number: usize) {
    let pull = 0.1 * anatomy.fibre_force * (number + 1) as f64 / 20.0;
    let back: Vec<f64> = muscles().iter().map(|(side, _)| if side.is_dorsal() { pull } else { 0.0 }).collect();
    body.step(2e-3, &back).expect("a bending worm");
}

/// A worm after some such steps.
fn bent(steps: usize, pressure: &str) -> Body {
    let anatomy = adult();
    let mut body = Body::new(&anatomy, narrow(pressure), Scheme::Implicit);
    for number in 0..steps {
        step(&mut body, &anatomy, number);
        assert!(body.density_error() < ALLOWED, "{} by {pressure}", body.density_error());
    }
    body
}

/// Momentum up of body and water over the sum of all sizes, once the worm has bent; nothing gets in or out meanwhile.
fn momentum_of_the_bent(body: &Body) -> f64 {
    let tissue = body.tissue().position.len();
    let up: f64 = body.velocity().iter().map(|v| v.y).sum();
    let all: f64 = body.velocity().iter().map(|v| v.y.abs()).sum();
    let of_water: f64 = body.velocity()[tissue..].iter().map(|v| v.y.abs()).sum();
    assert!(of_water > 0.1 * all, "{of_water} of {all}");
    for x in &body.position()[tissue..] {
        // The box with half a spacing around it.
        assert!(x.x.abs() < 0.66e-3 && x.y.abs() < 0.11e-3 && x.z.abs() < 0.075e-3, "{x:?}");
    }
    assert!((body.relative_volume() - 1.0).abs() < 0.02, "{}", body.relative_volume());
    up.abs() / all
}

#[test]
fn a_worm_that_bends_moves_the_water_by_as_much_as_itself_and_nothing_gets_in_or_out() {
    let body = bent(20, "DFSPH");
    // What the liquid does to its walls acts a step late, so a step's worth of momentum is on its way.
    assert!(momentum_of_the_bent(&body) < 0.1);
}

#[test]
fn water_that_pulls_keeps_its_mean_density_behind_a_worm_that_bends() {
    let body = bent(20, "projection");
    let tissue = body.tissue().position.len();
    let water = &body.density()[tissue..];
    let at_rest = Body::new(&adult(), narrow("projection"), Scheme::Implicit);
    let mean = |density: &[f64]| density.iter().sum::<f64>() / density.len() as f64;
    let before = mean(&at_rest.density()[tissue..]);
    assert!((mean(water) / before - 1.0).abs() < 0.01, "{} and {before} kg/m³", mean(water));
    // Behind the worm it is below the mean: there the water pulls.
    assert!(body.pressure()[tissue..].iter().any(|pressure| *pressure < body.mean_pressure()));
    // What the liquid does to its walls acts a step late here too.
    assert!(momentum_of_the_bent(&body) < 0.1);
}

fn bits(body: &Body) -> Vec<u64> {
    body.state().iter().map(|number| number.to_bits()).collect()
}

#[test]
fn threads_do_not_change_what_the_water_does() {
    for pressure in ["DFSPH", "projection"] {
        let on = |threads: usize| parallel::with_threads(threads, || bits(&bent(3, pressure)));
        assert_eq!(on(1), on(2), "{pressure}");
    }
}

#[test]
fn a_worm_in_water_goes_on_from_what_was_kept_with_the_same_bits() {
    for pressure in ["DFSPH", "projection"] {
        let anatomy = adult();
        let kept = bent(2, pressure).state();
        let mut resumed = Body::new(&anatomy, narrow(pressure), Scheme::Implicit);
        resumed.restore(&kept).expect("the same worm");
        step(&mut resumed, &anatomy, 2);
        assert_eq!(bits(&bent(3, pressure)), bits(&resumed), "{pressure}");
    }
}

#[test]
fn what_no_water_can_be_is_told_before_the_first_step() {
    let said = |text: &str| match Medium::read(&Settings::from_text("m.toml", text)) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    };
    let size = "box = [\"1.6 mm\", \"0.7 mm\", \"0.13 mm\"]";
    let without = said(&format!("name = \"w\"\n[liquid]\n{size}\n"));
    assert!(without.contains("m.toml:2:1") && without.contains("viscosity"), "{without}");
    let thin = said(&format!("name = \"w\"\n[liquid]\nviscosity = \"0 Pa*s\"\n{size}\n"));
    assert!(thin.contains("m.toml:3:13"), "{thin}");
    let heavy = said(&format!("name = \"w\"\ngravity = \"9.81 m/s^2\"\n[liquid]\nviscosity = \"1 mPa*s\"\n{size}\n"));
    assert!(heavy.contains("m.toml:2:11") && heavy.contains("leave out `gravity`"), "{heavy}");
    let walls = said(&format!("name = \"w\"\n[liquid]\nviscosity = \"1 mPa*s\"\n{size}\nwalls = [\"up\"]\n"));
    assert!(walls.contains("\"up\" is no axis"), "{walls}");
    let odd = said(&format!("name = \"w\"\n[liquid]\nviscosity = \"1 mPa*s\"\n{size}\npressure = \"suction\"\n"));
    assert!(odd.contains("m.toml:5:12") && odd.contains("\"suction\"") && odd.contains("\"projection\""), "{odd}");
    let small = Medium {
        liquid: narrow("DFSPH").liquid.map(|mut liquid| (liquid.size[2] = 50e-6, liquid).1),
        ..narrow("DFSPH")
    };
    let worm = WormAnatomy::Particles(Box::new(adult()));
    let told = WormBody::bears(&worm, &small, Scheme::Implicit).expect_err("no room").to_string();
    assert!(told.contains("50 um along z") && told.contains("123 um at least"), "{told}");
    assert!(WormBody::bears(&worm, &narrow("DFSPH"), Scheme::Explicit).is_err());
}
