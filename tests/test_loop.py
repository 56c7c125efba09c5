"""The shared loop with made-up milestones: training, logging, stopping, resuming, extending."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from landmarks import cli, config, execute, loop, runs
from landmarks.errors import Interrupted, LandmarksError
from landmarks.milestone import Batch, Decision, Milestone, Scalars
from tests import toys

Add = Callable[[str], None]
NAMES = ["tenth", "two_phases", "adversaries"]


def start(name: str, *overrides: str) -> Path:
    return execute.start(config.compose(name, overrides), quiet=True)


def lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` without what a clock put there."""
    read = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds" and not k.startswith("speed/")} for line in read]


def same(one: Path, other: Path) -> bool:
    weights = [(folder / "model.safetensors").read_bytes() for folder in (one, other)]
    metrics = [json.loads((folder / "summary.json").read_text())["metrics"] for folder in (one, other)]
    return weights[0] == weights[1] and lines(one) == lines(other) and metrics[0] == metrics[1]


class Killed(BaseException):
    """Ends a run as `kill -9` would: nothing of ours catches it."""


def at_step(monkeypatch: pytest.MonkeyPatch, name: str, n: int, act: Callable[[], None]) -> None:
    """Let something happen in the middle of the n-th step."""
    cls = getattr(toys, {"tenth": "Tenth", "two_phases": "TwoPhases", "adversaries": "Adversaries"}[name])
    calls, step = [0], cls.step

    def patched(self: Milestone, batch: Batch) -> Scalars:
        calls[0] += 1
        if calls[0] == n:
            act()
        result: Scalars = step(self, batch)
        return result

    monkeypatch.setattr(cls, "step", patched)


def kill() -> None:
    raise Killed


@pytest.mark.parametrize("name", NAMES)
def test_a_made_up_milestone_trains_logs_and_checkpoints(toy: Add, name: str) -> None:
    toy(name)
    folder = start(name)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["steps"] == {"tenth": 48, "two_phases": 20, "adversaries": 12}[name]
    assert len(list((folder / "checkpoints").glob("*.pt"))) == 2
    assert {path.name for path in folder.iterdir()} >= {
        "config.yaml", "overrides.txt", "environment.json", "log.txt", "metrics.jsonl", "model.safetensors", "figures",
    }  # fmt: skip
    assert (folder / "figures" / "curves.png").stat().st_size > 5000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kill_at", [1, 4, 6, 11, 12])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    toy: Add, name: str, kill_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(name)
    whole = start(name)
    with monkeypatch.context() as patch:
        at_step(patch, name, kill_at, kill)
        with pytest.raises(Killed):
            start(name)
    cut = runs.find("last", "runs")
    assert cut != whole
    execute.resume(cut, quiet=True)
    assert same(whole, cut)


def test_two_kills_and_a_damaged_checkpoint(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("tenth")
    whole = start("tenth")
    for n in (23, 13):
        with monkeypatch.context() as patch:
            at_step(patch, "tenth", n, kill)
            with pytest.raises(Killed):
                start("tenth") if n == 23 else execute.resume(runs.find("last", "runs"), quiet=True)
    cut = runs.find("last", "runs")
    newest = max((cut / "checkpoints").glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-40])
    execute.resume(cut, quiet=True)
    assert same(whole, cut)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_resume_goes_on(
    toy: Add, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    toy("tenth")
    whole = start("tenth")
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 17, lambda: os.kill(os.getpid(), number))
        with pytest.raises(Interrupted, match="landmarks resume") as caught:
            start("tenth")
    assert caught.value.exit_code == code
    cut = runs.find("last", "runs")
    assert json.loads((cut / "summary.json").read_text())["status"] == "interrupted"
    assert max((cut / "checkpoints").glob("*.pt")).name == "step-000000017.pt"
    execute.resume(cut, quiet=True)
    assert same(whole, cut)


def test_how_often_is_logged_changes_no_weight(toy: Add) -> None:
    toy("tenth")
    often = start("tenth", "log_every=1", "eval_every=1", "checkpoint_every=1")
    seldom = start("tenth", "log_every=100", "eval_every=31", "checkpoint_every=29")
    assert (often / "model.safetensors").read_bytes() == (seldom / "model.safetensors").read_bytes()


def test_a_finished_run_says_so_and_can_be_extended(toy: Add) -> None:
    toy("tenth")
    folder = start("tenth")
    with pytest.raises(LandmarksError, match=r"finished \(epochs=12\).*epochs=24"):
        execute.resume(folder)
    for other in ("optimizer.lr=1.0", "eval_every=3"):  # the latter decides when a run may end
        with pytest.raises(LandmarksError, match="may change only"):
            execute.resume(folder, [other])
    execute.resume(folder, ["epochs=20"], quiet=True)
    longer = start("tenth", "epochs=20")
    assert (folder / "model.safetensors").read_bytes() == (longer / "model.safetensors").read_bytes()


def test_a_run_cannot_be_shortened_and_steps_rule(toy: Add) -> None:
    toy("tenth")
    folder = start("tenth")
    with pytest.raises(LandmarksError, match="cannot be shortened"):
        execute.resume(folder, ["epochs=5"])
    stepped = start("tenth", "steps=10")
    with pytest.raises(LandmarksError, match=r"finished \(steps=10\).*steps=20"):
        execute.resume(stepped)
    with pytest.raises(LandmarksError, match="may change only"):
        execute.resume(stepped, ["epochs=30"])
    execute.resume(stepped, ["steps=20"], quiet=True)
    assert json.loads((stepped / "summary.json").read_text())["steps"] == 20


def test_the_log_is_cut_exactly_where_the_checkpoint_stands(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill after log lines that no checkpoint vouches for, a resume stopped before its first line, another resume."""
    toy("tenth")
    whole = start("tenth", "checkpoint_every=20")
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 34, kill)
        with pytest.raises(Killed):
            start("tenth", "checkpoint_every=20")
    cut = runs.find("last", "runs")
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 1, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(Interrupted):
            execute.resume(cut, quiet=True)
    execute.resume(cut, quiet=True)
    assert same(whole, cut)


def test_a_kill_while_the_figures_are_drawn(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("tenth")
    whole = start("tenth")
    with monkeypatch.context() as patch:
        patch.setattr(execute.Run, "_draw", lambda *words: kill())
        with pytest.raises(Killed):
            start("tenth")
    cut = execute.resume(runs.find("last", "runs"), quiet=True)
    assert same(whole, cut)


def test_a_phase_can_end_early(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("two_phases")
    monkeypatch.setattr(toys.TwoPhases, "decide", lambda self, metrics: Decision.END_PHASE)
    folder = start("two_phases", "eval_every=4")
    assert json.loads((folder / "summary.json").read_text())["steps"] == 8
    with monkeypatch.context() as patch:
        at_step(patch, "two_phases", 5, kill)
        with pytest.raises(Killed):
            start("two_phases", "eval_every=4")
    assert same(folder, execute.resume(runs.find("last", "runs"), quiet=True))


@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "summary.json"])
def test_a_damaged_file_of_a_run_is_one_sentence(toy: Add, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    toy("tenth")
    folder = start("tenth")
    (folder / name).write_text("{: [")
    capsys.readouterr()
    code = cli.main(["resume", "last", "epochs=14", "-q"])
    assert code == (0 if name == "summary.json" else 1)
    assert capsys.readouterr().err.count("\n") == (0 if name == "summary.json" else 1)
    assert cli.main(["runs"]) == 0


def test_a_configuration_that_lacks_a_group_is_one_sentence(toy: Add, capsys: pytest.CaptureFixture[str]) -> None:
    toy("tenth")
    folder = start("tenth")
    tree = config.from_yaml((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(config.to_yaml({key: tree[key] for key in tree if key != "optimizer"}))
    assert cli.main(["resume", "last", "epochs=14", "-q"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_renamed_run_is_still_found(toy: Add) -> None:
    toy("tenth")
    folder = start("tenth").rename("runs/tenth/my-favourite-run-of-the-year")
    newer = start("tenth")
    assert runs.find("last", "runs") == newer
    assert runs.find("favourite-run-of-the-year", "runs") == folder


def test_an_extended_run_may_itself_be_killed(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("tenth")
    folder = start("tenth")
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 9, kill)
        with pytest.raises(Killed):
            execute.resume(folder, ["epochs=20"], quiet=True)
    execute.resume(folder, quiet=True)
    longer = start("tenth", "epochs=20")
    assert (folder / "model.safetensors").read_bytes() == (longer / "model.safetensors").read_bytes()


def test_a_loss_that_is_not_finite_stops_the_run(toy: Add, capsys: pytest.CaptureFixture[str]) -> None:
    toy("tenth")
    assert cli.main(["run", "tenth", "optimizer.lr=1e30", "-q"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not finite" in said
    assert "rate: main" in said
    summary = runs.summary(runs.find("last", "runs"))
    assert (summary["status"], summary["diverged"]) == ("failed", True)
    assert cli.main(["runs"]) == 0


def test_a_run_that_failed_otherwise_has_not_diverged(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise LandmarksError("the disk is full")

    toy("tenth")
    at_step(monkeypatch, "tenth", 9, full)
    with pytest.raises(LandmarksError, match="the disk is full"):
        start("tenth", "figures=false")
    summary = runs.summary(runs.find("last", "runs"))
    assert (summary["status"], "diverged" in summary) == ("failed", False)


def test_a_run_keeps_the_revisions_that_it_was_begun_with(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of two revisions make no run of the later one; runs older than this note are taken as today's."""
    toy("tenth")
    before = runs.summary(start("tenth", "figures=false"))["fingerprint"]
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 23, kill)
        with pytest.raises(Killed):
            start("tenth", "figures=false")
    cut = runs.find("last", "runs")
    monkeypatch.setattr(loop, "REVISION", loop.REVISION + 1)
    today = runs.summary(start("tenth", "figures=false"))["fingerprint"]
    assert today != before
    execute.resume(cut, quiet=True)
    path = cut / "environment.json"
    environment = json.loads(path.read_text())
    assert runs.summary(cut)["fingerprint"] == environment["fingerprint"] == before
    assert environment.pop("revisions") == [toys.Tenth.revision, loop.REVISION - 1]
    path.write_text(json.dumps(environment))
    execute.resume(cut, ["epochs=13"], quiet=True)
    assert runs.summary(cut)["fingerprint"] == runs.summary(start("tenth", "figures=false", "epochs=13"))["fingerprint"]


def test_a_second_process_on_a_run_is_refused(toy: Add) -> None:
    toy("tenth")
    folder = start("tenth")
    with runs.locked(folder), pytest.raises(LandmarksError, match="another process"):
        execute.resume(folder, ["epochs=20"])


def test_tensorboard_reads_every_scalar_of_the_log(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("tenth")
    with monkeypatch.context() as patch:
        at_step(patch, "tenth", 28, kill)
        with pytest.raises(Killed):
            start("tenth")
    folder = execute.resume(runs.find("last", "runs"), quiet=True)
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    written: dict[str, list[tuple[int, float]]] = {}
    for line in (json.loads(text) for text in (folder / "metrics.jsonl").read_text().splitlines()):
        for name in line.keys() - {"step", "phase", "epoch", "seconds"}:
            written.setdefault(name, []).append((line["step"], line[name]))
    assert written.keys() >= {"train/loss", "train_set/error", "rate/main", "gradient/all", "speed/items_per_s"}
    for name, points in written.items():
        read = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in read] == [step for step, _ in points], name
        assert [value for _, value in read] == pytest.approx([value for _, value in points], rel=1e-6), name
    assert {"card/text_summary"} <= set(events.Tags()["tensors"])
    assert "at the end/curves" in events.Tags()["images"]
    assert any(name.startswith("weights/") for name in events.Tags()["histograms"])


def test_only_the_phases_own_parameters_learn(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("two_phases")
    seen: list[tuple[str, dict[str, list[float]]]] = []
    step = toys.TwoPhases.step

    def watched(self: toys.TwoPhases, batch: Batch) -> Scalars:
        result: Scalars = step(self, batch)
        seen.append((self.phase.name, {n: p.detach().flatten().tolist() for n, p in self.net.named_parameters()}))
        return result

    monkeypatch.setattr(toys.TwoPhases, "step", watched)
    start("two_phases")
    for (before_phase, before), (phase, after) in itertools.pairwise(seen):
        if before_phase == phase:
            moved = {name[0] for name in after if before[name] != after[name]}
            assert moved == ({"0"} if phase == "first" else {"3"})


def test_two_adversaries_circle(toy: Add) -> None:
    """x ← x − η y and y ← y + 2η x', by hand."""
    toy("adversaries")
    folder = start("adversaries", "log_every=1", "optimizer.lr=0.1")
    x = y = 1.0
    for line in (line for line in lines(folder) if "train/x" in line):
        x -= 0.1 * y
        y += 0.2 * x
        assert line["train/x"] == pytest.approx(x, rel=1e-5)
        assert line["train/y"] == pytest.approx(y, rel=1e-5)


def test_decide_can_stop_and_change_the_rate(toy: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    toy("tenth")

    def decide(self: Milestone, metrics: Any) -> Decision:
        self.factor *= 0.5
        return Decision.STOP if self.factor < 0.2 else Decision.CONTINUE

    monkeypatch.setattr(toys.Tenth, "decide", decide)
    folder = start("tenth")
    rates = {line["step"]: line["rate/main"] for line in lines(folder) if "rate/main" in line}
    assert rates[9] == pytest.approx(0.5 * 0.1 / (1 + 8 / 4))
    assert json.loads((folder / "summary.json").read_text())["steps"] == 21
