"""What McCulloch and Pitts 1943 claim, what they leave open, and where our nets differ from theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from landmarks.claims import Arm, Claim, Demonstration, Departure, Equal, Reading, Source
from landmarks.data.histories import Histories, chosen
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.mcculloch_pitts import McCullochPitts


def _exact(
    id: str, says: str, metric: str, published: float, where: str, run: str | None = None, source: Source = "seen"
) -> Claim:
    """A claim that one run settles; shares are printed in percent."""
    unit: Literal["%", "count"] = "%" if metric.startswith(("theorem", "agreement")) else "count"
    runs = (run,) if run else ()
    metric = f"train_set/{metric}"
    return Claim(id, says, metric, published, where, source, unit, "high", "exact", overrides=runs, seeds=1, cost=COST)


COST = {"cpu": 4.0}
"""Seconds of the longest of these runs, the theorems, on one core of an AMD EPYC."""
HEAT, SINGLE, THEOREMS = "experiment=heat_cold", "experiment=single_unit", "experiment=theorems"
CLAIMS = (
    _exact("M1", "Each of the nine nets of Figure 1 satisfies its formula.", "nets", 9, "Fig. 1, p. 105"),
    _exact("M2a", "One step of cold is felt as heat (at t = 3; the time follows from the formula).", "heat_after_1", 3,
           "pp. 106–107, Fig. 1e", HEAT, "derived"),
    _exact("M2b", "One step of cold is never felt as cold (−1 stands for never).", "cold_after_1", -1,
           "pp. 106–107, Fig. 1e", HEAT),
    _exact("M2c", "Two steps of cold are felt as cold (at t = 2; the time follows from the formula).", "cold_after_2",
           2, "pp. 106–107, Fig. 1e", HEAT, "derived"),
    _exact("M2d", "The printed formulas N3 and N4 hold in every history.", "agreement", 1, "Fig. 1e, p. 105", HEAT),
    _exact("M3a", "Every net of order 0 is solved by temporal propositional expressions.", "theorem_1", 1, "Theorem 1",
           THEOREMS),
    _exact("M3b", "Every temporal propositional expression is realised by a net of order 0.", "theorem_2", 1,
           "Theorem 2", THEOREMS),
    _exact("M4a", "What is false when nothing has fired is realised, and what a net without circles says is so.",
           "theorem_3", 1, "Theorem 3", THEOREMS),
    _exact("M4b", "Of the 256 functions of three present inputs the 128 that are false in silence get a net (the count"
           " is ours; that no other has one is the theorem).", "functions_3", 128, "follows from Theorem 3", THEOREMS,
           "derived"),
    _exact("M5", "Relative and absolute inhibition are equivalent in the extended sense.", "theorem_4", 1, "Theorem 4",
           THEOREMS),
    *(
        _exact(f"M4b-{n}", f"Of the {2**2**n} functions of {n} present input{'s' * (n > 1)} {half} get a net.",
               f"functions_{n}", half, "follows from Theorem 3", THEOREMS, "derived")
        for n, half in ((1, 2), (2, 8))
    ),
    *(
        _exact(f"M6{letter}{f'-{n}' * (n < 3)}",
               f"{who} {count} of the {2**2**n} functions of {n} input{'s' * (n > 1)} (no number is printed).",
               f"one_unit_{rule}_{n}", count, where, SINGLE, "derived")
        for letter, rule, who, where, counts in (
            ("a", "absolute", "One cell of the paper's computes", "follows from eq. 1, p. 103", (34, 7, 2)),
            ("b", "spontaneous", "With threshold 0 allowed, as in no cell of the paper's, a cell computes",
             "enumeration", (42, 11, 4)),
            ("c", "relative", "With relative inhibition and any threshold a cell computes", "enumeration",
             (104, 14, 4)),
        )
        for n, count in zip((3, 2, 1), counts, strict=True)
    ),
)  # fmt: skip

BIBTEX = """\
@article{mcculloch1943logical,
  title = {A Logical Calculus of the Ideas Immanent in Nervous Activity},
  author = {McCulloch, Warren S. and Pitts, Walter},
  journal = {Bulletin of Mathematical Biophysics},
  volume = {5},
  pages = {115--133},
  year = {1943},
  doi = {10.1007/BF02478259},
}
"""

CARD = Card(
    "McCulloch–Pitts nets",
    "W. S. McCulloch, W. Pitts, “A Logical Calculus of the Ideas Immanent in Nervous Activity”, Bulletin of"
    " Mathematical Biophysics 5, 115–133 (1943); pages here are of the reprint, Bulletin of Mathematical Biology 52,"
    " 99–115 (1990).",
    "All-or-none neurons are read as propositions: nets without circles say exactly the temporal propositional"
    " expressions, circles give memory, and what looks like learning can be had by structure alone. There is no"
    " learning rule and no real-valued weight.",
    CLAIMS[0],
    CLAIMS,
    readings=(
        Reading("model.threshold", "Must the endings reach the threshold or exceed it?", ("reached", "exceeded"),
                "The text of eq. 1 says exceed; in Figure 1 two endings fire a cell. With threshold 2 reached, 9 of 9"
                " nets satisfy their formulas, with 2 exceeded none; 1 exceeded is the same as 2 reached."),
        Reading("task", "Is a longer cold felt as cold alone?", ("formula", "prose"),
                "The prose says so (pp. 106–107). The printed formula N3 and the drawn net give heat once more,"
                " 3 delays after the last step of cold. The formula is followed."),
        Reading("expression", "When does a net realise an expression?", ("narrow sense", "extended sense"),
                "In the narrow sense at its own time, in the extended sense some fixed delay later (Theorem 2). Nets"
                " are made as early as Fig. 1a–d allow; the extra delay is a metric of the run."),
        Reading("data.length", "What was there before time 0, and how long is a step?", ("silence",),
                "Not said for nets with circles, whose first state matters: nothing fired. A step is one synaptic"
                " delay, which the paper puts above 0.5 ms (pp. 99–100)."),
    ),
    departures=(
        Departure("nets f to i", "Drawn in Figure 1.", "Their printed formulas, on a wiring of ours.",
                  "The formulas can be read with certainty; f without relative inhibition is made by Theorem 4.",
                  lambda config: config.task == "figure_1" and config.expression is None),
        Departure("ever", "Bounded quantifiers over the past, substitution and counting (Theorem 10).",
                  "“ever” alone, as one cell that excites itself.", "What Fig. 1i needs.",
                  lambda config: "ever(" in (config.expression or "")),
        Departure("threshold 0", "Thresholds are above 0: a cell that nothing excites is silent.",
                  "Counted beside the others, as one_unit_spontaneous.", "It is often presented as the paper's NOT.",
                  lambda config: config.task == "single_unit"),
        Departure("inhibition", "One active inhibitory ending forbids firing.", "Relative, or without effect.",
                  "A switch of yours.", lambda config: config.model.inhibition != "absolute"),
        Departure("threshold", "In Figure 1 two endings fire a cell.", "It takes three.", "A switch of yours.",
                  lambda config: config.model.threshold == "exceeded"),
    ),
    switches={
        "expression": "an expression of your own, made into a net: 'heat(t-1) or cold(t-3) and not cold(t-2)'; and is"
        " also ∧ · &, or ∨ |, not ¬ ~; ever(…) is at some time up to now; delays add up: (a or b(t-1))(t-2)",
        "model.inhibition": "absolute (the paper's), relative (each raises the threshold by one), none",
        "model.threshold": "endings must reach the threshold, or exceed it",
        "data.length": "steps of every history; null takes as many as tell all, and fewer are refused",
        "theorems.depth": "how deeply the signs of a random expression are nested",
    },
    demonstration=Demonstration(
        "A net wired from all-or-none cells – two receptors and four cells – feels a short cold as heat; and no single"
        " cell computes XOR, though three do.",
        (Arm("heat–cold net", (HEAT,), 1.0), Arm("single cells", (SINGLE,), 1.0)),
        (
            Equal("one step of cold is felt as heat at t = 3", "heat–cold net", "train_set/heat_after_1", 3),
            Equal("and never as cold (−1)", "heat–cold net", "train_set/cold_after_1", -1),
            Equal("two steps of cold are felt as cold at t = 2", "heat–cold net", "train_set/cold_after_2", 2),
            Equal("and then as heat at t = 4", "heat–cold net", "train_set/heat_after_2", 4),
            Equal("the printed formulas hold in every history", "heat–cold net", "train_set/agreement", 1),
            Equal("one cell computes 7 of 16 functions of two inputs", "single cells", "train_set/one_unit_2", 7),
            Equal("XOR by one cell, or its contrary: under no rule", "single cells", "train_set/one_unit_xor", 0),
            Equal("XOR by three cells in two delays (1: yes)", "single cells", "train_set/three_units_xor", 1),
        ),
        "landmarks.figures.mcculloch_pitts:contrast",
        ("model.inhibition=none",),
    ),
    bibtex=BIBTEX,
    errata="landmarks.errata.mcculloch_pitts:ERRATA",
)  # fmt: skip


def conclude(model: McCullochPitts, metrics: Mapping[str, float]) -> str:
    """One sentence: what came out, in the units of print, beside what the paper says of it."""
    found = {name.removeprefix("train_set/"): value for name, value in metrics.items()}
    tasks = {
        "figure_1": _say_figure_1,
        "heat_cold": _say_heat_cold,
        "single_unit": _say_single_unit,
        "theorems": _say_theorems,
    }
    if model.config.expression is not None:
        return _say_own(found, chosen(model.config.data))
    return tasks[model.config.task](found)


def _say_own(found: Mapping[str, float], histories: Histories) -> str:
    cells, delay, order = (int(found[name]) for name in ("cells", "delay", "order"))
    same = "as the expression says" if found["agreement"] == 1 else "not always as the expression says"
    share = "" if found["agreement"] == 1 else f" (at {100 * found['agreement']:.2f} % of all times)"
    late = f"with an extra delay of {delay}" if delay else "with no extra delay"
    apart = "" if histories.complete else " that it can tell apart"
    return (
        f"{cells} cell{'s' * (cells != 1)}, a net of order {order}, fires {same}{share}, {late}, in all"
        f" 2^{len(histories.places)} histories of {histories.length} steps{apart}"
    )


def _say_figure_1(found: Mapping[str, float]) -> str:
    wrong = [name[-1] for name, value in found.items() if name.startswith("agreement_") and value < 1]
    but = f"; {', '.join(wrong)} do not" if wrong else ""
    return f"{found['nets']:.0f} of 9 nets of Figure 1 fire as their formulas say, in every history{but}"


def _say_heat_cold(found: Mapping[str, float]) -> str:
    def felt(steps: int) -> str:
        pairs = {name: found[f"{name}_after_{steps}"] for name in ("heat", "cold")}
        times = sorted((time, name) for name, time in pairs.items() if time >= 0)
        never = [name for name, time in pairs.items() if time < 0]
        return ", ".join([f"{name} at t = {time:.0f}" for time, name in times] + [f"{name} never" for name in never])

    return (
        f"one step of cold: {felt(1)}; two steps: {felt(2)}; four: {felt(4)};"
        f" the printed formulas hold at {100 * found['agreement']:.4g} % of all times"
    )


def _say_single_unit(found: Mapping[str, float]) -> str:
    two, three = found["one_unit_2"], found["one_unit_3"]
    xor = "three cells compute it" if found["three_units_xor"] else "nor do three cells"
    never = "XOR never" if not found["one_unit_xor"] else "XOR too"
    return f"one cell computes {two:.0f} of 16 functions of two inputs and {three:.0f} of 256 of three, {never}; {xor}"


def _say_theorems(found: Mapping[str, float]) -> str:
    known = [(n, found[f"theorem_{n}"]) for n in (1, 2, 3, 4) if f"theorem_{n}" in found]
    held = ", ".join(f"Theorem {n} in {100 * share:.4g} %" for n, share in known)
    functions = ", ".join(f"{found[f'functions_{n}']:.0f}" for n in (1, 2, 3))
    return f"{held} of the random cases; nets for {functions} of the 4, 16, 256 functions of 1, 2, 3 inputs"
