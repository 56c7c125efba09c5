"""What TensorBoard is given, read back with its own reader: a run's events, and the view of `landmarks board`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.summary.writer import event_file_writer

from landmarks import assemble, board, catalog, config, data, events, execute, runs
from landmarks.cards.lenet import CARD
from landmarks.milestone import Batch, Scalars
from landmarks.milestones.mlp_xor import MLPXOR
from landmarks.parts import tiles

pytestmark = pytest.mark.usefixtures("compose_once", "undrawn")
XOR = ("epochs=90", "eval_every=10", "log_every=10", "checkpoint_every=30", "criterion.tolerance=null")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Matplotlib at the end of a run: it takes longest."""
    monkeypatch.setattr(execute.Run, "_draw", lambda self, logger, step: None)


def start(name: str, *overrides: str) -> Path:
    return execute.start(config.compose(name, overrides), quiet=True)


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def hparams(folder: Path) -> dict[str, Any]:
    """What HParams finds in a folder, as in TensorBoard: of each tag the first."""
    found: dict[str, Any] = {}
    parse = {
        metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
        metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
        metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
    }
    for path in sorted(folder.glob("events.out.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag in parse:
                    found.setdefault(value.tag, parse[value.tag](value.metadata.plugin_data.content))
    return found


class Killed(BaseException):
    """Ends a run as `kill -9` would: nothing of ours catches it."""


def killed(monkeypatch: pytest.MonkeyPatch, n: int, *overrides: str) -> Path:
    """An XOR run that is killed in its n-th step and resumed."""
    step, calls = MLPXOR.step, [0]

    def patched(self: MLPXOR, batch: Batch) -> Scalars:
        calls[0] += 1
        if calls[0] == n:
            raise Killed
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(MLPXOR, "step", patched)
        with pytest.raises(Killed):
            start("mlp_xor", *overrides)
    return execute.resume(runs.find("last", "runs"), quiet=True)


def test_a_trial_stands_in_the_runs_own_folder_with_its_last_metrics(workplace: Path) -> None:
    folder = start("mlp_xor", *XOR, "seed=3")
    assert {path.parent for path in Path("runs").rglob("events.out.*")} == {folder}
    found = hparams(folder)
    asked = found[metadata.SESSION_START_INFO_TAG].hparams
    assert asked["milestone"].string_value == "mlp_xor"
    assert asked["seed"].string_value == "3"
    assert asked["epochs"].number_value == 90
    assert asked["model.hidden"].number_value == config.compose("mlp_xor", ()).tree["model"]["hidden"]
    assert not {"runs", "data.root", "log_every", "figures"} & {*asked}
    assert found[metadata.SESSION_END_INFO_TAG].status == api_pb2.STATUS_SUCCESS
    metrics = runs.summary(folder)["metrics"]
    for name in ("train_set/loss", "train_set/right"):
        assert points(folder, name)[-1][1] == pytest.approx(metrics[name], rel=1e-6)


def test_a_run_has_a_trial_without_an_end_until_it_is_finished(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "ended", lambda: pytest.fail("it is not finished"))
    monkeypatch.setattr(MLPXOR, "step", lambda self, batch: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        start("mlp_xor", *XOR)
    assert {*hparams(runs.find("last", "runs"))} == {metadata.SESSION_START_INFO_TAG}


def test_curves_stand_once_more_under_the_milestone_and_the_paper_beside_them(workplace: Path) -> None:
    folder = start("perceptron")
    metric = "train_set/within_bound"
    (tag,) = (tag for tag in read(folder).Tags()["scalars"] if tag.startswith(f"perceptron/{metric} paper"))
    measured, paper = points(folder, f"perceptron/{metric}"), points(folder, tag)
    assert measured == points(folder, metric)
    assert [step for step, _ in paper] == [step for step, _ in measured]
    assert {value for _, value in paper} == {1.0}  # Novikoff's bound is never passed
    assert "paper" not in (folder / "metrics.jsonl").read_text()


def test_a_line_of_the_paper_is_where_its_metric_is_and_of_no_contrast() -> None:
    def tags(claim_id: str | None, phase: str = "training", **values: float) -> dict[str, float]:
        claim = next((claim for claim in CARD.claims if claim.id == claim_id), None)
        named = {name.replace("__", "/"): value for name, value in values.items()}
        return {value.tag: value.simple_value for value in events.Contrasts("lenet", claim).values(phase, named)}

    line = "lenet/test/error paper 0.95 % on mnist"
    assert tags("L13", test__error=0.5)[line] == pytest.approx(0.0095)
    assert [*tags("L13", train__error=0.5)] == ["lenet/train/error"]
    assert line not in tags("L13", "end", test__error=0.5)
    assert [*tags(None, test__error=0.5, rate__main=0.1, test__error__3=0.5)] == ["lenet/test/error"]
    contrast = next(claim for card in map(catalog.milestone_class, catalog.CATALOG) for claim in card.card.claims
                    if claim.two_arms and claim.built)  # fmt: skip
    assert events.Contrasts("lenet", contrast).claim is None


def test_pictures_come_at_the_start_when_the_step_has_doubled_and_at_the_end(workplace: Path) -> None:
    folder = start("mlp_xor", *XOR, "model.hidden=2")
    found = read(folder)
    names = [tag for tag in found.Tags()["images"] if tag.startswith("as it learns/")]
    assert names == ["as it learns/hidden_code", "as it learns/hidden_weights"]
    for name in names:
        assert [image.step for image in found.Images(name)] == [0, 10, 20, 40, 80, 90]
    first, *_, last = (image.encoded_image_string for image in found.Images(names[1]))
    assert first.startswith(b"\x89PNG")
    assert first != last


def test_pictures_change_no_number(workplace: Path) -> None:
    seen, unseen = start("mlp_xor", *XOR), start("mlp_xor", *XOR, "figures=false", "histograms=false")
    assert (seen / "model.safetensors").read_bytes() == (unseen / "model.safetensors").read_bytes()
    assert runs.summary(seen)["fingerprint"] == runs.summary(unseen)["fingerprint"]
    assert read(unseen).Tags()["images"] == []
    assert [tag for tag in read(seen).Tags()["images"] if tag.startswith("as it learns/")]


def test_a_resumed_run_is_one_trial_with_each_point_once(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # files of one second are read in the order of their names, which end in a count: 10 would come before 9
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(100))
    whole = start("mlp_xor", *XOR)
    cut = killed(monkeypatch, 75, *XOR)
    execute.resume(start("mlp_xor", *(word.replace("90", "60") for word in XOR)), ["epochs=90"], quiet=True)
    for folder in (cut, runs.find("last", "runs")):
        for tag in ("train_set/loss", "mlp_xor/train_set/loss", "mlp_xor/train/loss"):
            assert points(folder, tag) == points(whole, tag)
        steps = [image.step for image in read(folder).Images("as it learns/hidden_code")]
        assert steps == sorted({*steps})
        assert {0, 10, 20, 40, 90} <= {*steps}
        starts = hparams(folder)
        assert {*starts} == {metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG}


@pytest.mark.parametrize(
    ("name", "overrides", "shapes"),
    [
        ("perceptron", ["data.name=mnist5k"], {"templates": (10, 20, 20)}),
        ("mlp_xor", ["model.hidden=2", "replicas=3"], {"hidden_code": (1, 2, 4), "hidden_weights": (1, 2, 3)}),
        ("lstm", [], {}),
        ("lenet", [], {"c1_kernels": (6, 5, 5), "c1_maps": (6, 28, 28)}),
        ("lenet", ["experiment=linear"], {"weights": (10, 28, 28)}),
        ("dae", [], {"filters": (100, 28, 28), "rebuilt": (18, 84, 28)}),
        ("gan", [], {"samples": (1, 48, 48)}),
        ("gan", ["experiment=digits"], {"samples": (64, 28, 28)}),
    ],
)
def test_what_milestones_show_as_they_learn(
    name: str, overrides: list[str], shapes: dict[str, tuple[int, ...]], workplace: Path
) -> None:
    composed = config.compose(name, overrides)
    milestone = assemble.make(composed).eval()
    sets = data.load(milestone.config.data, data.Draws.of(milestone.config))
    milestone.check_data(sets)
    with torch.no_grad():
        found = dict(milestone.images(sets))
    assert {key: tuple(shown.shape) for key, shown in found.items() if key != "gates"} == shapes
    assert ("gates" in found) == (name == "lstm")
    for shown in found.values():
        assert 0 <= float(shown.min()) <= float(shown.max()) <= 1


@given(n=some.integers(1, 12), height=some.integers(1, 6), width=some.integers(1, 6), colour=some.booleans())
@settings(max_examples=30, deadline=None)
def test_a_sheet_has_every_tile_enlarged_in_order(n: int, height: int, width: int, colour: bool) -> None:
    draw = torch.Generator().manual_seed(n)
    shown = torch.rand(n, *[3] * colour, height, width, generator=draw)
    sheet = tiles.sheet(shown)
    dots = 255 * (shown if colour else shown[:, None].expand(-1, 3, -1, -1))
    columns = next(c for c in range(1, n + 1) if (sheet.shape[2] + tiles.GAP) % c == 0 and _across(shown) == c)
    high, wide = (sheet.shape[1] + tiles.GAP) // -(-n // columns), (sheet.shape[2] + tiles.GAP) // columns
    for i in range(n):
        top, left = i // columns * high, i % columns * wide
        for y in range(height):
            for x in range(width):
                place = top + y * ((high - tiles.GAP) // height), left + x * ((wide - tiles.GAP) // width)
                assert sheet[:, *place].tolist() == dots[i, :, y, x].round().int().tolist()


def test_points_lie_where_they_are() -> None:
    (tile,) = tiles.scattered(torch.tensor([[1.5, 1.5], [-9.0, -1.5], [-1.6, -1.5], [-1.55, -1.5]]), side=4)
    assert (3 * tile).round().tolist() == [[3, 3, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [0, 3, 3, 3]]


def _across(shown: torch.Tensor) -> int:
    """Tiles in a row: as many as make the sheet about 1.6 times as wide as high."""
    n, (height, width) = len(shown), shown.shape[-2:]
    return max(1, min(n, round((n * 1.6 * height / width) ** 0.5)))


def test_the_view_names_runs_by_what_was_asked_and_follows_them(workplace: Path) -> None:
    short = ("epochs=20", "eval_every=5")
    first, second = start("mlp_xor", *short, "log_every=5"), start("mlp_xor", *short)
    view = board.View(workplace / "view", lambda: runs.all_runs("runs"))
    view.folder.mkdir()
    view.refresh()

    def names() -> dict[str, Path]:
        return {path.name: path.resolve() for path in (view.folder / "mlp_xor").iterdir()}

    called = "epochs=20 eval_every=5, seed 0"
    assert names() == {called: first.resolve(), f"{called} (2)": second.resolve()}
    third = start("mlp_xor", *short, "seed=1")
    shutil.rmtree(first)
    view.refresh()
    assert names() == {f"{called} (2)": second.resolve(), called.replace("0", "1").replace("21", "20"): third.resolve()}
    before = view.prepared
    view.refresh()
    assert view.prepared == before


def test_an_arm_of_a_demonstration_is_called_so() -> None:
    arm = catalog.milestone_class("resnet").card.demonstration.arms[1]
    words = [*arm.overrides, "seed=2", "runs=elsewhere", "figures=false"]
    assert board.called({"milestone": "resnet", "seed": 2}, words) == "plain-56, seed 2"
    assert board.called({"milestone": "resnet", "seed": 0}, ["data.root=/a/b", "init=/a/b"]) == "init=|a|b, seed 0"


def test_charts_and_columns_name_what_the_runs_have(workplace: Path) -> None:
    start("mlp_xor", *XOR)
    start("mlp_xor", *XOR, "seed=1", "optimizer.lr=0.25")
    start("perceptron")
    view = board.View(workplace / "view", lambda: runs.all_runs("runs"))
    view.folder.mkdir()
    view.refresh()
    assert view.prepared
    (written,) = read(view.prepared[0]).Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(written.tensor_proto.string_val[0])
    assert [category.title for category in layout.category] == ["perceptron", "mlp_xor"]
    tags = {tag for folder in runs.all_runs("runs") for tag in read(folder).Tags()["scalars"]}
    for category in layout.category:
        assert category.chart
        for chart in category.chart:
            for pattern in chart.multiline.tag:
                found = {tag for tag in tags if re.match(pattern, tag)}
                assert found
                assert all(tag.startswith(f"{category.title}/") for tag in found)
    (bound,) = (chart for chart in layout.category[0].chart if chart.title.startswith("within bound"))
    assert len([tag for tag in tags if re.match(bound.multiline.tag[0], tag)]) == 2  # measured, and the paper's

    columns = hparams(view.prepared[0])[metadata.EXPERIMENT_TAG]
    assert [info.name for info in columns.hparam_infos][:4] == [*board.FIRST]
    assert {info.name for info in columns.hparam_infos if info.differs} == {"milestone", "seed", "optimizer.lr"}
    assert {info.name.tag for info in columns.metric_infos} <= tags
    assert columns.metric_infos[0].name.tag.startswith("train_set/")


def test_a_log_that_grows_is_read_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "TAIL", 200)
    shown, log = board.Shown(tmp_path, "lenet", {}), tmp_path / "metrics.jsonl"
    shown.look(tmp_path)
    assert not shown.names

    def write(*lines: dict[str, Any]) -> None:
        with log.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        shown.look(tmp_path)

    write({"step": 1, "phase": "training", "test/error": 0.1, "test/error/3": 0.1, "rate/main": 1})
    assert ([*shown.names], shown.curves) == (["test/error"], set())
    write({"step": 2, "phase": "end", "test/error": 0.1, "train_set/error": 0.1})
    assert shown.curves == set()  # one point each, and what is measured once
    write(*({"step": i, "phase": "training", "valid/error": 0.1} for i in range(10)))
    assert ([*shown.names], shown.curves) == (["test/error", "train_set/error", "valid/error"], {"valid/error"})
