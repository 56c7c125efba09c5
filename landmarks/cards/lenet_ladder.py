"""From LeNet-5 to its modern form: `landmarks run lenet experiment=ladder`."""

from __future__ import annotations

from landmarks.claims import Arm, Study

LADDER = Study(
    name="ladder",
    says="From LeNet-5 of 1998 to its modern form, one switch at a time",
    rungs=(
        Arm("1998", (), 14),
        Arm("mini-batches", ("batch_size=32", "optimizer.times.sdlm=16"), 8),
        Arm("new order each pass", ("order=shuffled",), 8),
        Arm("no second order", ("optimizer.name=sgd", "optimizer.times.sgd=64"), 8),
        Arm("all maps to C3", ("model.c3=dense",), 8),
        Arm("max pooling", ("model.pooling=max",), 7),
        Arm("ReLU", ("model.activation=relu", "optimizer.times.sgd=64"), 7),
        Arm("softmax", ("model.output=softmax", "optimizer.times.sgd=64"), 7),
        Arm("Adam", ("optimizer.name=adam", "optimizer.times.adam=2"), 7),
    ),
    seeds=(0, 1, 2, 3, 4),
    metric="valid/error",
    picture="landmarks.figures.studies:ladder",
)
