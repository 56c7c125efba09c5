"""The rows of the table: for each figure to reach what is ours, what it is held against, and how far it must go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks import generative, pictures, shell, small, tutorial
from benchmarks.measure import Row, Work, repeated
from benchmarks.training import Training, random_pictures
from landmarks.milestone import Data
from landmarks.parts import augmentation

SGD = ("epochs=1000000", "optimizer.name=sgd", "optimizer.lr=0.01")
FAST = ("compile=true", "precision=bf16")
XOR = ("epochs=1000000000", "criterion.tolerance=0.001")
XOR_STEPS = 2_000


def lenet(batch: int, steps: int) -> tuple[Work, Work]:
    words = (*SGD, f"batch_size={batch}")
    ours = Training("lenet", *words, steps=steps)
    return ours, repeated(small.lenet(ours.data, batch, *words), steps, ours.settings.threads)


def own_step(name: str, steps: int, *overrides: str) -> tuple[Work, Work]:
    ours = Training(name, *overrides, steps=steps)
    step = small.own_step(small.milestone(name, *overrides), ours.data)
    return ours, repeated(step, steps, ours.settings.threads)


def speed_said() -> tuple[Work, Work]:
    """Seconds an item by the log's items/s and by the clock; whichever is asked first makes the stretch of both."""
    ours, known = Training("lenet", *SGD, "batch_size=128", steps=64), dict[str, float]()

    def of(name: str) -> float:
        if name not in known:
            ours()
            known.update(log=1 / ours.loop.speed, clock=1 / ours.items_per_second)
        return known.pop(name)

    return lambda: of("clock"), lambda: of("log")


def lenet_1998() -> tuple[Work, Work]:
    ours = Training("lenet", "epochs=1000000", steps=500)
    return ours, repeated(small.lenet_1998(ours.data), 500, 1)


def lenet_replicas() -> tuple[Work, Work]:
    """One network is fastest with one thread; ten share two."""
    words = ("replicas=10", "threads=2"), ("replicas=1", "threads=1")
    ten, one = (Training("lenet", "epochs=1000000", *w, steps=200) for w in words)
    return lambda: ten() / 10, one


def xor() -> tuple[Work, Work]:
    ours = Training("mlp_xor", "replicas=1", *XOR, steps=XOR_STEPS)
    return ours, repeated(small.xor(), XOR_STEPS, 1)


def xor_replicas() -> tuple[Work, Work]:
    ours = Training("mlp_xor", "replicas=1000", *XOR, steps=XOR_STEPS)
    return lambda: ours() / 1000, repeated(small.xor(), XOR_STEPS, 1)


def lightning() -> tuple[Work, Work]:
    """On two threads, both of them: nobody gives a batch of 128 but one."""
    ours = Training("lenet", *SGD, "batch_size=128", "model.output=softmax", "threads=2", steps=32)
    return ours, tutorial.lenet(ours.data, 128, ours.settings.threads)


def lstm(*overrides: str) -> tuple[Work, Work]:
    words = ("scale=paper", "replicas=1", "steps=1000000000", "data.tested=10", *overrides)
    ours = Training("lstm", *words, steps=50)
    return ours, repeated(small.lstm(ours.data), 25, 1)


def cifar() -> Data:
    return random_pictures(4_096, (3, 32, 32), 10)


def resnet20() -> tuple[Work, Work]:
    still = ("augmentation.crops=false", "augmentation.pad=0", "augmentation.mirror=false")
    ours = Training("resnet", "scale=paper", "steps=1000000", *still, *FAST, steps=6, data=cifar())
    return ours, repeated(pictures.classifier(pictures.resnet20(), ours.data, 128, 32), 4)


def alexnet_cifar() -> tuple[Work, Work]:
    words = ("scale=paper", "experiment=cifar18", "epochs=1000000", "precision=bf16")
    ours = Training("alexnet", *words, steps=10, data=cifar())
    return ours, repeated(pictures.classifier(pictures.cifar_alexnet(), ours.data, 128, 32), 10)


def alexnet_2012() -> tuple[Work, Work]:
    """Half of the paper's batch, so that a round takes seconds."""
    words = ("scale=paper", "epochs=1000000", "batch_size=64", "optimizer.plateau=null")
    still = ("augmentation.crops=false", "augmentation.mirror=false", "augmentation.colour=0")
    data = random_pictures(128, (3, 256, 256), 1000)
    ours = Training("alexnet", *words, *still, "precision=bf16", steps=1, data=data)
    return ours, repeated(pictures.classifier(pictures.alexnet_2012(), ours.data, 64, 224), 1)


def gan(*overrides: str) -> tuple[Work, Work]:
    words = (*overrides, "scale=paper", "data.name=mnist5k", "keep=last", "epochs=1000000")
    ours = Training("gan", *words, steps=20)
    return ours, repeated(generative.gan(ours.data), 20)


def dae(*overrides: str) -> tuple[Work, Work]:
    """The first layer, of the paper's widths."""
    words = ("scale=paper", "data.digits=mnist5k", "data.sizes=[3000,500,1500]", "pretraining.epochs=1000000")
    ours = Training("dae", *words, *overrides, steps=100)
    return ours, repeated(generative.dae(ours.data, 20, 1000, 0.1), 100)


def crops() -> tuple[Work, Work]:
    batch = cifar().splits["train"].x[:128]

    def ours() -> object:
        return augmentation.random_crops(batch.float() / 255, 32, 4, mirror=True)

    return repeated(ours, 40), repeated(pictures.crops_by_pil(batch), 4)


BARE, BY_HAND = "a loop by hand", "eager fp32 by hand"
LOOP = (
    Row("lenet128", "LeNet, batch 128, the shared loop with its log", BARE, 1.03, lambda: lenet(128, 64)),
    Row("lenet16", "LeNet, batch 16, the shared loop with its log", BARE, 1.05, lambda: lenet(16, 250)),
    Row(
        "lenet16-step", "LeNet, batch 16, the shared loop alone", "the milestone's own step in a loop by hand", 1.05,
        lambda: own_step("lenet", 250, *SGD, "batch_size=16"),
    ),
    Row("xor", "XOR, one network, the shared loop with its log", BARE, 1.15, xor, unit="µs a step"),
    Row(
        "xor-step", "XOR, one network, the shared loop alone", "the milestone's own step in a loop by hand", 1.15,
        lambda: own_step("mlp_xor", XOR_STEPS, "replicas=1", *XOR), unit="µs a step",
    ),
    Row(
        "items", "LeNet, batch 128, by the clock", "the items/s of its log", 1.1, speed_said, unit="µs a picture",
    ),
)  # fmt: skip
SMALL = (
    Row(
        "lenet1998", "LeNet-5 of 1998, one pattern an update", "eager torch and autograd", 4.0, lenet_1998, "at least",
        "µs an update",
    ),
    Row(
        "lenet-replicas", "ten LeNet-5 so trained as replicas, each", "one alone", 4.0, lenet_replicas, "at least",
        "µs an update",
    ),
    Row("lightning", "LeNet, batch 128, an epoch", "Lightning with torchvision's loader", 2.0, lightning, "at least"),
    Row(
        "xor-replicas", "XOR, 1,000 starts as replicas, each", "a loop by hand, one network", 500, xor_replicas,
        "at least", "µs a step",
    ),
    Row(
        "lstm", "LSTM of 1997, an update, T = 100 to 110", "the cell step by step by hand", 5.0, lstm, "at least",
        "ms an update",
    ),
    Row(
        "lstm-cpp", "LSTM of 1997 by the C++ operator, the same", "the cell step by step by hand", 5.0,
        lambda: lstm("operator=cpp"), "at least", "ms an update",
    ),
)  # fmt: skip
PICTURES = (
    Row("resnet20", "ResNet-20, batch 128, bf16 and compiled", BY_HAND, 2.5, resnet20, "at least"),
    Row("alexnet-cifar", "CIFAR AlexNet, batch 128, bf16", BY_HAND, 1.7, alexnet_cifar, "at least"),
    Row(
        "alexnet2012", "AlexNet of 2012, batch 64, bf16", "eager fp32, F.local_response_norm", 2.2,
        alexnet_2012, "at least",
    ),
    Row("crops", "random crop and flip of a batch of 128", "PIL transforms", 20.0, crops, "at least", "ms a batch"),
)  # fmt: skip
GENERATIVE = (
    Row("gan", "GAN, batch 100", BY_HAND, 1.4, gan, "at least"),
    Row("gan-bf16", "GAN, batch 100, bf16", BY_HAND, 1.4, lambda: gan("precision=bf16"), "at least"),
    Row("dae", "denoising autoencoder, batch 20", BY_HAND, 1.4, dae, "at least"),
    Row("dae-bf16", "denoising autoencoder, batch 20, bf16", BY_HAND, 1.4, lambda: dae("precision=bf16"), "at least"),
)
SHELL = (
    Row("help", "landmarks --help", "python -c pass", 0.25, shell.helps, unit="s", difference=True),
    Row("list", "landmarks list", "python -c pass", 0.25, shell.lists, unit="s", difference=True),
    Row(
        "first-step", "landmarks run mlp_xor, to its first step", 'python -c "import torch"', 1.5, shell.first_step,
        unit="s", difference=True,
    ),
)  # fmt: skip
CPU = (*LOOP, *SMALL, *PICTURES, *GENERATIVE, *SHELL)
GROUPS: Mapping[str, Sequence[Row]] = {"loop": LOOP, "pictures": PICTURES, "cpu": CPU}
