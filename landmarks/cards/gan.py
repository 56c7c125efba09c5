"""What Goodfellow et al. 2014 claim of adversarial nets, what they leave open, and where ours differs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from landmarks.claims import Arm, Claim, Demonstration, Departure, Reading, Within
from landmarks.data import plane
from landmarks.milestone import Card

if TYPE_CHECKING:
    from landmarks.milestones.gan import GAN

PARZEN = Claim(
    "P-M", "The Parzen log-likelihood of MNIST's test images under 10,000 samples is 225 ± 2 nats.",
    "test/log_likelihood", 225, "Table 1", "seen", "nats", "high", digit=1,
    spread=2, spread_over="examples", data=("mnist50k",), rivals=(138, 121, 214),
    # 65 ms an update as measured over 2,000 of them, not over a whole run; on a GPU of today a guess
    cost={"cpu": 17_000, "cuda": 1_200},
)  # fmt: skip
CLAIMS = (
    PARZEN,
    Claim("P-M-b", "Quoted from others: deep belief net 138 ± 2, stacked CAE 121 ± 1.6, deep GSN 214 ± 1.1.",
          "rivals/log_likelihood", 214, "Table 1", "seen", "nats", "high", digit=1),
    Claim("P-T", "On the Toronto faces it is 2057 ± 26, beside 1909, 2110 and 1890 of the same rivals (not built: the"
          " set is not free).", "faces/log_likelihood", 2057, "Table 1", "seen", "nats", "high", digit=1),
    Claim("opt", "Where G draws what the data are, the best D says 1/2 and the value is −log 4, its minimum (proved;"
          " the test suite enumerates it).", "optimum/value", -math.log(4), "Theorem 1", "seen", "nats", kind="exact"),
)  # fmt: skip
BIBTEX = """\
@inproceedings{goodfellow2014generative,
  author = {Goodfellow, Ian J. and Pouget-Abadie, Jean and Mirza, Mehdi and Xu, Bing and Warde-Farley, David
            and Ozair, Sherjil and Courville, Aaron and Bengio, Yoshua},
  title = {Generative Adversarial Nets},
  booktitle = {Advances in Neural Information Processing Systems 27},
  pages = {2672--2680},
  year = {2014}
}"""


def _other(**paper: Any) -> Callable[[Any], bool]:
    """Whether a configuration has another value for one of these keys; `__` stands for the point between groups."""

    def applies(config: Any) -> bool:
        return any(reduce(getattr, key.split("__"), config) != value for key, value in paper.items())

    return applies


CARD = Card(
    title="Generative adversarial nets",
    citation="I. J. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio,"
    " “Generative Adversarial Nets”, Advances in Neural Information Processing Systems 27, 2672–2680 (2014),"
    " arXiv:1406.2661",
    new="a generator that is trained by the gradient of a discriminator alone, which is trained at the same time: no"
    " Markov chain, no inference, no likelihood",
    headline=PARZEN,
    claims=CLAIMS,
    readings=(
        Reading("epochs", "How long is it trained?", ("500 (ours)", "any"),
                "Not said, and the authors' file has no stopping rule. Twice the time in which momentum rises."),
        Reading("keep", "Which weights are measured?", ("best (by validation likelihood)", "last"),
                "Not said. The likelihood swings from epoch to epoch; the validation images, which choose the width of"
                " the window as well, may choose. The test images choose nothing."),
        Reading("loss.generator", "What does G descend?", ("non_saturating", "saturating"),
                "The value function has log(1 − D(G(z))); section 3 advises log D(G(z)); the code has that alone."),
        Reading("loss.discriminator_weight", "Is D's cost the sum of both sides, or their mean?", ("0.5", "1.0"),
                "Algorithm 1 has the sum. The code halves it, which halves D's rate."),
        Reading("discriminator_steps", "What counts as an update where k > 1?", ("one of G", "one of D"),
                "k = 1 in all the authors' files. Here the rates are divided after each update of G."),
        Reading("model.discriminator.drop_hidden", "Is dropout on while G learns?", ("yes", "no"),
                "The paper says dropout was used in D. In the code it is on in both sides' updates; so here."),
        Reading("optimizer.momentum", "Which epoch has the first value?", ("the first",),
                "The file says linear from 1 to 250. pylearn2 counts the first epoch as 1 (recalled)."),
        Reading("parzen.samples", "How many samples, and of which widths?", ("10,000; ten, 0.1 to 1",),
                "The paper says that the width was cross-validated; numbers are of the code, parzen_ll.py."),
    ),
    departures=(
        Departure("data", "MNIST, 50,000 images to train, 10,000 to choose, 10,000 to test.", "Another set.",
                  "MNIST's digits take hours of a CPU core.", _other(data__name="mnist50k")),
        Departure("generator", "Noise of 100, two ReLU layers of 1,200.", "Other sizes.",
                  "As small as the data allow.",
                  _other(model__generator__noise=100, model__generator__hidden=(1200, 1200))),
        Departure("noise", "Uniform noise of unit variance.", "Another distribution of the noise.", "A switch.",
                  _other(model__generator__prior="uniform", model__generator__spread=1.0)),
        Departure("discriminator", "Two layers of 240 maxout units of five pieces.", "Other sizes or units.",
                  "As small as the data allow; pieces=null are ReLU.",
                  _other(model__discriminator__hidden=(240, 240), model__discriminator__pieces=5)),
        Departure("dropout", "D loses a fifth of its inputs and half of its hidden units.", "Other shares.",
                  "A net this small needs all its units.",
                  _other(model__discriminator__drop_input=0.2, model__discriminator__drop_hidden=0.5)),
        Departure("start", "Weights uniform in ±0.05 (G) and ±0.005 (D), output biases from the pixels' means.",
                  "Another start.", "Bounds made for 784 inputs leave small nets nearly at zero.",
                  _other(model__generator__init=0.05, model__discriminator__init=0.005,
                         model__generator__marginals=True)),
        Departure("optimiser", "Gradient descent with momentum.", "Adam, with momentum.first as β₁.",
                  "Kingma and Ba 2015; the usual rule since Radford et al. 2016.", _other(optimizer__name="momentum")),
        Departure("rates", "Minibatches of 100, rates of 0.1 that shrink by 1.000004 an update, momentum from 0.5 to"
                  " 0.7.", "Other rates, momentum or minibatches.",
                  "Those of the circle were chosen on seeds 11 to 18, those of digits on seed 0.",
                  _other(batch_size=100, optimizer__decay=1.000004, optimizer__lr__discriminator=0.1,
                         optimizer__lr__generator=0.1, optimizer__least=1e-6, optimizer__momentum__first=0.5,
                         optimizer__momentum__last=0.7, optimizer__momentum__until=250)),
        Departure("updates", "One update of D for each of G.", "More of D (discriminator_steps).",
                  "A switch: the k of Algorithm 1.", _other(discriminator_steps=1)),
        Departure("saturating", "G climbs log D(G(z)).", "G descends log(1 − D(G(z))).",
                  "A switch: the value function to the letter, whose gradient vanishes where D is sure.",
                  _other(loss__generator="non_saturating")),
        Departure("estimate", "10,000 samples; ten widths from 0.1 to 1, chosen on 1,000 held-out images.",
                  "Other numbers.", "The scale of the data is another.",
                  _other(parzen__samples=10_000, parzen__from_power=-1.0, parzen__to_power=0.0, parzen__widths=10,
                         parzen__chosen_on=1_000, parzen__measured_on=10_000)),
        Departure("width", "The window's width is chosen on held-out images.", "On training images.",
                  "Nothing is held out beside the test images.",
                  lambda config: config.data.name not in ("mnist50k", *plane.NAMES) and not config.data.valid),
    ),
    switches={
        "loss.generator": "saturating: the value function's own log(1 − D(G(z)))",
        "loss.discriminator_weight": "1.0: Algorithm 1 without the code's half",
        "discriminator_steps": "k, updates of D for each of G",
        "optimizer.lr.discriminator": "0.0 freezes the critic: nothing is learned from it",
        "optimizer.name": "adam, as most do since 2016",
        "model.generator.prior": "gaussian: the class default of the authors' code",
        "model.generator.marginals": "false: G starts grey",
        "model.discriminator.pieces": "null: ReLU instead of maxout",
        "model.discriminator.drop_hidden": "0.0: no dropout between D's layers",
        "keep": "last: the weights as they are at the end",
        "data.name": "circle and ring: points whose density is known, with data.points, data.noise, data.modes",
    },
    demonstration=Demonstration(
        "A net that never sees the data, and computes no likelihood, learns to draw from a noisy circle out of its"
        " critic's gradient alone: far likelier than the best Gaussian, and at last the critic is left at chance.",
        arms=(Arm("adversarial nets", (), 8),),
        findings=(
            Within("its samples beat the Gaussian of maximum likelihood by at least 0.7 nats", "adversarial nets",
                   "test/over_gaussian", low=0.7),
            Within("D's loss on held-out points and samples is within 0.03 of ln 2, that of chance", "adversarial nets",
                   "test/discriminator_loss", low=math.log(2) - 0.03, high=math.log(2) + 0.03),
        ),
        picture="landmarks.figures.gan:contrast",
        off=("optimizer.lr.discriminator=0.0",),
        seeds=(0, 1, 2, 3),
    ),
    bibtex=BIBTEX,
    errata="landmarks.errata.gan:ERRATA",
)  # fmt: skip
ANCHORS = {
    "true_sampler": "the true sampler",
    "training_images": "training images themselves",
    "class_gaussians": "a Gaussian for each class",
    "gaussian": "one Gaussian",
    "untrained": "this generator untrained",
    "marginals": "every pixel drawn alone",
}


def conclude(gan: GAN, metrics: Mapping[str, float]) -> str:
    """The likelihood beside the paper's, and beside what the same measure says of models of no merit."""
    split = next(name for name in ("test", "valid", "train_set") if f"{name}/log_likelihood" in metrics)
    found = {key.partition("/")[2]: value for key, value in metrics.items() if key.startswith(f"{split}/")}
    digits = ".0f" if gan.claim else ".2f"
    beside = [f"{what} {found[name]:{digits}}" for name, what in ANCHORS.items() if name in found]
    covered = ""
    if "covered" in found:
        modes = gan.config.data.modes or (gan.reader.classes if gan.reader else 0)
        what = "modes" if gan.config.data.modes else "classes"
        covered = f", {round(found['covered'] * modes)} of {modes} {what} drawn"
    paper = f"paper: {gan.claim.published:g} ± {gan.claim.spread:g} nats on MNIST (Table 1); " if gan.claim else ""
    loss = f"D's loss {found['discriminator_loss']:.3f} (chance: {math.log(2):.3f})"
    return (
        f"log-likelihood {found['log_likelihood']:{digits}} ± {found['log_likelihood_se']:{digits}} nats of {split}"
        f" {gan.config.data.name}{covered}, {loss}; {paper}by the same measure {', '.join(beside)}"
    )
