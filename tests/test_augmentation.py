"""What is done to pictures: crops, mirrors, light, the ten views of a test, the statistics of a training set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks.milestone import Split
from landmarks.parts import augmentation

COUNT = 64


def numbered(count: int, side: int) -> torch.Tensor:
    """Pictures in which no two pixels are alike, none 0."""
    return torch.arange(1, count * 3 * side * side + 1).reshape(count, 3, side, side).float()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 4), st.data())
def test_a_random_crop_is_a_window_of_its_own_padded_picture(side: int, pad: int, data: st.DataObject) -> None:
    crop = data.draw(st.integers(1, side + 2 * pad))
    x = numbered(3, side)
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    found = augmentation.random_crops(x, crop, pad)
    assert found.shape == (3, 3, crop, crop)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    places = range(side + 2 * pad - crop + 1)
    for picture, window in zip(padded, found.numpy(), strict=True):
        windows = [picture[:, i : i + crop, j : j + crop] for i in places for j in places]
        assert any(np.array_equal(window, other) for other in windows)


def test_every_place_and_its_mirror_come_equally_often() -> None:
    """AlexNet's factor of 2,048 = 32 · 32 · 2 counts 32 places a side; here 3 a side, by a chi-square test."""
    x = numbered(1, 4).expand(9000, 3, 4, 4)
    torch.manual_seed(0)
    found = augmentation.mirrored(augmentation.random_crops(x, 2))
    torch.manual_seed(0)
    assert torch.equal(found, augmentation.random_crops(x, 2, mirror=True)), "both at once are one after the other"
    corners = found[:, 0].flatten(1)
    kinds, counts = corners.unique(dim=0, return_counts=True)
    assert len(kinds) == 3 * 3 * 2
    assert float(((counts - 500) ** 2 / 500).sum()) < 40.8  # the 99.9 % point of 17 degrees of freedom


def test_a_mirror_exchanges_left_and_right() -> None:
    x = numbered(COUNT, 5)
    torch.manual_seed(1)
    turned = [bool((now != before).any()) for now, before in zip(augmentation.mirrored(x), x, strict=True)]
    assert 0 < sum(turned) < COUNT
    torch.manual_seed(1)
    for was, now, before in zip(turned, augmentation.mirrored(x), x, strict=True):
        assert torch.equal(now, torch.from_numpy(before.numpy()[:, :, ::-1].copy()) if was else before)


def test_the_ten_views_are_the_corners_and_the_centre_and_their_mirrors() -> None:
    """AlexNet 4.1: 224 out of 256."""
    x = torch.arange(256 * 256).reshape(1, 1, 256, 256).float()
    found = [view[0, 0] for view in augmentation.views(x, 224, 10)]
    assert len(found) == 10
    for (top, left), i in zip(((0, 0), (0, 32), (32, 0), (32, 32), (16, 16)), range(0, 10, 2), strict=True):
        assert torch.equal(found[i], x[0, 0, top : top + 224, left : left + 224])
        assert torch.equal(found[i + 1], found[i].flip(1))
    (only,) = augmentation.views(x, 224, 1)
    assert torch.equal(only[0, 0], found[8])


def test_light_moves_colours_along_the_principal_axes_as_far_as_the_paper_says() -> None:
    """Σ p_i α_i λ_i, α_i ~ N(0, 0.1): one amount for all pixels of a picture, of deviation 0.1 λ_i along p_i."""
    axes = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    amounts = torch.tensor([50.0, 10.0, 2.0])
    torch.manual_seed(2)
    moved = augmentation.lit(torch.zeros(4000, 3, 2, 2), axes, amounts, 0.1)
    assert torch.equal(moved, moved[:, :, :1, :1].expand_as(moved))
    along = moved[:, :, 0, 0] @ axes
    assert along.std(0).tolist() == pytest.approx((0.1 * amounts).tolist(), rel=0.05)
    assert along.mean(0).abs().max() < 0.3
    assert torch.corrcoef(along.T)[0, 1:].abs().max() < 0.06


def test_light_is_exact_where_a_network_calculates_in_bf16() -> None:
    x, axes, amounts = torch.zeros(9, 3, 2, 2), torch.linalg.qr(torch.randn(3, 3))[0], torch.tensor([50.0, 10.0, 2.0])
    found = []
    for precise in (True, False):
        torch.manual_seed(3)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not precise):
            found.append(augmentation.lit(x, axes, amounts, 0.1))
    assert torch.equal(*found)


def test_statistics_are_those_of_numpy_over_all_pixels() -> None:
    x = torch.randint(0, 256, (1203, 3, 5, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    x[:, 1] = x[:, 0] // 2 + x[:, 1] // 4  # colours that go together
    split = Split(x, torch.zeros(len(x), dtype=torch.int64))
    pixels = x.numpy().astype(np.float64)
    assert np.allclose(augmentation.mean_picture(split, 10_000).numpy(), pixels.mean(0), atol=1e-4)
    assert np.allclose(augmentation.mean_picture(split, 700).numpy(), pixels[:700].mean(0), atol=1e-4)
    axes, variances = (found.double().numpy() for found in augmentation.colour_axes(split, 10_000))
    covariance = np.cov(pixels.transpose(1, 0, 2, 3).reshape(3, -1), bias=True)
    assert np.allclose(axes @ np.diag(variances) @ axes.T, covariance, rtol=1e-4, atol=0.1)
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-5)
    assert (np.diff(variances) < 0).all()


def test_pictures_are_brought_to_another_side_as_pillow_does() -> None:
    from PIL import Image

    drawn = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    x = torch.from_numpy(drawn).permute(2, 0, 1)[None].float()
    for side in (17, 64):
        wanted = np.asarray(Image.fromarray(drawn).resize((side, side), Image.Resampling.BILINEAR))
        found = augmentation.resized(x, side)[0].permute(1, 2, 0).numpy()
        assert np.abs(found - wanted).max() <= 1
    assert augmentation.resized(x, 40) is x
