"""Pictures moved, mirrored and lit, and the views of a test: batches on the device, one operation for all pictures.

Draws come from torch's default generator, as numbers in [0, 1), so that they are the loop's to seed and to keep.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks.milestone import Split
from landmarks.parts import draws


def random_crops(x: Tensor, side: int, pad: int = 0, mirror: bool = False) -> Tensor:
    """Squares (B, C, side, side) of pictures (B, C, H, W), each at a place of its own, after padding by zeros.

    With `mirror` each is `mirrored` too. Channels last, all pixels of the batch by one selection out of its memory.
    """
    padded = F.pad(x, [pad] * 4)
    count, channels, height, width = padded.shape
    places = _places(count, height - side + 1, x.device), _places(count, width - side + 1, x.device)
    kind = torch.int32 if padded.numel() < 2**31 else torch.int64  # smaller numbers take a sixth of the time
    along = torch.arange(side, dtype=kind, device=x.device)
    rows, columns = (place.to(kind)[:, None] + along for place in places)
    if mirror:
        columns = torch.where(_turned(x)[:, None], columns.flip(1), columns)
    picture, channel, row, column = padded.stride()
    lines = torch.arange(0, count * picture, picture, dtype=kind, device=x.device)[:, None] + rows * row
    points = columns[:, :, None] * column + torch.arange(channels, dtype=kind, device=x.device) * channel
    chosen = lines[:, :, None] + points.flatten(1)[:, None]
    found = padded.as_strided((padded.numel(),), (1,)).index_select(0, chosen.flatten())
    return found.view(count, side, side, channels).permute(0, 3, 1, 2)


def mirrored(x: Tensor) -> Tensor:
    """Each picture of (B, C, H, W) as it is or with left and right exchanged, with probability one half."""
    return torch.where(_turned(x)[:, None, None, None], x.flip(3), x)


def lit(x: Tensor, axes: Tensor, amounts: Tensor, sigma: float) -> Tensor:
    """Pictures in another light: Σ p_i α_i λ_i added to every pixel of x (B, 3, H, W), α ~ N(0, sigma) per picture.

    axes (3, 3) has the principal components p_i of the colours as columns, amounts (3,) the λ_i in the unit of x
    (Krizhevsky, Sutskever, Hinton 2012, section 4.1).
    """
    along = sigma * draws.randn(len(x), 3, device=x.device) * amounts
    return x + (axes * along[:, None]).sum(2)[:, :, None, None]  # no product of matrices, which bf16 would round


def views(x: Tensor, side: int, count: int) -> Iterator[Tensor]:
    """Squares (B, C, side, side) of pictures (B, C, H, W): the middle (1), the corners and it (5), and mirrors (10)."""
    down, right = x.shape[2] - side, x.shape[3] - side
    middle = (down // 2, right // 2)
    places = [middle] if count == 1 else [(0, 0), (0, right), (down, 0), (down, right), middle]
    for top, left in places:
        view = x[:, :, top : top + side, left : left + side]
        yield view
        if count > 5:
            yield view.flip(3)


def resized(x: Tensor, side: int) -> Tensor:
    """Square pictures (B, C, H, H) brought to another side."""
    if x.shape[2] == side:
        return x
    return F.interpolate(x, (side, side), mode="bilinear", antialias=True)


def mean_picture(split: Split, most: int) -> Tensor:
    """The mean (C, H, W) over the first `most` pictures, float32 on the CPU."""
    total, count = torch.zeros(split.x.shape[1:], dtype=torch.float64), 0
    for x, _ in split.batches(500):
        x = x[: most - count]
        total += x.sum(0, dtype=torch.int64).cpu()
        count += len(x)
        if count == most:
            break
    return (total / count).float()


def colour_axes(split: Split, most: int) -> tuple[Tensor, Tensor]:
    """Principal components of the colours of all pixels of the first `most` pictures: axes (3, 3), variances (3,).

    The axes are columns, the variances in squares of the pictures' unit and in falling order; float32 on the CPU.
    """
    first, second, pixels, pictures = torch.zeros(3).double(), torch.zeros(3, 3).double(), 0, 0
    for x, _ in split.batches(100):
        x = x[: most - pictures]
        colours = x.cpu().permute(1, 0, 2, 3).flatten(1).double()
        first += colours.sum(1)
        second += colours @ colours.T
        pixels, pictures = pixels + colours.shape[1], pictures + len(x)
        if pictures == most:
            break
    mean = first / pixels
    variances, axes = torch.linalg.eigh(second / pixels - torch.outer(mean, mean))
    return axes.flip(1).float(), variances.flip(0).float()


def _places(count: int, choices: int, device: torch.device) -> Tensor:
    """So many whole numbers below `choices`, (count,)."""
    return (draws.rand(count, device=device) * choices).long()


def _turned(x: Tensor) -> Tensor:
    """Which of the pictures x (B, …) to mirror, (B,)."""
    return draws.rand(len(x), device=x.device) < 0.5
