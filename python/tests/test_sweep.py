"""Sweeps: every point once, whoever is killed; the same sweep goes on; arrays of jobs do the same."""

import json
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import nematode
from nematode import designs
from nematode.__main__ import main
from nematode.sweep import sweep, table
from test_worm import RODS

WAVE = "controller.traveling_wave"


def quick(out, **changed):
    options = {"duration": "2 s", "workers": 2, "progress": False} | changed
    return sweep(RODS, {"body.mixture": [0.02, 0.1, 1.0], f"{WAVE}.frequency": "0.3 Hz..0.5 Hz:2"}, out, **options)


def test_a_design_has_the_points_that_it_says():
    assert designs.vary("a", "1,2.5,x, true").values == (1, 2.5, "x", True)
    assert designs.vary("a", "0.2 Hz..1 Hz:3").values == ("0.2 Hz", "0.6 Hz", "1.0 Hz")
    np.testing.assert_allclose(designs.vary("a", "log 0.01..1:3").values, (0.01, 0.1, 1.0))
    assert designs.grid([designs.vary("a", [1, 2]), designs.vary("b", "x,y")]) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    varied = [designs.vary("a", "log 0.01..1"), designs.vary("b", "2 s..4 s"), designs.vary("c", "x,y")]
    points = designs.random(varied, 500, seed=1)
    assert points == designs.random(varied, 500, seed=1) != designs.random(varied, 500, seed=2)
    logs = np.log10([point["a"] for point in points])
    # Means of 500 even values: their deviations are 0.026 and 0.026.
    assert -2.0 < logs.min() and logs.max() < 0.0 and abs(logs.mean() + 1.0) < 0.1
    seconds = np.array([float(point["b"].removesuffix(" s")) for point in points])
    assert seconds.min() > 2.0 and seconds.max() < 4.0 and abs(seconds.mean() - 3.0) < 0.1
    assert {point["c"] for point in points} == {"x", "y"}
    for spec in ("1 s..2 Hz", "2..1", "log 0..1", "1..2:1", []):
        with pytest.raises(nematode.InputError):
            designs.vary("a", spec)
    with pytest.raises(nematode.InputError, match="a has a range"):
        designs.grid([designs.vary("a", "1..2")])


def test_a_grid_has_a_row_and_a_recording_for_each_point(tmp_path):
    import pandas

    frame = quick(tmp_path)
    assert list(frame["index"]) == list(range(6)) and (frame.status == "done").all()
    assert list(frame[f"{WAVE}.frequency [Hz]"]) == [0.3, 0.5] * 3
    written = pandas.read_parquet(tmp_path / "table.parquet")
    assert list(written.state_hash) == list(frame.state_hash) and frame.state_hash.nunique() == 6
    for row in frame.itertuples():
        again = nematode.gait(tmp_path / row.recording)
        assert np.isfinite(again.forward_speed[0])
    alone = nematode.run(
        RODS, tmp_path / "alone.h5", "2 s", progress=False, set={"body.mixture": 0.1, f"{WAVE}.frequency": "0.5 Hz"}
    )
    assert frame.state_hash[3] == alone.state_hash


def test_a_sweep_goes_on_with_what_is_missing_and_refuses_another(tmp_path):
    first = quick(tmp_path)
    stamps = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("rows/*/*")}
    (tmp_path / "rows/0000/000004.json").unlink()
    (tmp_path / "table.parquet").unlink()
    again = quick(tmp_path)
    assert list(again.state_hash) == list(first.state_hash) and (tmp_path / "table.parquet").exists()
    changed = [name for name, stamp in stamps.items() if (tmp_path / "rows/0000" / name).stat().st_mtime_ns != stamp]
    assert changed == ["000004.json"]
    with pytest.raises(nematode.InputError, match="another sweep's; it differs in duration"):
        quick(tmp_path, duration="1 s")


def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    killed = []

    def kill_one():
        while len(list(tmp_path.glob("rows/*/0*.json"))) < 5:
            time.sleep(0.02)
        worker = multiprocessing.active_children()[0]
        killed.append(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    options = {"samples": 40, "duration": "5 s", "workers": 2, "progress": False}
    frame = sweep(RODS, {"body.mixture": "log 0.02..1"}, tmp_path, **options)
    killer.join()
    assert killed
    assert list(frame["index"]) == list(range(40)) and (frame.status == "done").all()
    assert frame.state_hash.nunique() == 40


def test_a_dask_worker_that_is_killed_loses_nothing(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = set(client.run(os.getpid).values())

        def kill_one():
            while len(list(tmp_path.glob("rows/*/0*.json"))) < 5:
                time.sleep(0.02)
            os.kill(min(pids), signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        frame = sweep(
            RODS,
            {"body.mixture": "log 0.02..1"},
            tmp_path,
            samples=40,
            duration="5 s",
            engine="dask",
            scheduler=cluster.scheduler_address,
            progress=False,
        )
        killer.join()
        assert list(frame["index"]) == list(range(40)) and (frame.status == "done").all()
        assert set(client.run(os.getpid).values()) != pids


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_script_that_just_sweeps_does_so_once(tmp_path, engine):
    if engine == "dask":
        pytest.importorskip("distributed")
    script = (
        "import nematode\nfrom nematode.sweep import sweep\nprint('begun')\n"
        f"frame = sweep({str(RODS)!r}, {{'body.mixture': [0.1, 1.0]}}, 'out', duration='0.1 s', workers=2, "
        f"engine={engine!r}, progress=False)\nprint(len(frame), __file__ is None)\n"
    )
    (tmp_path / "script.py").write_text(script)
    told = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout == "begun\n2 False\n", told.stderr


def test_a_sweep_that_is_stopped_leaves_no_worker_behind(tmp_path):
    def stop(done, total):
        # With two rows both workers are in the middle of the next.
        if done == 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        # The runs that are under way would take minutes.
        sweep(
            RODS,
            {f"{WAVE}.ramp": ["0.1 s", "0.2 s", "0.3 s", "0.4 s"], "duration": ["0.1 s", "5000 s"]},
            tmp_path,
            workers=2,
            progress=stop,
        )
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_recordings_can_be_left_out(tmp_path):
    kept, left = (
        quick(tmp_path / "kept", duration="0.5 s"),
        quick(tmp_path / "left", duration="0.5 s", recordings=False),
    )
    assert list(kept.state_hash) == list(left.state_hash)
    assert kept.recording[5] == "runs/0000/000005.h5" and left.recording.isna().all()
    assert len(list(tmp_path.glob("kept/runs/*/*.h5"))) == 6 and not list(tmp_path.glob("left/runs/*/*.h5"))


def test_what_fails_has_a_row_that_says_so(tmp_path):
    frame = sweep(
        RODS,
        {"body.anatomy.muscle.stiffness": ["0.4 N/m", "1e12 N/m", "2.4 mV"]},
        tmp_path,
        duration="2 s",
        workers=2,
        progress=False,
    )
    assert list(frame.status) == ["done", "diverged", "wrong"]
    assert "help: " in frame.problem[1] and "2.4 mV" in frame.problem[2]
    with pytest.raises(nematode.InputError, match="did you mean `mixture`"):
        sweep(RODS, {"body.mixtur": [1.0]}, tmp_path / "other", progress=False)
    with pytest.raises(nematode.InputError, match="did you mean `mixture`"):
        sweep(RODS, {"body.mixtur": "0..1"}, tmp_path / "other", maximise="forward_speed", progress=False)
    with pytest.raises(nematode.InputError, match='did you mean "forward_speed"'):
        sweep(RODS, {"body.mixture": "0..1"}, tmp_path / "other", maximise="forward_sped", progress=False)
    assert not (tmp_path / "other").exists()


def test_an_optimiser_finds_water_the_fastest_and_goes_on(tmp_path):
    pytest.importorskip("optuna")
    options = {"maximise": "forward_speed", "duration": "5 s", "workers": 2, "progress": False, "seed": 1}
    varied = {"body.mixture": "log 0.02..1", f"{WAVE}.frequency": "0.3 Hz..1 Hz"}
    frame = sweep(RODS, varied, tmp_path, trials=10, **options)
    assert len(frame) == 10
    frame = sweep(RODS, varied, tmp_path, trials=20, **options)
    assert len(frame) == 20 and (frame.status == "done").all()
    best = frame.forward_speed.idxmax()
    # Twice as fast as it crawls on agar.
    assert frame.forward_speed[best] > 0.4e-3
    with pytest.raises(nematode.InputError, match="shard"):
        sweep(RODS, varied, tmp_path, trials=20, shard=(0, 2), **options)


def test_an_array_of_slurm_runs_the_same_sweep(tmp_path, capsys):
    asked = ["sweep", str(RODS), "--vary", "body.mixture=0.02,0.1,1", "--duration", "1 s", "--quiet", "--out"]
    assert main([*asked, str(tmp_path / "array"), "--print-slurm", "2"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#!/bin/bash\n#SBATCH") and "#SBATCH --array=0-1\n" in script
    for task in ("0", "1"):
        # The table is there when the last job has ended, and not before.
        assert not (tmp_path / "array" / "table.parquet").exists()
        env = {**os.environ, "SLURM_ARRAY_TASK_ID": task}
        subprocess.run(["bash", "-c", script], check=True, env=env, capture_output=True)
    assert main([*asked, str(tmp_path / "here"), "--workers", "2"]) == 0
    assert "3 runs (3 done)" in capsys.readouterr().out
    assert list(table(tmp_path / "array").state_hash) == list(table(tmp_path / "here").state_hash)
    assert main([*asked, str(tmp_path / "here"), "--shard", "2/2"]) == 2
    assert "--shard" in capsys.readouterr().err


def test_a_sweep_that_is_killed_goes_on(tmp_path):
    words = [
        "-m",
        "nematode",
        "sweep",
        str(RODS),
        "--out",
        str(tmp_path),
        "--duration",
        "5 s",
        "--workers",
        "2",
        "--quiet",
    ]
    command = [sys.executable, *words, "--samples", "30", "--vary", "body.mixture=log 0.02..1"]
    with subprocess.Popen(command, start_new_session=True) as run:
        while len(list(tmp_path.glob("rows/*/0*.json"))) < 5:
            assert run.poll() is None
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)
    before = {file.name: json.loads(file.read_text())["state_hash"] for file in tmp_path.glob("rows/*/0*.json")}
    assert 5 <= len(before) < 30 and not (tmp_path / "table.parquet").exists()
    subprocess.run(command, check=True, capture_output=True)
    frame = table(tmp_path)
    assert list(frame["index"]) == list(range(30)) and frame.state_hash.nunique() == 30
    assert all(frame.state_hash[int(name.split(".")[0])] == digest for name, digest in before.items())


def test_the_script_is_the_command(capsys):
    argv = [
        "sweep",
        "a b.toml",
        "--out",
        "x",
        "--vary",
        "body.mixture=log 0.02..1",
        "--samples",
        "4",
        "--print-slurm=3",
    ]
    assert main(argv) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    words = shlex.split(last)
    assert words[1:5] == ["-m", "nematode", "sweep", "a b.toml"]
    assert words[-2:] == ["--shard", "$SLURM_ARRAY_TASK_ID/3"] and "--print-slurm=3" not in words
