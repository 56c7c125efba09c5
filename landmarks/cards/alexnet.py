"""What Krizhevsky, Sutskever and Hinton 2012 claim, what they leave open, and where ours differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from landmarks.cards.costs import on_a_gpu
from landmarks.claims import Arm, Claim, Demonstration, Departure, Gap, Reading, Station, Within
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.alexnet import AlexNetConfig

ILSVRC_2010, ILSVRC_2012 = ("images (ILSVRC-2010)",), ("images (ILSVRC-2012)",)
"""Folders of pictures are the user's: whether they are these sets nobody can see, so no verdict is given on them."""


IMAGENET = on_a_gpu(90 * 1.27e6, 724e6)
"""An estimate of a run's seconds on either set, the network's 724 million multiply-adds a picture in 90 passes."""


def _error(id: str, says: str, published: float, where: str, metric: str, data: tuple[str, ...]) -> Claim:
    return Claim(id, says, metric, published, where, "seen", digit=0.001, data=data, cost=IMAGENET)


def _both(id: str, says: str, top: tuple[float, float], where: str, metric: str, data: tuple[str, ...]) -> list[Claim]:
    """Top-1 and top-5 error of one network."""
    split, _, view = metric.partition("/")
    return [
        _error(f"{id}{suffix}", says.format(f"top-{n} error {100 * error:.1f} %"), error, where,
               f"{split}/{view}{'top5_' * (n == 5)}error", data)
        for error, n, suffix in zip(top, (1, 5), ("", "-5"), strict=True)
    ]  # fmt: skip


def _quoted(id: str, says: str, published: float, where: str) -> Claim:
    """A number that nothing here measures."""
    return Claim(id, f"{says} (not built here).", "others/top5_error", published, where, "seen", digit=0.001)


def _worse(id: str, says: str, gaps: tuple[float, ...], where: str, *against: str) -> list[Claim]:
    """By how much the network is better than with a part of it switched off, in top-1 and top-5 error."""
    return [
        Claim(f"{id}{suffix}", f"{says}, {name} by {100 * gap:.2g} points.", f"test/{metric}", gap, where, "seen",
              kind="contrast", digit=0.001, data=ILSVRC_2010, against=against, cost=IMAGENET)
        for gap, name, metric, suffix in zip(gaps, ("top-1", "top-5"), ("error", "top5_error"), ("", "-5"),
                                             strict=False)
    ]  # fmt: skip


def _cifar(percent: int, where: str) -> Claim:
    name = f"cifar{percent}"
    says = f"cuda-convnet's network errs on {percent} % of CIFAR-10's test pictures."
    return Claim(f"C{percent}", says, "test/error", percent / 100, where, "secondary", digit=0.01, data=("cifar10",),
                 overrides=(f"experiment={name}",), cost={"cpu": CORE[name]})  # fmt: skip


CORE = {"figure1": 1400.0, "cifar26": 660.0, "cifar18": 9500.0, "cifar13": 50_000.0, "cifar11": 50_000.0}
"""Estimated seconds of a run on CIFAR-10, on one core of an AMD EPYC: one epoch, times how many there are, of the
last two by their multiply-adds; of Figure 1 ten epochs with rectifiers and all 40 with tanh."""
FIGURE_1 = "experiment=figure1"
FIGURE_1_TANH = (FIGURE_1, "model.activation=tanh", "schedule=[{until: null, rate: 0.016}]")
PAGE = "the first author's page of cuda-convnet"
CLAIMS = (
    *_both("A10", "ILSVRC-2010, ten views: {}.", (0.375, 0.17), "Table 1", "test/", ILSVRC_2010),
    *_both("A10-1", "ILSVRC-2010, the middle alone: {}.", (0.39, 0.183), "section 6, footnote",
           "test/centre_", ILSVRC_2010),
    _quoted("A10-b", "Before it: sparse coding 28.2 %, SIFT and Fisher vectors a top-5 error of 25.7 %", 0.257,
            "Table 1"),
    *_both("A12-1", "ILSVRC-2012, validation set, one network: {}.", (0.407, 0.182), "Table 2",
           "valid/", ILSVRC_2012),
    _quoted("A12-6", "A sixth layer of maps, pretrained on all of ImageNet: top-5 error 16.6 %", 0.166, "Table 2"),
    _quoted("A12-5", "Five networks, averaged: top-5 error 16.4 %", 0.164, "Table 2"),
    _quoted("A12-7", "Seven, two of them pretrained on all of ImageNet: 15.3 % of the test set; the next best entry"
            " 26.2 %", 0.153, "Table 2"),
    _quoted("A09", "Fall 2009, 10,184 classes: top-5 error 40.9 %", 0.409, "section 6"),
    Claim("ReLU", "With rectifiers a four-layer network reaches a training error of 25 % on CIFAR-10 six times sooner"
          " than with tanh.", "train_set/epochs_needed", 6, "section 3.1, Fig. 1", "seen", "count", kind="ratio",
          digit=1, data=("cifar10",), overrides=(FIGURE_1,), against=FIGURE_1_TANH, seeds=10,
          cost={"cpu": CORE["figure1"]}),
    *_worse("LRN", "Response normalisation lowers the error", (0.014, 0.012), "section 3.3", "model.lrn=null"),
    *_worse("2GPU", "Two towers are better than one with half of the kernels", (0.017, 0.012), "section 3.2",
            "model.towers=one"),
    *_worse("overlap", "Overlapping pooling lowers the error", (0.004, 0.003), "section 3.4", "model.pool=2"),
    *_worse("PCA", "Coloured light lowers the error", (0.01,), "section 4.1", "augmentation.colour=0.0"),
    *_worse("depth", "Without one of the middle layers (conv4 here) it is worse", (0.02,), "section 7",
            "model.without=conv4"),
    Claim("drop", "Dropout about doubles the iterations to converge (not built here).", "others/ratio", 2,
          "section 4.2", "seen", "count", kind="time", digit=1),
    _cifar(11, PAGE), _cifar(13, PAGE), _cifar(18, PAGE), _cifar(26, PAGE),
    Claim("LRN-C", "Normalisation lowers CIFAR-10's test error from 13 % to 11 %: the authors' two files, which differ"
          " in more than that.", "test/error", 0.02, "section 3.3", "seen", kind="contrast", digit=0.01,
          data=("cifar10",), overrides=("experiment=cifar11",), against=("experiment=cifar13",),
          cost={"cpu": (CORE["cifar11"] + CORE["cifar13"]) / 2}),
    Claim("LRN-C1", "The network of 11 % is better with its normalisation than without, all else being equal.",
          "test/error", 0.0, "section 3.3, one factor alone", "seen", kind="contrast", data=("cifar10",),
          overrides=("experiment=cifar11",), against=("experiment=cifar11", "model.lrn=null"),
          cost={"cpu": CORE["cifar11"]}),
)  # fmt: skip
KNOWN = {claim.id: claim for claim in CLAIMS}


LINE = Claim("Fig. 1", "The training error of Figure 1's dashed line.", "train/error", 0.25, "Fig. 1", "seen",
             data=("cifar10",))  # fmt: skip
"""No result, but what times are taken of: the claim of Figure 1 is a ratio of two arms."""


def claim_of(config: AlexNetConfig) -> Claim | None:
    """The published number of this configuration; with a criterion Figure 1's line, where it is that."""
    if config.criterion is not None:
        return LINE if config.criterion == LINE.published else None
    return KNOWN["A10" if config.model.network == "alexnet" else f"C{config.model.network.removeprefix('cifar')}"]


def _value(config: Any, key: str) -> Any:
    """`__` stands for the point between groups; None below a group that is null."""
    return reduce(lambda group, name: None if group is None else getattr(group, name), key.split("__"), config)


CUT = ("cifar13", "cifar11")
"""The networks of cuda-convnet that see squares of 24 × 24."""


def _other(**paper: tuple[tuple[Any, ...], ...]) -> Callable[[Any], bool]:
    """Whether one of the keys has a value that neither the paper nor, of a CIFAR network, its file has.

    Values of the network of 2012; where the files have the key, too, of those without crops, of those with crops.
    """

    def applies(config: AlexNetConfig) -> bool:
        place = 0 if config.model.network == "alexnet" else 2 if config.model.network in CUT else 1
        known = {key: values[place] for key, values in paper.items() if place < len(values)}
        return any(_value(config, key) not in values for key, values in known.items())

    return applies


LENGTHS = {"alexnet": (90,), "cifar26": (10,), "cifar18": (140,), "cifar13": (520,), "cifar11": (520,)}
DROPS = {"cifar26": (8,), "cifar18": (120, 130), "cifar13": (500, 510), "cifar11": (500, 510)}
"""After so many epochs a tenth of the rate, of 0.001 at first."""
NORMALISED = {"alexnet": ("maps", 5, 1e-4), "cifar18": ("places", 3, 5e-5), "cifar11": ("maps", 9, 1e-3)}
"""Over what, how many, α, where there is normalisation."""
SWITCH = "A switch, for a step at a time from 2012 to today."


def _photographs(config: AlexNetConfig) -> bool:
    """Whether it may be ImageNet that is learned: a thousand classes in a folder, or no folder named yet."""
    return config.data.name == "images" and len(config.data.classes or range(1000)) == 1000


def _other_normalisation(config: AlexNetConfig) -> bool:
    """k and the division are readings in the network of 2012, and facts in the files."""
    lrn, wanted = config.model.lrn, NORMALISED.get(config.model.network)
    if lrn is None or wanted is None:
        return bool(lrn or wanted)
    known = lrn.k in (1.0, 2.0) if config.model.network == "alexnet" else lrn.k == 1 and lrn.divided
    return (lrn.over, lrn.size, lrn.alpha) != wanted or lrn.beta != 0.75 or not known


def _other_length(config: AlexNetConfig) -> bool:
    fold = (config.fold_in.pictures, config.fold_in.after) if config.fold_in else None
    wanted = (10_000, 350) if config.model.network in CUT else None
    return config.criterion is None and (config.epochs not in LENGTHS[config.model.network] or fold != wanted)


def _other_rates(config: AlexNetConfig) -> bool:
    """Figure 1's are a reading."""
    stages, plateau = [(stage.until, stage.rate) for stage in config.schedule], config.optimizer.plateau
    if config.model.network == "alexnet":
        return stages != [(None, 0.01)] or plateau is None or (plateau.by, plateau.times) != (10, 3)
    paper = [*zip((*DROPS[config.model.network], None), (1e-3, 1e-4, 1e-5), strict=False)]
    return config.criterion is None and (plateau is not None or stages != paper)


def _other_rule(config: AlexNetConfig) -> bool:
    now, of_2012 = config.optimizer, config.model.network == "alexnet"
    decay = 5e-4 if of_2012 else None if config.criterion is None else 0.0
    return (now.momentum, now.decay, now.bias_times) != (0.9, decay, 1.0 if of_2012 else 2.0)


DEPARTURES = (
    Departure("digits", "1.2 million photographs in 1,000 classes; CIFAR-10 for its networks.", "4,000"
              " digits on textured backgrounds, 1,000 others to test (scale=paper takes your ImageNet, or CIFAR-10).",
              "They come with the dependencies.",
              lambda config: config.data.name == "textured"),
    Departure("other data", "ImageNet; the CIFAR networks CIFAR-10.", "other pictures (data.name).", "Your own.",
              lambda config: config.data.name != "textured" and not (
                  _photographs(config) if config.model.network == "alexnet"
                  else config.data.name in ("cifar10", "cifar10-jpeg"))),
    Departure("jpeg", "CIFAR-10's own pixels.", "CIFAR-10 as JPEG, which has lost some detail.",
              "Where the archives cannot be had.",
              lambda config: config.data.name == "cifar10-jpeg" and config.model.network != "alexnet"),
    Departure("labels", "All training pictures.", "few of them (data.labels).",
              "Shows what augmentation and dropout are worth.", lambda config: config.data.labels is not None),
    Departure("geometry", "Inputs of 224 × 224 out of 256 × 256, conv1 11 × 11 in steps of 4; CIFAR-10's networks see"
              " 32 × 32, or 24 × 24 of it.", "other inputs and kernels (model.input, data.side, model.conv1).",
              "Small pictures.",
              _other(model__input=((224, 227), (32,), (24,)), data__side=((256,), (32,), (32,)),
                     model__conv1__kernel=((11,),), model__conv1__stride=((4,),))),
    Departure("width", "96 to 384 maps, 4,096 units.", "narrower layers (model.width).", "A minute on a CPU core.",
              _other(model__width=((1.0,),))),
    Departure("start", "Weights ~ N(0, 0.01²), biases of 1 in conv2, conv4, conv5, fc6, fc7.",
              "other initial weights (model.std, model.bias, model.rescaled).",
              "Narrower layers receive less: with 1/√width times the spread they receive as much.",
              _other(model__std=((0.01,),), model__bias=((1.0,),), model__rescaled=((False,),))),
    Departure("init", "Weights drawn at random.", "those of another run or file to start from (init).", SWITCH,
              lambda config: config.init is not None),
    Departure("towers", "Two towers.", "no towers, or one (model.towers).", SWITCH, _other(model__towers=(("two",),))),
    Departure("layers", "Five convolutions and three full layers.", "one layer fewer (model.without).",
              "Section 7.", _other(model__without=((None,),))),
    Departure("activation", "Rectifiers.", "other units (model.activation).", "The control of section 3.1.",
              lambda config: config.model.activation != "relu"),
    Departure("pooling", "Overlapping pooling.", "windows side by side (model.pool=2).", "The control of section 3.4.",
              lambda config: config.model.pool != 3),
    Departure("normalisation", "Local response normalisation, as the network's formula or file has it.",
              "none, or another normalisation (model.lrn).", "The control of section 3.3.", _other_normalisation),
    Departure("dropout", "Dropout of one half in fc6 and fc7.", "another dropout, or none (model.dropout).",
              "The control of section 4.2.", _other(model__dropout=((0.5,),))),
    Departure("augmentation", "Random crops, mirrors, coloured light; of CIFAR-10's networks crops and mirrors for"
              " those of 13 and 11 %, nothing for the others.", "another augmentation (augmentation, data.scales).",
              "A mirrored digit is none; or the control of section 4.1.",
              _other(augmentation__crops=((True,), (False,), (True,)), augmentation__pad=((0,),) * 3,
                     augmentation__mirror=((True,), (False,), (True,)),
                     augmentation__colour=((0.1,), (0.0,), (0.0,)), data__scales=((None,),) * 3)),
    Departure("views", "Ten views in a test; one for the networks of 26 and 18 %.",
              "other views in a test (evaluation.views).", "Faster.", _other(evaluation__views=((10,), (1,), (10,)))),
    Departure("length", "90 epochs, or what the network's file says.", "another length (epochs, fold_in).",
              "Your choice.", _other_length),
    Departure("rates", "0.01, divided by ten by hand, three times, when the validation error stopped falling; or what"
              " the network's file says.", "other rates, or drops elsewhere (schedule, optimizer.plateau).",
              "Shorter, or nothing is held out to choose by.", _other_rates),
    Departure("rule", "Momentum 0.9, decay 0.0005, one rate for all; or what the network's file says.",
              "another momentum, decay or rate of the biases (optimizer).", SWITCH, _other_rule),
    Departure("batch", "128 pictures an update.", "another batch size (batch_size).", "More updates of fewer pictures.",
              lambda config: config.batch_size != 128),
    Departure("held out", "Measured on the test pictures.", "on pictures held out of those to learn from (data.valid).",
              "To choose by; the test pictures are left alone.",
              lambda config: config.data.valid > 0 and config.criterion is None),
)  # fmt: skip
READINGS = (
    Reading("model.lrn.divided", "Is α divided by n?",
            ("false (the printed formula, ours)", "true (the authors' code)"),
            "Section 3.3 prints α Σ a²; cuda-convnet divides its `scale` by `size`, and its ImageNet file has 1e-4 and"
            " 5: α is five times smaller there. PyTorch and Caffe divide, too."),
    Reading("model.lrn.k", "Is k 2?", ("2 (printed, ours)", "1 (Caffe's file leaves it so)"),
            "In the authors' ImageNet file minDiv = 2. In cuda-convnet's older CIFAR networks it is always 1."),
    Reading("model.lrn.joined", "Does the window reach into the other tower?", ("false (ours)", "true"),
            "Not stated. The towers lie on two GPUs that exchange maps in certain layers only, of which this is none."),
    Reading("model.bias", "Biases of 1, as printed?", ("1.0 (printed, ours)", "0.1"),
            "Caffe's authors report that with 1 the loss stayed flat, and took 0.1 (and a std of 0.005 in fc6 and fc7):"
            " where the loss stays near ln(classes), take model.bias=0.1. With pixels from 0 to 1 instead of 0 to 255"
            " it would hardly start at all."),
    Reading("model.input", "How do 11 × 11 kernels in steps of 4 make 55 × 55 places of 224 × 224 pixels?",
            ("224, padding 2 (ours)", "227, no padding (Caffe)"),
            "(224 − 11)/4 is no whole number. Both give the same parameters. Of Fig. 2's sizes 253,440 is not"
            " 55·55·96 = 290,400; the others are as here."),
    Reading("augmentation.colour_by", "What is λ of the coloured light?",
            ("variance (eigenvalues, of pixels from 0 to 1; ours)", "deviation (their square roots)"),
            "Printed: eigenvalues, without a scale of the pixels. Of pixels from 0 to 255 they are in the thousands:"
            " a tenth of that would leave nothing of a picture."),
    Reading("optimizer.plateau.patience", "When does the validation error stop falling?",
            ("after 4 evaluations in vain (ours)",), "By hand, it says. The training goes on to its 90 epochs then."),
    Reading("optimizer.decay", "Do biases decay?", ("no (the authors' code, ours)", "yes, which is not built here"),
            "Of w it is printed; cuda-convnet decays weights alone."),
    Reading("model.network", "Which four-layer network is Figure 1's?", ("cifar18 (ours)",),
            "Not given. That of the 18 % has four layers with weights, and is of the same author and year."),
    Reading("schedule", "Which rates in Figure 1?", ("2e-3 with rectifiers, 1.6e-2 with tanh (ours)",),
            "Chosen for each network so as to learn fastest, and not printed. Ours of 1e-3, 2e-3, 4e-3, … 3.2e-2 for"
            " both, by the error on 10,000 held-out pictures after four epochs of cifar10-jpeg (seed 100, bf16): 37.8,"
            " 34.8, 35.6, 39.4, 54.4, 89.6 % with rectifiers, 56.9, 54.2, 52.2, 48.4, 47.6, 48.5 % with tanh."),
    Reading("schedule", "Does the rate of the biases fall, too, in the network of 11 %?",
            ("yes (ours)", "no, which is not built here"),
            "Its file speaks of epsW, the rates of the weights; that of 18 % of all rates."),
    Reading("criterion", "What is the training error of an epoch in Figure 1?",
            ("of each picture just before it is learned from (ours)", "of all of them, after the epoch"),
            "Not stated. cuda-convnet shows the first."),
    Reading("batch_size", "In which order are pictures learned?", ("a new one every epoch (ours)", "that of the files"),
            "Not stated. cuda-convnet takes one file of 10,000 after the other, always in the same order."),
    Reading("augmentation.crops", "Which mean is taken from a crop?",
            ("that of the places where it lies (ours)", "that of the middle, wherever it lies (cuda-convnet)"),
            "Section 2 takes it from each pixel, before anything is cut out; cuda-convnet's provider after that."),
    Reading("data.valid", "On what do Figure 1's networks learn?", ("40,000 pictures (ours)", "50,000"),
            "Not stated; files 1 to 4 of 5 were the author's way to choose rates."),
    Reading("fold_in", "Which 10,000 pictures are the fifth file's?", ("a fixed random 10,000 (ours)",),
            "The files are random parts; a copy of the set by classes has no such order."),
    Reading("epochs", "How long do the networks of 13, 18 and 26 % learn at their last rates?",
            ("520, 140, 10 (ours)",), "The files name the drops of 18 and 26 %, and nothing of 13 %."),
    Reading("evaluation.views", "One view or ten for the network of 13 %?", ("10 (ours)", "1"),
            "The file of 11 % asks for ten; that of 13 % refers to the same method."),
)  # fmt: skip
FEW = ("data.labels=300", "epochs=100", "eval_every=1000", "evaluation.views=1",
       "schedule=[{until: 80, rate: 0.005}, {until: null, rate: 0.0005}]")  # fmt: skip
"""The rate is the best of 0.01, 0.005 and 0.0025 for both arms, with data.valid=1000 on seeds 100 and 101; the logistic
twin stays where it is with 0.001, 0.005 and 0.03."""
BARE = ("augmentation.crops=false", "augmentation.colour=0.0", "model.dropout=0.0")
LOGISTIC = "model.activation=logistic"
DEMONSTRATION = Demonstration(
    "Eight layers learn 300 labelled pictures by heart; drawn anew each time, and with half of the units silent, they"
    " err less on others. Of logistic units the same layers do not even begin to learn.",
    arms=(
        Arm("AlexNet", FEW, 17),
        Arm("neither", (*FEW, *BARE), 17, idea=False),
        Arm("logistic", (*FEW, LOGISTIC), 20, idea=False),
    ),
    findings=(
        Gap("augmentation and dropout lower the test error", "AlexNet", "neither", "test/error", 0.015),
        Within("with rectifiers it learns its pictures", "AlexNet", "train_set/error", high=0.1),
        Within("its logistic twin stays at chance", "logistic", "train_set/error", low=0.85),
    ),
    picture="landmarks.figures.alexnet:contrast",
    off=(*BARE, LOGISTIC),
    seeds=(0, 1, 2),
)
CARD = Card(
    title="AlexNet",
    citation="A. Krizhevsky, I. Sutskever, G. E. Hinton, ImageNet classification with deep convolutional neural"
    " networks, Advances in Neural Information Processing Systems 25, 1097–1105, 2012",
    new="a large convolutional network, by labels alone: rectifiers, two GPUs, response normalisation, overlapping"
    " pooling, pictures drawn anew each time and dropout; it won ILSVRC-2012 with 15.3 % top-5 error against 26.2 %",
    headline=KNOWN["A10"],
    claims=CLAIMS,
    readings=READINGS,
    departures=DEPARTURES,
    switches={
        "model.activation": "relu | tanh | logistic",
        "model.lrn": "null, or of its keys: divided=true (α/n), joined=true (across the towers), size, k, alpha, beta",
        "model.pool": "3: overlapping | 2: side by side",
        "model.towers": "two | joined: no groups, 62,378,344 parameters | one: half of the kernels, one GPU's",
        "model.without": "conv3 | conv4 | conv5 | fc6 | fc7: a layer fewer",
        "model.dropout": "0.0: none",
        "model.input": "224 | 227",
        "model.bias": "0.1 where 1.0 does not start",
        "model.width": "times the maps and units",
        "augmentation.crops": "false: the middle alone",
        "augmentation.mirror": "false: as they are",
        "augmentation.colour": "0.0: as they are",
        "evaluation.views": "1 | 5 | 10",
        "optimizer.plateau": "null: `schedule` alone",
        "data.labels": "learn from so few pictures",
        "data.name": "images, with data.root=FOLDER: your own; experiment=imagenet: at 224, the whole network",
    },
    demonstration=DEMONSTRATION,
    station=Station("ReLU + dropout net", "momentum, dropout, crops", "an eighth of the maps, crops, mean of 5 views",
                    ("experiment=digits",), 45, views=5,
                    machine="two GTX 580", took="5–6 days", where="section 5: 90 passes over 1.2 million photographs"),
    bibtex="""\
@inproceedings{krizhevsky2012imagenet,
  author    = {Krizhevsky, Alex and Sutskever, Ilya and Hinton, Geoffrey E.},
  title     = {{ImageNet} Classification with Deep Convolutional Neural Networks},
  booktitle = {Advances in Neural Information Processing Systems 25},
  pages     = {1097--1105},
  year      = {2012}
}
""",
    errata="landmarks.errata.alexnet:ERRATA",
)  # fmt: skip


def concluded(config: AlexNetConfig, classes: int, metrics: Mapping[str, float]) -> str:
    """The error on pictures that were not learned from beside the paper's, and why it is not the same number."""
    active = "; ".join(d.ours.rstrip(".") for d in DEPARTURES if d.applies(config))
    here = f"; here: {active}" if active else ""
    if config.criterion is not None:
        met = metrics.get("train_set/epochs_needed")
        said = f"after {met:.0f} epochs" if met else f"not within {config.epochs} epochs"
        what = f"{config.model.activation} units: a training error of {100 * config.criterion:g} % {said}"
        return f"{what}; paper: six times sooner with rectifiers than with tanh (Fig. 1){here}"
    split = next((name for name in ("test", "valid", "train_set", "train") if f"{name}/error" in metrics), None)
    claim = claim_of(config)
    if split is None or claim is None:
        return "finished"
    if split == "valid" and claim is KNOWN["A10"] and not config.data.valid:
        claim = KNOWN["A12-1"]  # the folder's own `val`
    fifth = metrics.get(f"{split}/top5_error")
    beside = f", top-5 {100 * fifth:.2f} %" if fifth is not None else ""
    paper = f"paper: {claim.printed} on {claim.data[0]} ({claim.where})"
    error = f"{split} error {100 * metrics[f'{split}/error']:.2f} %{beside}"
    return f"{error} on {config.data.name}, {classes} classes; {paper}{here}"
