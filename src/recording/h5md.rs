//! The moving body, as H5MD wants it: particles, their springs, and what is observed of the whole worm.
//!
//! Every changing quantity is a group of `value` [frames, …], `step` and `time`; there is one `step` and one
//! `time` in the file, and every group links to them.
//!
//! Source: H5MD 1.1, de Buyl, Colberg & Höfling 2014, doi:10.1016/j.cpc.2014.01.018.

use hdf5::DatatypeMessage;

use super::file::{Frames, Rows, Writer, bytes, enumeration};
use super::read::Recorded;
use super::{Frame, Layout, Provenance, Species, misfit};
use crate::error::Error;

/// The group of all particles.
pub(super) const PARTICLES: &str = "/particles/sph";

/// The group of the midline, whose points ParaView shows where there are no particles.
pub(super) const MIDLINE: &str = "/observables/midline";

/// The series of a trajectory, in the order of [`Trajectory::append`].
pub(super) struct Trajectory {
    step: Rows,
    time: Rows,
    particles: Vec<(&'static str, usize, Frames)>,
    observables: Vec<(&'static str, usize, Rows)>,
    center_of_mass: Rows,
    extras: Vec<(usize, Rows)>,
}

/// Creates all groups, constants and series of H5MD, and `/parameters`.
pub(super) fn create(writer: &mut Writer, layout: &Layout<'_>, provenance: &Provenance) -> Result<Trajectory, Error> {
    metadata(writer, provenance)?;
    parameters(writer, layout, provenance)?;
    let particles = layout.species.len();
    // The midline is there in every run, so it holds the one step and time that all others link to.
    let step = writer.rows::<i64>(&format!("{MIDLINE}/step"), &[], ("unit", ""))?;
    let time = writer.rows::<f64>(&format!("{MIDLINE}/time"), &[], ("unit", "s"))?;
    let (mut frames, mut observables) = (Vec::new(), Vec::new());
    if particles > 0 {
        constants(writer, layout)?;
        for (name, unit, axes) in
            [("position", "m", 3), ("velocity", "m s-1", 3), ("density", "kg m-3", 1), ("pressure", "Pa", 1)]
        {
            if layout.dry && axes == 1 {
                continue;
            }
            let group = format!("{PARTICLES}/{name}");
            let both = [particles as u64, 3];
            let dims = if axes == 3 { &both[..] } else { &both[..1] };
            frames.push((name, particles * axes, writer.frames(&format!("{group}/value"), dims, unit)?));
            link_times(writer, &group)?;
        }
    }
    let points = layout.midline_points as u64;
    for (name, unit, dims) in [
        ("midline", "m", &[points, 3][..]),
        ("curvature", "m-1", &[points]),
        ("muscle_activation", "", &[layout.muscle_names.len() as u64]),
        ("senses", "", &[layout.senses.len() as u64]),
    ] {
        let len = dims.iter().product::<u64>() as usize;
        if len > 0 {
            let series = observable::<f32>(writer, name, unit, dims)?;
            observables.push((name, len, series));
        }
    }
    let center_of_mass = observable::<f64>(writer, "center_of_mass", "m", &[3])?;
    let mut extras = Vec::new();
    for extra in layout.extras {
        let series = observable::<f32>(writer, &extra.name, &extra.unit, &[extra.width as u64])?;
        extras.push((extra.width, series));
    }
    Ok(Trajectory { step, time, particles: frames, observables, center_of_mass, extras })
}

impl Trajectory {
    /// Appends the first frames of another recording of the same layout.
    pub(super) fn copy(&self, writer: &mut Writer, old: &mut Recorded, frames: u64) -> Result<(), Error> {
        for (name, _, series) in &self.particles {
            writer.copy_frames(*series, &format!("{PARTICLES}/{name}/value"), old, frames)?;
        }
        let rows = self.observables.iter().map(|(_, _, rows)| *rows).chain(self.extras.iter().map(|(_, rows)| *rows));
        for rows in rows.chain([self.center_of_mass, self.step, self.time]) {
            writer.copy_rows(rows, old, frames)?;
        }
        writer.settle()
    }

    /// Appends one frame to every series, after all of its lengths were found right.
    pub(super) fn append(&mut self, writer: &mut Writer, frame: &Frame<'_>) -> Result<(), Error> {
        let values = |name: &str| match name {
            "position" => frame.position.as_flattened(),
            "velocity" => frame.velocity.as_flattened(),
            "density" => frame.density,
            "pressure" => frame.pressure,
            "midline" => frame.midline.as_flattened(),
            "curvature" => frame.curvature,
            "muscle_activation" => frame.activation,
            _ => frame.senses,
        };
        let lengths = self.particles.iter().map(|(name, len, _)| (*name, *len));
        for (name, len) in lengths.chain(self.observables.iter().map(|(name, len, _)| (*name, *len))) {
            let found = values(name).len();
            if found != len {
                return Err(misfit(frame.time, format!("{name} of this frame has {found} numbers, not {len}")));
            }
        }
        let widths = self.extras.iter().map(|(width, _)| *width);
        if !widths.eq(frame.extras.iter().map(|values| values.len())) {
            return Err(misfit(frame.time, "the extra quantities of this frame have other lengths".into()));
        }
        for (name, _, frames) in &self.particles {
            writer.append_frame(*frames, &bytes(values(name)))?;
        }
        for (name, _, rows) in &self.observables {
            writer.append_row(*rows, &bytes(values(name)))?;
        }
        let center: Vec<u8> = frame.center_of_mass.iter().flat_map(|value| value.to_le_bytes()).collect();
        writer.append_row(self.center_of_mass, &center)?;
        for ((_, rows), values) in self.extras.iter().zip(frame.extras) {
            writer.append_row(*rows, &bytes(values))?;
        }
        writer.append_row(self.step, &frame.step.to_le_bytes())?;
        writer.append_row(self.time, &frame.time.to_le_bytes())?;
        writer.settle()
    }
}

fn observable<T: hdf5::H5Type>(writer: &mut Writer, name: &str, unit: &str, dims: &[u64]) -> Result<Rows, Error> {
    let group = format!("/observables/{name}");
    let rows = writer.rows::<T>(&format!("{group}/value"), dims, ("unit", unit))?;
    if group != MIDLINE {
        link_times(writer, &group)?;
    }
    Ok(rows)
}

fn link_times(writer: &mut Writer, group: &str) -> Result<(), Error> {
    writer.link(group, "step", &format!("{MIDLINE}/step"))?;
    writer.link(group, "time", &format!("{MIDLINE}/time"))
}

/// `/h5md`: version, author, creator, and that units are SI.
fn metadata(writer: &mut Writer, provenance: &Provenance) -> Result<(), Error> {
    writer.group_numbers("/h5md", "version", &[1i32, 1])?;
    // H5MD wants an author; a program does not know who sits before it.
    writer.group_text("/h5md/author", "name", "unknown")?;
    writer.group_text("/h5md/creator", "name", env!("CARGO_PKG_NAME"))?;
    let version = if provenance.version.is_empty() { env!("CARGO_PKG_VERSION") } else { &provenance.version };
    writer.group_text("/h5md/creator", "version", version)?;
    writer.group_numbers("/h5md/modules/units", "version", &[1i32, 0])?;
    writer.group_text("/h5md/modules/units", "system", "SI")
}

fn all(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// In `/parameters`: the seed, every file that went in, the command and the papers.
pub(super) fn origin(writer: &mut Writer, provenance: &Provenance) -> Result<(), Error> {
    writer.group("/parameters")?;
    if let Some(seed) = provenance.seed {
        writer.group_number("/parameters", "seed", seed)?;
    }
    let (paths, hashes): (Vec<&str>, Vec<&str>) =
        provenance.files.iter().map(|(path, hash)| (path.as_str(), hash.as_str())).unzip();
    for (path, texts) in [
        ("/parameters/files/path", paths),
        ("/parameters/files/sha256", hashes),
        ("/parameters/argv", all(&provenance.argv)),
        ("/parameters/papers", all(&provenance.papers)),
    ] {
        if !texts.is_empty() {
            writer.texts(path, &texts)?;
        }
    }
    Ok(())
}

/// `/parameters`: where the run comes from, and the names behind the indices.
fn parameters(writer: &mut Writer, layout: &Layout<'_>, provenance: &Provenance) -> Result<(), Error> {
    origin(writer, provenance)?;
    writer.texts("/parameters/version", &[&provenance.version])?;
    writer.texts("/parameters/experiment_toml", &[&provenance.experiment_toml])?;
    let network =
        |pick: fn(&super::Membrane<'_>) -> Vec<String>| layout.membrane.as_ref().map(pick).unwrap_or_default();
    let (neurons, muscles) = (network(|m| m.neurons.to_vec()), network(|m| m.muscles.to_vec()));
    for (path, texts) in [
        ("/parameters/names/muscles", all(layout.muscle_names)),
        ("/parameters/names/senses", all(layout.senses)),
        ("/parameters/names/network_neurons", all(&neurons)),
        ("/parameters/names/network_muscles", all(&muscles)),
    ] {
        if !texts.is_empty() {
            writer.texts(path, &texts)?;
        }
    }
    for extra in layout.extras.iter().filter(|extra| !extra.labels.is_empty()) {
        writer.texts(&format!("/parameters/names/{}", extra.name), &all(&extra.labels))?;
    }
    Ok(())
}

/// What a particle is and keeps, the springs and the cuticle.
fn constants(writer: &mut Writer, layout: &Layout<'_>) -> Result<(), Error> {
    let particles = layout.species.len() as u64;
    writer.group_number(&format!("{PARTICLES}/box"), "dimension", 3i32)?;
    // Three texts of one length in one value: the writer has no array of texts.
    let none = DatatypeMessage::array(vec![3], super::file::fixed_text("none"));
    writer.group_typed(&format!("{PARTICLES}/box"), "boundary", none, b"nonenonenone".to_vec())?;
    let members = [("liquid", Species::Liquid), ("elastic", Species::Elastic), ("boundary", Species::Boundary)];
    let datatype = enumeration(true, &members.map(|(name, species)| (name, species as u8)));
    let species: Vec<u8> = layout.species.iter().flat_map(|species| (*species as i32).to_le_bytes()).collect();
    writer.typed(&format!("{PARTICLES}/species"), datatype, &[particles], &species)?;
    let ids: Vec<i64> = (0..particles as i64).collect();
    writer.constant(&format!("{PARTICLES}/id"), &[particles], &ids)?;
    let mass = writer.constant(&format!("{PARTICLES}/mass"), &[particles], layout.mass)?;
    writer.text(mass, "unit", "kg")?;
    let ints = |indices: &[u32]| -> Vec<i32> { indices.iter().map(|index| *index as i32).collect() };
    for (name, width, indices) in
        [("springs", 2, ints(layout.springs.as_flattened())), ("cuticle", 3, ints(layout.triangles.as_flattened()))]
    {
        if !indices.is_empty() {
            writer.constant(
                &format!("/connectivity/{name}"),
                &[(indices.len() / width) as u64, width as u64],
                &indices,
            )?;
        }
    }
    Ok(())
}
