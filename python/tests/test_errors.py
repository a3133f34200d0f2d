"""Wrong input raises what the command line prints, with place and mend."""

import os
import pickle
import shutil
import subprocess
import sys

import pytest

import nematode
from test_worm import RODS, TORN, bodies_alone


def test_every_problem_has_its_place_and_its_mend(tmp_path):
    text = RODS.read_text().replace('"0.4 Hz"', '"0.4 mV"').replace('"0.5 s"', '"-1 s"')
    text = text.replace("../rod.toml", f"{nematode.MODELS}/rod.toml").replace("../media", f"{nematode.MODELS}/media")
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(nematode.InputError) as caught:
        nematode.Worm(file)
    first, second = caught.value.problems
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "mV" in line)
    assert (first.file, first.line, first.column) == (str(file), line, len("frequency = ") + 1)
    assert "0.4 mV" in first.expected and first.mend
    assert "must be above zero" in second.message or "must not be negative" in second.message
    assert second.mend and str(second) in str(caught.value)


def test_the_text_is_that_of_the_command_line(tmp_path):
    command = os.environ.get("NEMATODE_COMMAND") or shutil.which("nematode")
    if command is None:
        pytest.skip("not tried: there is no command `nematode` here; give it in NEMATODE_COMMAND")
    file = tmp_path / "bad.toml"
    file.write_text(RODS.read_text().replace("duration", "duratoin"))
    told = subprocess.run([command, "run", str(file)], capture_output=True, text=True, check=False)
    with pytest.raises(nematode.InputError) as caught:
        nematode.run(file, progress=False)
    assert told.returncode == 2
    assert str(caught.value) == told.stderr.strip()
    assert "did you mean `duration`?" in told.stderr


def test_a_dict_is_told_with_the_place_in_its_text():
    experiment = bodies_alone()
    experiment["body"]["substep"] = 2
    with pytest.raises(nematode.InputError) as caught:
        nematode.Worm(experiment, beside=RODS.parent)
    (problem,) = caught.value.problems
    assert problem.file.endswith("<dict>")
    line = nematode.to_toml(experiment).splitlines()[problem.line - 1]
    assert line == "substep = 2"
    assert problem.mend == "did you mean `substeps`?"


def test_a_name_that_does_not_exist_is_told_with_the_nearest():
    with pytest.raises(nematode.InputError, match='did you mean "rod_wave"'):
        nematode.experiment("rod_wav")
    with pytest.raises(nematode.InputError, match='did you mean "MDL05"'):
        nematode.Worm(RODS).drive({"MDL5": 1.0})
    with pytest.raises(nematode.InputError, match="cannot read"):
        nematode.Worm("nowhere.toml")


def test_drives_of_another_number_are_refused():
    with pytest.raises(nematode.InputError, match="3 drives for 95 muscles"):
        nematode.Worm(RODS).drive([0.0, 0.0, 0.0])


def test_a_worm_that_nothing_drives_is_no_run(tmp_path):
    with pytest.raises(nematode.InputError, match="nothing drives this worm"):
        nematode.run(bodies_alone(), tmp_path / "run.h5", beside=RODS.parent, progress=False)
    assert not (tmp_path / "run.h5").exists()


def test_a_body_that_diverges_says_when_and_what_to_try(tmp_path):
    with pytest.raises(nematode.Diverged) as caught:
        nematode.run(RODS, tmp_path / "torn.h5", "1 s", set=TORN, progress=False)
    assert 0.0 < caught.value.time < 1.0
    assert "rods find no balance" in caught.value.what and "smaller `step`" in caught.value.mend
    assert len(nematode.read(tmp_path / "torn.h5").time) >= 1
    worm = nematode.Worm(RODS, set=TORN)
    with pytest.raises(nematode.Diverged):
        worm.steps(200)
    worm.reset()
    worm.step()


@pytest.mark.parametrize(
    "error",
    [
        nematode.InputError("a", [nematode.Problem("a", "x.toml", 1, 2, "b")]),
        nematode.Diverged("a", 0.5, "b", "c"),
        nematode.SystemRefused("a", "x.h5", "write", "full"),
    ],
)
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and vars(again) == vars(error) and again.args == error.args


@pytest.mark.parametrize(
    ("package", "extra", "asked"),
    [
        ("xarray", "data", "nematode.read('x.h5')"),
        ("pandas", "data", "nematode.gait('x.h5')"),
        ("gymnasium", "gym", "import nematode.gym"),
    ],
)
def test_a_package_that_is_missing_is_asked_for_when_it_is_needed(package, extra, asked):
    program = f"import sys\nsys.modules[{package!r}] = None\nimport nematode\n{asked}"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"this needs the package `{package}`: pip install 'nematode[{extra}]'" in told.stderr


def test_no_file_that_is_broken_off_or_foreign_is_read(tmp_path):
    nematode.run(RODS, tmp_path / "run.h5", "0.5 s", progress=False)
    whole = (tmp_path / "run.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(nematode.InputError, match="ends after|not an HDF5 file"):
        nematode.read(tmp_path / "cut.h5")
    (tmp_path / "text.h5").write_text("no HDF5 at all")
    with pytest.raises(nematode.InputError, match="not an HDF5 file"):
        nematode.read(tmp_path / "text.h5")
