"""Compares the SONATA reports of `nematode lems --h5` with its text files, as h5py and libsonata see them.

    python check_reports.py LEMS_file.xml reports.h5 TEXT_FOLDER

Every column of the text, rounded to f32, must be an element of a report, bit for bit, in both readers; every event must
be a spike, at the same time. Exits with 1 and says what differs if one does not.
"""

import argparse
import os
import sys
import xml.etree.ElementTree as ElementTree

import h5py
import libsonata
import numpy as np


def expect(condition, what):
    """Raises unless `condition` holds; unlike assert, also under python -O."""
    if not condition:
        raise AssertionError(what)


def texts(dataset):
    return [text.decode() for text in dataset[:]]


def check_report(path, file, name):
    """Structure of a report, and the same numbers in libsonata; gives its data and the columns' names."""
    group = file[f"report/{name}"]
    data, mapping = group["data"], group["mapping"]
    report = libsonata.ElementReportReader(path)[name]
    expect(report.data_units == data.attrs["units"].decode() != "", f"{name}: no units")
    expect(report.time_units == "ms", f"{name}: times are not in ms")
    start, stop, dt = report.times
    expect(start == 0 and abs((stop - start) / dt - len(data)) < 1e-3, f"{name}: {len(data)} rows in {start}..{stop} ms")
    seen = report.get(tstart=start, tstop=stop)
    expect(np.array_equal(seen.data, data[:]), f"libsonata: {name} differs")
    pointers = mapping["index_pointers"][:].astype(int)
    expect(pointers[0] == 0 and pointers[-1] == data.shape[1] and np.all(np.diff(pointers) > 0), f"{name}: pointers")
    # An element is counted within its node, and a node is a cell with a name.
    nodes = np.repeat(mapping["node_ids"][:].astype(int), np.diff(pointers))
    elements = np.concatenate([np.arange(count) for count in np.diff(pointers)])
    expect(np.array_equal(np.asarray(seen.ids), np.stack([nodes, elements], axis=1)), f"libsonata: ids of {name}")
    population = libsonata.NodeStorage(path).open_population(name)
    names = population.get_attribute("name", libsonata.Selection([(0, population.size)]))
    quantities = texts(mapping["quantity"])
    for node, quantity in zip(nodes, quantities):
        cell = names[node].split("[")[0]
        expect(quantity.split("/")[0].split("[")[0] == cell, f"{name}: {quantity} is no quantity of {names[node]}")
    return data[:], list(zip(texts(mapping["column"]), quantities))


def check_columns(path, file, output, folder):
    text = np.loadtxt(os.path.join(folder, output.get("fileName")), ndmin=2)
    own = [name for name in file["report"] if name == output.get("id") or name.startswith(output.get("id") + "_")]
    elements = {}
    for name in own:
        data, columns = check_report(path, file, name)
        for index, column in enumerate(columns):
            elements[column] = data[:, index]
    columns = output.findall("OutputColumn")
    expect(len(elements) == len(columns), f"{output.get('id')}: {len(elements)} elements of {len(columns)} columns")
    for index, column in enumerate(columns):
        wanted = text[:, 1 + index].astype(np.float32)
        found = elements[column.get("id"), column.get("quantity")]
        expect(np.array_equal(found, wanted), f"{column.get('id')} differs from the text")
    return f"{len(own)} reports, {len(columns)} columns of {len(text)} rows"


def check_events(path, file, output, folder):
    name = output.get("id")
    ids = texts(file[f"nodes/{name}/0/@library/event_id"])
    population = libsonata.SpikeReader(path)[name]
    expect(population.sorting == "by_time", f"{name} is sorted {population.sorting}")
    seen = [(ids[node], time) for node, time in population.get()]
    time_first = output.get("format") == "TIME_ID"
    with open(os.path.join(folder, output.get("fileName")), encoding="ascii") as lines:
        words = [line.split() for line in lines]
    wanted = [(b, float(a)) if time_first else (a, float(b)) for a, b in words]
    expect([id for id, _ in seen] == [id for id, _ in wanted], f"{name}: other cells than in the text")
    # In ms here, in s there: one rounding apart.
    expect(np.allclose([t for _, t in seen], [1e3 * t for _, t in wanted], rtol=1e-15, atol=0), f"{name}: other times")
    return f"{len(seen)} spikes"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lems", metavar="LEMS_file.xml")
    parser.add_argument("reports", metavar="reports.h5")
    parser.add_argument("folder", metavar="TEXT_FOLDER")
    arguments = parser.parse_args()
    simulation = ElementTree.parse(arguments.lems).find("Simulation")
    try:
        with h5py.File(arguments.reports, "r") as file:
            expect(file.attrs["magic"] == 0x0A7A and list(file.attrs["version"]) == [0, 1], "it is not SONATA 0.1")
            expect(len(file["parameters/files/sha256"]) == len(file["parameters/files/path"]) > 0, "no provenance")
            for kind, check in (("OutputFile", check_columns), ("EventOutputFile", check_events)):
                for output in simulation.findall(kind):
                    print(f"{output.get('id')}: {check(arguments.reports, file, output, arguments.folder)}")
    except AssertionError as error:
        sys.exit(f"{arguments.reports}: {error}")


if __name__ == "__main__":
    main()
