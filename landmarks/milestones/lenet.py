"""LeNet-5: a convolutional network trained end to end from pixels (1998).

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of
the IEEE 86(11), 2278–2324, 1998. Pages below are those of the authors' own PDF.

New: feature maps with shared weights, learned together with the classifier above them, beat every rival that used no
hand-made features. Each weight has a rate of its own, from the diagonal of the Gauss–Newton matrix (Appendix C).

Reaches on all 60,000 images, 20 passes, mean of five runs: 1.05 % test error, 0.39 % on the training set. The paper:
0.95 %, 0.35 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks.cards.lenet import CARD, conclude
from landmarks.cards.lenet_table import of_network
from landmarks.claims import Claim
from landmarks.data import versions
from landmarks.data.pictures import DIGITS, moved
from landmarks.data.splits import permutation
from landmarks.milestone import Answer, Batch, Data, Layer, Milestone, Optimizer, Phase, Scalars, Split, Sums
from landmarks.parts import descent, rejection
from landmarks.parts.fitted import Rival
from landmarks.parts.fused_full import Form, OnePattern
from landmarks.parts.fused_lenet import written_out
from landmarks.parts.lenet_settings import LeNetConfig, check, hidden
from landmarks.parts.lenets import build_network, codes, frame
from landmarks.parts.rivals import NOTHING
from landmarks.parts.schedules import rate_at
from landmarks.parts.second_order import SDLM, A, S, initialise
from landmarks.parts.stacked import answers, over, stack, unstacked
from landmarks.parts.tiles import signed
from landmarks.randomness import stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BACKGROUND, PIXEL = -0.1, 1.275 / 255
"""A pixel's byte p becomes 1.275·p/255 − 0.1: background −0.1, foreground 1.175 (II.B)."""


class LeNet(Milestone):
    """The networks, their losses and rules. Shapes: x (B, 28, 28) uint8, y (B,) int64.

    Several replicas learn at once from x (R, B, 28, 28), y (R, B); their parameters carry a leading R, too.
    """

    Config = LeNetConfig
    card = CARD
    replicable = True
    added: ClassVar[Mapping[str, Any]] = {
        "model.rival": NOTHING,
        "model.pairs": None,
        "data.version": "regular",
        "data.labels": None,
        "data.distorted": 0,
        "data.distortion": {"shift": 2.0, "scale": 0.15, "squeeze": 0.15, "shear": 0.3},
    }
    config: LeNetConfig

    def __init__(self, config: LeNetConfig) -> None:
        super().__init__(config)
        check(config, self.added)
        self.known, self.side = len(config.data.classes or DIGITS), versions.SIDES[config.data.version]
        self.replicated = config.replicas > 1
        networks = []
        for replica in range(config.first_replica, config.first_replica + config.replicas):
            networks.append(build_network(config.model, self.side**2))
            initialise(networks[-1], config.model, stream(config.seed, replica, "weights"))
        self.network = stack(networks) if self.replicated else networks[0]
        self.codes: Tensor | None
        self.register_buffer("codes", codes(config.model))
        self.fused: OnePattern | None = None
        self.judged: list[tuple[Tensor, Tensor]] = []  # of what `evaluate` saw: which were wrong, and how sure
        self.scrambled: Tensor | None
        scrambled = torch.from_numpy(permutation(self.side**2, 3)) if config.model.scramble else None
        self.register_buffer("scrambled", scrambled, persistent=False)

    def replica(self, number: int) -> LeNet:
        """One of several replicas as it would stand alone, with a copy of its weights."""
        one = LeNet(replace(self.config, replicas=1, first_replica=self.config.first_replica + number))
        one.network.load_state_dict(unstacked(self.network, number))
        return one.to(next(self.parameters()).device).train(self.training)

    @property
    def members(self) -> list[LeNet]:
        """Every network by itself."""
        return [self.replica(number) for number in range(self.config.replicas)] if self.replicated else [self]

    @property
    def first(self) -> LeNet:
        """The network that answers, is drawn and exported."""
        return self.replica(0) if self.replicated else self

    @property
    def rival(self) -> Rival | None:
        """The network where it is one that is fitted at once, and takes no step."""
        only = next(iter(self.network.values()))
        return only if isinstance(only, Rival) else None

    def forward(self, x: Tensor) -> Tensor:
        """The penalties y (B, 10), of which the smallest is the answer: eq. 7, −a of a softmax, −Σ over pairs."""
        return self.penalties(self.outputs(x))

    def outputs(self, x: Tensor) -> Tensor:
        """What the highest layer says, (B, units)."""
        x = self.picture(x)
        outputs: Tensor = answers(self.network, x) if self.replicated else self.network(x)
        return outputs

    def penalties(self, outputs: Tensor) -> Tensor:
        """y (B, 10) of the outputs (B, units): distances to the codes; of pairwise units what they say against each."""
        if self.codes is None:
            return -outputs
        if self.pairwise:
            said = outputs.sign() if self.config.model.pairs == "votes" else outputs
            return -said @ self.codes.T
        return self.factor_of_loss * (outputs[..., None, :] - self.codes).square().sum(-1)

    def picture(self, x: Tensor) -> Tensor:
        """Pixels as the network takes them: (B, 1, 32, 32) of LeNet-5, (B, 1, 28, 28) of LeNet-1, else (B, 28, 28).

        What is fitted at once takes their bytes.
        """
        if self.rival is not None:
            return self.scramble(x)
        x = self.scramble(x).float() * PIXEL + BACKGROUND
        if "C1" not in self.network:
            return x
        return F.pad(x[..., None, :, :], [frame(self.config.model.network)] * 4, value=BACKGROUND)

    def scramble(self, x: Tensor) -> Tensor:
        """Pictures (B, 28, 28), with model.scramble their pixels in another order, the same for all."""
        return x if self.scrambled is None else x.flatten(-2)[..., self.scrambled].view_as(x)

    @property
    def factor_of_loss(self) -> float:
        return 0.5 if self.config.loss.half else 1.0

    @property
    def pairwise(self) -> bool:
        return self.config.model.network == "pairwise"

    def losses(self, outputs: Tensor, y: Tensor, target: Tensor) -> Tensor:
        """E of each pattern, (B,): eq. 8 is the penalty y of the right class; eq. 9 weighs it against the others'.

        The cross-entropy of a softmax is eq. 9 without the rubbish class. Pairwise units that do not tell the
        pattern's class from another have no part in its E.
        """
        if self.pairwise:
            wanted = self.get_buffer("codes")[target]
            return self.factor_of_loss * (wanted.abs() * (outputs - wanted).square()).sum(-1)
        right = y.gather(-1, target[..., None])[..., 0]
        if self.codes is None:
            return right + torch.logsumexp(-y, -1)
        if self.config.loss.name == "mse":
            return right
        return right + torch.logsumexp(F.pad(-y, (0, 1), value=-self.config.loss.j), -1)

    def check_data(self, data: Data) -> None:
        if self.rival is not None:
            self.rival.check(data.splits["train"].y)

    def calibrate(self, data: Data) -> None:
        """Fit a rival, unless that is done."""
        if self.rival is not None and not self.rival.fitted:
            x, y = data.splits["train"]
            draws = stream(self.config.seed, self.config.first_replica, "training")
            self.rival.fit(self.scramble(x).cpu(), y.cpu(), draws)

    def phases(self) -> tuple[Phase, ...]:
        config = self.config
        if self.rival is not None:
            return ()
        optimizer = self._optimizer()
        self.fused = self._fuse(optimizer) if isinstance(optimizer, SDLM) else None
        phase = Phase(
            "training",
            {"main": optimizer},
            {"main": self.rate},
            epochs=config.epochs,
            batch_size=config.batch_size,
            order=config.order,
            measures=(*["train"] * config.train_error, *Phase.measures),
        )
        return (phase,)

    def rate(self, passes: float) -> float:
        """η after so many passes (III.B)."""
        options = self.config.optimizer
        if options.lr is not None:
            return float(options.lr)
        return float(rate_at(self.config.schedule, passes) * getattr(options.times, options.name))

    def _optimizer(self) -> Optimizer:
        options, parameters = self.config.optimizer, [*self.network.parameters()]
        if options.name == "sdlm":
            return SDLM(parameters, options.mu)
        return descent.sgd(parameters) if options.name == "sgd" else descent.adam(parameters)

    def _fuse(self, rule: SDLM) -> OnePattern | None:
        """The written-out update, where units squash as the paper's or not at all, and learn one pattern at a time."""
        config, m = self.config, self.config.model
        linear = m.network == "linear" or (self.pairwise and m.pairs != "squashed")
        full = self.pairwise or bool(hidden(m.network))
        squashed = linear or (m.activation == "scaled_tanh" and (full or m.pooling == "trainable"))
        if self.codes is None or not squashed or config.batch_size > 1 or config.precision == "bf16":
            return None
        j = config.loss.j if config.loss.name == "map" else None
        kind = frame(m.network), linear, m.pairs
        form = Form(A, S, j, self.factor_of_loss, self.known, PIXEL, BACKGROUND, *kind)
        return written_out(self.network, rule, self.codes, form)

    def begin_epoch(self, data: Data) -> None:
        """Estimate h, for each replica on samples of its own."""
        rule, (x, y) = self.phase.optimizers["main"], data.splits[self.phase.data]
        if isinstance(rule, SDLM):
            samples = [one.sample(len(x), self.epoch).to(x.device) for one in self.members]
            found = [one.curvature(x[some], y[some]) for one, some in zip(self.members, samples, strict=True)]
            rule.estimate([torch.stack(each) for each in zip(*found, strict=True)])

    def sample(self, count: int, epoch: int) -> Tensor:
        """The patterns of `count` that h is estimated on: a function of the seed and the pass alone."""
        config = self.config
        draws = stream(config.seed, config.first_replica, "training").spawn(epoch + 1)[-1]
        return torch.from_numpy(draws.choice(count, min(config.optimizer.samples, count), replace=False))

    @torch.no_grad()
    def curvature(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """h of every parameter of a network alone, in their order, over the patterns x (n, 28, 28), y (n,)."""
        return self.network.curvature(self.picture(x), lambda outputs: self.second(outputs, y))

    def second(self, outputs: Tensor, target: Tensor) -> Tensor:
        """∂²E/∂x² of the outputs: of ½Σ or Σ(x − w)², or of the cross-entropy.

        The mean of a pairwise unit is over the patterns that it learns; over all where there are none.
        """
        if self.codes is None:
            p = outputs.softmax(1)
            return p * (1 - p)
        second = torch.full_like(outputs, 2 * self.factor_of_loss)
        if not self.pairwise:
            return second
        learns = self.codes[target].abs()
        learns = torch.where(learns.sum(0) > 0, learns, 1.0)
        return second * learns * len(learns) / learns.sum(0)

    def step(self, batch: Batch) -> Scalars:
        if self.fused is not None:
            return self._fused_step(self.fused, batch)
        outputs = self.outputs(batch.x)
        y = self.penalties(outputs)
        loss = self.losses(outputs, y, batch.y).mean(-1)
        self.descend(loss.sum())
        return {"loss": loss.mean(), "error": (self.given(y) != batch.y).float().mean()}

    @torch.inference_mode()
    def _fused_step(self, fused: OnePattern, batch: Batch) -> Scalars:
        rule = self.phase.optimizers["main"]
        assert isinstance(rule, SDLM)
        fused.learn(self.scramble(batch.x).view(-1, self.side, self.side), batch.y.view(-1), rule.rate)
        if self.watching:
            self.observe({f"network.{name}": g / rule.rate for name, g in fused.gradients.items()})
        rule.move()
        return {"loss": fused.loss, "error": fused.error}

    def evaluate(self, batch: Batch) -> Sums:
        outputs, count = self.outputs(batch.x), len(batch.x)
        y = self.penalties(outputs)
        wrong = self.given(y) != batch.y
        self.judged.append((wrong, rejection.confidence(y[..., : self.known])))
        return {"loss": (self.losses(outputs, y, batch.y).sum(), count), "error": (wrong.sum(), count)}

    def given(self, y: Tensor) -> Tensor:
        """The classes (B,) of the smallest penalties y (B, 10), of those that the data have."""
        return y[..., : self.known].argmin(-1)

    def answer(self, x: Tensor) -> Answer:
        """With the distance to the class's code, as the loss has it; else with the probability, or the units' sum."""
        y = self.first(x)[:, : self.known]
        if self.codes is None:
            score, label = (-y).softmax(1).max(1)
            return Answer(label, score, "probability")
        score, label = y.min(1)
        return Answer(label, -score, "weighted sum") if self.pairwise else Answer(label, score, "distance")

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Loss, error, and the share `rejected` for 0.5 % error of the rest (Fig. 10).

        With data.shifted also the error on pictures moved so many pixels to each side.
        """
        if self.replicated:
            return over([one.measure(split, size) for one in self.members])
        self.judged.clear()
        found, far = super().measure(split, size), self.config.data.shifted
        found["rejected"] = rejection.rejected(*rejection.gathered(self.judged))
        if far:
            errors = [super(LeNet, self).measure(Split(x, split.y), size)["error"] for x in moved(split.x, far)]
            found["shifted_error"] = torch.stack(errors).mean()
        return found

    def exported(self) -> dict[str, Tensor]:
        return self.first.state_dict()

    def layers(self) -> Sequence[Layer]:
        """The paper's layer table, of one network."""
        if self.rival is not None:
            return self.rival.rows()
        one, device = self.first, next(self.parameters()).device
        rows = one.network.rows(one.picture(torch.zeros(1, one.side, one.side, dtype=torch.uint8, device=device)))
        if self.codes is not None:
            name = "RBF" if self.config.model.output == "rbf" else "sum" if self.pairwise else "distance"
            links = int(self.codes.count_nonzero())
            rows.append(Layer(name, "10", 0, links, links))
        return rows

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """The kernels of C1 and its maps of one picture; else what each unit of the first layer looks for."""
        first = next(iter(self.first.network.values()))
        weight = first.get_parameter("weight")
        if "C1" not in self.network:
            yield "weights", signed(weight[:100].view(-1, self.side, self.side))
            return
        x = next(data.splits[name].x for name in ("test", "valid", "train") if name in data.splits)
        yield "c1_kernels", signed(weight)
        yield "c1_maps", signed(first(self.picture(x[:1]))[0])

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        """What the networks saw and where they erred, on the images that are only looked at."""
        from landmarks.figures import lenet as draw

        return draw.pictures(self.first, data)

    @property
    def claim(self) -> Claim:
        return of_network(self.config.model.network, self.config.data)

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return conclude(self, metrics)
