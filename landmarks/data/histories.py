"""Every history of some receptors: all that can happen to a wired net in so many synaptic delays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from landmarks.data import FIRST, Draws, splits
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.parts import temporal
from landmarks.parts.wiring import heard
from landmarks.settings import POSITIVE, DataSettings

MOST = 20
"""2^20 histories take a second or two."""
FIGURE_1 = 3, 6
"""Receptors and steps of the paper's first figure: net f has three, and no formula looks back more than 3 delays."""


@dataclass(frozen=True, kw_only=True)
class HistorySettings(DataSettings):
    """So many receptors over `length` synaptic delays; null: as many as tell all about `expression` or Figure 1."""

    name: Literal["histories"]
    receptors: Annotated[int, POSITIVE] | None
    length: Annotated[int, POSITIVE] | None
    expression: str | None


class Histories(NamedTuple):
    """All histories of so many receptors and steps that differ at these places, (step, receptor), silent elsewhere."""

    receptors: int
    length: int
    places: tuple[tuple[int, int], ...]

    @property
    def complete(self) -> bool:
        return len(self.places) == self.receptors * self.length

    def tensor(self) -> Tensor:
        """(2^places, length, receptors), uint8; the first place is the lowest bit of a history's number."""
        number = torch.arange(2 ** len(self.places), dtype=torch.int32)
        x = torch.zeros(len(number), self.length, self.receptors, dtype=torch.uint8)
        for bit, (step, receptor) in enumerate(self.places):
            x[:, step, receptor] = number >> bit & 1
        return x


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train`: x (histories, length, receptors) of 0 and 1, uint8; y is empty, (histories, 0).

    Raises UsageError for an expression that cannot be realised, and where there are too many histories to go through.
    """
    if not isinstance(settings, HistorySettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not go through histories")
    x = chosen(settings).tensor()
    parts = {"train": Split(x, torch.empty(len(x), 0))}
    return Data(settings.name, parts, splits.checksum(parts))


def chosen(settings: HistorySettings) -> Histories:
    """The histories that the settings ask for. Raises UsageError where there are too many, or too few for a net."""
    if settings.expression is not None:
        return _of_expression(settings.expression, settings)
    return _affordable(whole(settings.receptors or FIGURE_1[0], settings.length or FIGURE_1[1]), 1)


def whole(receptors: int, length: int) -> Histories:
    """All histories there are. The first 2^(k · length) are all those of the first k receptors, the others silent."""
    places = tuple((step, receptor) for receptor in range(receptors) for step in range(length))
    return Histories(receptors, length, places)


def _of_expression(text: str, settings: HistorySettings) -> Histories:
    """As long as tells all; of those too many, the ones that differ where an axon leads to the net's output."""
    net = temporal.compile(temporal.parse(text))
    (output,) = net.outputs
    receptors = settings.receptors or len(net.inputs)
    if receptors < len(net.inputs):
        wanted = f"{len(net.inputs)}, one for each name in the expression"
        raise UsageError(f"data.receptors must be {wanted}, got {receptors}")
    least = temporal.telling(output)
    if settings.length and settings.length < least:
        raise UsageError(
            f"data.length must be at least {least}, got {settings.length}: in fewer steps the expression, which looks"
            f" back {temporal.memory(output.formula)}, is not tried in all its cases by a net with an extra delay of"
            f" {output.lag}"
        )
    if net.order:  # it looks back for ever
        return _affordable(whole(receptors, settings.length or max(least, MOST // receptors)), least)
    length = settings.length or least
    if settings.length or receptors * length <= MOST:
        return _affordable(whole(receptors, length), least)
    places = [(length - 1 - delay, net.inputs.index(line)) for line, delay in sorted(heard(net, output.line))]
    return _affordable(Histories(receptors, length, tuple(places)), length)


def _affordable(histories: Histories, least: int) -> Histories:
    """The same, unless there are too many. Raises UsageError, which names a length from `least` on that fits."""
    if len(histories.places) <= MOST:
        return histories
    fits, several = MOST // histories.receptors, "s" * (histories.receptors > 1)
    remedy = f"data.length={fits} would do" if fits >= least else "write a shorter expression"
    raise UsageError(
        f"data: {histories.receptors} receptor{several} over {histories.length} steps have 2^{len(histories.places)}"
        f" histories that differ, and at most 2^{MOST} can be gone through; {remedy}"
    )
