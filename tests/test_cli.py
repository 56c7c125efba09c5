"""The commands, by running them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from landmarks import cli, config, runs, shipped
from landmarks.words import print_table

pytestmark = pytest.mark.usefixtures("compose_once")

ROOT = Path(__file__).parents[1]


def landmarks(*words: str, code: int = 0, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, in a process of its own."""
    command = [sys.executable, "-m", "landmarks", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload]
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rum"], "no verb rum (did you mean run?)"),
        (["lenet"], "`landmarks run lenet`"),
        (["run"], "run wants a milestone"),
        (["run", "lenett"], "no milestone lenett (did you mean lenet?)"),
        (["run", "mlp_xor,lenett"], "no milestone lenett"),
        (["run", "mlp_xor", "optimiser.lr=1"], "no key optimiser.lr (did you mean optimizer.lr?)"),
        (["run", "mlp_xor", "scale=papr"], "no scale papr (did you mean paper?)"),
        (["run", "mlp_xor", "experiment=nonsense"], "no experiment nonsense"),
        (["run", "mlp_xor", "experiment=paritty"], "did you mean parity?"),
        (["run", "mlp_xor", "seed=abc"], "override seed=abc: seed must be a whole number, got 'abc'"),
        (["run", "mlp_xor", "seed=-1"], "override seed=-1: seed must be >= 0, got -1"),
        (["run", "mlp_xor", "seed=1.5"], "seed must be a whole number"),
        (["run", "mlp_xor", "seed"], "write KEY=VALUE"),
        (["run", "mlp_xor", "optimizer.lr=-0.1"], "override optimizer.lr=-0.1: optimizer.lr must be > 0, got -0.1"),
        (["run", "mlp_xor", "optimizer=3"], "optimizer must be a group"),
        (["run", "mlp_xor", "device=cuda:99"], "device=cuda:99: torch"),
        (["run", "mlp_xor", "device=gpu"], "device must be auto, cpu, cuda, cuda:N or mps, got gpu"),
        (["run", "mlp_xor", "milestone=lenet"], "landmarks run lenet"),
        (["run", "mlp_xor", "optimizer.lr=[1"], "optimizer.lr"),
        (["run", "mlp_xor", "-m", "optimiser.lr=1,2"], "no key optimiser.lr"),
        (["run", "mlp_xor", "-m", "seed=0,abc"], "override seed=abc: seed must be a whole number"),
        (["run", "mlp_xor", "-m", "seed=0,-1"], "override seed=-1: seed must be >= 0"),
        (["run", "mlp_xor", "-m", "seed=0", "optimizer.lr=0.1,-0.1"], "optimizer.lr must be > 0, got -0.1"),
        (["run", "mlp_xor", "seed=0,1"], "`-m` sweeps over several values"),
        (["run", "mlp_xor,lenet", "-m", "model.hidden=2,3"], "lenet has no key model.hidden"),
        (["run", "lenet", "schedule=[]"], "override schedule=[]: schedule must be at least one"),
        (
            ["run", "lenet", "schedule=[{until:1}]"],
            "override schedule=[{until:1}]: the key schedule[0].rate is missing",
        ),
        (["run", "resnet", "replicas=3"], "replicas must be 1"),
        (["runs", "foo"], "nothing to do with foo"),
        (["show", "lenett"], "did you mean lenet?"),
        (["show"], "show wants a milestone"),
        (["resume"], "resume wants a run"),
        (["resume", "last"], "there is no run"),
        (["runs", "--rusn", "x"], "no option --rusn (did you mean --runs?)"),
        (["board"], "no such folder"),
        (["data", "fech"], "did you mean fetch?"),
    ],
)
def test_a_usage_error_is_one_sentence_and_exit_2(
    words: list[str], says: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not list(workplace.glob("runs/*/*"))


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["list"],
        ["runs"],
        ["rum"],
        ["run", "lenett"],
        ["run", "lenet", "optimiser.lr=1"],
        ["run", "lenet", "scale=papr"],
        ["run", "lenet", "experiment=nonsense"],
        ["run", "lenet", "seed=abc"],
    ],
)
def test_what_needs_no_torch_does_not_import_it(words: list[str], workplace: Path) -> None:
    heavy = "{'torch', 'torchvision', 'matplotlib', 'tensorboard', 'pandas'}"
    hydra = " | {'hydra', 'omegaconf', 'rich', 'numpy'}" if words[0] != "run" else ""
    code = f"import sys; from landmarks import cli; cli.main({words!r}); print(({heavy}{hydra}) & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_timeline_has_nine_names_in_the_order_of_their_years(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    _, *lines, note = capsys.readouterr().out.splitlines()
    assert note.startswith("verdicts as shipped")
    assert [line.split()[1] for line in lines] == [
        "mcculloch_pitts", "perceptron", "mlp_xor", "lstm", "lenet", "dae", "alexnet", "gan", "resnet"
    ]  # fmt: skip
    years = [int(line.split()[0]) for line in lines]
    assert years == sorted(years)


def test_a_run_a_resume_a_list(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = landmarks("run", "mlp_xor", "replicas=3")
    assert done.stdout.splitlines()[-1].startswith("mlp_xor: ")
    (folder,) = (workplace / "runs" / "mlp_xor").iterdir()
    assert (folder / "overrides.txt").read_text() == "replicas=3\n"
    assert cli.main(["resume", "last"]) == 1
    assert "finished" in capsys.readouterr().err
    assert cli.main(["runs"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2
    assert "finished" in table[1]
    assert "replicas=3" in table[1]


def test_quiet_prints_the_result_alone(workplace: Path) -> None:
    assert len(landmarks("run", "mlp_xor", "figures=false", "-q").stdout.splitlines()) == 1


def test_a_sweep_gives_a_folder_each(workplace: Path) -> None:
    words = ["seed=0,1,2", "experiment=two_hidden", "epochs=50", "figures=False"]  # as Hydra writes it
    assert cli.main(["run", "mlp_xor", "-m", *words]) == 0
    folders = sorted((workplace / "runs" / "mlp_xor").iterdir())
    seeds = [json.loads((folder / "summary.json").read_text())["seed"] for folder in folders]
    assert seeds == [0, 1, 2]
    assert (folders[1] / "overrides.txt").read_text().split() == ["seed=1", *words[1:]]


def test_hydra_prints_the_configuration(workplace: Path) -> None:
    printed = config.from_yaml(landmarks("run", "mlp_xor", "--cfg", "job", "seed=5").stdout)
    assert printed == config.compose("mlp_xor", ["seed=5"]).tree
    assert not (workplace / "runs").exists()


def test_several_milestones_and_one_failure(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "runs").mkdir()
    (workplace / "runs" / "mlp_xor").write_text("in the way")
    assert cli.main(["run", "mlp_xor,mlp_xor,lenet", "epochs=1", "figures=false", "-q"]) == 1
    said = capsys.readouterr()
    assert "lenet: " in said.out
    assert "mlp_xor: a file is in the way" in said.err.replace("\n", " ") or "runs" in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(workplace: Path) -> None:
    (workplace / "runs").mkdir(mode=0o500)
    assert "choose another with runs=DIR" in landmarks("run", "mlp_xor", code=1).stderr


def test_a_runs_folder_that_cannot_be_made(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "mlp_xor", "runs=/proc/none", "-q"]) == 1
    said = capsys.readouterr().err
    assert "choose another with runs=DIR" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["lenet", "mlp_xor"])
def test_every_key_that_show_prints_can_be_overridden(name: str, workplace: Path) -> None:
    composed = config.compose(name)
    keys = [key for key in config._keys(composed.tree) if key not in ("milestone", "experiment", "scale")]
    for key in keys:
        value = composed.tree
        for part in key.split("."):
            value = value[part]
        if not isinstance(value, dict):
            again = config.compose(name, [f"{key}={_as_override(value)}"])
            assert again.tree == composed.tree, key


def _as_override(value: object) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_as_override, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_as_override(v)}" for k, v in value.items()) + "}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_kill_9_in_the_middle_and_resume(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LeNet killed for real ends byte for byte as the run that was left alone."""
    words = ["run", "lenet", "epochs=1", "data.valid=3000", "checkpoint_every=300", "figures=false"]
    assert cli.main(words) == 0
    whole = runs.find("last", "runs")
    started = subprocess.Popen([sys.executable, "-m", "landmarks", *words], stdout=subprocess.DEVNULL)
    try:
        _until(lambda: len(runs.all_runs("runs")) == 2, started)
        cut = runs.find("last", "runs")
        _until(lambda: any(cut.glob("checkpoints/step-*.pt")), started)
        started.send_signal(signal.SIGSTOP)  # it holds its lock, and cannot end before the other one looks
        assert cli.main(["resume", str(cut)]) == 1
        assert "another process" in capsys.readouterr().err
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()
    assert runs.summary(cut)["status"] == "killed"
    landmarks("resume", str(cut))
    assert (whole / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (whole, cut)]
    assert summaries[0]["metrics"] == summaries[1]["metrics"]
    assert summaries[0]["fingerprint"] == summaries[1]["fingerprint"]


def test_the_board_answers_and_ends_on_ctrl_c(workplace: Path) -> None:
    assert cli.main(["run", "mlp_xor", "epochs=20", "-q"]) == 0
    board = subprocess.Popen(
        [sys.executable, "-m", "landmarks", "board", "--port", "0"], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore Ctrl-C
    )  # fmt: skip
    try:
        assert board.stdout is not None
        address = next(word for word in board.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
        page, _, opened = address.partition("?")
        assert opened.endswith("#custom_scalars&_smoothingWeight=0")

        def answer(route: str):
            with urllib.request.urlopen(f"{page}data/{route}") as found:
                return json.load(found)

        _until(lambda: len(answer("runs")) == 2, board)  # it answers before it has read the folder
        assert sorted(answer("runs")) == ["mlp_xor/epochs=20, seed 0", "prepared view 1"]
        assert answer("plugin/custom_scalars/layout")["category"][0]["title"] == "mlp_xor"
        board.send_signal(signal.SIGINT)
        assert board.wait() == 0
    finally:
        board.kill()


def test_a_wheel_holds_the_configuration_and_the_results(tmp_path: Path) -> None:
    """The wheel, unpacked far from the clone, composes as the clone does, and knows what was measured."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from landmarks import config, shipped; print(config.folder()); print(shipped.folder())"
    code += "; print(config.compose('lenet').tree['epochs']); print([*shipped.headlines()])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    epochs = config.compose("lenet").tree["epochs"]
    inside = tmp_path / "site" / "landmarks"
    headlines = str([*shipped.headlines()])
    assert done.stdout.splitlines() == [
        *map(str, (inside / "configs", inside / "results" / "claims", epochs)),
        headlines,
    ]
    mine = {path.name: path.read_bytes() for path in shipped.folder().iterdir()}
    assert mine == {path.name: path.read_bytes() for path in (inside / "results" / "claims").iterdir()}


def test_the_list_tells_what_was_shipped_and_cuts_no_column_short(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped, "folder", lambda: workplace)
    headline = {"claim": "L13", "ours": "0.97 ± 0.11 % (5 runs)", "word": "compatible"}
    (workplace / "lenet.json").write_text(json.dumps({"headline": headline}))
    assert cli.main(["list"]) == 0
    head, *lines, _ = capsys.readouterr().out.splitlines()
    known = {line.split()[1]: line for line in lines}
    order = [head.index(name) for name in ("published", "verdict", "ours", "model", "quick run", "data", "paper")]
    assert order == sorted(order)
    assert "0.95 % test error     compatible  0.97 ± 0.11 %  LeNet-5" in known["lenet"]
    assert " not run " in known["gan"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for columns, last in ((80, "ours"), (120, "data")):
        monkeypatch.setenv("COLUMNS", str(columns))
        cli.main(["list"])
        head, *lines, note = capsys.readouterr().out.splitlines()
        assert head.endswith(last)
        assert max(map(len, (head, *lines, note))) <= columns


def _until(holds: Callable[[], object], process: subprocess.Popen) -> None:
    """Wait until it holds, as long as the process lives: no clock says how slow a machine may be."""
    while not holds():
        assert process.poll() is None
        time.sleep(0.02)


def test_a_name_that_is_no_text_is_printed_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("file",), [(os.fsdecode(b"\xff.png"),)])
    assert capsys.readouterr().out == "file\n\\udcff.png\n"
