"""A worm that is stepped from Python is the engine's worm."""

import numpy as np
import pytest

import nematode

RODS = nematode.experiment("rod_wave")

# Muscles that no body can bear.
TORN = {"body.anatomy.muscle.stiffness": "1e12 N/m"}


def bodies_alone():
    """The worm of rods as a dict, with nothing that drives it."""
    return {
        "title": "rods",
        "reproduces": "nothing",
        "duration": "1 s",
        "step": "5 ms",
        "body": {"anatomy": "../rod.toml", "medium": "../media/agar_to_water.toml"},
        "recording": {"file": "rods.h5", "interval": "20 ms"},
    }


def test_steps_one_by_one_have_the_bits_of_many_at_once_and_of_a_run(tmp_path):
    one, many = nematode.Worm(RODS), nematode.Worm(RODS)
    for _ in range(200):
        one.step()
    many.steps(200)
    run = nematode.run(RODS, tmp_path / "run.h5", "1 s", progress=False)
    assert one.time == many.time == pytest.approx(1.0)
    assert one.state_hash == many.state_hash == run.state_hash


def test_looking_at_a_worm_does_not_change_its_way():
    seen, unseen = nematode.Worm(RODS), nematode.Worm(RODS)
    for _ in range(100):
        seen.observe()
        seen.midline()
        seen.step()
    unseen.steps(100)
    assert seen.state_hash == unseen.state_hash


def test_what_is_observed_is_curvature_and_strain_by_name():
    worm = nematode.Worm(RODS)
    worm.steps(300)
    felt = dict(zip(worm.sense_names, worm.observe()))
    assert len(felt) == 121
    assert list(felt)[0] == "curvature/01" and "MDL05/strain" in felt
    bend = np.array([felt[f"curvature/{row:02}"] for row in range(1, 25)])
    assert np.abs(bend).max() > 1.0
    # A worm that bends to its back has a shorter back: the two sides are felt with opposite signs.
    strain = np.array([felt[f"MDL{row:02}/strain"] for row in range(3, 23)])
    assert np.corrcoef(bend[2:22], strain)[0, 1] < -0.9


def test_an_array_that_is_given_is_written_into_and_no_other_is_made():
    worm = nematode.Worm(RODS)
    out = np.empty(len(worm.sense_names))
    assert worm.observe(out=out) is out
    worm.steps(100)
    np.testing.assert_array_equal(worm.observe(out=out), worm.observe())
    with pytest.raises(nematode.InputError, match="121 numbers"):
        worm.observe(out=np.empty(3))


def test_a_new_array_stays_as_it_was_when_the_worm_goes_on():
    worm = nematode.Worm(RODS)
    worm.steps(100)
    felt, muscles, midline = worm.observe(), worm.muscles(), worm.midline()
    before = felt.copy(), muscles.copy(), midline.copy()
    worm.steps(100)
    for array, kept in zip((felt, muscles, midline), before):
        np.testing.assert_array_equal(array, kept)
    assert not np.array_equal(worm.muscles(), muscles)


def test_a_worm_bends_to_the_side_that_is_driven():
    worm = nematode.Worm(bodies_alone(), beside=RODS.parent)
    worm.drive({name: 1.0 for name in worm.drive_names if name.startswith("MD")})
    worm.steps(100)
    assert worm.curvature().mean() * worm.length > 1.0
    worm.drive(None)
    worm.drive([1.0 if name.startswith("MV") else 0.0 for name in worm.drive_names])
    worm.steps(200)
    assert worm.curvature().mean() * worm.length < -1.0
    assert worm.muscles()[0] < 0.01 < 0.9 < worm.muscles()[-1]


def test_muscles_that_are_not_held_follow_the_controller():
    worm, free = nematode.Worm(RODS), nematode.Worm(RODS)
    drives = np.full(95, np.nan)
    drives[0] = 1.0
    worm.drive(drives)
    worm.steps(100)
    free.steps(100)
    assert worm.muscles()[0] > 0.9
    np.testing.assert_array_equal(worm.muscles()[1:], free.muscles()[1:])


def test_a_reset_worm_goes_the_same_way_again():
    worm = nematode.Worm(RODS)
    fresh = worm.state_hash
    worm.steps(100)
    first = worm.state_hash
    worm.reset()
    assert worm.time == 0.0 and worm.state_hash == fresh
    worm.steps(100)
    assert worm.state_hash == first


def test_noise_is_that_of_its_seed():
    def felt(seed):
        worm = nematode.Worm(RODS, sense_noise=0.1)
        worm.reset(seed)
        worm.steps(10)
        return worm.observe()

    np.testing.assert_array_equal(felt(1), felt(1))
    assert not np.array_equal(felt(1), felt(2))
    with pytest.raises(nematode.InputError, match="no noise"):
        nematode.Worm(RODS).reset(1)


def test_a_controller_in_python_moves_the_worm_as_one_in_rust_does():
    """The wave of rod_wave, written in Python."""
    rust = nematode.Worm(RODS)
    # κ(s, t): amplitude linear from 1 to 0.6 over 24 rows, 1.5 waves, 0.4 Hz, half a second of ramp.
    rows = np.array([int(name[3:]) for name in rust.drive_names])
    place = (rows - 0.5) / 24
    side = np.array([1.0 if name.startswith("MD") else -1.0 for name in rust.drive_names])

    def wave(time, senses):
        assert senses.shape == (121,)
        ramp = min(1.0, time / 0.5)
        return np.clip(side * ramp * (1.0 - 0.4 * place) * np.sin(2 * np.pi * (0.4 * time - 1.5 * place)), 0.0, 1.0)

    python = nematode.Worm(RODS, controller=wave)
    python.steps(800)
    rust.steps(800)
    gone = python.center()[0]
    assert gone > 0.2e-3
    assert gone == pytest.approx(rust.center()[0], rel=0.1)


def test_a_controller_names_what_it_reads_and_writes():
    class Head:
        senses = ["curvature/01", "MDL05/strain"]
        drives = ["MDL01", "MDR01"]
        seen = []

        def __call__(self, time, senses):
            self.seen.append(senses.shape)
            return 0.5, 1.0

        def reset(self):
            self.seen.clear()

    controller = Head()
    worm = nematode.Worm(RODS, controller=controller)
    worm.steps(100)
    assert controller.seen == [(2,)] * 100
    assert worm.muscles()[0] == pytest.approx(0.5, abs=0.01)
    assert np.all(worm.muscles()[1:24] == 0.0)
    worm.reset()
    assert controller.seen == []


def test_what_a_controller_raises_comes_out_of_the_step():
    def controller(time, senses):
        if time > 0.05:
            raise LookupError("lost")
        return np.zeros(95)

    worm = nematode.Worm(RODS, controller=controller)
    with pytest.raises(LookupError, match="lost"):
        worm.steps(100)
    assert worm.time < 0.1
    with pytest.raises(nematode.InputError, match="3 drives for 95 muscles"):
        nematode.Worm(RODS, controller=lambda time, senses: [0, 0, 0]).step()
    with pytest.raises(nematode.InputError, match="is NaN"):
        nematode.Worm(RODS, controller=lambda time, senses: np.full(95, np.nan)).step()


def test_a_controller_that_asks_for_its_worm_in_the_middle_of_a_step_is_told_so():
    def controller(time, senses):
        worm.midline()
        return np.zeros(95)

    worm = nematode.Worm(RODS, controller=controller)
    with pytest.raises(RuntimeError, match="in the middle of a step"):
        worm.step()


def test_a_network_is_read_by_path():
    worm = nematode.Worm(nematode.experiment("bbc"))
    worm.steps(50)
    assert worm.read("DB_01/V") != worm.read("VB_01/V")
    with pytest.raises(nematode.InputError, match="DB_01"):
        worm.read("DB_0/V")
    with pytest.raises(nematode.InputError, match="no network"):
        nematode.Worm(RODS).read("AVBL/v")


def test_a_worm_of_particles_is_stepped_as_well():
    worm = nematode.Worm(nematode.experiment("crawl"))
    worm.steps(2)
    assert worm.particles().shape[0] > 1000 and worm.particles().shape[1] == 3
    assert worm.midline(7).shape == (7, 3)
