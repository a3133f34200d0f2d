"""Worms as Gymnasium environments: ``nematode/Worm-v0``, alone or many side by side.

>>> import gymnasium, nematode.gym
>>> env = gymnasium.make("nematode/Worm-v0", experiment=nematode.experiment("rod_wave"))
>>> envs = gymnasium.make_vec("nematode/Worm-v0", num_envs=100)

Importing this module registers the environment.

Observation
    121 senses, as ``nematode.Worm.sense_names`` has them: curvature times length of 24 stretches of the body, head to tail,
    positive to the back, the strain of 95 muscles, and touch of the front and the back half. Float64.
Action
    95 drives of muscles, as ``nematode.Worm.drive_names`` has them, 0 slack to 1 fully active; from below 0 where the body's
    muscles can be inhibited. Held for one ``interval``. What the experiment has of controller or network drives nothing then.
Reward of an interval of length T
    ``forward`` v/L - ``energy`` mean(A^2) - ``smoothness`` mean((dA/dt)^2), where v is the way of the centre of mass along the
    heading that the worm had at the beginning, over T [m/s], L its length [m], A activation: as in the [reward] of a training,
    which takes the heading anew in every step.
Episode
    Truncated after ``duration``; terminated where the body diverges, with the engine's words in ``info["diverged"]``.
Start
    Straight and at rest. Nothing is random but the noise on the senses, where ``sense_noise`` asks for it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .optional import need

need("gymnasium", "gym")

import gymnasium  # noqa: E402
from gymnasium.vector.utils import batch_space  # noqa: E402

from . import _nematode  # noqa: E402
from .errors import wrong  # noqa: E402
from .experiments import Experiment, Set, source  # noqa: E402
from .experiments import experiment as packaged  # noqa: E402
from .worm import Worm  # noqa: E402

__all__ = ["WormEnv", "WormVectorEnv"]


def _spaces(worm):
    low, high = worm.drive_range
    action = gymnasium.spaces.Box(low, high, (len(worm.drive_names),), np.float64)
    observation = gymnasium.spaces.Box(-np.inf, np.inf, (len(worm.sense_names),), np.float64)
    return observation, action


def _refuse_to_render(mode):
    if mode is not None:
        raise wrong(f'there is no render_mode "{mode}"', "record with nematode.run and look at its report")


def _count(time, dt, name):
    """How many steps of the worm a time takes."""
    count = round(time / dt)
    if count < 1 or abs(count * dt - time) > 1e-6 * time:
        raise wrong(f"{name} of {time} s is no whole number of steps of {dt} s", f"give a multiple of {dt}")
    return count


class _Rules:
    """What one worm and many have in common."""

    def __init__(self, worm, interval, duration, forward, energy, smoothness):
        self.steps = _count(interval, worm.dt, "interval")
        self.intervals = _count(duration, interval, "duration")
        self.interval, self.length = interval, worm.length
        self.weights = forward, energy, smoothness

    def reward(self, moved, energy, roughness):
        forward, cost, smoothness = self.weights
        return forward * moved / (self.length * self.interval) - cost * energy - smoothness * roughness


class WormEnv(gymnasium.Env):
    """One worm.

    experiment
        A file or a dict, of rods or of particles; by default the rods of ``rod_wave``.
    set, beside, sense_noise, sense_delay
        As of :class:`nematode.Worm`.
    interval, duration
        How long an action is held, and an episode lasts [s].
    forward, energy, smoothness
        Weights of the reward.
    """

    metadata = {"render_modes": []}

    def __init__(
        self,
        experiment: Experiment | None = None,
        *,
        set: Set = None,
        beside: str | None = None,
        sense_noise: float = 0.0,
        sense_delay: int = 0,
        interval: float = 0.02,
        duration: float = 5.0,
        forward: float = 1.0,
        energy: float = 0.0,
        smoothness: float = 0.0,
        render_mode: str | None = None,
    ):
        _refuse_to_render(render_mode)
        experiment = packaged("rod_wave") if experiment is None else experiment
        self.render_mode = None
        self.worm = Worm(experiment, set=set, beside=beside, sense_noise=sense_noise, sense_delay=sense_delay)
        self.observation_space, self.action_space = _spaces(self.worm)
        self._noisy = sense_noise > 0.0
        self._rules = _Rules(self.worm, interval, duration, forward, energy, smoothness)
        self._done = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.worm.reset(int(self.np_random.integers(2**63)) if self._noisy else None)
        self._done = 0
        return self.worm.observe(), {"time": 0.0}

    def step(self, action):
        self.worm.drive(np.asarray(action))
        moved, energy, roughness, diverged = self.worm._advance(self._rules.steps)
        self._done += 1
        reward = float(self._rules.reward(moved, energy, roughness))
        info = {"time": self.worm.time}
        if diverged is not None:
            info["diverged"] = diverged
        observation = self.worm.observe() if diverged is None else self.worm._felt()
        return observation, reward, diverged is not None, self._done >= self._rules.intervals, info


class WormVectorEnv(gymnasium.vector.VectorEnv):
    """Many worms of one experiment, stepped side by side on ``threads`` threads, each with the bits of a single one.

    Arguments are those of :class:`WormEnv`. A worm whose episode is over is put back by the next step, whose action it does
    not see (Gymnasium's next-step autoreset).
    """

    metadata = {"render_modes": [], "autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        experiment: Experiment | None = None,
        *,
        set: Set = None,
        beside: str | None = None,
        sense_noise: float = 0.0,
        sense_delay: int = 0,
        interval: float = 0.02,
        duration: float = 5.0,
        forward: float = 1.0,
        energy: float = 0.0,
        smoothness: float = 0.0,
        threads: int | None = None,
        render_mode: str | None = None,
    ):
        _refuse_to_render(render_mode)
        experiment = packaged("rod_wave") if experiment is None else experiment
        worm = Worm(experiment, set=set, beside=beside)
        self.num_envs, self.render_mode = num_envs, None
        self.single_observation_space, self.single_action_space = _spaces(worm)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._noisy = sense_noise > 0.0
        self._rules = _Rules(worm, interval, duration, forward, energy, smoothness)
        threads = len(os.sched_getaffinity(0)) if threads is None and hasattr(os, "sched_getaffinity") else threads
        threads = threads or os.cpu_count() or 1
        origin = source(experiment, beside, set)
        self._team = _nematode.Team(num_envs, origin, (sense_noise, sense_delay), threads)
        self._done = np.zeros(num_envs, dtype=np.int64)
        self._over = np.zeros(num_envs, dtype=bool)
        self._randoms = None

    def _seeds(self, which):
        return [int(self._randoms[index].integers(2**63)) if self._noisy else None for index in which]

    def reset(self, *, seed=None, options=None):
        # As of single environments that are seeded one by one, so that each has the noise of its own single one.
        if isinstance(seed, (list, tuple)):
            seeds = list(seed)
        else:
            seeds = [None if seed is None else seed + index for index in range(self.num_envs)]
        if self._randoms is None:
            self._randoms = [None] * self.num_envs
        for index, one in enumerate(seeds):
            if one is not None or self._randoms[index] is None:
                self._randoms[index], _ = gymnasium.utils.seeding.np_random(one)
        self._done[:], self._over[:] = 0, False
        which = list(range(self.num_envs))
        return self._team.reset(which, self._seeds(which)), {"time": np.zeros(self.num_envs)}

    def step(self, actions):
        actions = np.asarray(actions, dtype=np.float64)
        again = np.flatnonzero(self._over).tolist()
        playing = ~self._over
        came = self._team.advance(actions, self._rules.steps, playing.tolist())
        observations, moved, energy, roughness, diverged = came
        if again:
            observations = self._team.reset(again, self._seeds(again))
        self._done[playing] += 1
        self._done[~playing] = 0
        rewards = np.where(playing, self._rules.reward(moved, energy, roughness), 0.0)
        terminations = np.array([why is not None for why in diverged]) & playing
        truncations = (self._done >= self._rules.intervals) & playing
        self._over = terminations | truncations
        infos = {"time": self._done * self._rules.interval}
        if terminations.any():
            infos["diverged"] = np.array(diverged, dtype=object)
            infos["_diverged"] = terminations
        return observations, rewards, terminations, truncations, infos


gymnasium.register(
    id="nematode/Worm-v0",
    entry_point="nematode.gym:WormEnv",
    vector_entry_point="nematode.gym:WormVectorEnv",
)
