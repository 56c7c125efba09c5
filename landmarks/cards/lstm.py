"""What the paper of 1997 claims of LSTM, what it leaves open, where ours differs, and what shows its point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from landmarks.claims import Arm, Claim, Demonstration, Departure, Reading, Within
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.lstm import LSTMConfig

RUNS = {"reber": 30, "long_lag": 18, "random_lag": 18, "distractors": 20, "temporal_order": 20}
"""The paper's trials, by task; 10 of all others."""


def _time(
    id: str, says: str, published: float, where: str, *overrides: str, digit: int = 10, trials: int = 10,
    metric: str = "sequences_mean",
) -> Claim:  # fmt: skip
    """A mean number of training sequences over trials, all replicas of one run."""
    return Claim(
        id, says, f"test/{metric}", published, where, "seen", "sequences", kind="time", digit=digit,
        runs_behind=trials, overrides=overrides, seeds=1,
    )  # fmt: skip


def _share(id: str, says: str, solved: int, trials: int, where: str, *overrides: str) -> Claim:
    """How many trials learned it. The rule asks for 20 of ours at least."""
    return Claim(
        id, says, "test/solved", solved / trials, where, "seen", better="high", kind="share", counts=(solved, trials),
        overrides=overrides, seeds=-(-20 // trials),
    )  # fmt: skip


def _wrong(id: str, says: str, count: float, trials: int, where: str, *overrides: str) -> Claim:
    """Wrong of 2,560 test sequences, on average over trials."""
    return Claim(
        id, says, "test/solved_error", count / 2560, where, "seen", digit=1 / 2560, runs_behind=trials,
        overrides=overrides, seeds=1,
    )  # fmt: skip


def _reber(letter: str, form: str, rate: float, solved: int, sequences: int, *overrides: str) -> tuple[Claim, Claim]:
    """A row of Table 1."""
    where, words = "Table 1", ("experiment=reber", f"optimizer.lr={rate}", *overrides)
    net = f"{form} cells, α = {rate}"
    return (
        _time(f"S3{letter}", f"Reber strings with {net}: {sequences:,} of them.", sequences, where, *words, trials=30),
        _share(f"S3{letter}s", f"Reber strings with {net}: {solved} of 30 trials.", solved, 30, where, *words),
    )


FOUR = ("model.blocks=4", "model.size=1", "model.out_biases=[-1,-2,-3,-4]")
LAGS = {
    "S8a": (50, 50, 30), "S8b": (100, 100, 31), "S8c": (200, 200, 33), "S8d": (500, 500, 38), "S8e": (1000, 1000, 49),
    "S9b": (1000, 500, 49), "S9c": (1000, 200, 75), "S9d": (1000, 100, 135), "S9e": (1000, 50, 203),
}  # fmt: skip
"""Table 3: q, p, thousands of sequences; its (1000, 1000) is S8e."""
NOISE = (
    ("S10a", "two_sequences", 100, 3, 27_380, 39_850, 0.000195, "Table 4"),
    ("S10b", "two_sequences", 100, 1, 58_370, 64_330, 0.000117, "Table 4"),
    ("S10c", "two_sequences", 1000, 3, 446_850, 452_460, 0.000078, "Table 4"),
    ("S11a", "noisy_signal", 100, 3, 41_740, 43_250, 0.00828, "Table 5"),
    ("S11b", "noisy_signal", 100, 1, 74_950, 78_430, 0.01500, "Table 5"),
    ("S11c", "noisy_signal", 1000, 1, 481_060, 485_080, 0.01207, "Table 5"),
    ("S12a", "noisy_targets", 100, 3, None, 269_650, 0.00558, "Table 6"),
    ("S12b", "noisy_targets", 100, 1, None, 565_640, 0.00441, "Table 6"),
)
"""Task 3: experiment, T, N, sequences to ST1 and to ST2 (3c: to its only criterion), share of wrong test sequences."""


def _noise() -> tuple[Claim, ...]:
    found = []
    for id, experiment, length, first, early, late, wrong, where in NOISE:
        words = (f"experiment={experiment}", f"data.T={length}", f"data.N={first}")
        said = f"{experiment.replace('_', ' ')}, T = {length}, N = {first}"
        if early is not None:
            found.append(_time(f"{id}1", f"ST1 of {said}.", early, where, *words, metric="first_mean"))
        found.append(_time(f"{id}2", f"The last criterion of {said}.", late, where, *words))
        found.append(
            Claim(f"{id}w", f"The share of wrong test sequences of {said}.", "test/solved_error", wrong, where, "seen",
                  digit=10.0 ** -(6 if wrong < 0.001 else 5), runs_behind=10, overrides=words, seeds=1)
        )  # fmt: skip
    return tuple(found)


def _quoted(id: str, says: str, sequences: float, where: str) -> Claim:
    """Another method's number, which the authors copied or which is not built here."""
    return Claim(id, f"{says} (not built here).", "others/sequences", sequences, where, "secondary", "sequences",
                 kind="time", digit=1000)  # fmt: skip


STATED = (
    _time("S15a", "Temporal order of two marks is learned after 31,390 sequences.", 31_390, "Table 9", trials=20),
    _share("S15as", "It is learned in all 20 trials.", 20, 20, "section 5.6"),
    _wrong("S15aw", "Then 1 of 2,560 test sequences is wrong.", 1, 20, "Table 9"),
    _time("S15b", "Temporal order of three marks is learned after 571,100 sequences.", 571_100, "Table 9",
          "experiment=three_marks", digit=100),
    _wrong("S15bw", "Then 2 of 2,560 test sequences are wrong.", 2, 10, "Table 9", "experiment=three_marks"),
    *_reber("a", "four", 0.1, 30, 39_740, *FOUR),
    *_reber("b", "three blocks of two", 0.1, 30, 21_730),
    *_reber("c", "three blocks of two", 0.2, 29, 14_060),
    *_reber("d", "four", 0.5, 29, 9_500, *FOUR),
    *_reber("e", "three blocks of two", 0.5, 30, 8_440),
    _time("S6", "A lag of 100 steps without noise is learned after 5,040 sequences.", 5_040, "Table 2",
          "experiment=long_lag", trials=18),
    _share("S6s", "It is learned in all 18 trials.", 18, 18, "Table 2", "experiment=long_lag"),
    _time("S7", "A lag of 100 steps of random symbols is learned after 5,680 sequences.", 5_680, "p. 14",
          "experiment=random_lag", trials=18),
    _share("S7s", "It is learned in all 18 trials.", 18, 18, "p. 14", "experiment=random_lag"),
    *(_time(id, f"A lag of {q} and more of {p} distractors is learned after {thousands},000 sequences.",
            1000 * thousands, "Table 3", "experiment=distractors", f"data.q={q}", f"data.p={p}", digit=1000, trials=20)
      for id, (q, p, thousands) in LAGS.items()),
    *_noise(),
    _time("S13a", "The sum of two of 100 values is learned after 74,000 sequences.", 74_000, "Table 7",
          "experiment=adding", digit=1000),
    _wrong("S13aw", "Then 1 of 2,560 test sequences is wrong.", 1, 10, "Table 7", "experiment=adding"),
    _time("S13b", "The sum of two of 500 values is learned after 209,000 sequences.", 209_000, "Table 7",
          "experiment=adding", "data.T=500", digit=1000),
    _wrong("S13bw", "Then none of 2,560 test sequences is wrong.", 0, 10, "Table 7", "experiment=adding", "data.T=500"),
    _time("S13c", "The sum of two of 1,000 values is learned after 853,000 sequences.", 853_000, "Table 7",
          "experiment=adding", "data.T=1000", digit=1000),
    _wrong("S13cw", "Then 1 of 2,560 test sequences is wrong.", 1, 10, "Table 7", "experiment=adding", "data.T=1000"),
    _time("S14a", "The product is learned, fewer than 140 of 2,000 wrong, after 482,000 sequences.", 482_000, "Table 8",
          "experiment=multiplication", digit=1000),
    _wrong("S14aw", "Then 139 of 2,560 test sequences are wrong.", 139, 10, "Table 8", "experiment=multiplication"),
    _time("S14b", "The product is learned, fewer than 13 of 2,000 wrong, after 1,273,000 sequences.", 1_273_000,
          "Table 8", "experiment=multiplication", "criterion.wrong=12", digit=1000),
    _wrong("S14bw", "Then 14 of 2,560 test sequences are wrong.", 14, 10, "Table 8",
           "experiment=multiplication", "criterion.wrong=12"),
    _quoted("S1", "Real-time recurrent learning needs 25,000 Reber strings, in some fraction of trials", 25_000,
            "Table 1"),
    _quoted("S1-3", "With 3 units instead of 12 it needs 173,000", 173_000, "Table 1"),
    _quoted("S2", "Elman's net has not learned them after 200,000, recurrent cascade correlation in half of its trials"
            " after 182,000", 182_000, "Table 1"),
    *(_quoted(f"S4{suffix}", f"Real-time recurrent learning, α = {rate}, masters a lag of 4 steps after {count:,}"
              f" sequences, in {share} % of its trials; of 10 steps never", count, "Table 2")
      for suffix, rate, share, count in (("", 1, 78, 1_043_000), ("-4", 4, 56, 892_000), ("-10", 10, 22, 254_000))),
    _quoted("S6c", "The neural sequence chunker masters a lag of 100 steps after 32,400, in 33 %", 32_400, "Table 2"),
)  # fmt: skip
PUBLISHED = {claim.overrides: claim.published for claim in STATED if claim.metric == "test/sequences_mean"}
STRINGS = {"reber": 17.0, "long_lag": 133.0, "random_lag": 118.0}
"""Milliseconds of a sequence after each of whose steps the weights of all trials change."""
ENDLESS = {"reber": 100_000, "two_sequences": 1_000_000}
"""The last update, which a run reaches as soon as one trial never learns."""


def _seconds(words: tuple[str, ...]) -> float:
    """Estimated seconds of a run, from 100 to 1,000 updates on one core of an AMD EPYC, times how many it will make.

    The slowest trial takes twice the paper's mean, as in tasks 4 and 6a, of task 2c eleven times, as measured in its
    first row; task 2 is tested by 10,000 more sequences. Where some trials never learn a run goes on to its last
    update, as measured for Reber's strings and task 3a.
    """
    given = dict(word.split("=", 1) for word in words)
    name, length = given.get("experiment", ""), max(100, int(given.get("data.T", given.get("data.q", 100))))
    tested = 10_000 if name in ("long_lag", "random_lag", "distractors") else 0
    updates = ENDLESS.get(name, (11 if name == "distractors" else 2) * PUBLISHED[words] + tested)
    return round(updates * STRINGS.get(name, 0.5 + 0.02 * length) / 1000)


CLAIMS = tuple(
    replace(claim, cost={"cpu": _seconds(claim.overrides)}) if claim.built else claim for claim in STATED
)  # fmt: skip


USUAL = {"data.T": 100, "data.N": 3, "data.q": 50, "data.p": 50, "criterion.wrong": 139, "optimizer.lr": 0.5}
"""What a claim's configuration has where its overrides do not say; of p it is 100 in tasks 2a and 2b."""
EXPERIMENTS = {
    ("temporal_order", 2): "", ("temporal_order", 3): "three_marks", ("two_sequences", "a"): "two_sequences",
    ("two_sequences", "b"): "noisy_signal", ("two_sequences", "c"): "noisy_targets",
}  # fmt: skip
"""Which experiment is about a task and its marks or variant; of all other tasks it has the task's name."""
CRITERIA = {
    "": (0.3, 2_000, 0, 0.1), "three_marks": (0.3, 2_000, 0, 0.1), "adding": (0.04, 2_000, 0, 0.01),
    "multiplication": (0.04, 2_000, 139, None), "two_sequences": (0.2, 256, 0, 0.01),
    "noisy_signal": (0.2, 256, 5, 0.04), "noisy_targets": (0.1, 256, 0, 0.015), "reber": (None, 1, 0, None),
    "distractors": (0.2, 10_000, 0, None), "long_lag": (0.25, 10_000, 0, None), "random_lag": (0.25, 10_000, 0, None),
}  # fmt: skip
"""Each experiment's stop rule: tolerance, window, how many wrong, mean error. Of the product 12 wrong are another."""


def experiment_of(config: LSTMConfig) -> str:
    """The experiment that is about the task of a configuration, whatever it is called."""
    data = config.data
    return EXPERIMENTS.get((data.name, data.marks or data.variant or ""), data.name)


def another_stop(config: LSTMConfig) -> bool:
    """Whether a replica has learned by another rule than the paper's."""
    rule, name = config.criterion, experiment_of(config)
    wrong = 139 if (name, rule.wrong) == ("multiplication", 12) else rule.wrong
    return (rule.tolerance, rule.window, wrong, rule.error) != CRITERIA[name]


def shorter(config: LSTMConfig) -> bool:
    """Whether sequences are shorter, or symbols fewer, than the paper's shortest."""
    data = config.data
    return (data.T or 100) < 100 or (data.q or 50) < 50 or (data.p or 100) < (50 if data.q else 100)


def claim_of(config: LSTMConfig) -> Claim | None:
    """The claim on the time that just this configuration takes; None where the paper has none."""
    if config.model.cell != "lstm1997" or config.model.carousel != 1:
        return None
    fitting = (claim for claim in CLAIMS if claim.metric == "test/sequences_mean" and _speaks_of(claim, config))
    return next(fitting, None)


def _speaks_of(claim: Claim, config: LSTMConfig) -> bool:
    """Whether a claim is about the task, the lengths, and where they tell rows apart the rate, of a configuration."""
    words = dict(word.split("=", 1) for word in claim.overrides)
    data, name = config.data, experiment_of(config)
    if words.get("experiment", "") != name or ("model.blocks" in words) != (config.model.blocks == 4):
        return False
    usual = USUAL | {"data.p": 100} if "lag" in name else USUAL
    here: dict[str, float | None] = {
        "data.T": data.T, "data.N": data.N, "data.q": data.q, "data.p": data.p,
        "criterion.wrong": config.criterion.wrong if name == "multiplication" else None,
        "optimizer.lr": config.optimizer.lr if name == "reber" else None,
    }  # fmt: skip
    return all(value is None or value == float(words.get(key, usual[key])) for key, value in here.items())


def concluded(config: LSTMConfig, metrics: Mapping[str, float], claim: Claim | None) -> str:
    """One sentence: how many starts have learned the task, after how many sequences, and what is wrong then."""
    starts, data = config.replicas, config.data
    solved = round(starts * metrics["test/solved"])
    found = f"learned in {solved} of {starts} start{'s' * (starts > 1)}"
    if solved:
        q1, median, q3, mean = (metrics[f"test/sequences_{name}"] for name in ("q1", "median", "q3", "mean"))
        of = f" (median {median:,.0f}, quartiles {q1:,.0f}–{q3:,.0f})" if solved > 1 else ""
        wrong = metrics["test/solved_error"]
        tested = data.strings if data.name == "reber" else data.tested
        found += f", after {mean:,.0f} sequences on average{of}; then {100 * wrong:.2f} % of {tested:,} test sequences"
        found += " are wrong"
    else:
        found += f"; {100 * metrics['test/error']:.1f} % of the test sequences are wrong"
    paper = f"{claim.format(claim.published)} ({claim.where})" if claim else "no number for this net"
    return f"{found}; paper: {paper}"


CARD = Card(
    "Long short-term memory",
    "S. Hochreiter, J. Schmidhuber, “Long short-term memory”, Neural Computation 9(8), 1735–1780 (1997),"
    " doi:10.1162/neco.1997.9.8.1735.",
    "A linear unit that feeds itself with weight 1.0 holds an error as long as it lasts, and learned multiplicative"
    " gates protect what is in it; with a truncated gradient each step costs a constant amount for each weight. Time"
    " lags of more than 1,000 steps are learned.",
    CLAIMS[0],
    CLAIMS,
    readings=(
        Reading("update", "When do the weights change in tasks 1, 2a and 2b, which have an error at every step?",
                ("step", "sequence"), "Not explicit. Both are built; of Reber's readings the step learns more often."),
        Reading("model.output", "Are the outputs of tasks 4 and 5 logistic or linear?", ("linear", "logistic"),
                "Logistic units saturate before 0 and 1: with them another implementation never had 2,000 right in a"
                " row on the sum (0 of 10 trials in 150,000), with linear ones in 10 of 10 after 85,019 on average."),
        Reading("data.name", "May the first pair of a sequence (tasks 4, 5) carry a mark?",
                ("never (ours): its marker stays −1, and X1 = 0", "1, with its value set to 0"),
                "The text says that X1 is 0 then. The second mark may be on any other pair but the first."),
        Reading("criterion.error", "What is the average training error of the stop rules?",
                ("the mean absolute error of the last `window` sequences (ours)",), "Not defined further."),
        Reading("criterion.window", "Which 256 random sequences decide ST1 and ST2 of task 3?",
                ("the last 256 of training, each judged before it is learned from (ours)", "a set of its own"),
                "Each is new, so they are as good as another set, and the count is exact."),
        Reading("criterion.counted", "Do the 10,000 sequences without a mistake (task 2) count among those it took?",
                ("false: they test a net that has learned, and what was before them counts", "true"),
                "The means of 2a and 2b are 5,040 and 5,680, so they cannot. Ours goes on learning in that stretch."),
        Reading("targets", "What is the target where two symbols may come next (task 1)?", ("legal", "next"),
                "Both legal ones, or the one that came. Not said; another implementation found no difference."),
        Reading("targets", "Are there errors at the random symbols of task 2b, which nobody can know?",
                ("legal (errors at every step)", "end (at the last step alone)"),
                "As recalled, every next element is to be predicted. Then a net has to know when a sequence ends, too;"
                " asked at the end alone, 5 of 5 learned a lag of 10 within 2,200 sequences, else none within 6,000."),
        Reading("model.out_biases", "Which net of task 1 has which gates' biases?", ("[-1, -2, -3]",),
                "Output gates as in Table 10; input gates' biases are drawn with the weights (“random”)."),
        Reading("phase", "When do the cell and its gate come in, in tasks 2a and 2b?",
                ("when the mean loss of all trials falls by less than a tenth from one evaluation to the next (ours)",),
                "“Once the error stops decreasing”; trials side by side take this step together here."),
    ),
    departures=(
        Departure("batches", "One sequence after another, each followed by a change of the weights.",
                  "The weights move by a batch of sequences (batch_size), at the rate that is given.",
                  "Quick: many times faster. Counts of sequences cannot be compared with the tables.",
                  lambda config: config.batch_size > 1),
        Departure("trials", "Each set-up has as many trials as its table says.", "Another number (replicas).",
                  "Quick, or your choice.", lambda config: config.replicas != trials(config)),
        Departure("lags", "Sequences of 100 steps and more.", "Shorter ones (data.T, data.q, data.p).", "Your choice.",
                  shorter),
        Departure("stop", "The stop rule of the task.", "Another one (criterion).",
                  "Quick, your choice, or the demonstration's.", another_stop),
        Departure("strings", "A net is tested when its trial ends.",
                  "All strings of both sets are looked at after every 100 training strings.",
                  "So trials side by side end at their own time, to 100 strings.",
                  lambda config: config.data.name == "reber"),
        Departure("carousel", "A cell feeds itself with weight 1.0.", "With another weight (model.carousel).",
                  "The idea switched off: errors fade with every step.", lambda config: config.model.carousel != 1),
        Departure("gradient", "Errors do not flow back through gates and cell inputs.",
                  "Full back-propagation through time (gradient=full).", "A contrast; the paper saw no gain in it.",
                  lambda config: config.gradient == "full" and config.model.cell == "lstm1997"),
        Departure("other cell", "Memory cells without a forget gate.", "Another hidden layer (model.cell).",
                  "A contrast: a simple recurrent net, the cell of 2000, or torch's LSTM.",
                  lambda config: config.model.cell != "lstm1997"),
        Departure("clipping", "None.", "Long gradients are cut (optimizer.clip).", "A modern help, for the contrast.",
                  lambda config: config.optimizer.clip is not None),
        Departure("float32", "Arithmetic of 1997, of unknown width.", "float32.", "The suite's default."),
    ),
    switches={
        "model.cell": "lstm1997 | lstm2000 (with a forget gate) | simple | nn_lstm; the last two with model.units=8"
                      " model.in_biases=null, all three with gradient=full",
        "model.carousel": "the weight by which a cell feeds itself; 0.9 lets errors fade",
        "gradient": "truncated | full",
        "update": "sequence | step, where a task has a target at every step",
        "model.recurrent": "all | cells | none: which units count in the next step",
        "model.output": "logistic | linear",
        "model.activation": "of simple: logistic | tanh",
        "optimizer.clip": "null | the longest gradient of a replica",
        "data.T, data.N, data.p, data.q": "the lengths of the tasks, by the paper's letters",
        "replicas": "how many trials learn side by side",
        "batch_size": "1 | more",
    },
    demonstration=Demonstration(
        "Which of four classes a sequence belongs to depends on two symbols that came 40 to 100 steps ago. Memory cells"
        " learn it; a simple recurrent net of as many weights, trained by full back-propagation, never leaves chance.",
        arms=(
            Arm("LSTM", ("steps=8000", "criterion.window=5000", "criterion.error=0.02"), 45),
            Arm("simple recurrent net", ("experiment=srn", "steps=4000"), 25, idea=False),
        ),
        findings=(
            Within("in at least 4 of 5 starts memory cells have none of 1,000 wrong (share)", "LSTM", "test/faultless",
                   low=0.8),
            Within("of the five simple nets even the best stays at chance, 1 of 4 right", "simple recurrent net",
                   "test/best_class_right", high=0.32),
        ),
        picture="landmarks.figures.lstm:contrast",
        off=("model.carousel=0.9",),
    ),
    bibtex="""\
@article{hochreiter1997long,
  author  = {Hochreiter, Sepp and Schmidhuber, J{\\"u}rgen},
  title   = {Long Short-Term Memory},
  journal = {Neural Computation},
  volume  = {9},
  number  = {8},
  pages   = {1735--1780},
  year    = {1997},
  doi     = {10.1162/neco.1997.9.8.1735}
}
""",
    errata="landmarks.errata.lstm:ERRATA",
)  # fmt: skip


def trials(config: LSTMConfig) -> int:
    """How many the paper had of a task."""
    return 10 if config.data.marks == 3 else RUNS.get(config.data.name, 10)
