"""A recording as NWB, which neurophysiologists share: potentials, spikes, muscle activation and the midline.

    python examples/interoperability/to_nwb.py connectome.h5 connectome.nwb

Needs pynwb and h5py. Units become volts, seconds and metres, as NWB wants them.
"""

import sys
from datetime import datetime, timezone
from uuid import uuid4

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries, Position, SpatialSeries

source, target = sys.argv[1:3]


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


with h5py.File(source, "r") as file:
    nwb = NWBFile(
        session_description=f"a simulated worm: {source}",
        identifier=str(uuid4()),
        session_start_time=datetime.now(timezone.utc),
        source_script=text(file["parameters/experiment_toml"][0]),
        source_script_file_name=source,
    )
    times = file["observables/midline/time"][:]
    behaviour = nwb.create_processing_module("behavior", "what the body did")
    centre = SpatialSeries(name="centre_of_mass", data=file["observables/center_of_mass/value"][:], timestamps=times,
                           unit="meters", reference_frame="x, y on the plate, z up; metres from where it began")
    behaviour.add(Position(spatial_series=centre))
    muscles = [text(name) for name in file["parameters/names/muscles"][:]]
    behaviour.add(BehavioralTimeSeries(name="body", time_series=[
        TimeSeries(name="midline", data=file["observables/midline/value"][:], timestamps=times, unit="meters",
                   description="49 points from head to tail, x y z"),
        TimeSeries(name="curvature", data=file["observables/curvature/value"][:], timestamps=times, unit="1/m",
                   description="49 points from head to tail, positive to the back"),
        TimeSeries(name="muscle_activation", data=file["observables/muscle_activation/value"][:], timestamps=times, unit="1",
                   description=" ".join(muscles)),
    ]))
    if "report/neurons" in file:
        names = [text(name) for name in file["parameters/names/network_neurons"][:]]
        report = file["report/neurons"]
        start, _, step = report["mapping/time"][:]
        nwb.add_acquisition(TimeSeries(
            name="membrane_potential", data=report["data"][:] * 1e-3, starting_time=start * 1e-3, rate=1e3 / step, unit="volts",
            description=" ".join(names)))
        cells, when = file["spikes/neurons/node_ids"][:], file["spikes/neurons/timestamps"][:] * 1e-3
        nwb.add_unit_column("neuron", "its name")
        for number, name in enumerate(names):
            nwb.add_unit(neuron=name, spike_times=np.sort(when[cells == number]))

with NWBHDF5IO(target, "w") as io:
    io.write(nwb)
with NWBHDF5IO(target, "r") as io:
    back = io.read()
    potentials = back.acquisition.get("membrane_potential")
    neurons = 0 if back.units is None else len(back.units)
    rows = 0 if potentials is None else potentials.data.shape[0]
    print(f"{target}: {len(times)} frames, {rows} rows of potentials, {neurons} neurons")
