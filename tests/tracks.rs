//! Recorded worms get the same table as simulated ones, whoever recorded them.

use std::path::{Path, PathBuf};
use std::process::Command;

use nematode::body::particles::Vec3;
use nematode::gait::{Class, Gait, Wave};
use nematode::tracks::{self, Origin, Track};

/// The recordings of real worms, or nothing where they are not there.
fn real(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NEMATODE_WORMS").map(PathBuf::from);
    let path = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
    if path.is_none() {
        println!("skipped: NEMATODE_WORMS names no folder with {name}");
    }
    path
}

/// Numbers of a file of numpy, row by row, 24 in each.
fn joint_angles(path: &Path) -> Vec<[f64; 24]> {
    let bytes = std::fs::read(path).expect("a file");
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let numbers: Vec<f64> =
        bytes[header..].as_chunks::<8>().0.iter().map(|number| f64::from_le_bytes(*number)).collect();
    numbers.as_chunks::<24>().0.to_vec()
}

/// The worm of Broekmans et al. 2016, doi:10.7554/eLife.17227, as ElegansBot has it: the angles between 25 pieces, 32
/// times a second.
fn real_worm(path: &Path) -> Track {
    let midline = |angles: &[f64; 24]| {
        let (mut angle, mut at) = (0.0_f64, Vec3::zeros());
        let mut points = vec![at];
        for k in 0..25 {
            at += Vec3::new(-angle.cos(), -angle.sin(), 0.0) * (1e-3 / 25.0);
            points.push(at);
            angle += angles.get(k).copied().unwrap_or(0.0);
        }
        points
    };
    let frames = joint_angles(path);
    let times = (0..frames.len()).map(|k| k as f64 / 32.0).collect();
    Track { id: "N2".to_string(), times, midlines: frames.iter().map(midline).collect(), belly_left: false }
}

fn between(track: &Track, from: f64, to: f64) -> Gait {
    let mut poses = track.poses();
    poses.retain(|pose| (from..=to).contains(&pose.time));
    Gait::of(&poses, 0.0).expect("long enough")
}

#[test]
fn a_real_worm_has_the_gait_that_others_measured_on_it() {
    let Some(path) = real("kymogram_omega-turn.npy") else { return };
    let track = real_worm(&path);
    // Forward for some seconds, then an omega turn; by another analyser 0.47 to 0.53 Hz, 0.50 to 0.59 L, κL 5.2 to 5.6.
    // A tenth more on either side: four seconds are two cycles, and its windows were others.
    let forward = between(&track, 0.0, 4.0);
    assert_eq!((forward.wave, forward.class()), (Wave::HeadToTail, Class::Crawl));
    assert!((0.42..0.58).contains(&forward.frequency.expect("a wave")), "{forward:?}");
    assert!((0.45..0.65).contains(&forward.wavelength.expect("a wave")), "{forward:?}");
    assert!((4.5..6.5).contains(&forward.bending), "{forward:?}");
    // Four eigenworms hold 0.988 of the squared angles of all N2 postures, as WormPose has them.
    assert!(forward.postures.eigenworms.expect("bent") > 0.95, "{forward:?}");
    // Then one deep bend in which the head meets the tail, seen by those who recorded it between 7 and 11 s.
    let turn = between(&track, 6.0, 13.0);
    assert_eq!((forward.postures.omega_turns, turn.postures.omega_turns), (0, 1), "{turn:?}");
}

#[test]
fn a_worm_that_is_written_as_wcon_and_read_again_has_the_same_gait() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recording, wcon) = (folder.path().join("run.h5"), folder.path().join("run.wcon"));
    let run = Command::new(env!("CARGO_BIN_EXE_nematode"))
        .args(["run", "models/experiments/bbc.toml", "--duration", "8 s"])
        .args(["--out".as_ref(), recording.as_os_str(), "--wcon".as_ref(), wcon.as_os_str()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("it runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let (ours, theirs) = (tracks::read(&recording).expect("a worm"), tracks::read(&wcon).expect("a worm"));
    let [ours, theirs] = [&ours[0], &theirs[0]].map(|track| between(track, 3.0, 8.0));
    // A tenth of a micrometre over the 40 um of two points is half a per cent of a wave's curvature.
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-2;
    assert_eq!(ours.wave, theirs.wave);
    assert!(
        near(ours.forward_speed, theirs.forward_speed) && near(ours.bending, theirs.bending),
        "{ours:?} {theirs:?}"
    );
    assert!(near(ours.frequency.expect("a wave"), theirs.frequency.expect("a wave")));
    assert!(near(ours.wavelength.expect("a wave"), theirs.wavelength.expect("a wave")));
    // The published program's frequency; five seconds hold two cycles of it.
    assert!((ours.frequency.expect("a wave") / 0.399 - 1.0).abs() < 0.05, "{ours:?}");
}

fn wcon(text: &str) -> Result<Vec<Track>, String> {
    tracks::wcon(Path::new("worm.wcon"), text).map_err(|problems| problems.to_string())
}

/// A WCON text with one worm of five points.
fn worm(units: &str, record: &str) -> String {
    format!("{{\"units\": {{{units}}}, \"data\": [{{\"id\": \"7\", {record}}}]}}")
}

const MM: &str = "\"t\": \"s\", \"x\": \"mm\", \"y\": \"mm\"";
const POINTS: &str =
    "\"t\": [2, 1], \"x\": [[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]], \"y\": [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]";

#[test]
fn units_offsets_heads_and_the_order_of_times_are_understood() {
    let last = |text: &str| {
        let tracks = wcon(text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!((tracks.len(), tracks[0].id.as_str()), (1, "7"));
        (tracks[0].times.clone(), tracks[0].midlines[1][4])
    };
    assert_eq!(last(&worm(MM, POINTS)), (vec![1.0, 2.0], Vec3::new(4e-3, 1e-3, 0.0)));
    let minutes = "\"t\": \"min\", \"x\": \"um\", \"y\": \"mm\"";
    assert_eq!(last(&worm(minutes, POINTS)), (vec![60.0, 120.0], Vec3::new(4.0 * 1e-6, 1e-3, 0.0)));
    let moved = format!("{POINTS}, \"ox\": [10, 20], \"oy\": [1, 1]");
    assert_eq!(last(&worm(MM, &moved)).1, Vec3::new(14e-3, 2e-3, 0.0));
    let turned = format!("{POINTS}, \"head\": \"R\"");
    assert_eq!(last(&worm(MM, &turned)).1, Vec3::zeros());
    // A frame with a missing point is left out.
    let gap = POINTS.replace("[0, 1, 2, 3, 5]", "[0, 1, null, 3, 5]");
    assert_eq!(wcon(&worm(MM, &gap)).expect("one frame")[0].times, [2.0]);
}

#[test]
fn files_of_the_format_s_authors_are_read_or_refused_for_having_no_midline() {
    let Some(folder) = real("wcon") else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match tracks::read(&path) {
            Ok(tracks) => {
                assert!(tracks.iter().all(|track| !track.times.is_empty()), "{}", path.display());
                read += 1;
            }
            Err(problems) => {
                let text = problems.to_string();
                assert!(text.contains("no worm with a midline is in it"), "{}: {text}", path.display());
            }
        }
    }
    // Most of the examples have two or three points, which are no midline.
    assert!(read > 0, "none was read");
}

#[test]
fn a_malformed_or_empty_file_is_told_from_a_worm() {
    let short = POINTS.replace("[[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]]", "[[0, 1, 2, 3, 4]]");
    let uneven = POINTS.replace("[0, 0, 0, 0, 1]", "[0, 0, 1]");
    let cases = [
        ("{\"units\": ", "worm.wcon:1:", "not JSON"),
        ("", "worm.wcon:", "not JSON"),
        ("{\"units\": {\"t\":\"s\",\"x\":\"mm\",\"y\":\"mm\"}, \"data\": []}", "worm.wcon", "no worm with a midline"),
        ("{\"units\": {\"t\":\"s\",\"x\":\"mm\",\"y\":\"mm\"}}", "worm.wcon", "there is no `data`"),
        ("{\"data\": []}", "worm.wcon", "`units` has no \"t\""),
        (&worm("\"t\": \"mm\", \"x\": \"mm\", \"y\": \"mm\"", POINTS), "`units`.`t`", "expected a time"),
        (&worm(MM, &short), "data[0]", "`x` of worm 7 has 1 entries for 2 times"),
        (&worm(MM, &uneven), "data[0]", "5 x for 3 y"),
        (&worm(MM, "\"t\": [0]"), "data[0]", "worm 7 has no `x`"),
    ];
    for (text, place, message) in cases {
        let problems = wcon(text).expect_err(message);
        assert!(problems.contains(place) && problems.contains(message), "{text}: {problems}");
    }
}

#[test]
fn a_recording_that_is_too_short_for_a_gait_says_how_long_it_must_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("short.wcon");
    let track = Track {
        id: "1".to_string(),
        times: vec![0.0, 0.5],
        midlines: vec![(0..5).map(|k| Vec3::new(1e-4 * f64::from(k), 0.0, 0.0)).collect(); 2],
        belly_left: false,
    };
    tracks::write_wcon(&path, &[track], &Origin { command: String::new(), files: Vec::new() }).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_nematode")).arg("gait").arg(&path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("0.50 s of movement are too short for a gait; 1.50 s are needed"),
        "{text}"
    );
}
