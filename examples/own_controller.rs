//! A controller of one's own: `cargo run --release --example own_controller`.
//!
//! Only the head is moved by a clock. Every other row of muscles does what the body a little in front of it feels:
//! it bends as that place is bent, so that the bend travels tailwards by itself.

use std::ops::ControlFlow;
use std::path::Path;

use nematode::controller::Controller;
use nematode::error::{Error, Problem};
use nematode::experiment::Experiment;
use nematode::names::{muscle_names, muscles};
use nematode::run::Run;

/// Rows that the clock moves, and how many rows in front of itself each other row feels. Chosen by us; no source.
const HEAD: usize = 5;

struct FollowTheHead {
    senses: Vec<String>,
    drives: Vec<String>,
}

impl Controller for FollowTheHead {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, time: f64, _dt: f64, curvature: &[f64], drives: &mut [f64]) {
        let clock = (2.0 * std::f64::consts::PI * 0.4 * time).sin();
        for (drive, (quadrant, row)) in drives.iter_mut().zip(muscles()) {
            // A third of full activation for each unit of curvature × length, positive to the back. Chosen by us.
            let bend = if row <= HEAD { clock } else { curvature[row - 1 - HEAD] / 3.0 };
            *drive = if quadrant.is_dorsal() { bend } else { -bend }.clamp(0.0, 1.0);
        }
    }

    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    fn restore(&mut self, _state: &[f64]) -> Result<(), Problem> {
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    let mut experiment = Experiment::load(Path::new("models/experiments/crawl.toml"))?;
    let senses = (1..=24).map(|row| format!("curvature/{row:02}")).collect();
    experiment.controller = Some(Box::new(FollowTheHead { senses, drives: muscle_names() }));
    experiment.recording.file = "own_controller.h5".into();
    let finished = Run::prepare(experiment, std::env::args().collect(), &|line| eprintln!("{line}"))?
        .run(&mut |_| ControlFlow::Continue(()))?;
    match finished.gait {
        Ok(gait) => {
            println!("forward speed       {:.3} mm/s", 1e3 * gait.forward_speed);
            println!("wave                {}", gait.wave);
            println!("curvature × length  {:.2} rms", gait.bending);
        }
        Err(short) => println!("no gait: {short}"),
    }
    println!("recorded in         {}", finished.file.display());
    Ok(())
}
