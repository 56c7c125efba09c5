"""What He, Zhang, Ren and Sun 2015 claim of residual networks, what they leave open, and where ours differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from landmarks.cards.costs import on_a_gpu
from landmarks.claims import Arm, Claim, Demonstration, Departure, Gap, Reading, Station, Within
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.resnet import ResNetConfig

CIFAR, IMAGENET = ("cifar10",), ("images (ILSVRC-2012)",)
"""Whether a folder of pictures is ILSVRC-2012 nobody can see, so no verdict is given on it."""
ERRORS: Mapping[int, float] = {20: 0.0875, 32: 0.0751, 44: 0.0717, 56: 0.0697, 110: 0.0643, 1202: 0.0793}
"""Table 6: test error on CIFAR-10 by depth; of 110 layers the best of five runs."""
OTHERS = (0.0754, 0.0822, 0.0839, 0.0880, 0.0881, 0.0938)
"""Table 6: Highway-19, DSN, FitNet-19, Highway-32, NIN, Maxout."""
PLAIN = "model.residual=false"
TEN_VIEWS: Mapping[str, tuple[float, float]] = {
    "plain-34": (0.2854, 0.1002), "34-A": (0.2503, 0.0776), "34-B": (0.2452, 0.0746), "34-C": (0.2419, 0.0740),
    "50-B": (0.2285, 0.0671), "101-B": (0.2175, 0.0605), "152-B": (0.2143, 0.0571),
}  # fmt: skip
"""Table 3: top-1 and top-5 error on ImageNet's validation set, ten views."""
MULTI_SCALE: Mapping[str, tuple[float, float]] = {
    "34-B": (0.2184, 0.0571), "34-C": (0.2153, 0.0560), "50-B": (0.2074, 0.0525), "101-B": (0.1987, 0.0460),
    "152-B": (0.1938, 0.0449),
}  # fmt: skip
"""Table 4: the same, each picture seen whole at five sizes."""
ONE_VIEW: Mapping[str, tuple[float, float]] = {
    "50-B": (0.247, 0.078), "101-B": (0.236, 0.071), "152-B": (0.230, 0.067),
}  # fmt: skip
"""The authors' page of their models: one view."""
CORE = {20: 24_000.0, 32: 42_000.0, 44: 59_000.0, 56: 78_000.0, 110: 150_000.0, 1202: 1_600_000.0}
GPU = {20: 480.0, 32: 780.0, 44: 1020.0, 56: 1320.0, 110: 2700.0, 1202: 27_000.0}
"""Estimates of a run's seconds on CIFAR-10 by depth: on one core of an AMD EPYC a step of 32 pictures (RESULTS.md; of
1,202 layers by their number), 4 × 64,000 times; on a GPU of today a guess, for nobody has run it there."""
GIGA = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
"""Table 1: billions of multiply-adds of a picture."""
SIZES = (224, 256, 384, 480, 640)
SCALED = ("data.side=640", "evaluation={views:1,scales:[224,256,384,480,640]}")


def _depth(depth: int) -> tuple[str, ...]:
    """The overrides of a residual net on CIFAR-10."""
    return ("experiment=resnet110",) if depth == 110 else (f"model.depth={depth}",)


def _plain(depth: int) -> tuple[str, ...]:
    return (*_depth(depth), PLAIN)


def _cost(*arms: tuple[str, ...]) -> dict[str, float]:
    """Estimated seconds of a run, the mean of the arms'."""
    words = [dict(word.split("=", 1) for word in arm) for arm in arms]
    if words[0].get("experiment") == "imagenet":
        return on_a_gpu(600_000 * 256, 1e9 * GIGA[int(words[0]["model.depth"])])
    depths = [int(word.get("model.depth", 110)) for word in words]
    return {kind: sum(known[depth] for depth in depths) / len(arms) for kind, known in (("cpu", CORE), ("cuda", GPU))}


def _cifar(id: str, says: str, published: float, *run: str) -> Claim:
    return Claim(id, says, "test/error", published, "Table 6", "seen", digit=0.0001, data=CIFAR, overrides=run,
                 cost=_cost(run), rivals=tuple(error for error in OTHERS if error > published))  # fmt: skip


def _of_depth(depth: int) -> Claim:
    error = ERRORS[depth]
    return _cifar(f"R{depth}", f"{depth} layers err on {100 * error:.2f} % of CIFAR-10's test pictures.", error,
                  *_depth(depth))  # fmt: skip


R110 = replace(_of_depth(110), says="110 layers err on 6.43 %, the best of five runs.", kind="best", runs_behind=5)
R1202 = _of_depth(1202)


def _ahead(
    id: str, says: str, gap: float, where: str, ours: tuple[str, ...], other: tuple[str, ...], metric: str = "test"
) -> Claim:
    """One net errs less than another, by the difference of two printed errors (0: the paper prints no number)."""
    return Claim(id, says, f"{metric}/error", gap, where, "seen", kind="contrast", digit=0.0002 if gap else 0.0,
                 data=CIFAR, overrides=ours, against=other, cost=_cost(ours, other))  # fmt: skip


def _photographs(name: str) -> tuple[str, ...]:
    """The overrides of a net of Table 3."""
    kind, option = name.split("-")
    if kind == "plain":
        return ("experiment=imagenet", f"model.depth={option}", PLAIN)
    usual = option == ("A" if int(kind) < 50 else "B")
    return ("experiment=imagenet", f"model.depth={kind}", *[f"model.shortcut={option}"] * (not usual))


def _table(
    table: Mapping[str, tuple[float, ...]], prefix: str, how: str, where: str, *more: str, digit: float = 0.0001
) -> list[Claim]:
    """Top-1 errors of a table's nets, and top-5 errors where it has them."""
    return [
        Claim(f"{prefix}-{name}{suffix}", f"ImageNet, {how}: {name} has a {top} error of {100 * error:.4g} %.",
              f"valid/{metric}", error, where, "seen", digit=digit, data=IMAGENET,
              overrides=(*_photographs(name), *more), cost=_cost(_photographs(name)))
        for name, errors in table.items()
        for error, top, metric, suffix in zip(errors, ("top-1", "top-5"), ("error", "top5_error"), ("", "-5"),
                                              strict=False)
    ]  # fmt: skip


CLAIMS = (
    *(_of_depth(depth) for depth in (20, 32, 44, 56)),
    R110,
    replace(
        _cifar("R110m", "Over five runs 110 layers err on 6.61 ± 0.16 %.", 0.0661, *_depth(110)),
        runs_behind=5, spread=0.0016, spread_over="runs", rivals=(0.0772,),  # Highway-19's mean, the only one printed
    ),
    R1202,
    Claim("R1202t", "The training error of 1,202 layers is below 0.1 %.", "train_set/error", 0.001, "4.2", "seen",
          kind="exact", bound=True, data=CIFAR, overrides=_depth(1202), seeds=1, cost=_cost(_depth(1202))),
    _ahead("P-train", "Without shortcuts 56 layers err more than 20 on the training pictures, too.", 0.0,
           "Fig. 1, Fig. 6 left", _plain(20), _plain(56), "train_set"),
    _ahead("P-test", "And on the test pictures.", 0.0, "Fig. 1, Fig. 6 left", _plain(20), _plain(56)),
    _ahead("P-R56", "56 layers err less with shortcuts than without.", 0.0, "Fig. 6", _depth(56), _plain(56)),
    _ahead("P-R56t", "On the training pictures, too.", 0.0, "Fig. 6", _depth(56), _plain(56), "train_set"),
    _ahead("R56-R20", "With shortcuts 56 layers err less than 20.", 0.0178, "Table 6", _depth(56), _depth(20)),
    _ahead("R110-R56", "And 110 less than 56.", 0.0036, "Table 6, means", _depth(110), _depth(56)),
    Claim("P110", "Without shortcuts 110 layers err on more than 60 %.", "test/error", 0.6, "Fig. 6", "seen",
          better="high", kind="exact", bound=True, data=CIFAR, overrides=_plain(110), seeds=1, cost=_cost(_plain(110))),
    Claim("F7", "Layers of residual nets respond less strongly than those of plain ones, the more so the deeper the net"
          " (a picture of every run, not judged).", "responses/std", 0.0, "Fig. 7", "seen", "count", kind="contrast"),
    *_table({"plain-18": (0.2794,), "18-A": (0.2788,)}, "T2", "ten views", "Table 2"),
    *_table(TEN_VIEWS, "T3", "ten views", "Table 3"),
    *_table(MULTI_SCALE, "T4", "five sizes", "Table 4", *SCALED),
    *_table(ONE_VIEW, "T1", "one view", "the authors' page of their models", "evaluation.views=1", digit=0.001),
    Claim("T5", "Six networks together: a top-5 error of 3.57 % on ImageNet's test set (not built here).",
          "others/top5_error", 0.0357, "Table 5", "seen", digit=0.0001),
    Claim("Det", "On VOC 2007 Faster R-CNN finds objects with a mean precision of 76.4 % instead of 73.2 % (not built"
          " here).", "others/precision", 0.764, "Table 7", "seen", better="high", digit=0.001),
)  # fmt: skip
KNOWN = {claim.id: claim for claim in CLAIMS}


def claim_of(config: ResNetConfig) -> Claim | None:
    """The published number of this configuration; None where the paper has none for it."""
    model, views = config.model, config.evaluation
    if model.form == "cifar":
        return KNOWN.get(f"R{model.depth}") if model.residual and model.shortcut in (None, "A") else None
    option = model.shortcut or ("A" if model.depth < 50 else "B")
    name = f"{model.depth}-{option}" if model.residual else f"plain-{model.depth}"
    if views.scales is not None:
        return KNOWN.get(f"T4-{name}") if views.scales == SIZES else None
    tables = {10: ("T3", "T2"), 1: ("T1",)}.get(views.views, ())
    return next((KNOWN[f"{table}-{name}"] for table in tables if f"{table}-{name}" in KNOWN), None)


def concluded(config: ResNetConfig, classes: int, metrics: Mapping[str, float]) -> str:
    """The error beside the paper's, and why it is not the same number."""
    model, source, claim = config.model, config.data, claim_of(config)
    split = next((split for split in ("test", "valid", "train_set") if f"{split}/error" in metrics), None)
    if split is None:
        return "finished"
    what = "residual" if model.residual else "plain"
    where = f"your pictures in {classes} classes" if source.name == "images" else source.name
    found = f"{what}-{model.depth}: {split} error {100 * metrics[f'{split}/error']:.2f} % on {where}"
    if claim is None:
        return f"{found}; no number in the paper"
    active = [departure.ours.rstrip(".") for departure in DEPARTURES if departure.applies(config)]
    here = f"; they differ, for here: {'; '.join(active)}" if active else ""
    return f"{found}; paper: {claim.format(claim.published)} ({claim.where}){here}"


def _form(cifar: object, imagenet: object, config: ResNetConfig) -> object:
    return cifar if config.model.form == "cifar" else imagenet


def _other_schedule(config: ResNetConfig) -> bool:
    stages = [(stage.until, stage.rate) for stage in config.schedule]
    paper = [(32_000, 0.1), (48_000, 0.01), (None, 0.001)]
    if config.model.form == "cifar":
        return stages != paper or config.optimizer.plateau is not None
    return stages != [(None, 0.1)] or config.optimizer.plateau is None


def _other_warmup(config: ResNetConfig) -> bool:
    """1,202 layers were "trained as described above", which may be either."""
    now, deep = config.optimizer.warmup, config.model.form == "cifar" and config.model.depth in (110, 1202)
    if now is None:
        return deep and config.model.depth == 110
    return not deep or (now.rate, now.below) != (0.01, 0.8)


def _other_views(config: ResNetConfig) -> bool:
    """On ImageNet one view is the authors' page's, ten are Table 3's, five sizes Table 4's."""
    views, scales = config.evaluation.views, config.evaluation.scales
    if config.model.form == "cifar":
        return views != 1 or scales is not None
    return views == 5 if scales is None else scales != SIZES


def _other_augmentation(config: ResNetConfig) -> bool:
    now, cifar = config.augmentation, config.model.form == "cifar"
    scales = config.data.scales
    wanted = cifar or (scales is not None and (scales.low, scales.high) == (256, 480))
    pad, colour = (4, 0.0) if cifar else (0, 0.1)
    return not (now.crops and now.mirror and now.pad == pad and now.colour == colour and wanted)


SWITCH = "A switch, for a step at a time."
DEPARTURES = (
    Departure("digits", "50,000 photographs of CIFAR-10.", "4,000 digits on textured backgrounds, 1,000 others to test"
              " (scale=paper takes CIFAR-10).", "They come with the dependencies.",
              lambda config: config.data.name == "textured"),
    Departure("jpeg", "CIFAR-10's own pixels.", "CIFAR-10 as JPEG, which has lost some detail.",
              "Where the archives cannot be had.", lambda config: config.data.name == "cifar10-jpeg"),
    Departure("other data", "CIFAR-10; the networks of Table 1 ImageNet.", "other pictures (data.name).", "Your own.",
              lambda config: config.data.name not in ("textured", "cifar10-jpeg", _form("cifar10", "images", config))),
    Departure("labels", "All training pictures.", "few of them (data.labels).", SWITCH,
              lambda config: config.data.labels is not None),
    Departure("held out", "Measured on the test pictures.", "on pictures held out of those to learn from (data.valid).",
              "To choose by; the test pictures are left alone.", lambda config: config.data.valid > 0),
    Departure("width", "16, 32 and 64 maps; of ImageNet's networks 64 to 512.", "other widths (model.widths).",
              "A minute on a CPU core.",
              lambda config: config.model.widths != _form((16, 32, 64), (64, 128, 256, 512), config)),
    Departure("input", "32 × 32 pixels; ImageNet's networks see 224 × 224.", "another size of the input (model.input).",
              "Your pictures.", lambda config: config.model.input != _form(32, 224, config)),
    Departure("shortcut", "Option A on CIFAR-10, and in Table 2.", "another option (model.shortcut); B and C have"
              " parameters that the plain twin has not.", SWITCH,
              lambda config: config.model.form == "cifar" and config.model.shortcut in ("B", "C")),
    Departure("stride", "A bottleneck's stride is on its first 1×1.", "the stride on its 3×3 (model.stride_on).",
              "Torchvision's networks: 6 % more multiply-adds.", lambda config: config.model.stride_on == "second"),
    Departure("length", "64,000 steps; on ImageNet up to 600,000.", "another length (steps).", "Your choice.",
              lambda config: config.steps != _form(64_000, 600_000, config)),
    Departure("rates", "0.1, a tenth after 32,000 and again after 48,000 steps; on ImageNet at each plateau.",
              "other rates, or drops elsewhere (schedule).", "Shorter.", _other_schedule),
    Departure("rule", "Momentum 0.9, decay 0.0001.", "another momentum or decay (optimizer).", SWITCH,
              lambda config: (config.optimizer.momentum, config.optimizer.decay) != (0.9, 1e-4)),
    Departure("warm-up", "110 layers, alone, begin with a rate of 0.01 until their training error is below 80 %.",
              "another warm-up, or none (optimizer.warmup; experiment=resnet110 has the paper's).",
              "A switch; it ends alike (4.2, footnote 5).", _other_warmup),
    Departure("init", "Weights drawn at random.", "those of another run or file to start from (init).", SWITCH,
              lambda config: config.init is not None),
    Departure("batch", "128 pictures an update; on ImageNet 256.", "another batch size (batch_size).",
              "More updates of fewer pictures.", lambda config: config.batch_size != _form(128, 256, config)),
    Departure("augmentation", "Crops after padding by 4, and mirrors; on ImageNet scales, crops, mirrors and light.",
              "less augmentation (augmentation, data.scales).", "A mirrored digit is none; or a control.",
              _other_augmentation),
    Departure("views", "One view on CIFAR-10, ten or five sizes on ImageNet.", "other views in a test (evaluation).",
              "Your choice.", _other_views),
    Departure("whole", "On ImageNet whole pictures, their shorter side brought to five sizes (Table 4).",
              "the square in their middle, brought to these sizes (evaluation.scales).",
              "Pictures of one batch have one shape.",
              lambda config: config.model.form == "imagenet" and config.evaluation.scales is not None),
    Departure("mean", "The mean of every pixel is subtracted.", "that of each colour (data.scales).",
              "Squares cut out anywhere, at any size, have no place of their own.",
              lambda config: config.data.scales is not None),
)  # fmt: skip
READINGS = (
    Reading("data.valid", "Were the networks of Table 6 trained on all 50,000 pictures, or on 45,000?",
            ("0 (50,000, ours)", "5000"), "4.2 speaks of a 45,000/5,000 split and of \"the training set\" both; the"
            " usual reading is 50,000."),
    Reading("model.zeros", "Where do the zeros of option A stand?", ("back (ours)", "front", "both"),
            "Not stated. What follows is the same up to the order of the maps. A port for Torch appends them, another"
            " for PyTorch puts half on each side."),
    Reading("model.init", "\"As in [13]\": is n the inputs or the outputs of a layer?",
            ("fan_in (ours)", "fan_out"), "[13] says that either does. Caffe's filler has inputs as its default; the"
            " port for Torch takes outputs."),
    Reading("model.init", "How does the last layer begin?", ("N(0, 2/inputs), bias 0 (ours)", "as torch does"),
            "Not stated. Ten outputs with n = 10 would begin with large logits."),
    Reading("optimizer.decay", "Do BN's γ and β decay?", ("yes (ours)", "no"),
            "Nothing is excluded in the text, nor, as far as seen, in the authors' files."),
    Reading("optimizer.momentum", "Which form of momentum?", ("v ← μv − ε∇ (Caffe, ours)", "v ← μv + ∇, w ← w − εv"),
            "The authors' page names the first. They are the same until the rate changes."),
    Reading("model.statistics", "By what does BN normalise in a test?",
            ("moving averages, 0.9 of the last (ours)", "reestimated over training pictures, as in the releases"),
            "Not stated for CIFAR-10. The authors' page: averages over a large batch after training; variations below"
            " 0.1 %. ε = 1e-5 is ours; it is not stated, either."),
    Reading("batch_size", "Over how many pictures does BN take its statistics?", ("128 (ours)", "64, on each GPU"),
            "\"A mini-batch size of 128 on two GPUs\": probably 64, which is not built here."),
    Reading("augmentation.pad", "What is padded: pixels of 0, or of the mean?", ("the mean (ours)", "black"),
            "Not stated; zeros after the subtraction of the mean are the mean."),
    Reading("optimizer.warmup", "When is the training error below 80 %, and does the warm-up count?",
            ("the mean over 50 steps, looked at every 400; it counts (ours)",),
            "\"About 400 iterations\"; \"the rest of the learning schedule is as done previously\"."),
    Reading("optimizer.warmup", "Had 1,202 layers a warm-up, and plain ones of 110?",
            ("1,202 none, plain-110 the same (ours)", "as 110 layers", "none"),
            "\"Trained as described above\"; of plain-110 no more than its error above 60 % is told."),
    Reading("augmentation.crops", "Is the training error that of the pictures as they are, or as they were augmented?",
            ("as they are, with the last weights (train_set/error, ours)", "as they were learned (train/error)"),
            "Not stated. The log has both; the first is lower."),
    Reading("augmentation.colour_by", "How strong is the coloured light on ImageNet?",
            ("variance (as AlexNet's card reads it, ours)", "deviation"),
            "\"The standard color augmentation in [21]\", which is AlexNet's paper."),
    Reading("evaluation.scales", "What is averaged over views and sizes, and are mirrors among them?",
            ("the softmax; with mirrors (ours)", "what goes into it", "no mirrors at the five sizes"),
            "\"Average the scores at multiple scales\"."),
    Reading("optimizer.plateau", "When does the error plateau on ImageNet, and which error?",
            ("four evaluations without a lower validation error, three times at most (ours)",),
            "Not stated. Where `val` is the set of Table 3, its pictures then choose when the rate falls, as they may"
            " have done there; data.valid=N holds others out."),
    Reading("data.side", "At which size are the ten views cut?", ("256 (AlexNet's, ours)", "others"), "Not stated."),
    Reading("steps", "Is the last batch of an epoch full?", ("the rest, 80 of 128 (ours)", "filled from the next"),
            "Not stated; Caffe goes on with the next pictures."),
)  # fmt: skip
BIBTEX = """\
@inproceedings{he2016deep,
  title     = {Deep Residual Learning for Image Recognition},
  author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  booktitle = {Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {770--778},
  year      = {2016},
  note      = {arXiv:1512.03385}
}
"""
SHORT = (
    "model.depth=56", "batch_size=32", "steps=200", "schedule=[{until:null,rate:0.01}]", "log_every=25",
    "augmentation.crops=false", "augmentation.pad=0",
)  # fmt: skip
"""Of the demonstration's runs."""
DEMONSTRATION = Demonstration(
    "56 layers with the same parameters, the same pictures and the same rate: with shortcuts they learn, without them"
    " even their training error stays where it began.",
    arms=(
        Arm("residual-56", SHORT, 30),
        Arm("plain-56", (*SHORT, PLAIN), 30, idea=False),
    ),
    findings=(
        Within("the plain net stays near chance (ln 10 = 2.30)", "plain-56", "train/loss", low=1.8),
        Within("its residual twin learns", "residual-56", "train/loss", high=1.5),
        Gap("which errs less on the pictures that it learns", "residual-56", "plain-56", "train/error", 0.3),
    ),
    picture="landmarks.figures.resnet:contrast",
    off=(PLAIN,),
    seeds=(0, 1, 2),
)
CARD = Card(
    title="Residual networks",
    citation="K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, arXiv:1512.03385, 2015;"
    " IEEE Conference on Computer Vision and Pattern Recognition 2016, 770–778",
    new="blocks that learn what is to be added to their input: past some depth a plain net's training error rises,"
    " although a shallower one is within its reach; with shortcuts 110 layers, and 1,202, learn without difficulty",
    headline=KNOWN["R20"],
    claims=CLAIMS,
    readings=READINGS,
    departures=DEPARTURES,
    switches={
        "model.depth": "6n + 2 on CIFAR-10; 18 | 34 | 50 | 101 | 152 with model.form=imagenet",
        "model.residual": "false: the plain twin, with the same parameters",
        "model.shortcut": "A | B | C; null: the paper's at this depth",
        "model.zeros": "back | front | both: where option A puts its zeros",
        "model.stride_on": "first | second: where a bottleneck has its stride",
        "model.statistics": "moving | reestimated: what BN normalises by in a test",
        "model.init": "fan_in | fan_out",
        "optimizer.warmup": "null, or {rate: 0.01, below: 0.8}",
        "evaluation.views": "1 | 5 | 10; evaluation.scales: [224,256,384,480,640]",
        "init": "FILE or RUN: start from weights, torchvision's too (model.stride_on=second, model.shortcut=B)",
        "data.name": "cifar10 | cifar10-jpeg | textured | mnist5k | images, with data.root=FOLDER: your own pictures",
    },
    demonstration=DEMONSTRATION,
    station=Station(
        "Residual net",
        "momentum, batch normalisation, crops",
        "20 layers of half the width, crops",
        ("experiment=digits",),
        60,
        machine="two GPUs",
        took="64,000 steps",
        where="section 4.2: of 128 photographs each",
    ),
    bibtex=BIBTEX,
    errata="landmarks.errata.resnet:ERRATA",
)
