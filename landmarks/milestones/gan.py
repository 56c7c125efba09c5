"""Generative adversarial nets: a generator that learns from the gradient of its own critic alone (2014).

I. J. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio, "Generative
Adversarial Nets", Advances in Neural Information Processing Systems 27, 2672–2680, 2014 (arXiv:1406.2661). What the
paper leaves open is as in the authors' code, github.com/goodfeli/adversarial: mnist.yaml, __init__.py, parzen_ll.py.

New: two networks against each other, min over G, max over D of E log D(x) + E log(1 − D(G(z))); no Markov chain, no
likelihood, no inference. At the optimum G draws what the data are, D says 1/2 to everything and loses ln 2 a side.

Reached here on a noisy circle, quick scale, seeds 0 to 3: 1.11 to 1.13 nats above the Gaussian of maximum likelihood,
D's loss within 0.003 of ln 2. MNIST at paper scale starts and goes as slowly as it must: not run to its end yet.

Shapes: pictures x (B, 784) in [0, 1] or points (B, 2); noise z (B, 100); D's answer is a logit (B,).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks.cards.gan import CARD, conclude
from landmarks.claims import Claim
from landmarks.data import plane
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Decision, Layer, Milestone, Optimizer, Phase, Scalars, Schedule, Split
from landmarks.parts import anchors, moments, parzen
from landmarks.parts.adversaries import PIXELS, PLANE, Discriminator, Generator, ModelSettings, initialise
from landmarks.parts.descent import adam
from landmarks.parts.momentum import Momentum
from landmarks.parts.tiles import scattered
from landmarks.randomness import stream, torch_seed
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, Check, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    generator: Literal["non_saturating", "saturating"]
    discriminator_weight: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class MomentumSettings:
    first: Annotated[float, FRACTION]
    last: Annotated[float, FRACTION]
    until: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    discriminator: Annotated[float, NOT_NEGATIVE]
    generator: Annotated[float, NOT_NEGATIVE]


SLOWING = Check(">= 1", lambda factor: factor >= 1)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    name: Literal["momentum", "adam"]
    lr: LearningRates
    decay: Annotated[float, SLOWING]
    least: Annotated[float, NOT_NEGATIVE]
    momentum: MomentumSettings


@dataclass(frozen=True, kw_only=True)
class GANConfig(Settings):
    model: ModelSettings
    loss: LossSettings
    optimizer: OptimizerSettings
    parzen: parzen.ParzenSettings
    discriminator_steps: Annotated[int, POSITIVE]
    batch_size: Annotated[int, POSITIVE]
    keep: Literal["last", "best"]
    data: plane.PlaneSettings


def size(config: GANConfig) -> int:
    """Numbers of a pattern."""
    return PLANE if config.data.name in plane.NAMES else PIXELS


def decoded(x: Tensor) -> Tensor:
    """Bytes (N, 28, 28) as (N, 784) in [0, 1], real-valued as in the paper; points as they are."""
    return x.flatten(1).float() / 255 if x.dtype == torch.uint8 else x


NAMES = ("discriminator", "generator")
DIGITS = ("mnist", "mnist50k", "mnist5k")
HAVE_VALID = ("mnist50k", *plane.NAMES)
PICTURES, POINTS = 16, 500
"""So many samples are kept of some moments of the training."""


class GAN(Milestone):
    """Two networks and the game between them. Buffer: `sigma` (), the width of the Parzen window.

    `memory`: `history` (evaluations, 4), epoch, losses of both sides and what was watched; `snapshots` (k, 16, d) of
    the same noise, after the evaluations `moments` (k,); with keep=best the weights of the best evaluation.
    """

    Config = GANConfig
    card = CARD
    revision = 2  # since dropout has other draws
    config: GANConfig
    sigma: Tensor

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        check(config)
        self.held_out = config.data.name in HAVE_VALID or config.data.valid > 0
        self.generator = self.sampler(config)
        self.discriminator = Discriminator(config.model.discriminator, size(config))
        draws, model = stream(config.seed, config.first_replica, "weights"), config.model
        initialise(self.generator.layers, model.generator.init, draws)
        initialise(self.discriminator.layers, model.discriminator.init, draws)
        self.register_buffer("sigma", torch.ones(()))
        self.reader: anchors.Reader | None = None
        self.train_set: Split | None = None
        self.compared: dict[Tensor, Scalars] = {}

    @classmethod
    def sampler(cls, config: GANConfig) -> Generator:
        return Generator(config.model.generator, size(config))

    def phases(self) -> tuple[Phase, ...]:
        config = self.config
        return (
            Phase(
                "adversarial",
                {name: self._optimizer(self.get_submodule(name)) for name in NAMES},
                {name: self._rate(getattr(config.optimizer.lr, name)) for name in NAMES},
                epochs=None if config.steps else config.epochs,
                steps=config.steps,
                batch_size=config.batch_size * config.discriminator_steps,
                measures=("valid",) if self.held_out else ("test",),
                rate_by_step=True,
            ),
        )

    @property
    def undivided(self) -> str:
        """Rows of a batch that is more than one minibatch cannot be shared out as they come."""
        k = self.config.discriminator_steps
        return f"takes {k} minibatches a step (discriminator_steps={k}), each whole" if k > 1 else ""

    def _rate(self, first: float) -> Schedule:
        """Divided by `decay` after every update, down to `least`; a side whose rate is 0 stays as it is."""
        options = self.config.optimizer
        return lambda step: max(options.least, first * options.decay**-step) if first else 0.0

    def _optimizer(self, network: nn.Module) -> Optimizer:
        parameters, options = [*network.parameters()], self.config.optimizer
        if options.name == "adam":
            return adam(parameters, options.momentum.first)
        return Momentum(parameters, options.momentum.first)

    def begin_epoch(self, data: Data) -> None:
        """Momentum rises in a straight line from the first epoch to epoch `until`; G begins with the marginals."""
        rule = self.config.optimizer.momentum
        risen = min(1.0, self.epoch / (rule.until - 1)) if rule.until > 1 else 1.0
        for optimizer in self.phase.optimizers.values():
            if isinstance(optimizer, Momentum):
                optimizer.param_groups[0]["momentum"].fill_(rule.first + (rule.last - rule.first) * risen)
        if self.epoch == 0 and self.config.model.generator.marginals:
            self.generator.start_from_marginals(decoded(data.splits["train"].x))

    def step(self, batch: Batch) -> Scalars:
        """Algorithm 1: k updates of D, each on a minibatch of its own, then one of G; fresh noise for each."""
        loss = self.config.loss
        for x in torch.split(decoded(batch.x), self.config.batch_size):
            with torch.no_grad():
                fake = self.generator(self.generator.noise(len(x)))
            errs = self.discriminator_loss(x, fake)
            self.descend(2 * loss.discriminator_weight * errs, "discriminator")
        answer = self.discriminator(self.generator(self.generator.noise(len(x)))).float()
        fooled = F.softplus(-answer).mean()  # −log D(G(z)), "much stronger gradients early in learning" (section 3)
        self.descend(-F.softplus(answer).mean() if loss.generator == "saturating" else fooled, "generator")
        return {"discriminator_loss": errs, "generator_loss": fooled}

    def discriminator_loss(self, x: Tensor, fake: Tensor) -> Tensor:
        """½ [−log D(x) − log(1 − D(G(z)))], means over x and fakes: a side's cross-entropy, ln 2 for D = 1/2."""
        real, faked = torch.split(self.discriminator(torch.cat((x, fake))).float(), [len(x), len(fake)])
        return (F.softplus(-real).mean() + F.softplus(faked).mean()) / 2

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Samples (count, d), out of torch's default generator where none is given."""
        z = self.generator.noise(count, generator)
        return torch.cat([self.generator(part) for part in torch.split(z, 1000)])

    def calibrate(self, data: Data) -> None:
        """Choose the width of the Parzen window on held-out patterns (on training ones where none are held out)."""
        self.train_set = data.splits.get("train")
        if self.train_set is None:
            return  # another set: the width stays that of the run's own
        self.chosen_on = decoded(data.splits.get("valid", self.train_set).x[: self.config.parzen.chosen_on])
        samples = self.draw(self.config.parzen.samples)
        self.sigma.copy_(parzen.fit(self.chosen_on, samples, self.config.parzen.sigmas()))
        if data.classes and self.reader is None:
            self.reader = anchors.Reader(decoded(self.train_set.x), self.train_set.y)

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Parzen log-likelihood in nats with its standard error over patterns, D's loss, what the samples cover.

        Beside them the same likelihood of the anchors, for a split from which nothing was learned.
        """
        x, samples = decoded(split.x[: self.config.parzen.measured_on]), self.draw(self.config.parzen.samples)
        density = parzen.log_densities(x, samples, self.sigma[None])[0]
        found = {"log_likelihood": density.mean(), "discriminator_loss": self.discriminator_loss(x, samples)}
        found |= {"log_likelihood_se": density.std() / math.sqrt(len(density)), "sigma": self.sigma}
        counts = self.counts(samples)
        if len(counts) > 1:
            shares = counts / len(samples)
            found["covered"] = (shares > 0.01).float().mean()
            found["entropy"] = -torch.xlogy(shares, shares).sum()
        if self.train_set is not None and split.x is not self.train_set.x:
            if split.x not in self.compared:
                self.compared[split.x] = self.anchors(self.train_set, x)
            found |= self.compared[split.x]
            found["over_gaussian"] = found["log_likelihood"] - found["gaussian"]
        return found

    def counts(self, samples: Tensor) -> Tensor:
        """How many samples are of each class, as the reader names it, or lie within 4 σ of each Gaussian of a ring."""
        if self.config.data.name == "ring":
            centres = plane.centres(self.config.data).to(samples)
            return (torch.cdist(samples, centres) < 4 * (self.config.data.noise or 0)).float().sum(0)
        if self.reader is None:
            return samples.new_zeros(0)
        return torch.bincount(self.reader.read(samples), minlength=self.reader.classes).float()

    def anchors(self, train: Split, x: Tensor) -> Scalars:
        """Log-likelihoods of x under models that nobody would call good, each with a width of its own.

        They are functions of the data and of the seed, so each split has them measured once.
        """
        config, count = self.config, self.config.parzen.samples
        generator = stream(config.seed, config.first_replica, "evaluation")
        found = {}
        if self.generator.points:
            found["gaussian"] = anchors.log_gaussian(x, train.x).mean()
            true, _ = plane.draw(config.data, count, generator)
            samples = {"true_sampler": torch.from_numpy(true).to(x)}
        else:
            samples = dict(anchors.of_pictures(decoded(train.x), train.y, count, generator))
        samples["untrained"] = self.untrained(train, count)
        for name, drawn in samples.items():
            sigma = parzen.fit(self.chosen_on, drawn, config.parzen.sigmas())
            found[name] = parzen.log_densities(x, drawn, sigma[None]).mean()
        return found

    def untrained(self, train: Split, count: int) -> Tensor:
        """Samples (count, d) of the generator as it began."""
        start, config = self.sampler(self.config), self.config
        initialise(start.layers, config.model.generator.init, stream(config.seed, config.first_replica, "weights"))
        start.to(train.x.device)
        if config.model.generator.marginals:
            start.start_from_marginals(decoded(train.x))
        return start.sample(count, self.fixed()).flatten(1)

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """Remember the curve, some samples of one noise, and with keep=best the weights of the likeliest evaluation."""
        measured = (f"{split}/log_likelihood" for split in (*self.phase.measures, "train_set"))
        reached = next(metrics[name] for name in measured if name in metrics)
        train = [metrics.get(f"train/{name}_loss", math.nan) for name in NAMES]
        row = torch.tensor([[self.epoch + 1, *train, reached]], device=self.sigma.device)
        memory, history = self.memory, self.memory.get("history", row[:0])
        drawn = self.generator.sample(POINTS if self.generator.points else PICTURES, self.fixed())
        moments.keep(memory, len(history), drawn.flatten(1))
        memory["history"] = torch.cat((history, row))
        if self.config.keep == "best" and not (history[:, 3] >= reached).any():
            self.keep_weights()
        return Decision.CONTINUE

    def fixed(self) -> torch.Generator:
        """The noise of all pictures, the same at any time, and that of the measures."""
        seed = torch_seed(self.config.seed, self.config.first_replica, "evaluation")
        return torch.Generator(self.sigma.device).manual_seed(seed)

    def end_phase(self) -> bool:
        return self.put_weights_back()

    def layers(self) -> Sequence[Layer]:
        """Of both nets, lowest first; a multiply-add for each weight. D's maxout layers have five pieces a unit."""
        found = []
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            for i, layer in enumerate(network.layers, 1):
                count = layer.weight.numel()
                found.append(Layer(f"{name} {i}", str(layer.out_features), count + len(layer.bias), None, count))
        return found

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """Samples of the same noise at any time."""
        drawn = self.generator.sample(4 * (POINTS if self.generator.points else PICTURES), self.fixed())
        yield "samples", scattered(drawn) if self.generator.points else drawn

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import gan as draw

        return draw.figures(self, data)

    @property
    def claim(self) -> Claim | None:
        """The paper's number for MNIST; it has none for other sets."""
        return self.card.headline if self.config.data.name in DIGITS else None

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return conclude(self, metrics)


def check(config: GANConfig) -> None:
    """Raise UsageError for what does not go together, or is without effect."""
    data, model, options = config.data, config.model, config.optimizer
    if data.name == "csv":
        raise UsageError("data.name=csv: gan learns pictures, 28 × 28, or points; perceptron and mlp_xor take tables")
    plane.check_keys(data)
    if config.epochs is None and config.steps is None:
        raise UsageError("epochs must be a whole number: how many times to go through the training set")
    if model.generator.marginals and data.name in plane.NAMES:
        raise UsageError(f"model.generator.marginals=true: {data.name} has no pixels; leave it at false")
    if options.name == "adam" and options.momentum.last != options.momentum.first:
        raise UsageError("optimizer.momentum: does not rise where optimizer.name=adam; make last the same as first")
    if data.valid == 1:
        raise UsageError("data.valid=1: a likelihood and its standard error need two held-out patterns at least")
    if config.parzen.to_power < config.parzen.from_power:
        raise UsageError(f"parzen.to_power must be at least parzen.from_power, {config.parzen.from_power:g}")
    if config.keep == "best" and not (data.name in HAVE_VALID or data.valid):
        raise UsageError(
            f"keep=best: nothing of {data.name} is held out to choose on; say data.valid=1000, or keep=last"
        )
