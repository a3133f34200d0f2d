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
fn narrow(more: &str) -> Medium {
    let text = format!(
        "name = \"water\"\n{more}\n[liquid]\nviscosity = \"1 mPa*s\"\nbox = [\"1.3 mm\", \"0.2 mm\", \"0.13 mm\"]\n"
    );
    Medium::read(&Settings::from_text("narrow.toml", text)).expect("a good medium")
}

fn adult() -> Anatomy {
    Anatomy::load(Path::new("models/worm.toml")).expect("the worm")
}

/// Takes a step of 2 ms, the muscles of the back pulling harder from step to step.
fn step(body: &mut Body, anatomy: &Anatomy, number: usize) {
    let pull = 0.1 * anatomy.fibre_force * (number + 1) as f64 / 20.0;
    let back: Vec<f64> = muscles().iter().map(|(side, _)| if side.is_dorsal() { pull } else { 0.0 }).collect();
    body.step(2e-3, &back).expect("a bending worm");
    // A hundredth, the error at which pressures are good enough.
    assert!(body.density_error() < 0.0101, "{}", body.density_error());
}

/// A worm after some such steps.
fn bent(steps: usize) -> Body {
    let anatomy = adult();
    let mut body = Body::new(&anatomy, narrow(""), Scheme::Implicit);
    (0..steps).for_each(|number| step(&mut body, &anatomy, number));
    body
}

#[test]
fn a_worm_that_bends_moves_the_water_by_as_much_as_itself_and_nothing_gets_in_or_out() {
    let body = bent(20);
    let tissue = body.tissue().position.len();
    let up: f64 = body.velocity().iter().map(|v| v.y).sum();
    let all: f64 = body.velocity().iter().map(|v| v.y.abs()).sum();
    let of_water: f64 = body.velocity()[tissue..].iter().map(|v| v.y.abs()).sum();
    assert!(of_water > 0.1 * all, "{of_water} of {all}");
    // What the liquid does to its walls acts a step late, so a step's worth of momentum is on its way.
    assert!(up.abs() < 0.1 * all, "{up} of {all}");
    for x in &body.position()[tissue..] {
        // The box with half a spacing around it.
        assert!(x.x.abs() < 0.66e-3 && x.y.abs() < 0.11e-3 && x.z.abs() < 0.075e-3, "{x:?}");
    }
    assert!((body.relative_volume() - 1.0).abs() < 0.02, "{}", body.relative_volume());
}

#[test]
fn threads_do_not_change_what_the_water_does() {
    let bits = |threads: usize| {
        parallel::with_threads(threads, || bent(3).state().iter().map(|number| number.to_bits()).collect::<Vec<_>>())
    };
    assert_eq!(bits(1), bits(2));
}

#[test]
fn a_worm_in_water_goes_on_from_what_was_kept_with_the_same_bits() {
    let anatomy = adult();
    let kept = bent(2).state();
    let mut resumed = Body::new(&anatomy, narrow(""), Scheme::Implicit);
    resumed.restore(&kept).expect("the same worm");
    step(&mut resumed, &anatomy, 2);
    let bits = |body: &Body| body.state().iter().map(|number| number.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&bent(3)), bits(&resumed));
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
    let small = Medium { liquid: narrow("").liquid.map(|mut liquid| (liquid.size[2] = 50e-6, liquid).1), ..narrow("") };
    let worm = WormAnatomy::Particles(Box::new(adult()));
    let told = WormBody::bears(&worm, &small, Scheme::Implicit).expect_err("no room").to_string();
    assert!(told.contains("50 um along z") && told.contains("123 um at least"), "{told}");
    assert!(WormBody::bears(&worm, &narrow(""), Scheme::Explicit).is_err());
}
