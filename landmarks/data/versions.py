"""The three versions of the digits that the paper of LeNet-5 learns from (LeCun et al. 1998, III.A).

`regular` is what MNIST's files hold: a digit that fits 20 × 20, its centre of mass in the middle of 28 × 28.
`16x16`: the digit made smaller by 16/20, each pixel the mean of what it covers, its centre of mass where it was; so it
fits 16 × 16, with the wide border that LeNet-1 wants.
`deslanted`: each line moved to the side until the principal axis stands upright, then cut down to 20 × 20.

All arithmetic up to the last rounding is exact or elementwise, so that the bytes are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from landmarks.data import distortions
from landmarks.data.pictures import SIDE, background
from landmarks.data.splits import labelled
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.settings import DigitSettings

CROPPED = 20
"""The side of a deslanted picture, and of the box that MNIST's digits fit in."""
SIDES = {"regular": SIDE, "16x16": SIDE, "deslanted": CROPPED}


def check(settings: DigitSettings, usual: Mapping[str, float]) -> None:
    """Raise UsageError for keys that do not go together, or where a `distortion` that is not `usual` has no effect."""
    if settings.distorted and settings.version != "regular":
        raise UsageError(
            f"data.distorted={settings.distorted}: distorts regular pictures alone, and data.version is"
            f" {settings.version}; leave one of the two out"
        )
    if not settings.distorted and vars(settings.distortion) != usual:
        raise UsageError(
            "data.distortion: says how far pictures are distorted, and data.distorted=0 distorts none; say"
            " data.distorted=9 for nine versions of each, or leave it out"
        )


def prepared(found: Data, settings: DigitSettings) -> Data:
    """Regular pictures as the settings want them: fewer to learn from, with distorted ones, in another version.

    Raises UsageError where there are not so many.
    """
    train = found.splits["train"]
    if settings.labels is not None:
        kept = torch.from_numpy(labelled(train.y.numpy(), settings.labels))
        train = Split(train.x[kept], train.y[kept])
        found = replace(found, splits={**found.splits, "train": train})
    if settings.distorted:
        found = replace(found, fresh=distortions.fresh(train, settings.distorted, settings.distortion))
    return in_version(found, settings.version)


def in_version(found: Data, version: str) -> Data:
    """All splits in a version of the pictures, which their form then names."""
    if version == "regular":
        return found
    parts = {name: split._replace(x=converted(split.x, version)) for name, split in found.splits.items()}
    return replace(found, splits=parts, form={**found.form, "version": version})


def converted(x: Tensor, version: str) -> Tensor:
    """Regular pictures (N, 28, 28) uint8 in another version: (N, 28, 28) for 16x16, (N, 20, 20) for deslanted.

    What comes in from outside is as the border is.
    """
    if version == "regular":
        return x
    make = {"16x16": smaller, "deslanted": deslanted}[version]
    return torch.cat([_on_ground(part, make) for part in torch.split(x, distortions.CHUNK)])


def _on_ground(x: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    """Pictures whose difference from their ground is remade, doubles in and out; the rest is ground."""
    ground = background(x).double()
    return (make(x.double() - ground) + ground).round().clamp(0, 255).to(torch.uint8)


def smaller(x: Tensor) -> Tensor:
    """Pictures (B, 28, 28) at 4/5 of their size about the middle.

    A new pixel covers 5 of the quarters into which old ones are cut: whole numbers of them, so no sum is rounded.
    """
    quarters = 5 * torch.arange(SIDE)[:, None] - SIDE // 2 + torch.arange(5)
    share = (quarters.div(4, rounding_mode="floor")[..., None] == torch.arange(SIDE)).sum(1).double()
    return share @ x @ share.T / 25


def deslanted(x: Tensor) -> Tensor:
    """Pictures (B, 28, 28) with upright principal axis, (B, 20, 20): the rows of the digit's box, the middle columns.

    By second moments about the centre of mass, μ_rc/μ_rr to the side for each row away from it: μ_rc is then 0. A pixel
    counts by its grey, as the part of it that is ink does. Between pixels in a row values are linear, so that what is
    moved keeps its mass.
    """
    ink, place = x.abs(), torch.arange(SIDE, dtype=torch.float64) - (SIDE - 1) / 2
    lines, firsts = ink.sum(2), ink @ place
    mass = lines.sum(1).clamp_min(1)
    row, column = lines @ place / mass, firsts.sum(1) / mass
    spread, mixed = lines @ place.square() / mass - row.square(), firsts @ place / mass - row * column
    slant = mixed / spread.clamp_min(1e-9)

    inked = (ink > 0).any(2).int()
    first, last = inked.argmax(1), SIDE - 1 - inked.flip(1).argmax(1)
    top = (first + last + 1 - CROPPED).div(2, rounding_mode="floor").clamp(0, SIDE - CROPPED)
    rows = top[:, None] + torch.arange(CROPPED)
    moved = slant[:, None] * (place[rows] - row[:, None])
    columns = moved[..., None] + torch.arange(CROPPED) + (SIDE - CROPPED) // 2
    whole = columns.clamp(-1, SIDE).floor()
    part, left = columns.clamp(-1, SIDE) - whole, whole.long() + 1
    wide = pad(x, (1, 2))[torch.arange(len(x))[:, None], rows]
    return (1 - part) * wide.gather(2, left) + part * wide.gather(2, left + 1)
