"""The suite of 2007 as drawn here: each set against its definition, by other means than those that made it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import ConvexHull

from landmarks import data
from landmarks.data import digits5k, pixel_sets, variations
from landmarks.data.variations import PICTURED, SHAPES, SIZES, VariationSettings, cached, draw, load, noise, rotated
from landmarks.errors import UsageError

OPEN = {"root": None, "verify": True, "valid": 0, "test": 0.2, "invert": False, "inputs": None, "classes": None}


def settings(name: str, *sizes: int, digits: str = "mnist5k", g: float = 1.0) -> VariationSettings:
    return VariationSettings(
        name=name, **OPEN, sizes=sizes or None, digits=None if name in SHAPES else digits,
        correlation=g if name in PICTURED else None,
    )  # type: ignore[arg-type]  # fmt: skip


def test_sizes_are_those_of_the_suite() -> None:
    assert SIZES["basic"] == SIZES["bg_img_rot"] == SIZES["rect_img"] == (10_000, 2_000, 50_000)
    assert SIZES["rect"] == (1_000, 200, 50_000)
    assert SIZES["convex"] == (6_000, 2_000, 50_000)
    assert all(sum(sizes) <= 70_000 for sizes in SIZES.values())


@pytest.mark.parametrize("name", SIZES)
def test_a_set_is_the_same_byte_for_byte_twice(name: str, workplace: Path) -> None:
    wanted = settings(name, 60, 20, 30)
    first, again = draw(wanted, 110), draw(wanted, 110)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()
    found = load(wanted)
    assert {n: tuple(split.x.shape) for n, split in found.splits.items()} == {
        "train": (60, 28, 28), "valid": (20, 28, 28), "test": (30, 28, 28),
    }  # fmt: skip
    assert found.splits["train"].x.dtype == torch.uint8
    assert found.splits["train"].y.dtype == torch.int64
    assert torch.equal(torch.cat([split.x for split in found.splits.values()]), torch.from_numpy(first[0]))
    assert int(torch.cat([split.y for split in found.splits.values()]).max()) == len(found.classes) - 1
    assert load(wanted).checksum == found.checksum


def test_no_digit_comes_twice_and_all_sets_share_their_splits() -> None:
    chosen = variations.chosen_digits(settings("basic"), 5000)
    assert sorted(chosen) == [*range(5000)]
    assert len({*variations.chosen_digits(settings("basic", digits="mnist"), 62_000)}) == 62_000
    x, y = draw(settings("basic"), 300)
    pool = digits5k.read().reshape(-1, 28, 28)
    assert np.array_equal(x, pool[chosen[:300]])
    assert np.array_equal(y, digits5k.LABELS[chosen[:300]])
    for name in ("rot", "bg_rand", "bg_img", "bg_img_rot"):
        assert np.array_equal(draw(settings(name), 300)[1], y)


def test_more_digits_than_there_are_is_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"data.sizes: 5,001 digits are asked for, and mnist5k has 5,000; .*=mnist$"):
        draw(settings("basic"), 5001)


def turned(picture: np.ndarray, angle: float) -> np.ndarray:
    """Bilinear rotation about the middle, a loop over pixels."""
    out, c = np.zeros((28, 28)), 13.5
    for i in range(28):
        for j in range(28):
            r = math.cos(angle) * (i - c) - math.sin(angle) * (j - c) + c
            s = math.sin(angle) * (i - c) + math.cos(angle) * (j - c) + c
            top, left = math.floor(r), math.floor(s)
            for a, b in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= a < 28 and 0 <= b < 28:
                    out[i, j] += picture[a, b] * (1 - abs(r - a)) * (1 - abs(s - b))
    return out


def test_rotation_is_bilinear_about_the_middle() -> None:
    random = np.random.default_rng(0)
    x, angles = random.integers(0, 256, (4, 28, 28), np.uint8), np.array([0.3, 2.0, 4.0, 6.0])
    for picture, angle, ours in zip(x, angles, rotated(x, angles), strict=True):
        assert np.abs(turned(picture, angle) - ours).max() <= 0.5 + 1e-6
    quarter = rotated(x, np.full(4, np.pi / 2))
    assert np.array_equal(quarter, np.rot90(x, -1, (1, 2)))
    assert np.array_equal(rotated(x, np.zeros(4)), x)


def test_angles_fill_the_circle() -> None:
    """By the axis of the ones, which stand upright before: |angle| mod π is uniform after."""
    x, y = draw(settings("rot"), 3000)
    ones = x[y == 1].astype(float)
    rows, columns = np.indices((28, 28)) - 13.5
    mass = ones.sum((1, 2))
    r, c = ((ones * along).sum((1, 2)) / mass for along in (rows, columns))
    moments = [
        (ones * (a - p[:, None, None]) * (b - q[:, None, None])).sum((1, 2))
        for a, p, b, q in ((rows, r, rows, r), (columns, c, columns, c), (rows, r, columns, c))
    ]
    axis = 0.5 * np.arctan2(2 * moments[2], moments[0] - moments[1]) % np.pi / np.pi
    assert stats.kstest(axis, "uniform").pvalue > 0.001


@pytest.mark.parametrize("g", [0.0, 0.5, 1.0])
def test_backgrounds_are_uniform_whatever_their_correlation(g: float) -> None:
    x = noise(4000, g, np.random.default_rng(1))
    for pixel in ((0, 0), (13, 14), (27, 5)):
        counts = np.bincount(x[:, *pixel] // 16, minlength=16)
        assert stats.chisquare(counts).pvalue > 1e-4


def test_neighbours_are_as_alike_as_the_kernel_says() -> None:
    """The Gaussians behind the pixels have the covariance gK + (1 − g)I, K = exp(−d² / 2·6²)."""
    correlations = []
    for g in (0.0, 0.4, 0.8, 1.0):
        x = noise(4000, g, np.random.default_rng(2))
        z = stats.norm.ppf((x.astype(float) + 0.5) / 256)
        near, far, edge = (
            np.corrcoef(z[:, *a], z[:, *b])[0, 1]
            for a, b in (((10, 10), (10, 11)), ((10, 10), (16, 16)), ((0, 0), (3, 0)))
        )
        for measured, distance2 in ((near, 1), (far, 72), (edge, 9)):
            assert measured == pytest.approx(g * math.exp(-distance2 / 72), abs=0.05)
        correlations.append(near)
    assert correlations == sorted(correlations)


def test_a_digit_lies_on_its_background() -> None:
    plain, _ = draw(settings("basic"), 200)
    for name in ("bg_rand", "bg_img"):
        x, _ = draw(settings(name), 200)
        assert (x >= plain).all()
        assert (x == plain)[plain > 250].mean() > 0.95
        assert 100 < x[plain == 0].mean() < 155


def test_rectangles_are_outlines_whose_sides_differ() -> None:
    x, y = draw(settings("rect"), 600)
    for picture, label in zip(x, y, strict=True):
        rows, columns = np.nonzero(picture.any(1))[0], np.nonzero(picture.any(0))[0]
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(height - width) >= 3
        assert label == (width > height)
        wanted = np.zeros((28, 28), np.uint8)
        wanted[[rows[0], rows[-1]], columns[0] : columns[-1] + 1] = 255
        wanted[rows[0] : rows[-1] + 1, [columns[0], columns[-1]]] = 255
        assert np.array_equal(picture, wanted)
    assert 0.4 < y.mean() < 0.6


def test_rectangles_of_pictures_keep_the_bounds_of_the_suite() -> None:
    corners = pixel_sets.rectangles(500, np.random.default_rng(0), 10, 5, (0.25, 0.75))
    top, left, height, width = corners.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height).max() == (left + width).max() == 28
    assert (abs(height - width) >= 5).all()
    area = pixel_sets.filled(corners).sum((1, 2))
    assert np.array_equal(area, height * width)
    assert area.min() >= 0.25 * 784
    assert area.max() <= 0.75 * 784


def hull_is_white(white: np.ndarray) -> bool:
    """Whether every pixel in the convex hull of the white ones is white."""
    inside = ConvexHull(np.argwhere(white).astype(float)).equations
    every = np.indices((28, 28)).reshape(2, -1).T
    return bool(white.ravel()[(every @ inside[:, :2].T + inside[:, 2] <= 1e-9).all(1)].all())


def test_convex_sets_are_convex_and_the_others_are_not() -> None:
    x, y = draw(settings("convex"), 400)
    assert {*np.unique(x)} == {0, 255}
    assert y.sum() == 200
    for picture, label in zip(x > 0, y, strict=True):
        assert hull_is_white(picture) == label
    assert (x[y == 1] > 0).sum((1, 2)).min() >= 19


def test_midpoints_are_looked_for_in_all_pairs() -> None:
    sets = np.random.default_rng(3).random((60, 28, 28)) < 0.002
    sets[0], sets[1] = False, np.eye(28, dtype=bool)
    for white, ours in zip(sets, pixel_sets.convex_by_pairs(sets), strict=True):
        points = np.argwhere(white)
        middles = [(p + q) // 2 for p in points for q in points if not ((p + q) % 2).any()]
        assert ours == all(white[tuple(middle)] for middle in middles)


def test_a_damaged_cache_is_made_anew(workplace: Path) -> None:
    wanted = settings("rect", 30, 10, 10)
    found = load(wanted)
    path = cached(wanted, 50)
    content = path.read_bytes()
    for damaged in (content[:-1], b"", content[:100] + b"\x01" + content[101:], content + b"0"):
        path.write_bytes(damaged)
        assert load(wanted).checksum == found.checksum
        assert path.read_bytes() == content
    assert not [*path.parent.glob(".*")]
    assert cached(settings("bg_img", g=0.5), 50) != cached(settings("bg_img", g=0.6), 50)


def test_a_set_comes_out_of_the_cache(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings("basic", 30, 10, 10)
    found = load(wanted)
    monkeypatch.setattr(variations, "draw", lambda *_: pytest.fail("drawn again"))
    assert load(wanted).checksum == found.checksum


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(workplace: Path) -> None:
    (workplace / "cache").write_text("a file in the way")
    assert len(load(settings("rect", 30, 10, 10)).splits["train"].x) == 30


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "rect", "digits": "mnist5k"}, "data.digits is without effect on rect and must be null"),
        ({"digits": None}, "data.digits must be given for basic"),
        ({"correlation": 0.5}, "data.correlation is without effect on basic and must be null"),
        ({"name": "bg_img"}, "data.correlation must be given for bg_img"),
        ({"name": "mnist50k", "digits": None, "sizes": (1, 1, 1)}, "data.sizes is without effect"),
        ({"root": "/nowhere"}, "data.root=/nowhere: basic is drawn here without the files of MNIST"),
        ({"verify": False}, "data.verify=false: basic is drawn from the official digits"),
    ],
)
def test_keys_without_effect_are_a_sentence(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        variations.check_keys(replace(settings("basic"), **wrong))  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_every_set_stands_in_the_table_of_sources() -> None:
    assert {name for name, source in data.SOURCES.items() if source.module == data.VARIATIONS} == {*SIZES}
    assert all(data.SOURCES[name].generated for name in SIZES)
