"""Runs beside each other (`plot`) and the curve of one while it runs (`--watch`)."""

from __future__ import annotations

import functools
import io
import json
import math
import os
import pty
import re
import select
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.text import Text
from PIL import Image
from rich.console import Console as Terminal
from scipy import stats

from landmarks import cli, compare, config, watch
from landmarks.against import Axis
from landmarks.errors import UsageError
from landmarks.figures import comparison

pytestmark = pytest.mark.usefixtures("compose_once")

Make = Callable[..., Path]
compose = functools.cache(config.compose)


@pytest.fixture
def make(workplace: Path) -> Make:
    """Writes a run's folder: configuration, overrides, a log of one metric or more, and whether it is finished."""

    def write(
        *overrides: str, name: str = "lenet", seed: int = 0, status: str = "finished", **curves: Sequence[float]
    ) -> Path:
        composed = compose(name, overrides)
        folder = workplace / "runs" / name / f"2026-01-01_00-00-00-{len([*workplace.glob('runs/*/*')])}"
        (folder).mkdir(parents=True)
        (folder / "config.yaml").write_text(config.to_yaml(composed.tree | {"seed": seed}))
        (folder / "overrides.txt").write_text("".join(f"{o}\n" for o in [*overrides, f"seed={seed}"]))
        (folder / "environment.json").write_text("{}")
        named = {split.replace("__", "/"): values for split, values in curves.items()}
        lines = [
            {"step": 10 * (i + 1), "phase": "training", "epoch": i + 1, "seconds": 0.0, metric: value}
            for metric, values in named.items()
            for i, value in enumerate(values)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (folder / "summary.json").write_text(json.dumps({"status": status, "steps": 10}))
        return folder

    return write


def test_a_band_is_the_t_interval_of_the_mean_over_seeds(make: Make) -> None:
    values = [[0.5, 0.30, 0.22], [0.4, 0.35, 0.25], [0.6, 0.31, 0.20], [0.5, 0.33, 0.21]]
    folders = [make(seed=seed, test__error=curve) for seed, curve in enumerate(values)]
    found = compare.Comparison(folders)
    (line,) = found.panels[0].lines
    for at, column in enumerate(zip(*values, strict=True)):
        low, high = stats.t.interval(0.95, 3, loc=np.mean(column), scale=stats.sem(column))
        assert (line.mean[at], line.low[at], line.high[at]) == pytest.approx((np.mean(column), low, high))
    assert line.at.tolist() == [1, 2, 3]
    assert found.panels[0].unit == "epochs"
    assert found.caption == "band: 95 % t-interval of the mean over seeds; n = 4 seeds"
    assert found.rows()[1][0][:2] == ["22.00 %", "18.56–25.44 %"]


def test_one_run_has_no_band(make: Make) -> None:
    found = compare.Comparison([make(test__error=[0.3, 0.2, 0.1])])
    (line,) = found.panels[0].lines
    assert np.isnan([line.low, line.high]).all()
    assert line.group.title == "lenet"
    assert found.rows()[1] == [["10.00 %", "", "30", "lenet"]]


def test_a_share_of_replicas_has_wilsons_interval(make: Make) -> None:
    folder = make("replicas=200", name="mlp_xor", train_set__solved=[0.0, 0.5, 0.9])
    found = compare.Comparison([folder])
    (line,) = found.panels[0].lines
    for at, solved in enumerate((0, 100, 180)):
        expected = stats.binomtest(solved, 200).proportion_ci(0.95, "wilson")
        assert (line.low[at], line.high[at]) == pytest.approx((expected.low, expected.high))
    assert "200 replicas" in line.group.title
    assert "Wilson" in found.caption


def test_the_count_of_an_enumeration_has_no_interval(make: Make) -> None:
    folder = make("experiment=functions2", name="perceptron", train_set__learned=[6, 14])
    (line,) = compare.Comparison([folder], "train_set/learned").panels[0].lines
    assert line.mean[-1] == 14
    assert np.isnan([line.low[-1], line.high[-1]]).all()


def test_replicas_that_are_logged_each_are_draws(make: Make) -> None:
    values = [[0.5, 0.30], [0.4, 0.35], [0.6, 0.31], [0.5, 0.33]]
    folders = [
        make("replicas=2", seed=seed, test__error=np.mean(pair, 0), test__error__0=pair[0], test__error__1=pair[1])
        for seed, pair in enumerate((values[:2], values[2:]))
    ]
    (line,) = compare.Comparison(folders).panels[0].lines
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values, 0), scale=stats.sem(values))
    for found, expected in ((line.mean, np.mean(values, 0)), (line.low, low), (line.high, high)):
        assert found.tolist() == pytest.approx(expected)


def test_seeds_of_replicas_are_one_larger_sample(make: Make) -> None:
    folders = [
        make("replicas=100", name="mlp_xor", seed=s, train_set__solved=[0, share]) for s, share in ((0, 0.8), (1, 1))
    ]
    (line,) = compare.Comparison(folders).panels[0].lines
    expected = stats.binomtest(180, 200).proportion_ci(0.95, "wilson")
    assert (line.low[-1], line.high[-1]) == pytest.approx((expected.low, expected.high))
    assert line.group.n == "2 seeds × 100 replicas"


def test_groups_are_named_by_what_differs(make: Make) -> None:
    curve = [0.3, 0.2, 0.1]
    plain, wide = make(test__error=curve), make("model.c3=dense", "log_every=7", test__error=curve)
    other, seeded = make("experiment=linear", test__error=curve), make(seed=1, test__error=curve)
    xor = make(name="mlp_xor", test__error=curve)

    def labels(*folders: Path) -> list[str]:
        return [group.label for group in compare.Comparison(folders).groups]

    assert labels(plain) == ["lenet"]
    assert labels(plain, seeded) == ["lenet"]
    assert labels(plain, seeded, wide) == ["model.c3=table", "model.c3=dense"]
    assert labels(plain, other) == ["lenet", "experiment=linear"]
    assert labels(plain, xor) == ["lenet", "mlp_xor"]
    assert labels(plain, wide, xor) == ["lenet, model.c3=table", "lenet, model.c3=dense", "mlp_xor"]


def test_logging_and_paths_make_no_group(make: Make) -> None:
    folders = [make(test__error=[0.2, 0.1]), make("log_every=7", "data.root=elsewhere", seed=1, test__error=[0.3, 0.1])]
    assert len(compare.Comparison(folders).groups) == 1


def test_the_same_draw_counts_once(make: Make) -> None:
    whole, cut = make(test__error=[0.2, 0.1]), make(test__error=[0.3], status="interrupted")
    found = compare.Comparison([cut, whole])
    assert found.groups[0].n == "1 run"
    assert found.panels[0].lines[0].mean.tolist() == [0.2, 0.1]
    assert "same draw (seed 0), so they count once" in found.notes[0]


def test_a_finished_run_keeps_its_last_value_and_an_unfinished_one_ends_the_line(make: Make) -> None:
    curves = {0: [0.4, 0.2], 1: [0.6, 0.4, 0.2, 0.1]}
    folders = [make(seed=seed, test__error=curve) for seed, curve in curves.items()]
    (line,) = compare.Comparison(folders).panels[0].lines
    assert line.mean.tolist() == pytest.approx([0.5, 0.3, 0.2, 0.15])
    cut = make(seed=2, test__error=[0.5, 0.3, 0.2], status="killed")
    (line,) = compare.Comparison([*folders, cut]).panels[0].lines
    assert line.at.tolist() == [1, 2, 3]
    assert line.group.title == "lenet (3 seeds, 1 killed)"


def test_the_published_number_is_dashed_where_all_speak_of_it(make: Make) -> None:
    plain, wide = make(test__error=[0.2, 0.1]), make("model.c3=dense", test__error=[0.2, 0.1])
    linear = make("experiment=linear", test__error=[0.2, 0.1])

    def dashed(*folders: Path) -> list[float]:
        (axes,) = comparison.draw(compare.Comparison(folders)).axes
        return [float(np.ravel(line.get_ydata())[0]) for line in axes.lines if line.get_linestyle() == "--"]

    assert dashed(plain, wide) == pytest.approx([0.95])
    assert dashed(linear) == pytest.approx([12.0])
    assert dashed(plain, linear) == []


def test_one_number_that_differs_becomes_an_axis(make: Make) -> None:
    folders = [
        make(f"optimizer.mu={mu}", seed=seed, test__error=[0.5, 0.4, mu + 0.01 * seed])
        for mu in (0.3, 0.02, 0.1)
        for seed in (0, 1)
    ]
    found = compare.Comparison(folders)
    assert found.axis == Axis("optimizer.mu")
    assert [group.settings["optimizer.mu"] for group in found.groups] == [0.02, 0.1, 0.3]
    curves, against = comparison.draw(found).axes
    assert (curves.get_xlabel(), against.get_xlabel(), against.get_xscale()) == ("epochs", "optimizer.mu", "log")
    assert compare.Comparison(folders[:4]).axis is None


DEPTHS = ("[400]", "[400,400]", "[400,400,400]")
ERRORS = {15: (0.05, 0.04, 0.03), 0: (0.06, 0.07, 0.09)}
"""Made-up last test errors by depth, with epochs of pretraining and without."""


@pytest.fixture
def stacks(make: Make) -> list[Path]:
    """Three depths, with pretraining and without, two seeds each; the deepest first."""
    return [
        make(
            f"model.hidden={DEPTHS[depth]}", f"pretraining.epochs={epochs}", name="dae", seed=seed,
            valid__error=[0.5, 0.3], test__error=[errors[depth] + 0.002 * seed], train__loss=[9.0, 10 * errors[depth]],
        )
        for epochs, errors in ERRORS.items()
        for depth in (2, 0, 1)
        for seed in (0, 1)
    ]  # fmt: skip


def joined(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of a panel that have a name: where they go through."""
    named = [line for line in axes.lines if line.get_linestyle() == "-" and not str(line.get_label()).startswith("_")]
    return {str(line.get_label()): (line.get_xdata(), line.get_ydata()) for line in named}  # type: ignore[misc]


def test_a_length_that_was_asked_for_is_an_axis_and_what_else_differs_a_line(stacks: list[Path]) -> None:
    found = compare.Comparison(stacks, "test/error", against="model.hidden")
    (axes,) = comparison.draw(found).axes
    lines = joined(axes)
    assert [*lines] == ["pretraining.epochs=15 (2 seeds)", "pretraining.epochs=0 (2 seeds)"]
    for (at, means), errors in zip(lines.values(), ERRORS.values(), strict=True):
        assert [*at] == [1, 2, 3]
        assert [*means] == pytest.approx([100 * (error + 0.001) for error in errors])
    assert axes.get_xlabel() == "model.hidden (how many)"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "3"]
    assert found.caption == "bar: 95 % t-interval of the mean over seeds; n = 2 seeds each"


def test_a_point_has_the_t_interval_of_its_seeds(stacks: list[Path]) -> None:
    (axes,) = comparison.draw(compare.Comparison(stacks, "test/error", against="model.hidden")).axes
    bars = [segment for bar in axes.collections if isinstance(bar, LineCollection) for segment in bar.get_segments()]
    expected = [
        (depth + 1, stats.t.interval(0.95, 1, loc=np.mean(draws), scale=stats.sem(draws)))
        for errors in ERRORS.values()
        for depth, draws in enumerate([100 * error, 100 * error + 0.2] for error in errors)
    ]
    assert len(bars) == 6
    for bar, (at, interval) in zip(bars, expected, strict=True):
        assert np.array(bar)[:, 0].tolist() == [at, at]
        assert np.array(bar)[:, 1] == pytest.approx(np.maximum(interval, 0))


def test_a_number_that_was_asked_for_is_an_axis(stacks: list[Path]) -> None:
    found = compare.Comparison(stacks, "test/error", against="pretraining.epochs")
    (axes,) = comparison.draw(found).axes
    assert {label: [*at] for label, (at, _) in joined(axes).items()} == {
        f"model.hidden={depth} (2 seeds)".replace(",", ", "): [0, 15] for depth in np.array(DEPTHS)[[2, 0, 1]]
    }
    assert axes.get_xlabel() == "pretraining.epochs"


def test_the_axis_asked_for_is_the_only_setting_that_differs(make: Make) -> None:
    folders = [make(f"optimizer.mu={mu}", test__error=[0.5, mu]) for mu in (0.3, 0.1)]
    (axes,) = comparison.draw(compare.Comparison(folders, against="optimizer.mu")).axes
    ((label, (at, means)),) = joined(axes).items()
    assert (label, [*at], [*means]) == ("lenet", [0.1, 0.3], pytest.approx([10, 30]))
    assert [line.get_label() for line in axes.lines if line.get_linestyle() == "--"] == ["paper 0.95 % on mnist"]


def test_a_line_says_what_not_all_of_its_points_share(make: Make) -> None:
    folders = [make("optimizer.mu=0.1", seed=seed, test__error=[0.2]) for seed in (0, 1)]
    folders += [
        make("optimizer.mu=0.2", test__error=[0.2]),
        make("optimizer.mu=0.3", test__error=[0.2], status="killed"),
    ]
    (axes,) = comparison.draw(compare.Comparison(folders, against="optimizer.mu")).axes
    assert [*joined(axes)] == ["lenet (2 seeds; 1 run; killed)"]


def test_each_metric_against_a_setting_has_a_panel_with_the_same_colours(stacks: list[Path]) -> None:
    for folder in stacks[:6]:  # those with pretraining
        log = (folder / "metrics.jsonl").read_text().splitlines()
        (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in log if "test/error" not in line))
    found = compare.Comparison(stacks, "test/error,train/loss", against="model.hidden")
    error, loss = comparison.draw(found).axes
    assert (error.get_title(), loss.get_title()) == ("test error, last (%)", "train loss, last")
    assert (len(joined(error)), len(joined(loss))) == (1, 2)
    colours = [
        {line.get_color() for line in axes.lines if line.get_label() == "pretraining.epochs=0 (2 seeds)"}
        for axes in (error, loss)
    ]
    assert colours[0] == colours[1]


def test_what_is_known_at_the_end_alone_is_a_last_value(stacks: list[Path]) -> None:
    assert compare.Comparison(stacks).metrics == ["valid/error"]
    assert compare.Comparison(stacks, against="model.hidden").metrics == ["test/error"]


def test_the_table_has_the_setting_that_was_asked_for(stacks: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plot", "dae", "--against", "model.hidden", "--metric", "test/error"]) == 0
    *table, path = capsys.readouterr().out.splitlines()
    rows = [re.split(r"  +", line) for line in table]
    assert rows[0] == ["test/error", "95 % interval", "steps", "model.hidden", "group"]
    assert [(row[0], row[3], row[4]) for row in rows[1:]] == [
        (f"{100 * error + 0.1:.2f} %", depth.replace(",", ", "), f"pretraining.epochs={epochs} (2 seeds)")
        for epochs, errors in ERRORS.items()
        for error, depth in zip(errors, DEPTHS, strict=True)
    ]
    assert path == "dae-test_error-against-model_hidden.png"
    assert compare.plot(stacks, "test/error", against="model.hidden") == Path(path)


def test_a_slide_names_the_lines_against_a_setting(stacks: list[Path]) -> None:
    figure = comparison.draw(compare.Comparison(stacks, "test/error", against="model.hidden"), slide=True)
    FigureCanvasAgg(figure).draw()
    assert figure.legends == []
    names = [text for text in figure.axes[0].texts if text.get_text().startswith("pretraining")]
    assert [text.get_text() for text in names] == ["pretraining.epochs=15", "pretraining.epochs=0"]
    boxes = [Text.get_window_extent(text) for text in names]
    assert not boxes[0].overlaps(boxes[1])
    right = figure.axes[0].get_window_extent().x1
    assert all(box.x0 > right and box.x1 <= figure.bbox.width for box in boxes)


@pytest.mark.parametrize(
    ("against", "sentence"),
    [
        ("model.hiden", r"these runs have no such setting \(did you mean model\.hidden\?\)"),
        ("zzz", r"no such setting; what differs between these runs is .*model\.hidden.*$"),
        ("model.decoder", r"it is sigmoid in runs/dae/\S+, and only numbers and lists have a place on an axis"),
        ("data.correlation", r"it is null in runs/dae/\S+, and only numbers"),
        ("histograms", r"it changes no number"),
        ("corruption.level", r"it is 0\.\d+ in all of these runs; what differs between these runs is .*model\.hidden"),
        ("seed", "draws of the same thing, and the mean is over them"),
    ],
)
def test_what_is_no_axis_is_said_in_a_sentence(
    stacks: list[Path], capsys: pytest.CaptureFixture[str], against: str, sentence: str
) -> None:
    assert cli.main(["plot", "dae", "--against", against]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"landmarks: --against {against}: ")
    assert re.search(sentence, said)
    assert said.count("\n") == 1


def test_places_that_mean_different_things_are_no_axis(make: Make) -> None:
    wide, narrow = (make(f"model.hidden=[{width}]", name="dae", test__error=[0.2]) for width in (500, 400))
    with pytest.raises(UsageError, match=r"\[500\] and \[400\] have the same place; plot them apart"):
        compare.Comparison([wide, narrow], against="model.hidden")
    xor = make(name="mlp_xor", test__error=[0.2])
    with pytest.raises(UsageError, match=r"it is a number in .*mlp_xor.* and a list in .*dae"):
        compare.Comparison([wide, xor], against="model.hidden")
    with pytest.raises(UsageError, match=r"it is no setting of .*lenet"):
        compare.Comparison([wide, make(test__error=[0.2])], against="model.hidden")
    with pytest.raises(UsageError, match=r"it is \[500\] in all of these runs; these runs differ in no setting"):
        compare.Comparison([wide], against="model.hidden")


def test_metrics_become_panels_and_errors_percent(make: Make) -> None:
    folder = make(test__error=[0.2, 0.1, 0.05], train__loss=[3.0, 2.0, 1.0])
    error, loss = comparison.draw(compare.Comparison([folder], "test/error,train/loss")).axes
    assert (error.get_title(), loss.get_title()) == ("test error (%)", "train loss")
    assert error.lines[0].get_ydata()[-1] == pytest.approx(5.0)  # type: ignore[index]
    wide = comparison.draw(compare.Comparison([make(test__error=[0.9, 0.2, 0.05])]))
    assert wide.axes[0].get_yscale() == "log"
    assert error.get_yscale() == "linear"


def test_each_line_has_its_colour_and_marker(make: Make) -> None:
    folders = [make(f"optimizer.mu={mu}", test__error=[0.2, 0.1]) for mu in (0.1, 0.2, 0.3, 0.4, 0.5)]
    lines = [line for line in comparison.draw(compare.Comparison(folders)).axes[0].lines if line.get_linestyle() == "-"]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 5


def test_a_slide_is_wide_and_names_its_lines_without_overlap(make: Make) -> None:
    folders = [make(f"optimizer.name={n}", test__error=[0.2, 0.1]) for n in ("sdlm", "sgd", "adam")]
    figure = comparison.draw(compare.Comparison(folders), slide=True)
    FigureCanvasAgg(figure).draw()
    assert tuple(figure.get_size_inches()) == (16, 9)
    assert figure.legends == []
    names = [text for text in figure.axes[0].texts if text.get_text().startswith("optimizer")]
    boxes = [Text.get_window_extent(text) for text in names]  # without the line that leads to it
    assert len(boxes) == 3
    assert all(text.get_fontsize() >= 18 for text in names)
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_three_endings_are_written(make: Make, workplace: Path) -> None:
    folder = make(test__error=[0.2, 0.1])
    png, svg, pdf = (compare.plot([folder], output=workplace / f"x.{ending}") for ending in ("png", "svg", "pdf"))
    assert Image.open(png).size == (960, 585)
    assert ET.parse(svg).getroot().tag.endswith("svg")
    assert pdf.read_bytes().startswith(b"%PDF-")
    with pytest.raises(UsageError, match=r"x\.jpg: a plot ends in \.png, \.svg or \.pdf"):
        compare.plot([folder], output=Path("x.jpg"))


def test_a_file_of_another_hand_is_not_overwritten(make: Make, workplace: Path) -> None:
    folder = make(test__error=[0.2, 0.1])
    assert compare.plot([folder]) == compare.plot([folder]) == Path("lenet-test_error.png")
    Path("lenet-test_error.png").write_bytes(b"a photograph")
    with pytest.raises(UsageError, match="in the way and was not drawn here; choose another file with -o FILE"):
        compare.plot([folder])
    assert Path("lenet-test_error.png").read_bytes() == b"a photograph"


def test_runs_are_found_by_name_folder_and_pattern(make: Make, workplace: Path) -> None:
    first, second = make(test__error=[0.2]), make(seed=1, test__error=[0.1])
    other = make(name="mlp_xor", test__error=[0.2])
    names = [first.name, "last", "runs/lenet", "lenet", "runs/lenet/*", f"{workplace}/runs/*/*-0", "*/*-0"]
    found = [{folder.resolve() for folder in compare.find([name], "runs")} for name in names]
    assert found == [{first}, {other}, *[{first, second}] * 3, {first}, {first}]
    assert len(compare.find(["lenet", "last", "runs/*/*"], "runs")) == 3
    with pytest.raises(UsageError, match="no run fits this pattern"):
        compare.find(["alexnet/*"], "runs")
    with pytest.raises(UsageError, match="no run of that name"):
        compare.find(["alexnet"], "runs")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "plot wants runs"),
        (["lenet", "--metric", "test/eror"], r"none of these runs has logged it \(did you mean test/error\?\)"),
        (["lenet", "--metric", "zzz"], "none of these runs has logged it; there are test/error"),
        (["lenet", "-o", "x.gif"], r"a plot ends in \.png, \.svg or \.pdf"),
        (["last"], "this run has logged nothing yet"),
        (["lenet", "--slides"], r"no option --slides \(did you mean --slide\?\)"),
    ],
)
def test_what_cannot_be_plotted_is_said_in_a_sentence(
    make: Make, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    make(test__error=[0.2, 0.1])
    make(name="mlp_xor", status="killed")
    assert cli.main(["plot", *words]) == 2
    said = capsys.readouterr().err
    assert re.search(sentence, said)
    assert said.count("\n") == 1


def test_what_has_no_line_is_left_out_and_said(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make(test__error=[0.2, 0.1])
    make(seed=1, status="killed")
    make("model.c3=dense", train__loss=[1.0, 0.5])
    assert cli.main(["plot", "lenet", "--metric", "test/error"]) == 0
    said = capsys.readouterr().out
    assert "logged nothing yet, so it is left out" in said
    assert "1 run has not logged test/error, and cannot be shown in it" in said
    assert "model.c3" not in said


def test_where_many_settings_differ_a_group_tells_its_own(make: Make) -> None:
    typed = ("model.c3=dense", "model.pooling=max", "order=shuffled", "epochs=3")
    each = [make(word, test__error=[0.2, 0.1]) for word in typed]
    folders = [make(test__error=[0.2, 0.1]), *each]
    assert [group.label for group in compare.Comparison(folders).groups] == ["lenet", *typed]


def test_the_table_fits_80_columns(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        make("replicas=50", "model.hidden=4", name="mlp_xor", seed=seed, train_set__solved=[0.0, 0.9])
        make("replicas=50", name="mlp_xor", seed=seed, train_set__solved=[0.0, 0.8])
    assert cli.main(["plot", "mlp_xor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "mlp_xor-train_set_solved.png"
    assert lines[1].startswith("90.00 %")


def test_real_runs_are_plotted(toy: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    toy("tenth")
    assert cli.main(["run", "tenth", "-m", "seed=0,1", "optimizer.lr=0.1,0.2", "-q"]) == 0
    assert cli.main(["plot", "tenth", "--metric", "train/loss", "-o", "x.svg", "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "x.svg"
    found = compare.Comparison(compare.find(["tenth"], "runs"), "train/loss")
    assert [group.title for group in found.groups] == ["optimizer.lr=0.1 (2 seeds)", "optimizer.lr=0.2 (2 seeds)"]


# The live curve


def dots(lines: Sequence[str]) -> set[tuple[int, int]]:
    """(column, row) of every dot, read off Unicode's own names of braille characters."""
    import unicodedata

    place = {1: (0, 0), 2: (0, 1), 3: (0, 2), 7: (0, 3), 4: (1, 0), 5: (1, 1), 6: (1, 2), 8: (1, 3)}
    found = set()
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            name = unicodedata.name(letter)
            if name.startswith("BRAILLE PATTERN DOTS-"):
                for digit in name.rpartition("-")[2]:
                    x, y = place[int(digit)]
                    found.add((2 * column + x, 4 * row + y))
    return found


def body(chart: list[str]) -> list[str]:
    return [line.partition("│")[2] for line in chart[1:-2]]


def test_a_falling_line_falls_in_dots() -> None:
    chart = watch.chart("train/loss", [(step, 10 - step) for step in range(10)], 50, 5)
    found = dots(body(chart))
    columns, rows = 2 * len(body(chart)[0]), 20
    assert {x for x, _ in found} == set(range(columns))
    for x, y in found:
        assert y == pytest.approx((rows - 1) * x / (columns - 1), abs=1)
    assert (0, 0) in found
    assert (columns - 1, rows - 1) in found
    assert chart[1].split()[0] == "10"
    assert chart[5].split()[0] == "1"
    assert chart[-1].split() == ["0", "step", "9"]
    assert {len(line) for line in chart} == {50}


def test_a_wide_range_is_logarithmic_and_errors_are_percent() -> None:
    chart = watch.chart("test/error", [(0, 1.0), (1, 0.1), (2, 0.01)], 60, 5)
    found = dots(body(chart))
    columns = max(x for x, _ in found)
    middle = [y for x, y in found if x in (columns // 2, columns // 2 + 1)]
    assert min(abs(y - 9.5) for y in middle) <= 1
    assert "1.00 %  (logarithmic)" in chart[0]
    assert chart[1].startswith("100.00 %")


@pytest.mark.parametrize("points", [[(5, 0.3)], [(5, 0.3), (9, 0.3)], [(0, 0.0), (1, 1.0)], [(1, -1.0), (9, 2e9)]])
def test_any_points_can_be_drawn(points: watch.Points) -> None:
    chart = watch.chart("train/loss", points, 40, 4)
    assert dots(body(chart))
    assert {len(line) for line in chart} == {40}


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 12), (20, 5), (80, 6)])
def test_the_curves_fit_any_terminal(width: int, height: int) -> None:
    curves = {name: [(step, math.exp(-step / 9)) for step in range(99)] for name in ("train/loss", "test/error")}
    terminal = Terminal(file=io.StringIO(), force_terminal=True, width=width, height=height)
    with terminal.capture() as capture:
        terminal.print(watch.Curves("training 1/2 " + "x" * 300, curves))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    assert any("⠀" in line for line in lines) == (width >= 40 and height >= 12)


def in_terminal(*words: str) -> str:
    """What a command writes into a pseudo terminal of 80 × 24."""
    ours, theirs = pty.openpty()
    place = os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "landmarks", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=place) as process:
        os.close(theirs)
        written = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux ends a pseudo terminal so
                break
            if not part:
                break
            written += part
    os.close(ours)
    assert process.returncode == 0, written.decode()
    return written.decode()


def test_watch_leaves_its_last_picture_on_a_terminal(workplace: Path) -> None:
    run = (
        "run",
        "mlp_xor",
        "replicas=5",
        "epochs=300",
        "figures=false",
        "histograms=false",
        "criterion.tolerance=null",
    )
    seen = in_terminal(*run, "--watch")
    last = seen[seen.rindex("train/loss  ") :]
    assert "train_set/right" in last
    assert "step 300" in last
    assert "⠀" in last
    assert "mlp_xor: " in last
    assert "⠀" not in in_terminal(*run, "--watch", "-q")


def test_watch_writes_plain_lines_where_there_is_no_terminal(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "mlp_xor", "replicas=5", "epochs=300", "figures=false", "--watch"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "│" not in said
    assert "\x1b" not in said
