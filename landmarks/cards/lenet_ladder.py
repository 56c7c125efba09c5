"""From LeNet-5 to its modern form: `landmarks run lenet experiment=ladder`."""

from __future__ import annotations

from landmarks.claims import Arm, Study

# What came later stands later; mini-batches come first, since all that follows was made for them, and one pattern at a
# time takes ten times as long. ReLU wants no other start: within ±2.4/√F, weights deviate by 1.39/√F, and He's by
# 1.41/√F.
# 1998 keeps the paper's rate; twice as much is no better. The others were doubled or halved, four to six trials each,
# until it got no better, at scale=quick.
LADDER = Study(
    name="ladder",
    says="From LeNet-5 of 1998 to its modern form, one switch at a time",
    rungs=(
        Arm("1998", (), 20),
        Arm("mini-batches", ("batch_size=32", "optimizer.times.sdlm=16"), 14),
        Arm("new order each pass", ("order=shuffled",), 14),
        Arm("no second order", ("optimizer.name=sgd", "optimizer.times.sgd=32"), 11),
        Arm("all maps to C3", ("model.c3=dense",), 10),
        Arm("max pooling", ("model.pooling=max",), 10),
        Arm("ReLU", ("model.activation=relu", "optimizer.times.sgd=64"), 8),
        Arm("softmax", ("model.output=softmax", "optimizer.times.sgd=256"), 8),
        Arm("Adam", ("optimizer.name=adam", "optimizer.times.adam=8"), 8),
        Arm("constant rate", ("optimizer.lr=0.004",), 8),
    ),
    seeds=(0, 1, 2, 3, 4),
    metric="valid/error",
    picture="landmarks.figures.studies:ladder",
    notes=(
        "where batch, rule, units or loss change, so does the rate, chosen with seed 100 on the same held-out images;"
        " the others keep the rate before them",
        "20 passes each: in batches of 32 they are a 32nd of the updates",
    ),
)
