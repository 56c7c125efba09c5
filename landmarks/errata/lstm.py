"""Hochreiter and Schmidhuber 1997: a caption, an index, a mean, two lengths and some small fractions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from landmarks.data.sequences import TASKS, SequenceSettings, lengths
from landmarks.errata import Erratum, Found
from landmarks.errata.made import make, parameters
from landmarks.milestone import Milestone
from landmarks.parts.memory_cells import Form, run
from landmarks.randomness import stream

DRAWN = 20_000
"""Sequences of task 2c that are drawn to see how long they are."""


def ranges(h: float, g: float) -> Found:
    """Drive a memory cell as far as it goes: s after one step is g's end, the output after many is h's."""
    form = Form(blocks=1, size=1, plain=False, output_gate=True, forget_gate=False, gates=True, carousel=1.0)
    ends = {}
    for sign in (-1, 1):
        net = torch.full((50, 1, 1, form.units), 50.0)
        net[..., 0] *= sign
        tape = run(form, net, None)
        ends[sign] = float(tape.s[1, 0, 0, 0]), float(tape.y[-1, 0, 0, 0])
    (low_g, low_h), (high_g, high_h) = ends[-1], ends[1]
    return Found(
        (
            f"h(x) = 2/(1 + exp(−x)) − 1 (eq. 4): from {low_h:.2f} to {high_h:.2f}; the caption has ±{h:g}",
            f"g(x) = 4/(1 + exp(−x)) − 2 (eq. 5): from {low_g:.2f} to {high_g:.2f}; the caption has ±{g:g}",
        ),
        (round(high_h, 2), round(high_g, 2)) == (g, h) != (h, g),
    )


def squared(rows: Sequence[tuple[int, float]], tested: int) -> Found:
    """The largest mean squared error that leaves so many sequences wrong, beside what is printed as one."""
    multiplication = make("lstm", "experiment=multiplication", "model.output=logistic")
    tolerance = multiplication.config.criterion.tolerance
    _, target = draw(multiplication, tested)
    furthest = max(float(target.max()), 1 - float(target.min()))
    inside = f"targets lie in {target.min():.2f} … {target.max():.2f}, outputs in 0 … 1"
    lines, beyond = [f"{inside}: no error is over {furthest:.2f}"], []
    for wrong, printed in rows:
        most = ((tested - wrong) * tolerance**2 + wrong * furthest**2) / tested
        absolute = ((tested - wrong) * tolerance + wrong * furthest) / tested
        beyond.append(printed > most)
        lines += [
            f"{wrong} wrong of {tested:,}: at most ({tested - wrong:,} × {tolerance:g}² + {wrong} × {furthest:.2f}²) /"
            f" {tested:,} = {most:.4f}, printed {printed:g}: {'too large' if beyond[-1] else 'possible'}",
            f"{'':>{len(str(wrong))}}   as a mean absolute error: at most {absolute:.4f}: "
            + ("possible" if printed <= absolute else "too large"),
        ]
    return Found(tuple(lines), any(beyond))


def always_below(bounds: Sequence[float], means: Sequence[float]) -> Found:
    """Is the mean of trials below what every one of them is said to be below?"""
    lines = [
        f"every trial below {bound:g}, so their mean too; the table's mean is {mean:g}: "
        + ("too large" if mean >= bound else "fits")
        for bound, mean in zip(bounds, means, strict=True)
    ]
    return Found(tuple(lines), any(mean >= bound for bound, mean in zip(bounds, means, strict=True)))


def symbols(q: int, p: int, weights: int) -> Found:
    """Count the weights of the net of task 2c with p distractors, and with q."""
    right, wrong = (parameters("lstm", "experiment=distractors", f"data.q={q}", f"data.p={n}") for n in (p, q))
    return Found(
        (
            f"p = {p} distractors, {p} + 4 inputs: {right:,} weights; Table 3 has {weights:,}",
            f"indices up to q = {q:,}, {q:,} + 4 inputs: {wrong:,} weights",
        ),
        right == weights != wrong,
    )


def draw(task: Milestone, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences and targets of a task's own generator."""
    settings = task.config.data
    assert isinstance(settings, SequenceSettings)
    drawn = TASKS[settings.name].draw
    assert drawn is not None
    x, y = drawn(stream(0, 0, "patterns"), count, settings)
    return torch.from_numpy(x), torch.from_numpy(y)


def mean_length(q: int, more: int) -> Found:
    """The mean length of a sequence of task 2c, by its own sum and by drawing."""
    summed = 4 + sum(0.1 * 0.9**k * (q + k) for k in range(2_000))
    x, _ = draw(make("lstm", "experiment=distractors", f"data.q={q}"), DRAWN)
    drawn = float(lengths(x).double().mean()) + 1  # the last symbol is the target
    return Found(
        (
            f"Σ 1/10 (9/10)^k = 1 and Σ 1/10 (9/10)^k k = 9, so with q = {q} the sum is 4 + {q} + 9 = {summed:.1f}",
            f"{DRAWN:,} sequences drawn: {drawn:.1f} symbols on average; q + {more} would be {q + more}",
        ),
        abs(summed - drawn) < 0.3 < abs(q + more - summed),
    )


def shortest(lags: Sequence[int], text: int) -> Found:
    """The shortest of many sequences of task 2c, beside the table's smallest length."""
    lines, differ = [], []
    for q in lags:
        x, _ = draw(make("lstm", "experiment=distractors", f"data.q={q}"), DRAWN // 10)
        found = int(lengths(x).min()) + 1
        lines.append(f"Table 10: {q:>5,}   the shortest of {DRAWN // 10:,} drawn: {found:>5,} = q + {found - q}")
        differ.append(found != q and found == q + text)
    return Found(tuple(lines), all(differ))


def failures(percents: Sequence[int], trials: int, failed: int, of: int) -> Found:
    """What whole numbers of successes print as these percents, and how many failures they leave."""
    counts = [[n for n in range(trials + 1) if round(100 * n / trials) == percent] for percent in percents]
    lost = sum(trials - n for fitting in counts for n in fitting)
    return Found(
        (
            ", ".join(f"{percent} % = {n[0]} of {trials}" for percent, n in zip(percents, counts, strict=True)),
            f"{len(percents)} × {trials} = {len(percents) * trials} trials, {lost} failures",
        ),
        all(len(n) == 1 for n in counts) and lost == failed and len(percents) * trials == of,
    )


def fractions(printed: Sequence[str], trials: int, tested: int) -> Found:
    """Is each fraction a whole number of wrong sequences out of all trials?"""
    total, lines, fit = trials * tested, [], []
    for text in printed:
        digits = len(text.partition(".")[2])
        wrong = round(float(text) * total)
        share = wrong / total
        rounded, cut = f"{share:.{digits}f}", f"{int(share * 10**digits + 1e-9) / 10**digits:.{digits}f}"
        fit.append(text in (rounded, cut))
        how = "" if text == rounded else " (cut off)" if text == cut else " – no whole number"
        lines.append(f"{text:<8} = {wrong:>3} / {total:,} = {share:.7f}{how}")
    return Found(tuple(lines), all(fit))


ERRATA = (
    Erratum(
        "ranges",
        "The caption that swaps h and g",
        "Table 10, caption",
        "seen",
        "g squashes what goes into a memory cell, h what comes out of it. The caption of Table 10 says that h1, the h"
        " of all experiments but two, is a “logistic sigmoid in [−{h}, {h}]”, and g2 one “in [−{g}, {g}]”.",
        {"h": 2, "g": 1},
        ranges,
        "misprint",
        "Equations 4 and 5 and the text of every experiment have it the other way round. (Both are hyperbolic tangents"
        " of half their argument: h(x) = tanh(x/2), g(x) = 2 tanh(x/2). Today's cells with tanh(x) are steeper.)",
        {"h": 1, "g": 2},
    ),
    Erratum(
        "mse",
        "A mean squared error that no net can have",
        "Table 8, task 5",
        "seen",
        "A net learns to multiply two numbers of a sequence. A test sequence is wrong if the error is over 0.04. Of"
        " {tested:,} the table reports {rows[0][0]} wrong with an “MSE”, “the mean squared error on the test set”, of"
        " {rows[0][1]}, and after longer training {rows[1][0]} wrong with {rows[1][1]}.",
        {"rows": ((139, 0.0223), (14, 0.0139)), "tested": 2560},
        squared,
        "cannot be",
        "Even if every right answer were off by the most that counts as right, and every wrong one as far as an"
        " output between 0 and 1 can be, the squares would average to half of the second number. As mean *absolute*"
        " errors both are possible, and the text calls them “average test set error”. Whoever compares a modern mean"
        " squared error with Table 8 compares unlike things.",
        {"rows": ((139, 0.0223), (14, 0.0039))},
    ),
    Erratum(
        "always_below",
        "A mean above what each of its parts is below",
        "section 5.5, text, and Table 8",
        "secondary",
        "Over the trials of task 5 “the average test set error was always below {bounds[0]} ({bounds[1]})” after less"
        " and more training, says the text. The table, whose values are means over 10 trials, has {means[0]} and"
        " {means[1]}.",
        {"bounds": (0.026, 0.013), "means": (0.0223, 0.0139)},
        always_below,
        "disagree",
        "Ten numbers below 0.013 have a mean below 0.013. One of the two was rounded or copied wrong; nothing tells"
        " which.",
        {"means": (0.0223, 0.0129)},
    ),
    Erratum(
        "symbols",
        "q where p is meant",
        "section 5.2, task 2c",
        "seen",
        "A sequence hides one symbol before q or more distractors, of which there are p kinds. The text lets the"
        " indices of the distractors run from 1 to q, in the set from which sequences are drawn. Table 3 has a row with"
        " q = {q:,}, p = {p} and {weights:,} weights.",
        {"q": 1000, "p": 50, "weights": 364},
        symbols,
        "misprint",
        "Only p kinds of distractors give the printed number of weights. Read by the letter, the lower half of Table 3,"
        " in which each distractor comes 2 to 20 times, would not exist.",
        {"weights": 6064},
    ),
    Erratum(
        "mean_length",
        "A geometric series that is off by one",
        "section 5.2, task 2c",
        "secondary",
        "After q distractors another one follows with probability 9/10, or else the end. “The expected length is"
        " 4 + Σ 1/10 (9/10)^k (q + k) = q + {more}”, the sum over k = 0, 1, 2, …",
        {"q": 50, "more": 14},
        mean_length,
        "cannot be",
        "The printed sum is right and its value is q + 13: on average 9 more distractors follow, not 10 (10 is the mean"
        " number of tries up to and with the one that ends it). So each distractor is met (q + 9)/p times, not"
        " (q + 10)/p as the next sentence has it. For nets that bridge 1,000 steps it does not matter.",
        {"more": 13},
    ),
    Erratum(
        "shortest",
        "Sequences shorter than the shortest",
        "Table 10, second column, and section 5.2, task 2c",
        "secondary",
        "The second column of Table 10 is the “minimal sequence length”. For task 2c it repeats q: {lags[0]}, …,"
        " {lags[1]:,}. In the text “the minimal sequence length is q + {text}”.",
        {"lags": (50, 1000), "text": 4},
        shortest,
        "disagree",
        "The text is right: two symbols come before the distractors and two after them. The table has q in this column,"
        " and in the next, where by Table 3 the lag is q + 1.",
        {"text": 0},
    ),
    Erratum(
        "failures",
        "Two failures in 150 trials",
        "Table 1, caption",
        "seen",
        "“Only LSTM almost always learns to solve the task (only two failures out of 150 trials)”, beside five rows"
        " with successes of {percents[0]}, {percents[1]}, {percents[2]}, {percents[3]} and {percents[4]} %.",
        {"percents": (100, 100, 97, 97, 100), "trials": 30, "failed": 2, "of": 150},
        failures,
        "fits after all",
        "Twice 3 % of failures sounds like more than 2 in 150. But each row has 30 trials, and 97 % is 29 of 30,"
        " rounded.",
        {"failed": 5},
    ),
    Erratum(
        "fractions",
        "Errors in millionths",
        "Tables 4, 5 and 6",
        "secondary",
        "Of {tested:,} test sequences, mean fractions of {printed[0]}, {printed[1]} and {printed[2]} are misclassified"
        " in Table 4: less than one sequence. Tables 5 and 6 have {printed[3]}, {printed[4]}, {printed[5]},"
        " {printed[6]} and {printed[7]}.",
        {
            "printed": ("0.000195", "0.000117", "0.000078", "0.00828", "0.01500", "0.01207", "0.00558", "0.00441"),
            "trials": 10,
            "tested": 2560,
        },
        fractions,
        "fits after all",
        "They are means of 10 trials, so one wrong sequence in all is 1/25,600. All eight are whole numbers of wrong"
        " sequences: 5, 3 and 2 in Table 4. One of them was cut off instead of rounded.",
        {"trials": 7},
    ),
)
