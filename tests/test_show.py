"""`landmarks show`: layer tables against independent counts, claims explained, the rules' words against the rules."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from torch import Tensor
from torch.overrides import TorchFunctionMode

from landmarks import assemble, catalog, cli, config, describe, explain
from landmarks.claims import Claim
from landmarks.errors import UsageError
from landmarks.milestone import Milestone
from landmarks.rules import Measured
from landmarks.rules_in_words import in_words
from landmarks.verdicts import RULES, judge

NAMES = [*catalog.CATALOG]
CONFIGURED = [(name, experiment) for name in NAMES for experiment in (None, *config.experiments(name))]
FITTED = ("knn", "quadratic", "rbf", "svm")
"""What they are fitted with is no parameter: `tests/test_rivals.py`."""
LEARNED = [each for each in CONFIGURED if each[1] not in FITTED]
WITH_BIBTEX = [name for name in NAMES if catalog.milestone_class(name).card.bibtex]

pytestmark = pytest.mark.usefixtures("compose_once")


@cache
def make(name: str, *overrides: str) -> Milestone:
    return assemble.make(config.compose(name, overrides))


@pytest.mark.parametrize(("name", "experiment"), LEARNED)
def test_the_layer_table_has_the_parameters_that_the_last_phase_trains(name: str, experiment: str | None) -> None:
    milestone = make(name, *([f"experiment={experiment}"] if experiment else []))
    *_, last = (("",), *(phase.trains or ("",) for phase in milestone.phases()))
    trained = sum(p.numel() for name, p in milestone.named_parameters() if p.requires_grad and name.startswith(last))
    assert sum(layer.parameters for layer in milestone.layers()) * milestone.config.replicas == trained


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """How many pairs of an output and an input depend on each other."""
    way = "forward-mode" if x.numel() < function(x).numel() else "reverse-mode"
    found = torch.autograd.functional.jacobian(function, x, vectorize=True, strategy=way)
    return int(found.count_nonzero())


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("model.c3=dense", "model.output=softmax", "model.pooling=average"),
        ("experiment=linear",),
        ("experiment=mlp300",),
    ],
)
def test_multiply_adds_of_lenet_are_the_dependencies_between_its_units(overrides: tuple[str, ...]) -> None:
    milestone = make("lenet", *overrides)
    rows = {layer.name: layer.multiply_adds for layer in milestone.layers()}
    x = milestone.picture(torch.from_numpy(torch.randint(0, 256, (1, 28, 28)).numpy().astype("uint8")))
    for name, layer in milestone.network.items():
        pairs, out = jacobian(layer, x), layer(x)
        if name in ("S2", "S4"):  # four inputs are added up before the one product
            pairs = out.numel() if [*layer.parameters()] else 0
        assert rows.pop(name) == pairs
        x = out.detach()
    assert sum(filter(None, rows.values())) == (0 if milestone.codes is None else milestone.codes.numel())


class Products(TorchFunctionMode):
    """Counts the products of matrices."""

    count = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.baddbmm, torch.bmm, torch.matmul, Tensor.matmul, Tensor.__matmul__):
            left, right = args[-2:]
            self.count += math.prod(left.shape[-2:]) * right.shape[-1]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("experiment", config.experiments("mlp_xor"))
def test_multiply_adds_of_mlp_xor_are_its_products_of_matrices(experiment: str) -> None:
    milestone = make("mlp_xor", f"experiment={experiment}", "replicas=3")
    x = torch.rand(3, 1, sum(part.stop - part.start for part in milestone.inputs.values()) if len(milestone.inputs) > 1
                   else milestone.shapes[f"{milestone.groups[0].name}_from_input"][0])  # fmt: skip
    with Products() as found:
        milestone(x)
    assert sum(layer.multiply_adds or 0 for layer in milestone.layers()) == found.count


def test_multiply_adds_of_the_perceptron_leave_the_bias_out() -> None:
    milestone = make("perceptron", "experiment=photoperceptron", "model.a_units=64")
    with Products() as found:
        milestone.sums(torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    *_, wires, weights = (layer.multiply_adds or 0 for layer in milestone.layers())
    assert weights == 64 * 10
    assert found.count == 400 * 64 + (64 + 1) * 10
    assert wires == int(milestone.wiring.abs().sum()) <= 15 * 64


def test_a_cell_adds_up_what_ends_on_it_once_a_delay() -> None:
    milestone = make("mcculloch_pitts", "experiment=heat_cold")
    (_, wired), *_ = milestone.nets()
    ends = (wired.endings + wired.inhibitors).count_nonzero(0).tolist()
    assert [layer.multiply_adds for layer in milestone.layers()] == [7 * count for count in ends]


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_milestone_is_asked_for_stands_in_its_text(name: str) -> None:
    made = config.compose(name)
    text = describe.describe(make(name), made)
    card = catalog.milestone_class(name).card
    for experiment in config.experiments(name):
        assert re.search(rf"^- `experiment={experiment}` – \S.{{10,}}$", text, re.MULTILINE), experiment
    for claim in card.claims:
        assert f"**{claim.id}** {claim.says}" in text
    assert all(f"`{reading.key}`" in text for reading in card.readings)
    assert "multiply-adds" in text


@pytest.mark.parametrize("seeds", [5, 30])
def test_a_sweep_over_seeds_is_as_long_as_the_claim_asks(seeds: int) -> None:
    claim = replace(explain.find("lenet", "L13-L7"), seeds=seeds)
    for command in explain.commands("lenet", claim):
        parsed = OverridesParser.create().parse_overrides([shlex.split(command)[-1]])
        jobs = [job for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]
        assert jobs == [[f"seed={seed}"] for seed in range(seeds)]


def measured(values: Sequence[float], place: str = "") -> list[Measured]:
    return [Measured(value, seed, data=place) for seed, value in enumerate(values)]


CLAIM = Claim("C", "It is so.", "test/error", 0.1, "Table 1", "seen")


@pytest.mark.parametrize(("n", "k", "digit"), [(5, 1, 0.001), (8, 3, 0.0), (20, 10, 0.01)])
def test_the_arithmetic_of_a_mean_is_that_of_its_verdict(n: int, k: int, digit: float) -> None:
    claim = replace(CLAIM, runs_behind=k, digit=digit, seeds=n)
    runs = measured([0.1 + 0.001 * (i - (n - 1) / 2) for i in range(n)])
    s = float(torch.tensor([run.value for run in runs], dtype=torch.float64).std())
    rule = in_words(claim, n)
    factor = float(rule.formula.splitlines()[-1].split("=")[1].split("·s")[0])
    low, high = judge(claim, runs).interval or (math.nan, math.nan)
    assert (high - low) / 2 == pytest.approx(factor * s + digit / 2, abs=0.005 * s)
    assert ("half a printed digit" in rule.formula) == bool(digit)


@pytest.mark.parametrize("n", [5, 12])
def test_the_lead_that_is_enough_is_enough_and_less_is_not(n: int) -> None:
    claim = replace(CLAIM, kind="contrast", digit=0.001, seeds=n)
    formula = in_words(claim, n).formula
    factor = float(formula.splitlines()[-1].split("=")[1].split("·s")[0])
    arm = [0.001 * (i - (n - 1) / 2) for i in range(n)]
    s = float(torch.tensor(arm, dtype=torch.float64).std())
    for share, word in ((1.01, "holds"), (0.99, "inconclusive")):
        lead = share * (factor * s + claim.digit / 2)
        assert judge(claim, measured(arm), measured([value + lead for value in arm])).word == word


def test_the_counts_that_are_compatible_are() -> None:
    claim = replace(CLAIM, kind="share", counts=(198, 200), better="high", seeds=1)
    rule = in_words(claim, 300)
    least, most = map(int, re.findall(r"(\d+) to (\d+) of 300", rule.outcomes["compatible"])[0])
    words = {}
    for solved in (least - 1, least, most, most + 1):
        runs = [Measured(1.0, 0, i, solved=i < solved) for i in range(300)]
        words[solved] = judge(claim, runs).word if solved <= 300 else "differs"
    assert [*words.values()] == ["differs", "compatible", "compatible", "differs"]


def test_one_time_wants_as_many_as_fast_and_as_slow_as_is_said() -> None:
    claim = replace(CLAIM, kind="time", unit="sweeps", published=500, digit=1, seeds=1)
    few = int(re.findall(r"at least (\d+) are as fast", in_words(claim, 400).outcomes["compatible"])[0])
    assert few == 10
    for fast, word in ((few, "compatible"), (few - 1, "incompatible")):
        runs = [Measured(100.0 if i < fast else 900.0, 0, i) for i in range(400)]
        assert judge(claim, runs).word == word


def test_every_rule_says_when_it_gives_which_verdict() -> None:
    extra = {"counts": (3, 4), "runs_behind": 2}
    for kind in RULES:
        rule = in_words(replace(CLAIM, kind=kind, **extra), 40, contrasts=3)
        assert rule.says
        assert len(rule.outcomes) >= 2
    spread = in_words(replace(CLAIM, spread=0.01, spread_over="runs", runs_behind=5, rivals=(0.13,)), 5)
    assert "3 %" in spread.says
    assert "S²/5" in spread.formula
    few = in_words(replace(CLAIM, seeds=3, kind="share", counts=(3, 4)), 30)
    assert few.outcomes["inconclusive"] == "there are fewer than 20 runs or 3 seeds"


@pytest.mark.parametrize(
    ("change", "printed"),
    [
        ({"published": 0.0095, "digit": 0.0001}, "0.95 %"),
        ({"published": 0.12, "digit": 0.001}, "12.0 %"),
        ({"published": 0.026, "digit": 0.002}, "2.6 %"),
        ({"published": 1.0, "digit": 0.25}, "100 %"),
        ({"published": 2825, "digit": 1, "unit": "sweeps"}, "2,825 sweeps"),
        ({"published": 31390, "digit": 10, "unit": "sequences"}, "31,390 sequences"),
        ({"published": 9, "unit": "count", "kind": "exact"}, "9"),
        ({"published": 0.0, "kind": "contrast"}, "no number"),
        ({"published": 6.0, "kind": "ratio"}, "6 times"),
    ],
)
def test_a_number_is_printed_with_the_papers_digits(change: dict[str, Any], printed: str) -> None:
    assert replace(CLAIM, **change).printed == printed


@pytest.mark.parametrize("name", WITH_BIBTEX)
def test_bibtex_entries_are_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", name, "--bibtex"]) == 0
    text = capsys.readouterr().out
    entries = dict(map(parsed, re.split(r"^(?=@)", text, flags=re.MULTILINE)[1:]))
    assert len(entries) == text.count("@") > 0
    for fields in entries.values():
        assert fields.keys() >= {"title", "author", "year"}
        assert all(fields.values())
        assert fields["year"] in catalog.milestone_class(name).card.citation
        assert re.fullmatch(r"\d+--\d+", fields.get("pages", "1--2"))


def parsed(entry: str) -> tuple[str, dict[str, str]]:
    """An entry's key and fields, by counting braces; whatever else stands in it fails."""
    head = re.match(r"@[a-z]+\{([\w:]+),", entry)
    assert head
    rest, fields = entry[head.end() :].strip(), {}
    while field := re.match(r"(\w+)\s*=\s*\{", rest):
        end, depth = field.end(), 1
        while depth:
            depth += (rest[end] == "{") - (rest[end] == "}")
            end += 1
        fields[field[1]] = rest[field.end() : end - 1]
        rest = rest[end:].lstrip().removeprefix(",").lstrip()
    assert rest == "}"
    return head[1], fields


def test_the_four_oldest_have_their_papers() -> None:
    assert {"mcculloch_pitts", "perceptron", "mlp_xor", "lenet"} <= {*WITH_BIBTEX}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet.L33"], "lenet has no claim L33 (did you mean L3?)"),
        (["lenet.l13-l7"], "did you mean L13-L7?"),
        (["lenett.L13"], "did you mean lenet?"),
        (["lenet.L13", "epochs=3"], "lenet.L13 stands alone, so it takes no epochs=3"),
        (["lenet.L13", "--bibtex"], "landmarks show lenet --bibtex"),
        (["lenet", "seed=3", "--bibtex"], "--bibtex stands alone, so it takes no seed=3"),
        (["lenet", "--bibtec"], "did you mean --bibtex?"),
        (["lenet", "epoch=3"], "did you mean epochs?"),
    ],
)
def test_wrong_words_end_in_a_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", *words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
    assert err.count("\n") == 1


def test_a_milestone_without_bibtex_or_claims_says_so(toy: Callable[[str], None]) -> None:
    toy("tenth")
    with pytest.raises(UsageError, match="tenth has no BibTeX entry"):
        describe.bibtex(["tenth"])
    with pytest.raises(UsageError, match="tenth has no claim T1; it has none"):
        explain.find("tenth", "T1")
    made = config.compose("tenth")
    assert "## Claims" not in describe.describe(assemble.make(made), made)
