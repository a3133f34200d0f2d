//! The door to HDF5: named groups, constants and growing series, written so that a reader can follow.
//!
//! Single writer, multiple readers (SWMR): all names are created first; from [`Writer::start`] on only rows are
//! appended, and [`Writer::flush`] publishes them in an order that leaves the file readable at any moment.
//!
//! Source: HDF Group, Single-Writer/Multiple-Reader user guide (HDF5 1.10).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hdf5::format::messages::datatype::EnumMember;
use hdf5::swmr::SwmrFileWriter;
use hdf5::{DatatypeMessage, FilterPipeline, H5Type, Hdf5Error};

use super::read::Recorded;
use crate::error::Error;

/// Deflate level: level 4 costs four times the time of level 1 for 2 % less.
const DEFLATE: u32 = 1;

/// Most particles of a chunk: 65536 positions are 0.75 MB, small enough to stay in a cache.
const CHUNK_PARTICLES: u64 = 65_536;

/// About how many bytes a chunk of short rows takes.
const CHUNK_BYTES: u64 = 65_536;

/// A file under construction.
pub(super) struct Writer {
    inner: SwmrFileWriter,
    path: PathBuf,
    groups: BTreeSet<String>,
    pending: Vec<Pending>,
}

/// A dataset that grows frame by frame, each in chunks of its own; known by its number in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames(usize);

/// A dataset that grows row by row, many to a chunk; known by its place in [`Writer::rows`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows(usize);

/// Rows on their way into the file.
struct Pending {
    dataset: usize,
    path: String,
    /// Shape of one row, and its bytes.
    dims: Vec<u64>,
    row_bytes: usize,
    chunk_rows: usize,
    /// Rows in the file, and the bytes of those that are not there yet.
    written: u64,
    bytes: Vec<u8>,
}

impl Writer {
    /// Creates the file at `place`; problems call it `path`, which is its name later.
    pub(super) fn create(place: &Path, path: &Path) -> Result<Self, Error> {
        let inner = SwmrFileWriter::create(place).map_err(|source| system(path, "create the recording", source))?;
        Ok(Self { inner, path: path.to_path_buf(), groups: BTreeSet::new(), pending: Vec::new() })
    }

    fn told<T>(&self, result: hdf5::Result<T>) -> Result<T, Error> {
        result.map_err(|source| system(&self.path, "write the recording", source))
    }

    /// Creates a group and those above it.
    pub(super) fn group(&mut self, path: &str) -> Result<(), Error> {
        let mut parent = String::from("/");
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let full = format!("{}/{name}", parent.trim_end_matches('/'));
            if self.groups.insert(full.clone()) {
                let created = self.inner.create_group(&parent, name);
                self.told(created)?;
            }
            parent = full;
        }
        Ok(())
    }

    /// Creates the group that `path` stands in and gives the path without its first slash.
    fn place<'a>(&mut self, path: &'a str) -> Result<&'a str, Error> {
        let path = path.trim_start_matches('/');
        if let Some((group, _)) = path.rsplit_once('/') {
            self.group(group)?;
        }
        Ok(path)
    }

    /// A constant array.
    pub(super) fn constant<T: H5Type>(&mut self, path: &str, dims: &[u64], data: &[T]) -> Result<usize, Error> {
        let name = self.place(path)?;
        let written = self.inner.write_dataset(name, dims, data);
        self.told(written)
    }

    /// A constant array of a type that Rust has no name for.
    pub(super) fn typed(
        &mut self,
        path: &str,
        datatype: DatatypeMessage,
        dims: &[u64],
        bytes: &[u8],
    ) -> Result<usize, Error> {
        let name = self.place(path)?;
        let written = self.inner.write_dataset_typed(name, datatype, dims, bytes);
        self.told(written)
    }

    /// A constant list of texts.
    pub(super) fn texts(&mut self, path: &str, texts: &[&str]) -> Result<(), Error> {
        let name = self.place(path)?;
        let written = self.inner.write_string_dataset(name, texts);
        self.told(written).map(drop)
    }

    /// Overwrites a constant array of f64, also after the start.
    pub(super) fn overwrite(&mut self, constant: usize, data: &[f64]) -> Result<(), Error> {
        let bytes: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        let written = self.inner.write_dataset_raw(constant, &bytes);
        self.told(written)
    }

    /// Overwrites a constant array of bytes, also after the start.
    pub(super) fn overwrite_bytes(&mut self, constant: usize, bytes: &[u8]) -> Result<(), Error> {
        let written = self.inner.write_dataset_raw(constant, bytes);
        self.told(written)
    }

    /// A series of large frames, `[particles]` or `[particles, 3]`, shuffled and deflated.
    pub(super) fn frames(&mut self, path: &str, dims: &[u64], unit: &str) -> Result<Frames, Error> {
        let name = self.place(path)?;
        let mut tile = dims.to_vec();
        tile[0] = tile[0].min(CHUNK_PARTICLES);
        let pipeline = FilterPipeline::shuffle_deflate(4, DEFLATE);
        let created = self.inner.create_streaming_dataset_tiled_compressed::<f32>(name, dims, &tile, pipeline);
        let dataset = self.told(created)?;
        self.text(dataset, "unit", unit)?;
        Ok(Frames(dataset))
    }

    /// A series of short rows of shape `dims` (`[]` for one number) with one text attribute, often the unit.
    pub(super) fn rows<T: H5Type>(
        &mut self,
        path: &str,
        dims: &[u64],
        (attribute, text): (&str, &str),
    ) -> Result<Rows, Error> {
        let name = self.place(path)?;
        let row_bytes = dims.iter().product::<u64>().max(1) * std::mem::size_of::<T>() as u64;
        let chunk_rows = (CHUNK_BYTES / row_bytes).clamp(1, 4096);
        let with_rows = |rows: u64| [&[rows], dims].concat();
        let most: Vec<Option<u64>> = std::iter::once(None).chain(dims.iter().copied().map(Some)).collect();
        let (start, chunk) = (with_rows(0), with_rows(chunk_rows));
        let created = self.inner.create_grid_dataset_with_max(name, T::hdf5_type(), &start, &most, &chunk, None);
        let dataset = self.told(created)?;
        self.text(dataset, attribute, text)?;
        self.pending.push(Pending {
            dataset,
            path: path.to_string(),
            dims: dims.to_vec(),
            row_bytes: row_bytes as usize,
            chunk_rows: chunk_rows as usize,
            written: 0,
            bytes: Vec::new(),
        });
        Ok(Rows(self.pending.len() - 1))
    }

    /// Appends one frame, given as its little-endian bytes.
    pub(super) fn append_frame(&mut self, frames: Frames, bytes: &[u8]) -> Result<(), Error> {
        let appended = self.inner.append_frame(frames.0, bytes);
        self.told(appended)
    }

    /// Appends one row, given as its little-endian bytes; it waits for [`Writer::settle`] or a full chunk.
    pub(super) fn append_row(&mut self, rows: Rows, bytes: &[u8]) -> Result<(), Error> {
        let pending = &mut self.pending[rows.0];
        pending.bytes.extend_from_slice(bytes);
        let in_chunk = pending.written as usize % pending.chunk_rows + pending.bytes.len() / pending.row_bytes;
        if in_chunk >= pending.chunk_rows { self.settle_one(rows.0) } else { Ok(()) }
    }

    /// Appends the first rows of the series of the same path in another recording.
    pub(super) fn copy_rows(&mut self, rows: Rows, old: &mut Recorded, count: u64) -> Result<(), Error> {
        let (path, row_bytes) = (self.pending[rows.0].path.clone(), self.pending[rows.0].row_bytes);
        // A few thousand rows at a time.
        for first in (0..count).step_by(4096) {
            let bytes = old.rows_as_bytes(&path, first, (count - first).min(4096))?;
            for row in bytes.chunks_exact(row_bytes) {
                self.append_row(rows, row)?;
            }
        }
        Ok(())
    }

    /// Appends the first frames of the series of the same path in another recording.
    pub(super) fn copy_frames(
        &mut self,
        frames: Frames,
        path: &str,
        old: &mut Recorded,
        count: u64,
    ) -> Result<(), Error> {
        for frame in 0..count {
            let bytes = old.rows_as_bytes(path, frame, 1)?;
            self.append_frame(frames, &bytes)?;
        }
        Ok(())
    }

    /// Hands all waiting rows to the file.
    ///
    /// Called at the same points of every run, so that the same run gives the same bytes.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        (0..self.pending.len()).try_for_each(|index| self.settle_one(index))
    }

    fn settle_one(&mut self, index: usize) -> Result<(), Error> {
        let pending = &mut self.pending[index];
        let rows = (pending.bytes.len() / pending.row_bytes) as u64;
        if rows == 0 {
            return Ok(());
        }
        let with_rows = |rows: u64| [&[rows], pending.dims.as_slice()].concat();
        let (extent, count) = (with_rows(pending.written + rows), with_rows(rows));
        let mut start = vec![0; count.len()];
        start[0] = pending.written;
        let written = self
            .inner
            .set_extent(pending.dataset, &extent)
            .and_then(|()| self.inner.write_slice(pending.dataset, &start, &count, &pending.bytes));
        pending.written += rows;
        pending.bytes.clear();
        self.told(written)
    }

    /// Another name, in `group`, for the object at `target`.
    pub(super) fn link(&mut self, group: &str, name: &str, target: &str) -> Result<(), Error> {
        self.group(group)?;
        let linked = self.inner.create_hard_link(group, name, target);
        self.told(linked)
    }

    /// A text attribute of a group: fixed-length ASCII, as H5MD wants it.
    pub(super) fn group_text(&mut self, group: &str, name: &str, text: &str) -> Result<(), Error> {
        self.group_typed(group, name, fixed_text(text), text.as_bytes().to_vec())
    }

    /// An attribute of a group, of a type that Rust has no name for.
    pub(super) fn group_typed(
        &mut self,
        group: &str,
        name: &str,
        datatype: DatatypeMessage,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        self.group(group)?;
        let set = self.inner.set_group_attr_typed(group, name, datatype, bytes);
        self.told(set)
    }

    /// A number as attribute of a group.
    pub(super) fn group_number<T: H5Type>(&mut self, group: &str, name: &str, value: T) -> Result<(), Error> {
        self.group(group)?;
        let set = self.inner.set_group_attr_numeric(group, name, &value);
        self.told(set)
    }

    /// A list of numbers as attribute of a group.
    pub(super) fn group_numbers<T: H5Type>(&mut self, group: &str, name: &str, values: &[T]) -> Result<(), Error> {
        self.group(group)?;
        let set = self.inner.set_group_attr_array(group, name, &[values.len() as u64], values);
        self.told(set)
    }

    /// A text attribute of a dataset; none if the text is empty.
    pub(super) fn text(&mut self, dataset: usize, name: &str, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        let set = self.inner.set_dataset_attr_typed(dataset, name, fixed_text(text), text.as_bytes().to_vec());
        self.told(set)
    }

    /// A number as attribute of a constant.
    pub(super) fn number<T: H5Type>(&mut self, dataset: usize, name: &str, value: T) -> Result<(), Error> {
        let set = self.inner.set_dataset_attr_numeric(dataset, name, &value);
        self.told(set)
    }

    /// Ends the creation of names; from here on a reader can follow.
    pub(super) fn start(&mut self) -> Result<(), Error> {
        let started = self.inner.start_swmr().and_then(|()| self.inner.flush());
        self.told(started)
    }

    /// Publishes all frames and rows appended so far and waits until they are on the disk.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.settle()?;
        let flushed = self.inner.flush();
        self.told(flushed)
    }

    /// Closes the file and gives its path.
    pub(super) fn close(mut self) -> Result<PathBuf, Error> {
        self.settle()?;
        match self.inner.close() {
            Ok(()) => Ok(self.path),
            Err(source) => Err(system(&self.path, "close the recording", source)),
        }
    }
}

/// What the system, or the HDF5 library, said.
pub(super) fn system(path: &Path, action: &str, source: Hdf5Error) -> Error {
    let source = match source {
        Hdf5Error::Io(source) => source,
        // The library wraps what the system said; its wrapping says nothing to the user.
        other => {
            let told = other.to_string();
            std::io::Error::other(
                told.trim_start_matches("hdf5-io error: ").trim_start_matches("I/O error: ").to_string(),
            )
        }
    };
    Error::System { path: path.to_path_buf(), action: action.into(), source }
}

/// The type of an ASCII text of that very length.
pub(super) fn fixed_text(text: &str) -> DatatypeMessage {
    DatatypeMessage::FixedString { size: text.len() as u32, padding: 1, charset: 0 }
}

/// An enumeration over i32 (`wide`) or u8.
pub(super) fn enumeration(wide: bool, members: &[(&str, u8)]) -> DatatypeMessage {
    let base = if wide { DatatypeMessage::i32_type() } else { DatatypeMessage::u8_type() };
    let bytes = |value: u8| if wide { i32::from(value).to_le_bytes().to_vec() } else { vec![value] };
    let member = |(name, value): &(&str, u8)| EnumMember { name: (*name).to_string(), value: bytes(*value) };
    DatatypeMessage::enumeration(base, members.iter().map(member).collect())
}

/// Little-endian bytes of a row or frame.
pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(values)];
    for (place, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
        *place = value.to_le_bytes();
    }
    bytes
}
