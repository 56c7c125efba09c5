"""The setting that last values are drawn against: the one number that differs, or the one that was asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landmarks import runs
from landmarks.errors import UsageError, nearest
from landmarks.groups import DRAWS, Group, Line, differing, say


@dataclass(frozen=True)
class Axis:
    """`key` across; a list stands at its length where `counted`. `asked`: groups are named without it."""

    key: str
    asked: bool = False
    counted: bool = False

    @property
    def name(self) -> str:
        return f"{self.key} (how many)" if self.counted else self.key

    def at(self, group: Group) -> float:
        """The group's place."""
        value = group.settings[self.key]
        return float(len(value) if self.counted else value)

    def series(self, lines: Iterable[Line]) -> list[list[Line]]:
        """What is joined: where the key was asked for, groups of one name; else all."""
        joined: dict[int, list[Line]] = {}
        for line in lines:
            joined.setdefault(line.group.number if self.asked else 0, []).append(line)
        return [*joined.values()]


def one_number(groups: Sequence[Group]) -> Axis | None:
    """The setting that alone differs, if it has three numbers or more."""
    keys = differing(groups)
    if len(groups) < 3 or len(keys) != 1 or not all(_is_number(group.settings.get(keys[0])) for group in groups):
        return None
    return Axis(keys[0])


def asked_for(groups: Sequence[Group], key: str) -> Axis:
    """The axis of `--against KEY`. Raises UsageError where the groups have no different places on it."""
    where = f"--against {key}:"
    if key in DRAWS:
        raise UsageError(f"{where} runs that differ in it alone are draws of the same thing, and the mean is over them")
    if key in runs.PLACES:
        raise UsageError(f"{where} it changes no number, so runs that differ in it alone count as the same")
    others = ", ".join(differing(groups))
    there = f"; what differs between these runs is {others}" if others else "; these runs differ in no setting"
    known = dict.fromkeys(name for group in groups for name in group.settings)
    if key not in known:
        raise UsageError(f"{where} these runs have no such setting{nearest(key, known) or there}")
    for group in groups:
        value = group.settings.get(key)
        if not _is_number(value) and not isinstance(value, list):
            what = f"{say(value)} in {_where(group)}" if key in group.settings else f"no setting of {_where(group)}"
            raise UsageError(f"{where} it is {what}, and only numbers and lists have a place on an axis")
    counted = [isinstance(group.settings[key], list) for group in groups]
    if any(counted) and not all(counted):
        one, other = _where(groups[counted.index(False)]), _where(groups[counted.index(True)])
        raise UsageError(f"{where} it is a number in {one} and a list in {other}; plot them apart")
    values = [say(group.settings[key]) for group in groups]
    if len({*values}) == 1:
        raise UsageError(f"{where} it is {values[0]} in all of these runs{there}")
    axis = Axis(key, asked=True, counted=all(counted))
    first: dict[float, str] = {}
    for group, value in zip(groups, values, strict=True):
        if first.setdefault(axis.at(group), value) != value:
            raise UsageError(f"{where} {first[axis.at(group)]} and {value} have the same place; plot them apart")
    return axis


def arrange(groups: list[Group], axis: Axis | None) -> None:
    """Number the groups by their names, as they are coloured, and sort them by number, then along the axis."""
    if axis:
        groups.sort(key=axis.at)
    labels = [*dict.fromkeys(group.label for group in groups)]
    for group in groups:
        group.number = labels.index(group.label)
    groups.sort(key=lambda group: group.number)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _where(group: Group) -> str:
    return str(group.runs[0].folder)
