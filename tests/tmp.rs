use nematode::body::{particles::*, *};
#[test]
fn t() {
    let a = anatomy::Anatomy::load(std::path::Path::new("models/worm.toml")).unwrap();
    let dt: f64 = std::env::var("DT").ok().map(|s| s.parse().unwrap()).unwrap_or(5e-3);
    let t0 = std::time::Instant::now();
    let m = medium::Medium::load(std::path::Path::new("models/media/agar.toml")).unwrap();
    let mut b = Body::new(&a, m, Scheme::Implicit);
    println!(
        "build {:.2}s k {} n {}",
        t0.elapsed().as_secs_f64(),
        b.tissue().springs.iter().find(|s| !s.hoop).unwrap().stiffness,
        b.position().len()
    );
    let names = nematode::names::muscles();
    let t0 = std::time::Instant::now();
    let steps = (5.0 / dt) as usize;
    let mut k2 = 0.0;
    let mut kn = 0.0;
    let mut c1 = b.center_of_mass();
    let mut it = 0;
    for s in 0..steps {
        let time = s as f64 * dt;
        let ff: Vec<f64> = names
            .iter()
            .map(|(q, row)| {
                let p = (*row as f64 - 0.5) / 24.0;
                let ph = 2.0 * std::f64::consts::PI * (0.4 * time - 1.5 * p);
                let x = if q.is_dorsal() { ph.sin() } else { -ph.sin() };
                a.fibre_force * x.max(0.0) * (time / 0.5).min(1.0)
            })
            .collect();
        if let Err(e) = b.step(dt, &ff) {
            println!("{time} {}", e.what);
            break;
        }
        it += b.iterations();
        let kl: f64 = (b.midline().curvature.iter().map(|k| k * k).sum::<f64>() / 99.0).sqrt() * 1.164e-3;
        if s % (steps / 20) == 0 {
            println!(
                "t {:.2} com {:?} kL {:.2} L {:.4} V {:.4} p {:.0} err {:.4} it {} p' {:e}",
                time,
                b.center_of_mass() * 1e3,
                kl,
                b.relative_length(),
                b.relative_volume(),
                b.mean_pressure(),
                b.density_error(),
                b.iterations(),
                b.pressure().iter().fold(0.0f64, |m, p| m.max(*p - b.mean_pressure()))
            );
        }
        if time > 2.5 {
            k2 += kl * kl;
            kn += 1.0;
        }
        if s == steps / 2 {
            c1 = b.center_of_mass();
        }
    }
    println!(
        "cpu {:.2}s it {it} speed {:.4} mm/s kL rms {:.3}",
        t0.elapsed().as_secs_f64(),
        (b.center_of_mass() - c1).norm() * 1e3 / 2.5,
        (k2 / kn as f64).sqrt()
    );
}
