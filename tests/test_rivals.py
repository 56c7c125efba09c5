"""The rivals of Fig. 9 that no gradient trains, against scalar loops, scikit-learn and the optimum's equations."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import Tensor

import landmarks
from landmarks import assemble, cli, config
from landmarks.data import digits5k
from landmarks.errors import UsageError
from landmarks.figures import lenet as draw
from landmarks.milestones.lenet import LeNet
from landmarks.parts.expansions import Quadratic, RadialBasis
from landmarks.parts.fitted import Rival
from landmarks.parts.rivals import Neighbours, SupportVectors
from landmarks.randomness import stream

pytestmark = pytest.mark.usefixtures("compose_once")
Pair = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def digits() -> tuple[Pair, Pair]:
    """300 digits to learn and 200 others, of those that come with the dependencies."""
    composed = config.compose("lenet", [])
    splits = digits5k.load(assemble.complete(composed).data).splits
    (x, y), (tx, ty) = splits["train"], splits["test"]
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x))[:300])
    return (x[order], y[order]), (tx[::5], ty[::5])


def fitted(rival: Rival, learned: Pair, seed: int = 0) -> Rival:
    rival.fit(*learned, stream(seed, 0, "training"))
    assert rival.fitted
    return rival


def flat(x: Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy() / 255


def answers(rival: Rival, x: Tensor) -> list[int]:
    return rival(x).argmax(1).tolist()


def test_neighbours_are_those_of_loops_over_scalars_ties_and_all() -> None:
    draws = np.random.default_rng(1)
    x = torch.from_numpy(draws.choice(np.array([0, 255], dtype=np.uint8), (40, 3, 2)))  # many equally near
    y, asked = torch.from_numpy(draws.integers(0, 4, 40)), x[::3] ^ 255
    for k in (1, 2, 3, 4):
        rival = fitted(Neighbours(k), (x, y))
        for picture, answer in zip(asked, answers(rival, asked), strict=True):
            far = [sum((int(a) - int(b)) ** 2 for a, b in zip(p.ravel(), picture.ravel(), strict=True)) for p in x]
            near = sorted(range(len(x)), key=lambda i: (far[i], i))[:k]
            votes = [int(y[i]) for i in near]
            most = max(map(votes.count, votes))
            assert answer == next(c for c in votes if votes.count(c) == most)


def test_distances_of_bytes_are_exact() -> None:
    """Pictures that differ by one in a pixel, where their squares are as large as can be."""
    x = torch.full((64, 28, 28), 255, dtype=torch.uint8)
    x[:, 0, 0] = 255 - torch.randperm(64, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    rival = fitted(Neighbours(5), (x, torch.arange(64) % 10))
    assert isinstance(rival, Neighbours)
    for picture in (torch.zeros(1, 28, 28, dtype=torch.uint8), x[:1]):
        squares = (x.long() - picture.long()).square().sum((1, 2))
        assert rival.nearest(picture)[0].tolist() == squares.argsort(stable=True)[:5].tolist()


def test_neighbours_vote_as_scikit_learns(digits: tuple[Pair, Pair]) -> None:
    learned, (x, _) = digits
    other = KNeighborsClassifier(3, algorithm="brute").fit(flat(learned[0]), learned[1])
    shares = other.predict_proba(flat(x))
    settled = shares.max(1) > 0.5
    found = fitted(Neighbours(3), learned)(x)
    assert settled.sum() > 150
    assert (found.argmax(1).numpy() == shares.argmax(1))[settled].all()
    assert np.abs(found.numpy()[:, :10] - (2 * shares - 1)).max() < 2e-3


def test_821_inputs_are_820_products_and_a_constant() -> None:
    assert (Quadratic(784, 40, False).products, Quadratic(784, 40, True).products) == (821, 861)
    rows = Quadratic(784, 40, False).rows()
    assert [(row.output, row.parameters) for row in rows] == [("40", 32_144), ("821", 0), ("10", 8_210)]


@pytest.mark.parametrize("linear", [False, True])
def test_quadratic_classifier_is_least_squares_on_products_of_components(
    digits: tuple[Pair, Pair], linear: bool
) -> None:
    learned, (x, _) = digits
    pca = PCA(6, svd_solver="full").fit(flat(learned[0]))

    def products(z: np.ndarray) -> np.ndarray:
        pairs = [z[:, i] * z[:, j] for i in range(6) for j in range(i, 6)]
        return np.stack([*pairs, *(z.T if linear else [])], 1)

    targets = 2 * np.eye(10)[learned[1].numpy()] - 1
    other = LinearRegression().fit(products(pca.transform(flat(learned[0]))), targets)
    found = fitted(Quadratic(784, 6, linear), learned)
    assert np.abs(found(x).numpy() - other.predict(products(pca.transform(flat(x))))).max() < 1e-3


def test_gaussians_stand_on_means_of_a_class_and_their_weights_solve_the_ridge(digits: tuple[Pair, Pair]) -> None:
    (x, y), _ = digits
    rival = fitted(RadialBasis(784, 5, 1.5, 1e-3), (x, y))
    assert isinstance(rival, RadialBasis)
    centres, points, square = rival.centres.double().numpy(), flat(x), 0.0
    for kind in range(10):
        own, members = centres[5 * kind : 5 * kind + 5], points[y.numpy() == kind]
        far = ((members[:, None] - own) ** 2).sum(-1)
        square += far.min(1).sum()
        for i in range(5):
            assert np.abs(members[far.argmin(1) == i].mean(0) - own[i]).max() < 1e-5
    assert rival.variance.item() == pytest.approx(1.5**2 * square / len(x), rel=1e-5)
    values = np.exp(-((points[:, None] - centres) ** 2).sum(-1) / (2 * rival.variance.item()))
    features = np.hstack([values, np.ones((len(x), 1))])
    residual = features @ rival.weight.double().numpy() - (2 * np.eye(10)[y.numpy()] - 1)
    gradient = features.T @ residual + 1e-3 * len(x) * rival.weight.double().numpy()
    assert np.abs(gradient).max() < 1e-3
    assert np.abs(features @ rival.weight.numpy() - rival(x).numpy()).max() < 1e-4


def test_the_seed_draws_where_means_begin(digits: tuple[Pair, Pair]) -> None:
    first, again, other = (fitted(RadialBasis(784, 4, 1.0, 1e-6), digits[0], seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["centres"], other["centres"])


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_support_vectors_answer_as_scikit_learns(digits: tuple[Pair, Pair], classes: int) -> None:
    (x, y), (asked, _) = digits
    some = y < classes
    other = SVC(C=10, kernel="poly", degree=4, gamma=1, coef0=0.5, break_ties=classes > 2)

    def unit(x: Tensor) -> np.ndarray:
        return flat(x) / np.linalg.norm(flat(x), axis=1, keepdims=True)

    other.fit(unit(x[some]), y[some])
    rival = fitted(SupportVectors(4, 0.5, 10.0), (x[some], y[some]))
    assert answers(rival, asked) == other.predict(unit(asked)).tolist()
    assert rival.rows()[0].parameters == 784 * len(other.support_)


@pytest.mark.parametrize(
    "network", ["knn", "svm", *(pytest.param(name, marks=pytest.mark.slow) for name in ("quadratic", "rbf"))]
)
def test_a_rival_is_run_answers_and_goes_out(workplace: Path, network: str) -> None:
    smaller = {"quadratic": ["model.rival.components=8"], "rbf": ["model.rival.centres=3"]}.get(network, [])
    words = ("data.labels=200", "figures=false", "threads=1", *smaller)
    run = landmarks.run("lenet", f"experiment={network}", *words, quiet=True)
    model = run.model()
    assert isinstance(model, LeNet)
    assert run.metrics["test/error"] < 0.4
    assert run.evaluate()["test/error"] == run.metrics["test/error"]
    x, y = digits5k.load(model.config.data).splits["test"]
    assert (model.answer(x).label != y).float().mean().item() == pytest.approx(run.metrics["test/error"])
    assert cli.main(["export", "last", "-o", "out.safetensors"]) == 0
    assert cli.main(["resume", "last"]) == 1


def test_ctrl_c_during_a_fit_is_heard_after_it(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Neighbours.fit

    def interrupted(self: Neighbours, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        fit(self, x, y, draws)

    with monkeypatch.context() as patch:
        patch.setattr(Neighbours, "fit", interrupted)
        assert cli.main(["run", "lenet", "experiment=knn", "data.labels=50", "figures=false", "-q"]) == 130
    assert landmarks.load("last").status == "interrupted"
    assert cli.main(["resume", "last", "-q"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["experiment=knn", "epochs=5"], "epochs=5: knn is fitted at once, without steps, so epochs must be null"),
        (["experiment=svm", "replicas=2"], "replicas=2: svm is fitted at once"),
        (["experiment=rbf", "model.output=softmax"], "model.output=softmax: rbf is fitted"),
        (["experiment=knn", "precision=bf16"], "precision=bf16: knn is fitted"),  # where distances are no whole numbers
        (["experiment=rbf", "init=x.safetensors"], "init=x.safetensors: rbf is fitted"),
        (["experiment=knn", "model.rival.width=1"], "model.rival.width=1.0: without effect on model.network=knn"),
        (["model.rival.degree=4"], "model.rival.degree=4: without effect on model.network=lenet5"),
        (["experiment=knn", "model.rival.neighbours=null"], "model.rival.neighbours: knn needs it"),
        (["experiment=knn", "model.rival.neighbours=0"], "must be between 1 and 100, got 0"),
    ],
)
def test_keys_without_effect_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        assemble.make(config.compose("lenet", words))


@pytest.mark.parametrize(
    ("rival", "y", "said"),
    [
        (Neighbours(5), [0, 1], "there are 2 patterns"),
        (Quadratic(784, 5, False), [0, 1], "2 patterns have fewer"),
        (RadialBasis(784, 2, 1.0, 0.0), [0, 0, 1], "there are 1 patterns"),
        (RadialBasis(784, 2, 1.0, 0.0), [0, 0], "there are 2 patterns"),  # each its own centre, so nothing is wide
        (SupportVectors(4, 0.0, 1.0), [3, 3], "of one class"),
    ],
)
def test_too_few_patterns_are_refused(rival: Rival, y: list[int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rival.check(torch.tensor(y))


@pytest.mark.parametrize(
    ("rival", "name", "count"),
    [
        (Quadratic(784, 5, False), "components", 5),
        (RadialBasis(784, 11, 1.0, 1e-6), "centres", 100),
        (SupportVectors(4, 0.0, 10.0), "support_vectors", 100),
    ],
)
def test_what_was_fitted_is_seen(digits: tuple[Pair, Pair], rival: Rival, name: str, count: int) -> None:
    seen = fitted(rival, digits[0]).seen()
    assert seen is not None
    what, title, values = seen
    assert (what, len(values)) == (name, count)
    figure = draw.tiles(values[:4].view(-1, 28, 28).numpy(), title)
    drawn = [image.cmap.name for axis in figure.axes for image in axis.images]
    assert drawn == ["gray" if name == "components" else "gray_r"] * 4
