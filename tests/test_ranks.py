"""Several processes make one run: what one process makes, up to the order of sums."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from landmarks import assemble, catalog, cli, config, execute, loop, ranks, runs, signals
from landmarks.data.batches import Batches
from landmarks.data.files import Files
from landmarks.errors import UsageError
from landmarks.milestone import Data, Phase, Split
from landmarks.parts import draws
from landmarks.parts.classifiers import PictureClassifier
from landmarks.parts.synchronised import batch_norm
from tests.pictures import CLASSES, plain

ROOT = Path(__file__).parents[1]
COMMON = ("threads=1", "log_every=1", "histograms=false", "figures=false", "deterministic=true")
TINY = {
    "gan": ("data.points=230", "steps=12", "epochs=null", "batch_size=50", "eval_every=6", "parzen.samples=100",
            "model.discriminator.drop_input=0.2", "model.discriminator.drop_hidden=0.5"),
    "dae": ("data.sizes=[101,50,20]", "pretraining.epochs=2", "model.hidden=[30,20]", "epochs=2", "batch_size=20",
            "corruption.name=salt_and_pepper", "emphasis.intact=0.5"),
    "resnet": ("model.depth=8", "model.widths=[4,8,16]", "data.labels=230", "steps=7", "batch_size=75", "eval_every=7",
               "optimizer.warmup={rate:0.001,below:0.8}", "augmentation.mirror=true", "checkpoint_every=2"),
    "lenet": ("epochs=1", "batch_size=600", "data.name=mnist5k", "optimizer.samples=50"),
    "alexnet": ("data.labels=170", "epochs=2", "batch_size=50", "augmentation.colour=0.1", "criterion=0.9"),
}  # fmt: skip
"""Uneven everywhere: no batch can be halved, or the last one of an epoch is shorter than the others."""


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Makes this process one of several, as far as it goes without the others."""

    def be(rank: int, world: int) -> None:
        monkeypatch.setattr(ranks, "rank", rank)
        monkeypatch.setattr(ranks, "world", world)

    return be


Divided = Callable[[int, int], None]


# What needs no second process


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("total", [1, 2, 5, 8, 100, 101])
def test_each_row_of_a_batch_belongs_to_one_process(total: int, world: int, divided: Divided) -> None:
    wanted = [part.tolist() for part in np.array_split(np.arange(total), world)]
    for rank in range(world):
        divided(rank, world)
        part = ranks.part(total)
        assert [*range(part.start, part.stop)][: part.patterns] == wanted[rank]
        assert part.stop > part.start, "a process without a row takes part all the same"
        assert part.share == len(wanted[rank]) / total


DRAWN: dict[str, Callable[[int], torch.Tensor]] = {
    "rand": lambda n: draws.rand(n, 3, device=torch.device("cpu")),
    "randn": lambda n: draws.randn(n, device=torch.device("cpu")),
    "rand_like": lambda n: draws.rand_like(torch.zeros(n, 40)),
    "randn_like": lambda n: draws.randn_like(torch.zeros(n, 7)),
    "dropout": lambda n: draws.dropout(torch.ones(n, 30), 0.4),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("world", [2, 3])
def test_what_is_drawn_for_a_pattern_is_the_same_on_any_process(name: str, world: int, divided: Divided) -> None:
    draw, total = DRAWN[name], 7
    torch.manual_seed(1)
    whole, twice, state = draw(total), draw(2 * total).view(2, total, -1), torch.get_rng_state()
    for rank in range(world):
        divided(rank, world)
        torch.manual_seed(1)
        with ranks.dividing(total) as mine:
            count = mine.stop - mine.start
            assert torch.equal(draw(count), whole[mine.start : mine.stop])
            both = draw(2 * count)  # data and imitations, one below the other
            assert torch.equal(both.view(2, count, -1), twice[:, mine.start : mine.stop])
        assert torch.equal(torch.get_rng_state(), state)


def test_with_one_process_draws_and_normalisation_are_those_of_torch() -> None:
    x = torch.zeros(5, 4).to(torch.bfloat16)
    cpu = torch.device("cpu")
    plainly: dict[Callable[[], torch.Tensor], Callable[[], torch.Tensor]] = {
        lambda: draws.rand(5, device=cpu): lambda: torch.rand(5),
        lambda: draws.randn(5, 3, device=cpu): lambda: torch.randn(5, 3),
        lambda: draws.rand_like(x): lambda: torch.rand_like(x),
        lambda: draws.randn_like(x): lambda: torch.randn_like(x),
        lambda: draws.dropout(x + 1, 0.3): lambda: (x + 1) * (torch.rand(5, 4) >= 0.3) / 0.7,
    }
    for ours, theirs in plainly.items():
        torch.manual_seed(2)
        found = ours()
        torch.manual_seed(2)
        assert torch.equal(found, theirs())
    assert type(batch_norm(3)) is nn.BatchNorm2d


def batches(split: Split, size: int, order: str, withheld: int = 0) -> Batches:
    phase = Phase("p", {}, {}, epochs=1, batch_size=size, order=order, withheld=withheld)  # type: ignore[arg-type]
    settings = SimpleNamespace(seed=3, replicas=1, first_replica=0)
    return Batches(phase, Data("some", {"train": split}, ""), SimpleNamespace(replicated=False), settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["shuffled", "fixed", "sequential"])
@pytest.mark.parametrize(("world", "size", "withheld"), [(2, 4, 0), (3, 4, 2), (4, 10, 0), (3, 5, 0)])
def test_the_rows_of_all_processes_are_the_batch_of_one(
    order: str, world: int, size: int, withheld: int, divided: Divided
) -> None:
    x = torch.arange(11) + 1
    alone = batches(Split(x, -x), size, order, withheld)
    found = []
    for rank in range(world):
        divided(rank, world)
        found.append(batches(Split(x, -x), size, order, withheld))
    for epoch in (0, 2):
        for position in range(alone.per_epoch):
            whole, parts = alone.begin(epoch)(position), []
            for rank, one in enumerate(found):
                divided(rank, world)
                assert one.rows(position) == len(whole.x)
                part = one.begin(epoch)(position)
                assert torch.equal(part.x, -part.y)
                mine = ranks.part(len(whole.x))
                assert len(part.x) == mine.stop - mine.start
                assert mine.patterns or not part.x.any()
                parts.append(part.x[: mine.patterns])
            assert torch.equal(torch.cat(parts), whole.x)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Seven pictures in files."""
    folder, draw = tmp_path_factory.mktemp("seven"), np.random.default_rng(0)
    names = [f"{i}.png" for i in range(7)]
    for name in names:
        plain(CLASSES[0], 20, 20, draw).save(folder / name)
    labels = np.arange(7)
    return Split(Files(folder, np.array(names, dtype=bytes), labels, 16), torch.from_numpy(labels))  # type: ignore[arg-type]


@pytest.mark.parametrize("world", [2, 3, 4])
def test_every_file_is_read_once_an_epoch_over_all_processes(world: int, seven: Split, divided: Divided) -> None:
    learned: list[list[int]] = [[], []]
    looked_at: list[int] = []
    for rank in range(world):
        divided(rank, world)
        mine = batches(seven, 3, "shuffled")
        assert mine.per_epoch == 3
        for epoch in (0, 1):
            for position in range(3):
                batch = mine.begin(epoch)(position)
                learned[epoch] += batch.y[: ranks.part(mine.rows(position)).patterns].tolist()
        looked_at += [label for batch in seven.parts(3) for label in batch.y.tolist()]
    assert sorted(learned[0]) == sorted(learned[1]) == sorted(looked_at) == [*range(7)]


def test_scalars_count_by_the_share_of_their_rows(divided: Divided, monkeypatch: pytest.MonkeyPatch) -> None:
    each = [torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), torch.tensor([7.0, 8.0])]
    sums = []
    for rank in range(3):
        divided(rank, 3)
        sums.append(loop.Sums(torch.device("cpu")))
        for batch in each:
            part = ranks.part(len(batch))
            sums[-1].add({"loss": batch[part.start : part.stop].mean() * part.share})
        sums[-1].count = len(each)
    total = torch.stack([one.totals["loss"] for one in sums]).sum()
    monkeypatch.setattr(ranks, "summed", lambda value: value.copy_(total))
    assert sums[0].means() == {"train/loss": pytest.approx((3 + 7.5) / 2)}
    monkeypatch.setattr(ranks, "first", False)
    sums[1].means()
    assert sums[0].totals["loss"] == pytest.approx(10.5), "the first process goes on from the sum of all"
    assert sums[1].totals["loss"] == 0


def test_processes_agree_on_the_latest_wish_and_ask_again_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = signals.Signals()
    monkeypatch.setattr(ranks, "world", 2)
    for number in (signal.SIGINT, signal.SIGINT):  # torchrun passes on what the terminal has sent already
        ours._note(number, None)
    assert (ours.heard, ours.asked) == (signal.SIGINT, 0)
    for slowest, steps in ((2.0, 1), (0.1, 5), (1e-7, 1000)):
        monkeypatch.setattr(ranks, "largest", lambda heard, own, slowest=slowest: [signal.SIGTERM, max(own, slowest)])
        assert ours.agree(0.0) == steps
        assert ours.asked == signal.SIGTERM


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_what_cannot_be_shared_is_refused_before_there_is_a_folder(
    name: str, workplace: Path, divided: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    divided(0, 2)
    monkeypatch.setattr(ranks, "gathered", lambda value: [value, None])
    words = [*TINY.get(name, ()), "discriminator_steps=2" if name == "gan" else "batch_size=1"] * (name in TINY)
    with pytest.raises(UsageError, match=rf"^{name}: .*run it without torchrun$"):
        execute.start(config.compose(name, words), quiet=True)
    assert not (workplace / "runs").exists()
    if name in TINY:
        assert not assemble.make(config.compose(name)).undivided


def test_one_process_of_several_is_silent_and_verbs_are_refused(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, value in {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "here", "MASTER_PORT": 1}.items():
        monkeypatch.setenv(key, str(value))
    for first in (True, False):
        monkeypatch.setattr(ranks, "first", first)
        for words, says in (
            (["list"], "list: torchrun's processes share a run"),
            (["run", "lenet", "-m", "seed=0,1"], "-m: torchrun's processes share one run"),
            (["run", "lenet", "sed=1"], "did you mean seed?"),
        ):
            assert cli.main(words) == 2
            out, err = capsys.readouterr()
            assert not out
            assert err.count("\n") == first
            assert not first or says in err


# What needs several


def commands(*words: Sequence[str], **hit: int) -> list[dict[str, Any]]:
    return [{"words": [*some], **({"hit": hit} if hit else {})} for some in words]


def run(name: str, folder: Path, *more: str) -> list[str]:
    return ["run", name, f"runs={folder}", *COMMON, *TINY[name], *more]


def together(place: Path, world: int, work: list[dict[str, Any]]) -> list[subprocess.CompletedProcess[str]]:
    """Let so many processes do their work; what each of them said. Ends them all where one hangs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    there = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.together", str(place), json.dumps(work)]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | there | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(world)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=120) for process in started]
    finally:
        for process in started:
            process.kill()
    return [
        subprocess.CompletedProcess(command, process.returncode, *words)
        for process, words in zip(started, said, strict=True)
    ]


def codes(place: Path, rank: int) -> list[int]:
    """How each command has ended there."""
    found: list[int] = json.loads((place / f"{rank}.json").read_text())
    return found


def lines(folder: Path) -> list[dict[str, float]]:
    read = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k == "step" or ("/" in k and "speed" not in k)} for line in read]


def agrees(found: Path, wanted: Path, within: float = 1e-4) -> None:
    """Curves and last weights are the same up to rounding."""
    for line, other in zip(lines(found), lines(wanted), strict=True):
        assert line == pytest.approx(other, rel=within, abs=within), line["step"]
    weights, others = (load_file(folder / "model.safetensors") for folder in (found, wanted))
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        other = others[name].double()
        assert (weight.double() - other).abs().max() <= within * max(1, float(other.abs().max())), name


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Runs of one process, each made once, to compare with.

    Where channels lie last torch's own normalisation is right to 2e-5 alone on a CPU, else to 5e-7.
    """
    root, made = tmp_path_factory.mktemp("alone"), dict[str, Path]()

    def make(name: str) -> Path:
        if name not in made:
            made[name] = execute.start(config.compose(name, run(name, root)[2:]), quiet=True)
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PictureClassifier, "answers", lambda self, view: self.network(view.contiguous()))
        yield make


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[subprocess.CompletedProcess[str]]]:
    """A folder in which two processes have made runs, of which the last was interrupted."""
    place = tmp_path_factory.mktemp("two")
    torch.manual_seed(0)
    shapes = [(rows, 3, 4, 4) for rows in (5, 1)]  # neither can be halved: in the second a process has no row
    batches = [[torch.randn(shape) + 3, torch.rand(3), torch.randn(3), torch.randn(shape)] for shape in shapes]
    torch.save(batches, place / "batches.pt")
    finished = commands(*(run(name, place / "runs") for name in ("gan", "dae", "resnet")))
    stopped = commands(run("resnet", place / "stopped"), rank=1, step=4, signal=int(signal.SIGINT))
    refused = commands(["resume", "none", "--runs", str(place / "runs")])
    return place, together(place, 2, [*finished, *commands(["normalise"]), *stopped, *refused])


Two = tuple[Path, list[subprocess.CompletedProcess[str]]]


@pytest.mark.parametrize("name", ["gan", "dae", "resnet"])
def test_two_processes_make_what_one_makes(name: str, two: Two, alone: Callable[[str], Path]) -> None:
    (folder,) = (two[0] / "runs" / name).iterdir()
    agrees(folder, alone(name))
    assert len([*folder.glob("events.*")]) == 1
    about = [json.loads((f / "environment.json").read_text())["processes"] for f in (folder, alone(name))]
    assert about == [2, 1]
    prints = [runs.summary(f)["fingerprint"] for f in (folder, alone(name))]
    assert prints[0] == prints[1]


def test_the_first_process_alone_speaks(two: Two) -> None:
    place, (first, second) = two
    assert codes(place, 0) == codes(place, 1) == [0, 0, 0, 130, 2], first.stderr + second.stderr
    assert second.stdout == second.stderr == ""
    said = first.stdout.splitlines()
    for name in ("gan", "dae", "resnet"):
        assert sum(line.startswith(f"{name}: ") for line in said) == 1
    stopped, missing = first.stderr.splitlines()
    assert "interrupted at step" in stopped
    assert "landmarks resume" in stopped
    assert "no run of that name" in missing


def test_normalisation_is_over_the_rows_of_both(two: Two) -> None:
    made = [torch.load(two[0] / f"normalised-{rank}.pt", weights_only=True) for rank in range(2)]
    for batch, *parts in zip(torch.load(two[0] / "batches.pt", weights_only=True), *made, strict=True):
        x, weight, bias, towards = (side.double() for side in batch)
        layer = nn.BatchNorm2d(3).double()
        layer.weight.data, layer.bias.data = weight, bias
        y = layer(x.requires_grad_())
        loss = (y * towards).sum((1, 2, 3)).mean()
        wanted = [y.detach(), *torch.autograd.grad(loss, [x, layer.weight, layer.bias]), *layer.buffers()]
        joined = [torch.cat(rows) for rows in zip(*(part[:2] for part in parts), strict=True)]
        for part in parts:
            for found, right in zip([*joined, *part[2:]], wanted, strict=True):
                torch.testing.assert_close(found.double(), right.double(), rtol=1e-5, atol=1e-6)


def test_a_run_that_two_were_stopped_in_one_finishes(two: Two, alone: Callable[[str], Path]) -> None:
    (folder,) = (two[0] / "stopped" / "resnet").iterdir()
    assert runs.summary(folder)["status"] == "interrupted"
    kept = runs.summary(folder)["steps"]
    assert max((folder / "checkpoints").glob("*.pt")).name == f"step-{kept:09d}.pt"
    execute.resume(folder, quiet=True)
    agrees(folder, alone("resnet"))


@pytest.mark.parametrize("lost", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_where_a_process_dies_the_run_ends_with_a_sentence(lost: int, tmp_path: Path) -> None:
    work = commands(run("dae", tmp_path / "runs"), rank=lost, step=13, signal=int(signal.SIGKILL))
    done = together(tmp_path, 2, work)
    assert done[lost].returncode == -signal.SIGKILL
    assert codes(tmp_path, 1 - lost) == [1]
    (folder,) = (tmp_path / "runs" / "dae").iterdir()
    (said,) = [line for line in done[1 - lost].stderr.splitlines() if line.startswith("landmarks: ")]
    assert f"one of its 2 processes has ended, or cannot be reached; `landmarks resume {folder}` goes on" in said
    assert runs.summary(folder)["status"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "lenet"])
def test_three_processes_make_what_one_makes(name: str, tmp_path: Path, alone: Callable[[str], Path]) -> None:
    done = together(tmp_path, 3, commands(run(name, tmp_path / "runs")))
    assert [process.returncode for process in done] == [0] * 3, done[0].stderr
    (folder,) = (tmp_path / "runs" / name).iterdir()
    agrees(folder, alone(name))


@pytest.mark.slow
def test_four_go_on_where_two_were_stopped(tmp_path: Path, alone: Callable[[str], Path]) -> None:
    together(tmp_path, 2, commands(run("gan", tmp_path / "runs"), rank=0, step=5, signal=int(signal.SIGTERM)))
    assert codes(tmp_path, 0) == codes(tmp_path, 1) == [143]
    (folder,) = (tmp_path / "runs" / "gan").iterdir()
    done = together(tmp_path, 4, commands(["resume", str(folder)]))
    assert [codes(tmp_path, rank) for rank in range(4)] == [[0]] * 4, done[0].stderr
    assert "processes was 2 and is 4: the run will not end bit for bit as it would have" in done[0].stdout
    agrees(folder, alone("gan"))


@pytest.mark.slow
def test_pictures_in_files_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, draw = tmp_path / "pictures", np.random.default_rng(1)
    for kind in CLASSES:
        for i in range(15):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            plain(kind, 40, 40, draw).save(folder / kind / f"{i}.png")
    source = ("data.name=images", f"data.root={folder}", "data.in_memory=false", "data.workers=1", "data.labels=null")
    words = run("resnet", tmp_path / "runs", *source, "batch_size=11", "steps=9")
    done = together(tmp_path, 2, commands(words))
    assert codes(tmp_path, 0) == codes(tmp_path, 1) == [0], done[0].stderr + done[1].stderr
    (shared,) = (tmp_path / "runs" / "resnet").iterdir()
    monkeypatch.setattr(PictureClassifier, "answers", lambda self, view: self.network(view.contiguous()))
    agrees(shared, execute.start(config.compose("resnet", words[2:]), quiet=True))


@pytest.mark.slow
def test_torchrun_ends_a_run_of_which_a_process_has_died(tmp_path: Path) -> None:
    def torchrun(work: list[dict[str, Any]]) -> list[str]:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
                   "-m", "tests.together", str(tmp_path), json.dumps(work)]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode == 0) == ("hit" not in work[0]), done.stderr
        return [line for line in done.stderr.splitlines() if line.startswith("landmarks: ")]

    words = run("dae", tmp_path / "runs")
    for lost in (0, 1):
        (said,) = torchrun(commands(words, rank=lost, step=13, signal=int(signal.SIGKILL)))
        folder = runs.find("last", str(tmp_path / "runs"))
        assert f"`landmarks resume {folder}` goes on" in said
        assert runs.summary(folder)["status"] == "failed"
        execute.resume(folder, quiet=True)
    assert torchrun(commands(words)) == []
