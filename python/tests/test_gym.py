"""The worm as a Gymnasium environment, alone and many side by side."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import nematode
import nematode.gym
from test_worm import RODS, TORN


@pytest.mark.parametrize("experiment", ["rod_wave", "crawl"])
def test_gymnasium_finds_nothing_wrong_with_it(experiment):
    env = gymnasium.make("nematode/Worm-v0", experiment=nematode.experiment(experiment), duration=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Senses are not bounded, and a worm is not drawn: what the checker recommends there is not meant for it.
        warnings.filterwarnings("ignore", message=".*(infinity|render|spec|normalized).*")
        check_env(env.unwrapped, skip_render_check=True)


def wave(time, names):
    rows = np.array([int(name[3:]) for name in names])
    side = np.array([1.0 if name.startswith("MD") else -1.0 for name in names])
    return np.clip(side * np.sin(2 * np.pi * (0.4 * time - 1.5 * rows / 24)), 0.0, 1.0)


def test_an_episode_of_a_wave_is_worth_more_than_one_of_its_reverse():
    def worth(sign):
        env = gymnasium.make("nematode/Worm-v0", duration=5.0)
        env.reset(seed=0)
        total, over, time = 0.0, False, 0.0
        while not over:
            _, reward, terminated, over, info = env.step(wave(sign * time, env.unwrapped.worm.drive_names))
            assert not terminated
            total, time = total + reward, info["time"]
        assert time == pytest.approx(5.0)
        return total

    assert worth(1.0) > 10.0 > -10.0 > worth(-1.0)


def test_energy_and_smoothness_cost():
    def reward(**weights):
        env = nematode.gym.WormEnv(forward=0.0, **weights)
        env.reset()
        return env.step(np.ones(95))[1]

    assert reward() == 0.0
    assert -1.0 < reward(energy=1.0) < 0.0
    assert reward(smoothness=1.0) < 0.0


def test_many_worms_have_the_bits_of_single_ones():
    count = 5
    envs = gymnasium.make_vec("nematode/Worm-v0", num_envs=count, sense_noise=0.1, duration=0.2, threads=2)
    singles = [nematode.gym.WormEnv(sense_noise=0.1, duration=0.2) for _ in range(count)]
    observations, _ = envs.reset(seed=7)
    alone = [env.reset(seed=7 + index)[0] for index, env in enumerate(singles)]
    np.testing.assert_array_equal(observations, alone)
    random = np.random.default_rng(1)
    over = False
    # Ten steps of an episode, one that puts the worms back, and some of the next.
    for _ in range(15):
        actions = random.random((count, 95))
        observations, rewards, terminations, truncations, _ = envs.step(actions)
        if over:
            alone = [env.reset()[0] for env in singles]
            np.testing.assert_array_equal(rewards, 0.0)
            over = False
        else:
            steps = [env.step(action) for env, action in zip(singles, actions)]
            alone = [step[0] for step in steps]
            np.testing.assert_array_equal(rewards, [step[1] for step in steps])
            over = steps[0][3]
        np.testing.assert_array_equal(truncations, over)
        assert not terminations.any()
        np.testing.assert_array_equal(observations, alone)


def test_a_worm_that_diverges_ends_its_episode_and_begins_another():
    actions = np.random.default_rng(0).random((2, 95))
    actions[1] = 0.0
    env = nematode.gym.WormEnv(set=TORN)
    envs = nematode.gym.WormVectorEnv(2, set=TORN)
    env.reset()
    envs.reset()
    terminated = False
    for _ in range(50):
        observation, reward, terminated, _, info = env.step(actions[0])
        observations, rewards, terminations, _, infos = envs.step(actions)
        assert list(terminations) == [terminated, False]
        if terminated:
            break
    assert terminated and "no balance" in info["diverged"] and "no balance" in infos["diverged"][0]
    np.testing.assert_array_equal(observations[0], observation)
    assert np.isfinite(observation).all() and np.isfinite(reward)
    env.reset()
    _, rewards, terminations, _, infos = envs.step(actions)
    assert rewards[0] == 0.0 and not terminations.any() and infos["time"][0] == 0.0 < infos["time"][1]
    assert not env.step(np.zeros(95))[2]


def test_times_that_do_not_fit_are_refused():
    with pytest.raises(nematode.InputError, match="no whole number of steps"):
        nematode.gym.WormEnv(RODS, interval=0.012)
    with pytest.raises(nematode.InputError, match="rows? for each worm|one row"):
        envs = nematode.gym.WormVectorEnv(2)
        envs.reset()
        envs.step(np.zeros((3, 95)))
