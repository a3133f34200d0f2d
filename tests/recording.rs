//! A recording holds what was put in, wherever it is read, and survives a kill.

use std::path::{Path, PathBuf};
use std::process::Command;

use hdf5::H5File;
use hdf5::swmr::SwmrFileReader;
use nematode::error::Error;
use nematode::names::muscle_names;
use nematode::recording::{Extra, Frame, Layout, Membrane, Population, Provenance, Recorded, Recording, Species};

/// A made-up run: every number is a function of frame and index, so that a reader can tell a mix-up.
struct Run {
    particles: usize,
    species: Vec<Species>,
    mass: Vec<f32>,
    springs: Vec<[u32; 2]>,
    triangles: Vec<[u32; 3]>,
    muscles: Vec<String>,
    neurons: Vec<String>,
    senses: Vec<String>,
    extras: Vec<Extra>,
}

const MIDLINE: usize = 49;
/// Rows of membrane potential in a frame, and the time between them [s].
const ROWS: usize = 10;
const INTERVAL: f64 = 1e-3;

impl Run {
    fn new(particles: usize) -> Self {
        let kind = |index| [Species::Liquid, Species::Elastic, Species::Boundary][index % 3];
        Self {
            particles,
            species: (0..particles).map(kind).collect(),
            mass: (0..particles).map(|index| 1e-13 * (1 + index) as f32).collect(),
            springs: (1..particles as u32).map(|index| [index - 1, index]).collect(),
            triangles: (2..particles as u32).map(|index| [index - 2, index - 1, index]).collect(),
            muscles: muscle_names(),
            neurons: ["AVBL", "AVBR", "DB1"].map(String::from).to_vec(),
            senses: (1..=24).map(|row| format!("curvature/{row:02}")).collect(),
            extras: vec![Extra { name: "energy".into(), unit: "J".into(), width: 2, labels: Vec::new() }],
        }
    }

    fn layout(&self) -> Layout<'_> {
        let membrane = Membrane { neurons: &self.neurons, muscles: &self.muscles, interval: INTERVAL, numbers: false };
        Layout {
            species: &self.species,
            mass: &self.mass,
            springs: &self.springs,
            triangles: &self.triangles,
            dry: false,
            muscle_names: &self.muscles,
            midline_points: MIDLINE,
            senses: &self.senses,
            membrane: Some(membrane),
            extras: &self.extras,
            checkpoint: None,
        }
    }

    fn create(&self, path: &Path) -> Result<Recording, Error> {
        Recording::create(path, &self.layout(), &Self::provenance())
    }

    fn provenance() -> Provenance {
        Provenance {
            experiment_toml: "# a made-up run\nduration = \"1 s\"\n".into(),
            files: vec![("worm.toml".into(), "00ff".into())],
            version: "0.1.0".into(),
            seed: Some(302),
            argv: vec!["nematode".into(), "run".into()],
            papers: vec!["White et al. 1986, doi:10.1098/rstb.1986.0056".into()],
        }
    }

    fn append(&self, recording: &mut Recording, number: usize) {
        self.try_append(recording, number).expect("a frame");
    }

    fn try_append(&self, recording: &mut Recording, number: usize) -> Result<(), Error> {
        let value = |index: usize, scale: f32| scale * (1000 * number + index) as f32;
        let list = |count: usize, scale: f32| -> Vec<f32> { (0..count).map(|index| value(index, scale)).collect() };
        let points = |count: usize, scale: f32| -> Vec<[f32; 3]> {
            (0..count).map(|index| [0, 1, 2].map(|axis| value(3 * index + axis, scale))).collect()
        };
        for row in 0..ROWS {
            let at = (ROWS * number + row) as f64 * INTERVAL;
            let (neurons, muscles) = (list(self.neurons.len(), -1e-6), list(self.muscles.len(), 1e-6));
            recording.membrane(at, &neurons, &muscles)?;
        }
        let at = 0.01 * number as f64;
        recording.spikes(Population::Neurons, &[(at + 0.002, 1), (at + 0.004, 0)])?;
        recording.spikes(Population::Muscles, &[(at + 0.003, 94)])?;
        let energy = list(2, 1e-12);
        recording.frame(&Frame {
            step: 10 * number as i64,
            time: 0.01 * (number + 1) as f64,
            position: &points(self.particles, 1e-7),
            velocity: &points(self.particles, 1e-5),
            density: &list(self.particles, 1.0),
            pressure: &list(self.particles, 0.1),
            midline: &points(MIDLINE, 2e-7),
            curvature: &list(MIDLINE, 3.0),
            activation: &list(self.muscles.len(), 1e-5),
            center_of_mass: [1e-6 * number as f64, 2.0, 3.0],
            senses: &list(self.senses.len(), 0.5),
            extras: &[&energy],
        })
    }

    fn record(&self, path: &Path, frames: usize) -> u64 {
        let mut recording = self.create(path).expect("a recording");
        (0..frames).for_each(|number| self.append(&mut recording, number));
        recording.finish().expect("the end")
    }
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.h5");
    (folder, path)
}

fn f32s(file: &H5File, name: &str) -> Vec<f32> {
    file.dataset(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_raw().expect("values")
}

fn texts(file: &H5File, name: &str) -> Vec<String> {
    file.dataset(name).expect("texts").read_vlen_strings().expect("texts")
}

#[test]
fn what_was_recorded_is_read_back_bit_for_bit() {
    let (_folder, path) = temporary();
    let run = Run::new(7);
    let size = run.record(&path, 5);
    assert_eq!(size, std::fs::metadata(&path).expect("the file").len());
    let file = H5File::open(&path).expect("an HDF5 file");
    let position = f32s(&file, "particles/sph/position/value");
    let expected: Vec<f32> = (0..5).flat_map(|k| (0..21).map(move |i| 1e-7 * (1000 * k + i) as f32)).collect();
    assert_eq!(position, expected);
    assert_eq!(file.dataset("particles/sph/position/value").expect("it").shape(), [5, 7, 3]);
    let time: Vec<f64> = file.dataset("particles/sph/density/time").expect("time").read_raw().expect("values");
    assert_eq!(time, (1..=5).map(|number| 0.01 * f64::from(number)).collect::<Vec<_>>());
    let step: Vec<i64> = file.dataset("observables/energy/step").expect("step").read_raw().expect("values");
    assert_eq!(step, [0, 10, 20, 30, 40]);
    assert_eq!(f32s(&file, "observables/curvature/value")[2 * MIDLINE + 4], 3.0 * 2004.0);
    assert_eq!(f32s(&file, "observables/muscle_activation/value").len(), 5 * 95);
    assert_eq!(f32s(&file, "observables/senses/value")[24], 500.0);
    let center: Vec<f64> =
        file.dataset("observables/center_of_mass/value").expect("center").read_raw().expect("values");
    assert_eq!(center[3 * 4..], [1e-6 * 4.0, 2.0, 3.0]);
    assert_eq!(f32s(&file, "report/neurons/data")[3 * ROWS], 1e3 * (-1e-6 * 1000.0f32));
    let reach: Vec<f64> = file.dataset("report/neurons/mapping/time").expect("time").read_raw().expect("values");
    assert!((reach[1] - 50.0).abs() < 1e-9 && reach[0] == 0.0 && reach[2] == 1.0, "{reach:?}");
    assert_eq!(texts(&file, "nodes/neurons/0/@library/name"), ["AVBL", "AVBR", "DB1"]);
    assert_eq!(texts(&file, "parameters/names/muscles"), muscle_names());
    assert!(texts(&file, "parameters/experiment_toml")[0].starts_with("# a made-up run\n"));
    assert_eq!(f32s(&file, "VTKHDF/Points"), position, "the view shows the positions");
}

#[test]
fn more_particles_than_one_chunk_holds_come_back() {
    let (_folder, path) = temporary();
    let run = Run::new(70_001);
    run.record(&path, 2);
    let file = H5File::open(&path).expect("an HDF5 file");
    let position = f32s(&file, "particles/sph/position/value");
    assert_eq!(position.len(), 2 * 3 * 70_001);
    assert!((0..2 * 3 * 70_001).all(|at| {
        let (number, index) = (at / (3 * 70_001), at % (3 * 70_001));
        position[at] == 1e-7 * (1000 * number + index) as f32
    }));
    let chunk = file.dataset("particles/sph/position/value").expect("it").chunk_dims().expect("chunks");
    assert_eq!(chunk, [1, 65_536, 3]);
}

#[test]
fn a_body_without_particles_and_network_shows_its_midline() {
    let (_folder, path) = temporary();
    let muscles = muscle_names();
    let layout = Layout { muscle_names: &muscles, midline_points: 3, ..Layout::default() };
    let mut recording = Recording::create(&path, &layout, &Provenance::default()).expect("a recording");
    let midline = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]];
    let mut frame = Frame {
        step: 0,
        time: 0.0,
        position: &[],
        velocity: &[],
        density: &[],
        pressure: &[],
        midline: &midline,
        curvature: &[0.0; 3],
        activation: &[0.0; 95],
        center_of_mass: [0.0; 3],
        senses: &[],
        extras: &[],
    };
    recording.frame(&frame).expect("a frame");
    let again = recording.frame(&frame).expect_err("time does not grow");
    assert!(matches!(again, Error::Run(_)), "{again}");
    frame.time = 1.0;
    frame.activation = &[0.0; 96];
    let misfit = recording.frame(&frame).expect_err("one muscle too many").to_string();
    assert!(misfit.contains("muscle_activation of this frame has 96 numbers, not 95"), "{misfit}");
    assert!(recording.spikes(Population::Neurons, &[(0.0, 0)]).is_err());
    recording.finish().expect("the end");
    let file = H5File::open(&path).expect("an HDF5 file");
    assert_eq!(f32s(&file, "VTKHDF/Points"), midline.as_flattened());
    assert!(file.dataset("particles/sph/position/value").is_err());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (_folder, first) = temporary();
    let (_folder, second) = temporary();
    Run::new(50).record(&first, 4);
    // A slow machine flushes more often; that must not show.
    let run = Run::new(50);
    let mut recording = run.create(&second).expect("a recording");
    for number in 0..4 {
        run.append(&mut recording, number);
        recording.flush().expect("flushed");
    }
    recording.finish().expect("the end");
    assert!(std::fs::read(first).expect("a file") == std::fs::read(second).expect("a file"));
}

#[test]
fn a_path_that_cannot_be_written_is_told_and_leaves_nothing() {
    let (folder, path) = temporary();
    let told = |path: &Path, part: &str| {
        let error = Run::new(3).create(path).err().expect("no recording");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    };
    told(&folder.path().join("no/run.h5"), "there is no folder");
    told(folder.path(), "is a folder");
    let mut run = Run::new(3);
    run.springs.push([0, 3]);
    let error = run.create(&path).err().expect("no recording");
    assert!(error.to_string().contains("names particle 3 of 3"), "{error}");
    for (name, unit, width, part) in [
        ("midline", "m", 1, "\"midline\" cannot be the name"),
        ("a/b", "m", 1, "\"a/b\" cannot be the name"),
        ("length", "µm", 1, "a unit in ASCII"),
        ("length", "um", 0, "at least one number"),
    ] {
        let mut run = Run::new(3);
        run.extras = vec![Extra { name: name.into(), unit: unit.into(), width, labels: Vec::new() }];
        let error = run.create(&path).err().expect("no recording");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn a_killed_run_leaves_all_that_was_flushed() {
    let (folder, path) = temporary();
    let myself = std::env::current_exe().expect("this test");
    let status = Command::new(myself)
        .args(["--ignored", "--exact", "writes_and_is_killed"])
        .env("NEMATODE_SAMPLE", &path)
        .output()
        .expect("a child")
        .status;
    assert!(!status.success(), "the child was to abort");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
    let mut file = Recorded::open(&path).expect("a readable file");
    let position = file.values("particles/sph/position").expect("positions");
    assert_eq!(position.shape, [3, 7, 3], "three frames were flushed");
    assert_eq!(position.frame(2)[0], 1e-7 * 2000.0);
    assert_eq!(file.times().expect("times"), [0.01, 0.02, 0.03]);
    let potentials = file.potentials(Population::Neurons).expect("potentials").expect("neurons");
    assert_eq!((potentials.start, potentials.interval), (0.0, 1e-3));
    assert_eq!(potentials.values.shape, [3 * ROWS, 3]);
    assert_eq!(file.spikes(Population::Muscles).expect("spikes").len(), 3);
}

#[test]
fn a_recording_is_read_by_name_and_an_unknown_name_is_told_its_nearest() {
    let (folder, path) = temporary();
    Run::new(7).record(&path, 3);
    let mut file = Recorded::open(&path).expect("a recording");
    let curvature = file.values("observables/curvature").expect("curvature");
    assert_eq!(file.frame("observables/curvature", 1).expect("a frame"), curvature.frame(1));
    assert_eq!(file.texts("parameters/names/muscles").expect("names"), muscle_names());
    let potentials = file.potentials(Population::Neurons).expect("potentials").expect("neurons");
    assert_eq!(potentials.names, ["AVBL", "AVBR", "DB1"]);
    // Volts become mV and volts again in f32: two roundings.
    assert!((potentials.values.frame(ROWS)[1] + 1.001e-3).abs() < 1e-9);
    let spikes = file.spikes(Population::Neurons).expect("spikes");
    assert_eq!((spikes.len(), spikes[1].1), (6, 0));
    assert!((spikes[1].0 - 0.004).abs() < 1e-12, "ms and back: two roundings");

    let problem = file.values("observables/curvatur").expect_err("no such quantity");
    assert_eq!(problem.help.as_deref(), Some("nearest: observables/curvature/value"));
    assert!(file.frame("observables/curvature", 3).is_err());
    assert!(Recorded::open(&folder.path().join("no.h5")).is_err());
    let other = folder.path().join("other.h5");
    std::fs::write(&other, "not HDF5").expect("a file");
    assert!(Recorded::open(&other).err().expect("no recording").to_string().contains("not an HDF5 file"));
}

/// Records `frames` frames with a checkpoint after the frames of these numbers, and is not finished.
fn with_checkpoints(run: &Run, path: &Path, frames: usize, after: &[usize]) -> Recording {
    let layout = Layout { checkpoint: Some(20), ..run.layout() };
    let mut recording = Recording::create(path, &layout, &Run::provenance()).expect("a recording");
    for number in 0..frames {
        run.append(&mut recording, number);
        if after.contains(&number) {
            assert!(recording.checkpoint(&[number as f64, -0.0, 1e-300]).expect("a checkpoint"));
        }
    }
    recording
}

#[test]
fn a_recording_that_goes_on_from_a_checkpoint_is_the_one_that_never_stopped() {
    let (_folder, path) = temporary();
    let (_other_folder, whole) = temporary();
    let run = Run::new(30);
    with_checkpoints(&run, &whole, 7, &[1, 4]).finish().expect("a whole recording");
    // It had gone on to frame 6 when it was killed.
    with_checkpoints(&run, &path, 6, &[1, 4]).flush().expect("flushed");
    let mut old = Recorded::open(&path).expect("a recording");
    let from = old.checkpoint().expect("a checkpoint");
    assert_eq!((from.number, from.frames, from.rows, from.spikes), (2, 5, 50, [10, 5]));
    assert_eq!(from.state.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), [4.0, -0.0, 1e-300].map(f64::to_bits));
    let layout = Layout { checkpoint: Some(20), ..run.layout() };
    let mut recording = Recording::resume(&path, &layout, &Run::provenance(), &mut old, &from).expect("resumed");
    (5..7).for_each(|number| run.append(&mut recording, number));
    recording.finish().expect("a whole recording");
    let (one, other) = (H5File::open(&whole).expect("a file"), H5File::open(&path).expect("a file"));
    assert_eq!(one.dataset_names(), other.dataset_names());
    // The first slot is empty where the run began with its second checkpoint.
    for name in one.dataset_names().iter().filter(|name| !name.ends_with("checkpoint/1")) {
        let bytes = |file: &H5File| {
            file.dataset(name).expect("a dataset").read_raw_bytes().unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        assert!(bytes(&one) == bytes(&other), "{name}");
    }
}

#[test]
fn a_checkpoint_that_was_not_written_to_its_end_leaves_the_one_before() {
    let (_folder, path) = temporary();
    let run = Run::new(4);
    drop(with_checkpoints(&run, &path, 6, &[1, 4]));
    let mut bytes = std::fs::read(&path).expect("bytes");
    let of_state = [4.0_f64, -0.0, 1e-300].map(f64::to_le_bytes).concat();
    let at = bytes.windows(of_state.len()).position(|window| window == of_state).expect("the state in the file");
    bytes[at + 20] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let from = Recorded::open(&path).expect("a recording").checkpoint().expect("a checkpoint");
    assert_eq!((from.number, from.frames, from.state[0]), (1, 2, 1.0));
}

#[test]
fn a_recording_without_a_checkpoint_says_how_to_have_one() {
    let (_folder, path) = temporary();
    Run::new(4).record(&path, 2);
    let told = Recorded::open(&path).expect("a recording").checkpoint().expect_err("it has none").to_string();
    assert!(told.contains("no checkpoint") && told.contains("--checkpoint '1 s'"), "{told}");
    let layout_of_20 = with_checkpoints(&Run::new(4), &path, 1, &[]).checkpoint(&[0.0; 21]).expect("written");
    assert!(!layout_of_20, "a state too large for its slot is not kept, and told so");
}

#[test]
fn a_kill_while_the_views_are_added_leaves_the_data() {
    let (_folder, path) = temporary();
    let myself = std::env::current_exe().expect("this test");
    let child = Command::new(myself)
        .args(["--ignored", "--exact", "is_killed_while_adding_views"])
        .env("NEMATODE_SAMPLE", &path)
        .output()
        .expect("a child");
    assert!(!child.status.success(), "the child was to abort");
    let mut file = Recorded::open(&path).expect("a readable file");
    assert_eq!(file.times().expect("times"), [0.01, 0.02, 0.03]);
    assert_eq!(file.values("particles/sph/position").expect("positions").frame(2)[0], 1e-7 * 2000.0);
}

/// Not a claim: the child of the test above, which does what `finish` does, but not to its end.
#[test]
#[ignore = "aborts on purpose"]
fn is_killed_while_adding_views() {
    let path = std::env::var_os("NEMATODE_SAMPLE").expect("a path in NEMATODE_SAMPLE");
    let run = Run::new(7);
    let mut recording = run.create(Path::new(&path)).expect("a recording");
    (0..3).for_each(|number| run.append(&mut recording, number));
    recording.flush().expect("flushed");
    drop(recording);
    let file = H5File::open_rw(&path).expect("closed with its data");
    let group = file.root_group().create_group("VTKHDF").expect("a group");
    let dataset = group.new_dataset::<i64>().shape([1000]).create("Offsets").expect("a dataset");
    dataset.write_raw(&[7i64; 1000]).expect("written");
    std::process::abort();
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_a_system_error_and_leaves_what_was_flushed() {
    let (_folder, path) = temporary();
    let myself = std::env::current_exe().expect("this test");
    // 4000 blocks of 512 bytes or 1 kB: a limit on the size of a file, told to the writer instead of killing it, is the
    // nearest thing to a full disk that needs no disk.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" --ignored --exact --nocapture writes_until_it_cannot"])
        .arg(myself)
        .env("NEMATODE_SAMPLE", &path)
        .output()
        .expect("a child");
    let told = String::from_utf8_lossy(&output.stdout);
    let line = told.lines().find(|line| line.contains("exit code 4: ")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains("cannot write the recording: "), "{line}");
    let frames: usize = line.split(' ').next().and_then(|word| word.parse().ok()).expect("a count");
    assert!(frames > 2, "{line}");
    let mut file = SwmrFileReader::open(&path).expect("a readable file");
    let time: Vec<f64> = file.read_dataset("observables/midline/time").expect("times");
    let expected: Vec<f64> = (1..=time.len()).map(|number| 0.01 * number as f64).collect();
    assert!(time.len() >= frames, "{} frames are left of {frames}", time.len());
    assert_eq!(time, expected);
    let position: Vec<f32> = file.read_dataset("particles/sph/position/value").expect("positions");
    let of_frame = |number: usize| (0..6000).map(move |index| 1e-7 * (1000 * number + index) as f32);
    assert!(
        (0..frames).all(|number| of_frame(number).eq(position[6000 * number..6000 * (number + 1)].iter().copied()))
    );
}

/// Not a claim: the child of the test above.
#[test]
#[ignore = "fills its disk on purpose"]
fn writes_until_it_cannot() {
    let path = std::env::var_os("NEMATODE_SAMPLE").expect("a path in NEMATODE_SAMPLE");
    let run = Run::new(2000);
    let mut recording = run.create(Path::new(&path)).expect("a recording");
    for number in 0..1000 {
        if let Err(error) = run.try_append(&mut recording, number).and_then(|()| recording.flush()) {
            println!("{number} frames were flushed, then exit code {}: {error}", error.exit_code());
            return;
        }
    }
}

/// Not a claim: the child of a test above, and of `tests/readers/run.sh --killed`.
#[test]
#[ignore = "aborts on purpose"]
fn writes_and_is_killed() {
    let path = std::env::var_os("NEMATODE_SAMPLE").expect("a path in NEMATODE_SAMPLE");
    let run = Run::new(7);
    let mut recording = run.create(Path::new(&path)).expect("a recording");
    (0..3).for_each(|number| run.append(&mut recording, number));
    recording.flush().expect("flushed");
    run.append(&mut recording, 3);
    std::process::abort();
}

/// Not a claim: the file that `tests/readers/run.sh` reads when it is given none.
#[test]
#[ignore = "writes a file for the readers in Python"]
fn writes_a_sample() {
    let path = std::env::var_os("NEMATODE_SAMPLE").expect("a path in NEMATODE_SAMPLE");
    Run::new(1000).record(Path::new(&path), 20);
}

/// Not a claim: the same for a body without particles, which shows its midline.
#[test]
#[ignore = "writes a file for the readers in Python"]
fn writes_a_sample_without_particles() {
    let path = std::env::var_os("NEMATODE_SAMPLE").expect("a path in NEMATODE_SAMPLE");
    Run::new(0).record(Path::new(&path), 20);
}
