"""What the checks share: milestones made from words of the command line, runs that leave no folder, digits, places."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from math import floor, log10
from typing import Any

import torch
from torch import Tensor

import landmarks
from landmarks import assemble, config
from landmarks.data import digits5k
from landmarks.milestone import Milestone
from landmarks.plan import LEAN


def make(name: str, *overrides: str) -> Milestone:
    """A milestone with its initial weights, as published unless the overrides say otherwise."""
    return assemble.make(config.compose(name, ("scale=paper", *overrides)))


def settings(name: str, *overrides: str) -> Any:
    """The typed configuration alone, for networks that are counted, not run: drawing millions of weights takes long."""
    return assemble.settings_of(config.compose(name, ("scale=paper", *overrides)))


def parameters(name: str, *overrides: str) -> int:
    """How many trainable parameters a network has."""
    return sum(layer.parameters for layer in make(name, *overrides).layers())


def test_error(name: str, *overrides: str) -> float:
    """The test error of a run at quick scale, which is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        usual = (f"runs={folder}", "threads=1", "device=cpu", *LEAN)
        return landmarks.run(name, *usual, *overrides, quiet=True).metrics["test/error"]


def digits(count: int) -> Tensor:
    """Some of the training digits that come with the dependencies, (count, 28, 28) uint8."""
    trained, _ = digits5k.partition()
    return torch.from_numpy(digits5k.read()[trained[:count]]).view(-1, 28, 28)


def power(value: float) -> str:
    """Two digits and a power of ten, 3.8·10⁻⁴; as a decimal number from 0.01 to 100."""
    if 0.01 <= abs(value) < 100:
        return f"{value:.2g}"
    exponent = floor(log10(abs(value)))
    mantissa = value / 10**exponent
    return f"{mantissa:.1f}·10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def steps(times: Iterable[int]) -> str:
    """Times as they are listed: "t = 2, 3", or "never"."""
    found = ", ".join(map(str, times))
    return f"at t = {found}" if found else "never"
