"""Runs, recordings and LEMS simulations from Python."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import nematode
from test_worm import RODS, bodies_alone


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    file = tmp_path_factory.mktemp("runs") / "rods.h5"
    return nematode.run(RODS, file, "4 s", progress=False)


def test_a_run_says_how_the_worm_moved(crawled):
    assert crawled.file.exists() and crawled.size == crawled.file.stat().st_size
    assert crawled.steps == 800 and crawled.simulated == pytest.approx(4.0)
    assert crawled.gait["forward_speed"] == pytest.approx(0.2e-3, rel=0.5)
    assert crawled.gait["frequency"] == pytest.approx(0.4, rel=0.1)
    assert crawled.gait["wave"] == "head to tail"
    assert crawled.too_short is None and crawled.spikes is None and crawled.density_error is None


def test_a_short_run_says_why_it_has_no_gait(tmp_path):
    run = nematode.run(RODS, tmp_path / "short.h5", "0.5 s", progress=False)
    assert run.gait is None and "too short" in run.too_short


def test_a_dict_runs_as_its_file_does(tmp_path):
    file = nematode.run(RODS, tmp_path / "file.h5", "0.5 s", progress=False)
    experiment = bodies_alone()
    experiment["controller"] = {
        "traveling_wave": {
            "frequency": "0.4 Hz",
            "waves": 1.5,
            "head_amplitude": np.float64(1.0),
            "tail_amplitude": 0.6,
            "ramp": "0.5 s",
        }
    }
    made = nematode.run(experiment, tmp_path / "dict.h5", "0.5 s", beside=RODS.parent, progress=False)
    assert made.state_hash == file.state_hash
    assert "traveling_wave" in nematode.read(made.file).attrs["experiment_toml"]


def test_changes_and_threads_are_those_of_the_command(tmp_path):
    plain = nematode.run(RODS, tmp_path / "a.h5", "0.5 s", progress=False)
    two = nematode.run(RODS, tmp_path / "b.h5", "0.5 s", threads=2, progress=False)
    wet = nematode.run(RODS, tmp_path / "c.h5", "0.5 s", set={"body.mixture": 0.02}, progress=False)
    same = nematode.run(RODS, tmp_path / "d.h5", "0.5 s", set=["body.mixture=0.02"], progress=False)
    assert plain.state_hash == two.state_hash != wet.state_hash == same.state_hash


def test_a_recording_is_read_as_xarray(crawled):
    data = nematode.read(crawled.file)
    assert dict(data.sizes) == {"time": 201, "point": 49, "axis": 3, "muscle": 95, "sense": 121}
    assert data.midline.dims == ("time", "point", "axis") and data.midline.units == "m"
    assert data.curvature.units == "m-1"
    np.testing.assert_allclose(np.diff(data.time), 0.02)
    worm = nematode.Worm(RODS)
    worm.steps(800)
    np.testing.assert_array_equal(data.midline[-1], worm.midline().astype(np.float32))
    np.testing.assert_array_equal(data.muscle_activation.sel(muscle="MDL05")[-1], np.float32(worm.muscles()[4]))
    assert data.center_of_mass.dtype == np.float64
    frame = data.muscle_activation.to_pandas()
    assert frame.shape == (201, 95) and "MVR24" in frame.columns


def test_what_xarray_has_is_what_h5py_reads(crawled):
    h5py = pytest.importorskip("h5py")
    data = nematode.read(crawled.file)
    with h5py.File(crawled.file) as file:
        np.testing.assert_array_equal(data.senses, file["observables/senses/value"][:])
        np.testing.assert_array_equal(data.center_of_mass, file["observables/center_of_mass/value"][:])
        np.testing.assert_array_equal(data.relative_length, file["observables/relative_length/value"][:, 0])


def test_potentials_and_spikes_are_read_by_name(tmp_path):
    run = nematode.run(nematode.experiment("bbc"), tmp_path / "bbc.h5", "1 s", progress=False)
    data = nematode.read(run.file)
    assert data.neurons.dims == ("neurons_time", "neuron") and len(data.neurons_time) == 51
    frame = nematode.spikes(run.file)
    assert list(frame.columns) == ["time", "population", "cell"]
    assert len(frame) == sum(run.spikes)
    with pytest.raises(nematode.InputError, match="no spikes"):
        nematode.spikes(nematode.run(RODS, tmp_path / "rods.h5", "0.1 s", progress=False).file)


def test_particles_are_read_where_they_are_asked_for(tmp_path):
    run = nematode.run(nematode.experiment("crawl"), tmp_path / "crawl.h5", "0.04 s", progress=False)
    assert "position" not in nematode.read(run.file)
    data = nematode.read(run.file, particles=True)
    assert data.position.dims == ("time", "particle", "axis") and data.position.units == "m"
    worm = nematode.Worm(nematode.experiment("crawl"))
    worm.steps(run.steps)
    np.testing.assert_array_equal(data.position[-1], worm.particles().astype(np.float32))


def test_reports_of_a_network_alone_are_read_as_well(repository, tmp_path):
    command = os.environ.get("NEMATODE_COMMAND") or shutil.which("nematode")
    if command is None:
        pytest.skip("not tried: there is no command `nematode` here; give it in NEMATODE_COMMAND")
    file, out = repository / "tests/lems/LEMS_small.xml", tmp_path / "reports.h5"
    subprocess.run([command, "lems", str(file), "--h5", str(out)], check=True, capture_output=True)
    data = nematode.read(out)
    result = nematode.lems(file)
    assert data.potentials.units == "V"
    for name in ("a0", "a1", "b0", "b1"):
        np.testing.assert_array_equal(data.potentials.sel(potentials_column=name), result[name].astype(np.float32))


def test_the_gait_is_a_table(crawled, tmp_path):
    short = nematode.run(RODS, tmp_path / "short.h5", "0.5 s", progress=False)
    table = nematode.gait([crawled.file, short.file])
    assert list(table.columns[:2]) == ["file", "worm"] and len(table) == 2
    assert table.forward_speed[0] == pytest.approx(crawled.gait["forward_speed"], rel=0.2)
    assert np.isnan(table.forward_speed[1]) and "too short" in table.too_short[1]
    later = nematode.gait(crawled.file, start=1.0)
    assert later.frequency[0] == pytest.approx(0.4, rel=0.1)


def test_progress_is_told_and_what_it_raises_stops_the_run(tmp_path):
    told = []
    nematode.run(nematode.experiment("crawl"), tmp_path / "a.h5", "0.2 s", progress=lambda *seen: told.append(seen))
    assert told and all(0 <= done <= total for done, total in told) and told[-1][1] == 40

    def stop(done, total):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        nematode.run(nematode.experiment("crawl"), tmp_path / "b.h5", "5 s", progress=stop)
    assert len(nematode.read(tmp_path / "b.h5").time) >= 1


def test_ctrl_c_ends_a_run_with_a_readable_recording(tmp_path):
    out = tmp_path / "stopped.h5"
    program = (
        # A shell's background work, as these tests may be, begins with Ctrl-C ignored.
        "import nematode, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"nematode.run(nematode.experiment('crawl'), {str(out)!r}, '1000 s', progress=lambda *_: print('on', flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        for _ in range(10):
            assert run.stdout.readline() == "on\n", run.stderr.read()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert "KeyboardInterrupt" in err, err
    if sys.version_info >= (3, 11):
        assert "stopped at" in err and "is whole until there" in err, err
    assert len(nematode.read(out).time) >= 1


def test_other_threads_of_python_go_on_while_a_worm_is_stepped():
    worm = nematode.Worm(nematode.experiment("crawl"))
    worker = threading.Thread(target=worm.steps, args=(20,))
    worker.start()
    counted = 0
    while worker.is_alive():
        counted += 1
        time.sleep(0.001)
    assert counted > 10
    assert worm.time == pytest.approx(20 * worm.dt)


def test_a_run_is_gone_on_with_by_python_and_by_the_command(tmp_path):
    whole = nematode.run(RODS, tmp_path / "whole.h5", "1 s", progress=False)
    part = tmp_path / "part.h5"
    nematode.run(RODS, part, "0.5 s", checkpoint="0.1 s", progress=False)
    on = nematode.run(RODS, part, "1 s", checkpoint="0.1 s", resume=part, progress=False)
    assert on.state_hash == whole.state_hash and on.steps == 100
    command = os.environ.get("NEMATODE_COMMAND") or shutil.which("nematode")
    if command is None:
        pytest.skip("not tried: there is no command `nematode` here; give it in NEMATODE_COMMAND")
    subprocess.run([command, "run", "--resume", str(part), "--duration", "1.5 s"], check=True, capture_output=True)
    assert len(nematode.read(part).time) == 76


def test_a_run_with_a_controller_in_python_is_recorded(tmp_path):
    seen = []

    def controller(time, senses):
        seen.append(time)
        return np.full(95, 0.5)

    run = nematode.run(
        bodies_alone(), tmp_path / "run.h5", "0.5 s", beside=RODS.parent, controller=controller, progress=False
    )
    assert len(seen) == 100 and run.largest_activation == pytest.approx(0.5, abs=0.01)

    def lost(time, senses):
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        nematode.run(RODS, tmp_path / "lost.h5", controller=lost, progress=False)
    with pytest.raises(nematode.InputError, match="checkpoint"):
        nematode.run(RODS, tmp_path / "kept.h5", controller=controller, checkpoint="1 s", progress=False)


def test_a_lems_simulation_gives_its_columns(repository, tmp_path):
    file = repository / "tests/lems/LEMS_small.xml"
    result = nematode.lems(file)
    assert len(result.time) == 501 and result.time[-1] == pytest.approx(0.05)
    assert list(result.files) == ["v.dat", "more/both.dat"]
    assert [column.id for column in result.files["v.dat"]] == ["a0", "a1", "b1", "b0"]
    assert result.files["v.dat"][0].unit == "V"
    assert -0.08 < result["a0"].min() < result["a0"].max() < -0.04
    np.testing.assert_array_equal(result["b[0]/v"], result["b0"])
    events = result.events["out.spikes"]
    assert events.ids == ["10", "11", "20", "21"] and np.all(np.diff(events.times) >= 0.0) and len(events.cells)
    assert result.to_pandas().shape == (501, 9)
    with pytest.raises(KeyError, match="a0, a1"):
        result["nothing"]


def test_lems_columns_have_the_bits_of_the_files_that_the_command_writes(repository, tmp_path):
    command = os.environ.get("NEMATODE_COMMAND") or shutil.which("nematode")
    if command is None:
        pytest.skip("not tried: there is no command `nematode` here; give it in NEMATODE_COMMAND")
    file = repository / "tests/lems/LEMS_small.xml"
    subprocess.run([command, "lems", str(file), "--out", str(tmp_path), "--seed", "3"], check=True, capture_output=True)
    table = np.loadtxt(tmp_path / "v.dat")
    result = nematode.lems(file, seed=3)
    np.testing.assert_array_equal(table[:, 0], result.time)
    for index, column in enumerate(result.files["v.dat"], 1):
        np.testing.assert_array_equal(table[:, index], column.values)


def test_lems_can_be_changed_and_replicated(repository):
    file = repository / "tests/lems/LEMS_small.xml"
    result = nematode.lems(file, dt="0.05 ms", duration="10 ms", method="rk4", replicas=2)
    assert len(result.time) == 201
    assert len(result.files) == 4
    for wrong in ({"dt": "5 mV"}, {"dt": 0.1}, {"method": "magic"}, {"duration": "-1 s"}):
        with pytest.raises(nematode.InputError) as caught:
            nematode.lems(file, **wrong)
        assert caught.value.problems[0].message
