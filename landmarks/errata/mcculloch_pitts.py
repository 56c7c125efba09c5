"""McCulloch and Pitts 1943: what the heat–cold net does, and what its threshold is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from landmarks.data.histories import whole
from landmarks.errata import Erratum, Found
from landmarks.errata.made import steps
from landmarks.milestones.mcculloch_pitts import FIGURE_1, Model, Wired, all_of, cold

LENGTH = 6
"""Steps of the histories in which the nets of Figure 1 are tried, all of them."""


def heat_cold(durations: Sequence[int], warm: int) -> Found:
    """Hold cold to the skin for some steps and see when warmth is felt."""
    net, lines, holds = Wired(FIGURE_1["e"], Model(inhibition="absolute", threshold="reached")), [], []
    for steps_of_cold in durations:
        felt = net(cold(steps_of_cold))[0]
        times = {name: felt[:, net.net.lines.index(name)].nonzero().flatten().tolist() for name in ("N3", "N4")}
        said = f"cold from t = 0 for {steps_of_cold} step{'s' * (steps_of_cold > 1)}:"
        lines.append(f"{said:<31} cold felt {steps(times['N4']):<15}  warmth felt {steps(times['N3'])}")
        holds.append(steps_of_cold == 1 or len(times["N3"]) != warm)
    return Found(tuple(lines), all(holds))


def threshold(endings: int) -> Found:
    """How many nets of Figure 1 do what their formulas say where a sum must exceed θ, for two values of θ."""
    model, x, right, lines = Model(inhibition="absolute", threshold="exceeded"), whole(3, LENGTH).tensor(), {}, []
    letters = {name[0] for name in FIGURE_1}  # f is drawn twice
    for theta in (endings, endings - 1):
        failing = set()
        for name, net in FIGURE_1.items():
            cells = tuple(replace(cell, threshold=cell.threshold - 2 + theta) for cell in net.cells)
            agreement = Wired(replace(net, cells=cells), model).agreement(all_of(x, len(net.inputs)))
            failing |= {name[0]} if agreement < 1 else set()
        right[theta] = len(letters) - len(failing)
        lines.append(
            f"a cell fires when the sum exceeds θ = {theta}: {right[theta]} of {len(letters)} nets do what their"
            " formulas say"
        )
    return Found(tuple(lines), right[endings] < len(letters) == right[endings - 1])


ERRATA = (
    Erratum(
        "heat_cold",
        "A long cold ends in a flash of warmth",
        "Fig. 1e and pp. 106–107 of the reprint",
        "seen",
        "A touch of cold on the skin can feel warm. The paper builds a net that shows it, and says of a longer cold"
        " that “the sensation will be only of cold, with no preliminary warmth”. Warmth is to be felt as N₃(t) ≡"
        " N₁(t−1) ∨ N₂(t−3)·~N₂(t−2), where N₁ is the receptor of heat and N₂ that of cold; cold as N₄(t) ≡"
        " N₂(t−2)·N₂(t−1).",
        {"durations": (1, 2, 4), "warm": 0},
        heat_cold,
        "disagree",
        "There is no warmth before the cold, as the text says; but the formula makes a flash of it three steps after"
        " the last moment of cold, however long that lasted, because it asks only whether cold has just ended. The text"
        " forgets to take the cold object away. The net does what the formula says, and a test must, too.",
        {"warm": 1},
    ),
    Erratum(
        "threshold",
        "“Exceeds” a threshold that two endings reach",
        "eq. 1, p. 103, and Fig. 1, p. 105 of the reprint",
        "seen",
        "By equation 1 a neuron fires when the sum of its excited synapses *exceeds* its threshold θ > 0. In Figure 1 a"
        " cell fires on {endings} endings: both of one axon, or one each of two.",
        {"endings": 2},
        threshold,
        "fits after all",
        "Whoever takes the two endings of the drawings for θ = 2 and the “exceeds” of the text by the letter gets nets"
        " that never fire. With θ = 1 all nine are right, in every history of six steps. “Sum ≥ 2” says the same,"
        " and is what textbooks print.",
        {"endings": 3},
    ),
)
