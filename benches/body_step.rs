//! One step of the 3D body: the implicit step of a crawling worm (5 ms), and the explicit step of the soft worm (20 µs).

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use nematode::body::anatomy::Anatomy;
use nematode::body::medium::Medium;
use nematode::body::{Body, Scheme};
use nematode::names::muscles;
use nematode::parallel;

/// The pull of each fibre [N] of a wave of `frequency` [Hz] and `waves` on the body, at `time` [s].
fn wave(strength: f64, frequency: f64, waves: f64, time: f64) -> Vec<f64> {
    let pull = |(quadrant, row): &(nematode::names::Quadrant, usize)| {
        let turn = frequency * time - waves * (*row as f64 - 0.5) / 24.0;
        let side = if quadrant.is_dorsal() { 1.0 } else { -1.0 };
        strength * (side * libm::sin(std::f64::consts::TAU * turn)).max(0.0) * (time / 0.1).min(1.0)
    };
    muscles().iter().map(pull).collect()
}

fn crawling(criterion: &mut Criterion) {
    let anatomy = Anatomy::load(Path::new("models/worm.toml")).expect("the worm");
    let agar = Medium::load(Path::new("models/media/agar.toml")).expect("agar");
    let mut body = Body::new(&anatomy, agar, Scheme::Implicit);
    let mut time = 0.0;
    let mut step = move || {
        body.step(5e-3, &wave(anatomy.fibre_force, 0.4, 1.5, time)).expect("a crawling worm");
        time += 5e-3;
        black_box(body.iterations());
    };
    for _ in 0..100 {
        step();
    }
    criterion
        .bench_function("implicit step of 5 ms, crawling worm with its liquid", |bencher| timed(bencher, &mut step));
}

fn soft(criterion: &mut Criterion) {
    let anatomy = Anatomy::load(Path::new("models/worm_soft.toml")).expect("the soft worm");
    let mut body = Body::new(&anatomy, Medium::vacuum(), Scheme::Explicit);
    let mut time = 0.0;
    let mut step = || {
        body.step(2e-5, &wave(0.575 * anatomy.fibre_force, 1.77, 0.405, time)).expect("a soft worm");
        time += 2e-5;
        black_box(body.iterations());
    };
    for _ in 0..200 {
        step();
    }
    criterion.bench_function("explicit step of 20 us, soft worm", |bencher| timed(bencher, &mut step));
}

/// Times steps on a pool of one thread, itself on it, as a run does.
fn timed(bencher: &mut Bencher<'_>, mut step: impl FnMut() + Send) {
    bencher.iter_custom(|times| {
        parallel::with_threads(1, || {
            let started = Instant::now();
            for _ in 0..times {
                step();
            }
            started.elapsed()
        })
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = crawling, soft
}
criterion_main!(benches);
