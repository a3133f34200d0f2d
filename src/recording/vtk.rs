//! The views for ParaView: `/VTKHDF` shows the H5MD data as points that move, without a copy of them.
//!
//! `Points` [frames·points, 3] is a virtual dataset over the H5MD positions [frames, points, 3]; frame k begins
//! at point k·points. The number of frames must be known, so the views are added when a run ends, and a run
//! that was killed lacks them. A body of particles shows each particle and the cuticle; one without particles
//! shows its midline.
//!
//! Source: VTKHDF 2.0, docs.vtk.org (VTK file formats, PolyData and temporal data).

use std::path::Path;

use hdf5::{H5File, H5Group, H5Type, Selection};

use super::Layout;
use super::file::{fixed_text, system};
use super::h5md::{MIDLINE, PARTICLES};
use crate::error::Error;

/// What there is to see.
pub(super) struct Scene {
    /// Points of a frame.
    points: usize,
    /// Virtual name, source, numbers per point; the first is the position.
    fields: Vec<(&'static str, String, usize)>,
    /// Vertices, lines, polygons, strips: how many points each cell has, and which.
    cells: [(usize, Vec<i64>); 4],
    /// Datasets of `/connectivity`, which name their particles by reference.
    connectivity: Vec<&'static str>,
}

impl Scene {
    pub(super) fn new(layout: &Layout<'_>) -> Self {
        let particles = layout.species.len();
        let corners = layout.triangles.as_flattened().iter().map(|corner| i64::from(*corner)).collect();
        let none = || (1, Vec::new());
        if particles == 0 {
            let points = layout.midline_points;
            let line = (points.max(1), (0..points as i64).collect());
            let fields = vec![("Points", format!("{MIDLINE}/value"), 3)];
            return Self { points, fields, cells: [none(), line, none(), none()], connectivity: Vec::new() };
        }
        let field = |name: &'static str, source: &str, axes| (name, format!("{PARTICLES}/{source}/value"), axes);
        let mut fields = vec![field("Points", "position", 3), field("velocity", "velocity", 3)];
        if !layout.dry {
            fields.extend([field("density", "density", 1), field("pressure", "pressure", 1)]);
        }
        // A body without a surface is seen by its springs.
        let springs = layout.springs.as_flattened().iter().filter(|_| layout.triangles.is_empty());
        let lines = (2, springs.map(|end| i64::from(*end)).collect());
        let vertices = (1, (0..particles as i64).collect());
        let lists = [("springs", layout.springs.is_empty()), ("cuticle", layout.triangles.is_empty())];
        let connectivity = lists.into_iter().filter(|(_, empty)| !empty).map(|(name, _)| name).collect();
        Self { points: particles, fields, cells: [vertices, lines, (3, corners), none()], connectivity }
    }
}

/// Adds the views and references to a file that was closed with all its data.
pub(super) fn finish(path: &Path, scene: &Scene, times: &[f64]) -> Result<(), Error> {
    add_to(path, scene, times).map_err(|source| system(path, "add the views for ParaView to the recording", source))
}

fn add_to(path: &Path, scene: &Scene, times: &[f64]) -> hdf5::Result<()> {
    let file = H5File::open_rw(path)?;
    for name in &scene.connectivity {
        let dataset = file.dataset_writer(&format!("connectivity/{name}"))?;
        let attribute = dataset.new_attr::<u64>().shape(()).create("particles_group")?;
        attribute.write_object_references(&[PARTICLES])?;
    }
    if scene.points > 0 && !times.is_empty() {
        views(&file.root_group().create_group("VTKHDF")?, scene, times)?;
    }
    file.close()
}

fn views(root: &H5Group, scene: &Scene, times: &[f64]) -> hdf5::Result<()> {
    let (frames, points) = (times.len(), scene.points);
    root.set_attr_array_numeric("Version", &[2i64, 0])?;
    root.set_attr_typed("Type", fixed_text("PolyData"), b"PolyData".to_vec())?;
    array(root, "NumberOfPoints", &[1], &[points as i64])?;
    for (name, (size, connectivity)) in ["Vertices", "Lines", "Polygons", "Strips"].iter().zip(&scene.cells) {
        let group = root.create_group(name)?;
        let cells = connectivity.len() / size;
        array(&group, "NumberOfCells", &[1], &[cells as i64])?;
        array(&group, "NumberOfConnectivityIds", &[1], &[connectivity.len() as i64])?;
        array(&group, "Connectivity", &[connectivity.len()], connectivity)?;
        let offsets: Vec<i64> = (0..=cells).map(|cell| (cell * size) as i64).collect();
        array(&group, "Offsets", &[cells + 1], &offsets)?;
    }

    let steps = root.create_group("Steps")?;
    let at_frame: Vec<i64> = (0..frames).map(|frame| (frame * points) as i64).collect();
    steps.set_attr_numeric("NSteps", &(frames as i64))?;
    array(&steps, "Values", &[frames], times)?;
    array(&steps, "PartOffsets", &[frames], &vec![0i64; frames])?;
    array(&steps, "NumberOfParts", &[frames], &vec![1i64; frames])?;
    array(&steps, "PointOffsets", &[frames], &at_frame)?;
    // The cells are those of the first frame in every frame.
    array(&steps, "CellOffsets", &[frames, 4], &vec![0i64; 4 * frames])?;
    array(&steps, "ConnectivityIdOffsets", &[frames, 4], &vec![0i64; 4 * frames])?;

    let data = root.create_group("PointData")?;
    let data_offsets = steps.create_group("PointDataOffsets")?;
    for (name, source, axes) in &scene.fields {
        let is_position = *name == "Points";
        let group = if is_position { root } else { &data };
        let shape = [frames * points, 3];
        group
            .new_dataset::<f32>()
            .shape(if *axes == 3 { &shape[..] } else { &shape[..1] })
            .virtual_mapping(Selection::All, ".", source, Selection::All)
            .create(name)?;
        if !is_position {
            array(&data_offsets, name, &[frames], &at_frame)?;
        }
    }
    Ok(())
}

fn array<T: H5Type>(group: &H5Group, name: &str, shape: &[usize], values: &[T]) -> hdf5::Result<()> {
    let dataset = group.new_dataset::<T>().shape(shape).create(name)?;
    if values.is_empty() { Ok(()) } else { dataset.write_raw(values) }
}
