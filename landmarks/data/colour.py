"""Colour pictures, uint8 (3, side, side): what all sources of them have in common.

`Part` is what a split is made of before anything is decoded: pictures, or the paths of files, and their labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from landmarks.errors import UsageError
from landmarks.settings import PictureSettings

if TYPE_CHECKING:
    from landmarks.milestone import Data

KIND = "colour pictures"
Part = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]


def known(
    settings: PictureSettings, side: int, train: Part, test: Callable[[], Part], classes: tuple[str, ...]
) -> Data:
    """The splits of a set whose pictures (N, 3, side, side) are in memory.

    Raises UsageError where the settings want another side, or what pictures in memory do not offer.
    """
    from landmarks.data import splits
    from landmarks.milestone import Data

    check(settings, side)
    parts = {name: splits.split(*part) for name, part in divided(settings, train, test).items()}
    return Data(settings.name, parts, splits.checksum(parts), classes=classes, form=form(side))


def check(settings: PictureSettings, side: int) -> None:
    """Raise UsageError for a key that has no effect where pictures of one side are in memory from the start."""
    if settings.side != side:
        raise UsageError(f"data.side={settings.side}: the pictures of {settings.name} are {side} × {side}")
    for key, asked in (("scales", settings.scales is not None), ("in_memory", settings.in_memory is False)):
        if asked:
            raise UsageError(
                f"data.{key}: the pictures of {settings.name} are in memory, {side} × {side}, and lie in no files of"
                " their own; leave it out"
            )


def divided(settings: PictureSettings, train: Part, test: Callable[[], Part]) -> dict[str, Part]:
    """`train` and `test`; or with data.valid `train` and `valid`, and `test` is never called.

    Of `train` only a part stays with data.labels. Raises UsageError where there are not so many.
    """
    from landmarks.data import splits

    parts = {"train": train}
    if settings.valid:
        held = splits.chosen(len(train[1]), settings.valid)
        parts = {"train": _rows(train, ~held), "valid": _rows(train, held)}
    else:
        parts["test"] = test()
    if settings.labels is not None:
        parts["train"] = _rows(parts["train"], splits.labelled(parts["train"][1], settings.labels))
    return parts


def form(side: int) -> Mapping[str, Any]:
    """How files become pictures."""
    return {"kind": KIND, "side": side}


def _rows(part: Part, which: npt.NDArray[np.bool_]) -> Part:
    return part[0][which], part[1][which]
