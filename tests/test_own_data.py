"""Tables and pictures of one's own, as a new user would bring them: `run`, then `evaluate` and `predict`."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_iris

import landmarks
from landmarks import answers, assemble, cli, config, data, execute, runs
from landmarks.data import digits5k, pictures, splits, tables
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestones.lenet import LeNet
from landmarks.milestones.mlp_xor import MLPXOR
from tests.test_data import write_idx

pytestmark = pytest.mark.usefixtures("compose_once")

DIGITS = digits5k.read().reshape(-1, 28, 28)
NAMES = ("zero", "one", "two")
IRIS = ("data.name=csv", "data.root=iris.csv", "model.hidden=8", "model.shortcut=false")


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def iris(path: Path = Path("iris.csv"), every: int = 1, label: bool = True) -> Path:
    found = load_iris()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*found.feature_names, *["species"] * label])
        for row, target in list(zip(found.data, found.target, strict=True))[::every]:
            writer.writerow([*row, *[found.target_names[target]] * label])
    return path


def drawn(folder: Path, count: int = 12, first: int = 0, names: tuple[str, ...] = NAMES) -> Path:
    """Handwritten digits as PNG files, a folder for each class, named as in NAMES."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(first, first + count):
            Image.fromarray(DIGITS[500 * NAMES.index(name) + i]).save(folder / name / f"{i:03}.png")
    return folder


def run(name: str, *overrides: str) -> Path:
    return execute.start(config.compose(name, ["figures=false", "histograms=false", *overrides]), quiet=True)


def measured(folder: Path) -> dict[str, float]:
    metrics: dict[str, float] = runs.summary(folder)["metrics"]
    return {name: value for name, value in metrics.items() if name.startswith(("test/", "train_set/", "valid/"))}


def composed(name: str, *overrides: str) -> Any:
    return assemble.make(config.compose(name, overrides)).config.data


@pytest.fixture
def digits(workplace: Path) -> Path:
    return drawn(workplace / "digits")


TEXTS = {
    "header": "width,height,kind\n1,2.5,b\n3,4e1,a\n-5,6,b\n",
    "no header": "1,2.5,b\n3,4e1,a\n-5,6,b\n",
    "semicolons": "width;height;kind\n1;2.5;b\n3;4e1;a\n-5;6;b\n",
    "tabs": "1\t2.5\tb\n3\t4e1\ta\n-5\t6\tb\n",
    "blank lines and spaces": "\nwidth, height, kind\n1, 2.5, b\n\n3, 4e1, a\n-5, 6, b\n\n",
    "Windows": "\ufeffwidth,height,kind\r\n1,2.5,b\r\n3,4e1,a\r\n-5,6,b\r\n",
    "quotes": '"width","height, in cm","kind"\n"1","2.5","b"\n"3","4e1","a"\n"-5","6","b"\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_table_is_read_however_it_was_saved(text: str, tmp_path: Path) -> None:
    found = tables.read(table(tmp_path / "t.csv", text))
    assert found.cells.tolist() == [[1, 2.5], [3, 40], [-5, 6]]
    assert found.labels == ("b", "a", "b")
    lines = text.lstrip("\ufeff").splitlines()
    assert [lines[line - 1].replace('"', "")[-1] for line in found.lines] == ["b", "a", "b"]
    assert len(found.names) == (2 if "width" in text else 0)


def test_names_that_are_numbers_are_no_row(tmp_path: Path) -> None:
    found = tables.read(table(tmp_path / "t.csv", "0,1,label\n5,6,1\n7,8,0\n"))
    assert found.names == ("0", "1")
    assert found.cells.tolist() == [[5, 6], [7, 8]]


def test_under_names_a_first_row_whose_label_alone_is_no_number_stays(tmp_path: Path) -> None:
    found = tables.read(table(tmp_path / "t.csv", "a,b,k\n1,2,unknown\n3,4,1\n5,6,0\n"))
    assert found.names == ("a", "b")
    assert found.labels == ("unknown", "1", "0")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(["10", "9", "-1"], ("-1", "9", "10")), (["b", "10", "a"], ("10", "a", "b")), (["1.5", "1.5", "2"], ("1.5", "2"))],
)
def test_classes_come_in_the_order_of_numbers_or_of_words(labels: list[str], classes: tuple[str, ...]) -> None:
    assert splits.ordered(labels) == classes


WRONG = {
    "a text among the numbers": (
        "a,b,k\n1,2,x\n3,red,y\n",
        "line 3, column 2 (b): red must be a number; only the last",
    ),
    "in the first row": ("1,red,x\n3,4,y\n", "line 1, column 2: red must be a number"),
    "a decimal comma": ("a;b;k\n1,5;2;x\n3;4;y\n", "1,5 must be a number, with a point for the decimals"),
    "a missing value": ("a,b,k\n1,,x\n3,4,y\n", "line 2, column 2 (b): a value is missing"),
    "nan": ("a,b,k\n1,nan,x\n3,4,y\n", "line 2, column 2 (b): nan must be a number"),
    "a missing label": ("1,2,x\n3,4,\n", "line 2, column 3: the label is missing"),
    "a short row": ("1,2,x\n3,y\n", "line 2 has 2 cells and the first line 3"),
    "one column": ("1\n2\n", "has 1 column, and at least two columns are needed"),
    "an empty file": ("", "has 0 columns"),
    "names alone": ("a,b,k\n", "holds no rows"),
    "one class": ("1,2,x\n3,4,x\n", "every row has the label x"),
    "measurements": ("1,2.5\n2,3.5\n3,4.25\n", "the last column has 3 different numbers in 3 rows"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_table_is_said_with_its_place(text: str, says: str, workplace: Path) -> None:
    path = table(workplace / "t.csv", text)
    with pytest.raises(LandmarksError) as caught:
        execute.start(config.compose("mlp_xor", ["data.name=csv", "data.root=t.csv"]), quiet=True)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (workplace / "runs").exists()


def test_what_is_no_file_of_text_is_said(workplace: Path) -> None:
    for content, says in (("1,2,\xe9\n".encode("latin-1"), "no text in UTF-8"), (b"1,2\x00,3\n1,2,4\n", "t.csv")):
        (workplace / "t.csv").write_bytes(content)
        with pytest.raises(LandmarksError, match=says):
            composed("mlp_xor", "data.name=csv", "data.root=t.csv")
    with pytest.raises(LandmarksError, match=r"there_is_none\.csv: cannot be read"):
        composed("mlp_xor", "data.name=csv", "data.root=there_is_none.csv")
    with pytest.raises(LandmarksError, match="is a folder"):
        composed("mlp_xor", "data.name=csv", f"data.root={workplace}")
    with pytest.raises(UsageError, match=r"data\.root must name the file"):
        composed("mlp_xor", "data.name=csv")


def test_columns_are_standardised_by_the_training_rows_and_a_fifth_of_each_class_is_held_out(workplace: Path) -> None:
    with (workplace / "t.csv").open("w") as file:
        for i in range(50):
            file.write(f"{i},{i * i},7,{'often' if i % 5 else 'seldom'}\n")
    found = data.load(composed("mlp_xor", "data.name=csv", "data.root=t.csv"))
    train, test = found.splits["train"], found.splits["test"]
    assert found.classes == ("often", "seldom")
    assert Counter(test.y.tolist()) == {0: 8, 1: 2}
    assert train.x.shape == (40, 3)
    assert train.x[:, 2].eq(0).all()
    np.testing.assert_allclose(train.x[:, :2].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(train.x[:, :2].square().mean(0), 1, rtol=1e-5)
    back = torch.cat([train.x, test.x]).double() * torch.tensor(found.form["deviation"]) + torch.tensor(
        found.form["mean"]
    )
    assert sorted(back[:, 0].round().int().tolist()) == list(range(50))
    assert train.y.dtype == torch.int64
    assert data.load(composed("mlp_xor", "data.name=csv", "data.root=t.csv", "seed=5")).checksum == found.checksum
    whole = data.load(composed("mlp_xor", "data.name=csv", "data.root=t.csv", "data.test=0"))
    assert set(whole.splits) == {"train"}


def test_xor_from_a_file_is_learned_like_xor(workplace: Path) -> None:
    table(workplace / "xor.csv", "a,b,differ\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n")
    folder = run("mlp_xor", "data.name=csv", "data.root=xor.csv", "seed=1")
    assert measured(folder)["train_set/error"] == 0
    model = assemble.load_model(folder)
    assert isinstance(model, MLPXOR)
    assert bool(model.done.all())
    assert runs.summary(folder)["result"].startswith("mlp_xor: 0.00 % of the training rows wrong after")
    labels = [(p.row, p.label) for p in answers.predict(folder, ["xor.csv"])]
    assert labels == [(2, "no"), (3, "yes"), (4, "yes"), (5, "no")]


def test_how_often_a_run_is_logged_does_not_change_when_it_ends(workplace: Path) -> None:
    table(workplace / "xor.csv", "a,b,differ\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n")
    steps = []
    for every in (1, 100, 5000):
        folder = run("mlp_xor", "data.name=csv", "data.root=xor.csv", "seed=1", f"log_every={every}")
        steps.append(runs.summary(folder)["steps"])
    assert steps[0] == steps[1] == steps[2] < 1000


def test_rates_for_a_table_do_not_depend_on_its_length(workplace: Path) -> None:
    rows = ["0,0,no", "0,1,yes", "1,0,yes", "1,1,no"]
    found = []
    for times in (1, 25):
        table(workplace / f"t{times}.csv", "\n".join(rows * times))
        folder = run("mlp_xor", "data.name=csv", f"data.root=t{times}.csv", "data.test=0", "epochs=50")
        found.append(assemble.load_model(folder).state_dict())
    torch.testing.assert_close(found[0]["hidden_from_input"], found[1]["hidden_from_input"], rtol=1e-4, atol=1e-5)


def test_iris_is_learned_evaluated_and_predicted(workplace: Path) -> None:
    iris()
    folder = run("mlp_xor", *IRIS, "epochs=500")
    metrics = measured(folder)
    assert metrics["test/error"] <= 0.1
    assert metrics["train_set/error"] <= 0.05
    known = json.loads((folder / "data.json").read_text())
    assert known["classes"] == ["setosa", "versicolor", "virginica"]
    assert answers.evaluate(folder) == pytest.approx(metrics)

    found = answers.predict(folder, ["iris.csv"])
    truth = [load_iris().target_names[target] for target in load_iris().target]
    assert [p.row for p in found] == list(range(2, 152))
    assert {p.kind for p in found} == {"activity"}
    wrong = sum(p.label != name for p, name in zip(found, truth, strict=True))
    assert wrong == round(120 * metrics["train_set/error"] + 30 * metrics["test/error"])
    assert answers.evaluate(folder, ["data.root=iris.csv"])["test/error"] == pytest.approx(wrong / 150)

    iris(Path("unlabelled.csv"), every=10, label=False)
    assert [p.label for p in answers.predict(folder, ["unlabelled.csv"])] == [p.label for p in found[::10]]


def test_a_finished_run_needs_its_file_no_more(workplace: Path) -> None:
    iris().rename("elsewhere.csv")
    iris()
    folder = run("mlp_xor", *IRIS, "epochs=20")
    before = answers.predict(folder, ["elsewhere.csv"])
    Path("iris.csv").unlink()
    assert answers.predict(folder, ["elsewhere.csv"]) == before
    with pytest.raises(LandmarksError, match=r"iris\.csv: cannot be read"):
        answers.evaluate(folder)
    rows = Path("elsewhere.csv").read_text().splitlines()
    numbers = [row.partition(",") for row in rows[1:]]
    table(Path("iris.csv"), "\n".join([rows[0], *(f"{10 * float(x) + 500},{rest}" for x, _, rest in numbers)]))
    with pytest.raises(LandmarksError, match="the data are not those of the run's start; put them back"):
        answers.evaluate(folder)  # standardised anew, the changed column would look as it did
    assert answers.evaluate(folder, ["data.root=iris.csv"]) != answers.evaluate(folder, ["data.root=elsewhere.csv"])
    execute.resume(folder, ["epochs=30", "data.root=elsewhere.csv"], quiet=True)
    assert runs.summary(folder)["steps"] == 30


def test_other_tables_must_fit_the_run(workplace: Path) -> None:
    iris()
    folder = run("mlp_xor", *IRIS, "epochs=5")
    lines = Path("iris.csv").read_text().splitlines()
    narrow = table(Path("narrow.csv"), "1,2,setosa\n")
    turned = table(Path("turned.csv"), ",".join(reversed(lines[0].split(",")[:4])) + ",species\n" + lines[1])
    strange = table(Path("strange.csv"), lines[1].replace("setosa", "rose"))
    bare = table(Path("bare.csv"), "1,2,3,4\n")
    for path, says in (
        (narrow, "has 3 columns, and 4, or 5 with the label, are needed"),
        (turned, "column 1 is called petal width (cm), and sepal length (cm) where"),
        (strange, "line 1: rose is none of the run's classes (setosa, versicolor, virginica)"),
        (bare, "has 4 columns, and the network takes so many and a label after them"),
    ):
        with pytest.raises(LandmarksError) as caught:
            answers.evaluate(folder, [f"data.root={path}"])
        assert says in str(caught.value)
    assert len(answers.predict(folder, ["bare.csv", "strange.csv"])) == 2


@pytest.mark.parametrize("name", ["Blüten & Blätter.csv", "it's (mine) #2.csv", "a@b%c+d.csv", "a=b.csv"])
def test_files_may_be_called_anything(name: str, workplace: Path) -> None:
    table(workplace / name, "1,2,x\n3,4,y\n")
    folder = run("mlp_xor", "data.name=csv", f"data.root={name}", "epochs=1")
    assert answers.predict(folder, [name])[0].place == f"{name}:1"
    assert answers.evaluate(folder, [f"data.root={name}"]).keys() == {"test/loss", "test/error"}


def test_the_home_folder_is_found(workplace: Path) -> None:
    (workplace / "home").mkdir()
    table(workplace / "home" / "t.csv", "1,2,x\n3,4,y\n")
    folder = run("mlp_xor", "data.name=csv", "data.root=~/t.csv", "epochs=1")
    assert [p.place for p in answers.predict(folder, ["~/t.csv"])] == ["~/t.csv:1", "~/t.csv:2"]


def test_what_cannot_be_evaluated_or_predicted_is_said(workplace: Path) -> None:
    folder = run("mlp_xor", "epochs=5")
    with pytest.raises(UsageError, match="has learned from logic, which is generated; no file holds patterns of that"):
        answers.predict(folder, ["t.csv"])
    with pytest.raises(UsageError, match=r"override model\.hidden=3: evaluate measures the model as it was trained"):
        answers.evaluate(folder, ["model.hidden=3"])
    for held in ("data.test=0.5", "data.valid=1"):
        with pytest.raises(UsageError, match="as it was trained, on what was held out from it"):
            answers.evaluate(folder, [held])
    with pytest.raises(UsageError, match="patterns of another shape"):
        answers.evaluate(folder, ["data.name=parity", "data.bits=3"])
    assert answers.evaluate(folder, ["data.function=xnor"])["train_set/loss"] > 0
    (folder / "data.json").unlink()
    assert answers.evaluate(folder).keys() == measured(folder).keys()
    with pytest.raises(LandmarksError, match=r"no data\.json"):
        answers.predict(folder, ["t.csv"])
    (folder / "model.safetensors").unlink()
    with pytest.raises(LandmarksError, match="is not finished"):
        answers.evaluate(folder)


def test_a_run_of_a_version_with_other_keys_is_said_to_be_one(workplace: Path) -> None:
    folder = run("mlp_xor", "epochs=5")
    kept = [line for line in (folder / "config.yaml").read_text().splitlines() if "  test: 0.2" not in line]
    (folder / "config.yaml").write_text("\n".join(kept))
    for call in (lambda: execute.resume(folder, ["epochs=9"]), lambda: answers.evaluate(folder)):
        with pytest.raises(LandmarksError, match=r"another version of landmarks \(.*data\.test is missing\); make it"):
            call()


def test_a_picture_like_mnists_stays_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(DIGITS[3]).save(tmp_path / "a.png")
    assert np.array_equal(pictures.read(tmp_path / "a.png"), DIGITS[3])
    assert np.array_equal(pictures.read(tmp_path / "a.png", invert=True), 255 - DIGITS[3])


def sheet(mode: str, paper: Any, ink: Any) -> Image.Image:
    """A tall sheet, 56 × 112, with a square of 28 in its upper half."""
    image = Image.new(mode, (56, 112), paper)
    ImageDraw.Draw(image).rectangle((12, 16, 39, 43), fill=ink)
    return image


@pytest.mark.parametrize(
    ("image", "paper", "ink"),
    [
        (sheet("L", 200, 30), 200, 30),
        (sheet("RGB", (255, 255, 255), (255, 0, 0)), 255, 76),
        (sheet("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), 255, 0),
        (sheet("RGBA", (9, 9, 9, 0), (255, 255, 255, 255)), 0, 255),
        (sheet("LA", (0, 0), (10, 255)), 255, 10),
        (sheet("1", 1, 0), 255, 0),
        (sheet("I;16", 51400, 7710), 200, 30),
        (sheet("RGB", (200, 200, 200), (30, 30, 30)).convert("P"), 200, 30),
    ],
    ids=["grey", "colour", "dark on nothing", "bright on nothing", "grey and alpha", "bits", "16 bits", "palette"],
)
def test_pictures_of_any_kind_become_grey_in_their_own_proportions(
    image: Image.Image, paper: int, ink: int, tmp_path: Path
) -> None:
    image.save(tmp_path / "a.png")
    found = pictures.read(tmp_path / "a.png").astype(int)
    assert np.abs(found[:, [0, 1, -2, -1]] - paper).max() <= 2  # the margin takes the grey of the sheet
    assert abs(found[7, 13] - ink) <= 2
    dark = np.abs(found - paper) > abs(ink - paper) / 2
    assert dark.any(1).sum() == dark.any(0).sum() == 7
    assert dark[:14].sum() == dark.sum()


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    image = sheet("L", 200, 30)
    image.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png", exif=exif)
    assert np.array_equal(pictures.read(tmp_path / "lying.png"), pictures.read(tmp_path / "upright.png"))


def test_folders_are_classes_and_a_fifth_of_each_is_held_out(digits: Path) -> None:
    (digits / "notes.txt").write_text("mine")
    (digits / "one" / "notes.txt").write_text("mine")
    (digits / "one" / ".hidden.png").write_text("not a picture")
    found = data.load(composed("lenet", "data.name=images", f"data.root={digits}"))
    assert found.classes == ("one", "two", "zero")
    assert {name: tuple(split.x.shape) for name, split in found.splits.items()} == {
        "train": (30, 28, 28),
        "test": (6, 28, 28),
    }
    assert found.splits["test"].y.bincount().tolist() == [2, 2, 2]
    assert found.splits["train"].x.dtype == torch.uint8
    for split in found.splits.values():
        for x, y in zip(split.x.numpy(), split.y.tolist(), strict=True):
            start = 500 * NAMES.index(found.classes[y])
            assert any(np.array_equal(x, digit) for digit in DIGITS[start : start + 12])
    valid = data.load(composed("lenet", "data.name=images", f"data.root={digits}", "data.valid=6"))
    assert {name: len(split.x) for name, split in valid.splits.items()} == {"train": 24, "valid": 6}


@pytest.mark.parametrize("held", ["test", "valid", "val"])
def test_a_split_of_the_users_own_stays(held: str, workplace: Path) -> None:
    drawn(workplace / "mine" / "train", 5)
    drawn(workplace / "mine" / held, 3, first=20, names=NAMES[:2])
    found = data.load(composed("lenet", "data.name=images", "data.root=mine"))
    assert {name: len(split.x) for name, split in found.splits.items()} == {
        "train": 15,
        "valid" if held == "val" else held: 6,
    }


def test_pictures_are_learned_evaluated_and_predicted(digits: Path) -> None:
    folder = run("lenet", "data.name=images", f"data.root={digits.name}", "epochs=2")
    metrics = measured(folder)
    assert runs.summary(folder)["result"].startswith("lenet: test error")
    assert "on your held-out pictures in 3 classes" in runs.summary(folder)["result"]
    assert answers.evaluate(folder) == pytest.approx(metrics)
    found = answers.predict(folder, ["digits"])
    assert [p.file for p in found] == sorted(p.file for p in found)
    assert {p.kind for p in found} == {"distance"}
    wrong = sum(Path(p.file).parent.name != p.label for p in found)
    assert wrong == round(30 * metrics["train_set/error"] + 6 * metrics["test/error"])
    assert answers.evaluate(folder, ["data.root=digits"])["test/error"] == pytest.approx(wrong / 36)
    (one,) = answers.predict(folder, [found[7].file])
    assert (one.file, one.label) == (found[7].file, found[7].label)
    assert one.score == pytest.approx(found[7].score, rel=1e-4)

    with pytest.raises(LandmarksError, match="mnist5k: 0 is none of the run's classes"):
        answers.evaluate(folder, ["data.name=mnist5k"])
    more = drawn(Path("more"), 4, first=100, names=("two",))  # another folder with fewer classes
    labels = [p.label for p in answers.predict(folder, [str(more)])]
    found_more = answers.evaluate(folder, ["data.root=more"])
    assert found_more.keys() == {"test/error", "test/loss", "test/rejected"}
    assert found_more["test/error"] == pytest.approx(sum(label != "two" for label in labels) / 4)


def test_what_is_measured_beside_the_error_can_be_asked_for_later(digits: Path) -> None:
    own = ("data.name=images", "data.root=digits", "epochs=1")
    asked = run("lenet", *own, "data.shifted=2")
    folder = run("lenet", *own)
    assert "test/shifted_error" not in measured(folder)
    found = answers.evaluate(folder, ["data.shifted=2"])
    assert found == pytest.approx(measured(asked))
    assert {"test/shifted_error", "train_set/shifted_error"} <= found.keys()
    with pytest.raises(UsageError, match=r"override model\.scramble=true: evaluate measures the model as it was"):
        answers.evaluate(folder, ["model.scramble=true"])


def test_a_run_on_mnists_digits_reads_pictures_and_says_where_they_are_negatives(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("lenet", "epochs=1", "optimizer.name=sgd", "batch_size=64", "data.valid=800")
    for i in (1, 2):
        Image.fromarray(255 - DIGITS[i]).save(f"black_on_white_{i}.png")
        Image.fromarray(DIGITS[i]).save(f"white_on_black_{i}.png")
    capsys.readouterr()
    usual = answers.predict(folder, ["white_on_black_1.png", "white_on_black_2.png"])
    assert capsys.readouterr().err == ""
    answers.predict(folder, ["black_on_white_1.png", "black_on_white_2.png"])
    said = capsys.readouterr().err
    assert said.startswith("landmarks: black_on_white_1.png (and 1 more): brighter at the border")
    assert "data.invert=true turns them round" in said
    assert said.count("\n") == 1
    turned = answers.predict(folder, ["black_on_white_1.png", "black_on_white_2.png", "data.invert=true"])
    assert [(p.label, p.score) for p in turned] == [(p.label, p.score) for p in usual]
    assert capsys.readouterr().err == ""
    with pytest.raises(LandmarksError, match=r"one: one is none of the run's classes \(0, 1, 2"):
        answers.evaluate(folder, ["data.name=images", f"data.root={drawn(Path('words'), 2)}"])
    with pytest.raises(UsageError, match="not of the kind that this run has learned from"):
        answers.evaluate(folder, ["data.name=csv", f"data.root={iris()}"])
    for digit, name in enumerate(NAMES):
        Path("words", name).rename(Path("words", str(digit)))
    ours = answers.evaluate(folder, ["data.name=images", "data.root=words"])["test/error"]
    labels = {p.file: p.label for p in answers.predict(folder, ["words"])}
    assert ours == pytest.approx(sum(Path(file).parent.name != label for file, label in labels.items()) / 6)


@pytest.mark.parametrize("output", ["rbf", "targets", "softmax"])
def test_only_the_classes_of_the_data_are_answered(output: str, digits: Path) -> None:
    overrides = ["data.name=images", "data.root=digits", f"model.output={output}"]
    model = assemble.make(config.compose("lenet", overrides))
    assert isinstance(model, LeNet)
    x = torch.from_numpy(DIGITS[::40].copy())
    with torch.no_grad():
        y = model(x)
        label, score, kind, _ = model.answer(x)
    assert label.max() < 3
    assert (y.argmin(1) > 2).any()  # an untrained network would name others, too
    for row, (given, value) in zip(y.tolist(), zip(label.tolist(), score.tolist(), strict=True), strict=True):
        assert given == min(range(3), key=lambda k, row=row: row[k])
        wanted = np.exp(-row[given]) / np.exp(-np.array(row[:3])).sum() if output == "softmax" else row[given]
        assert value == pytest.approx(wanted, rel=1e-4)
    assert kind == ("probability" if output == "softmax" else "distance")


def test_folders_that_do_not_do_are_said(workplace: Path) -> None:
    def says(root: Path | str | None) -> str:
        with pytest.raises(LandmarksError) as caught:
            run("lenet", "data.name=images", *([f"data.root={root}"] if root else []))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "data.root must name the folder of the pictures" in says(None)
    assert "there is no such folder" in says("nowhere")
    Path("flat").mkdir()
    Image.fromarray(DIGITS[0]).save("flat/a.png")
    assert "has 0 sub-folders" in says("flat")
    drawn(Path("single"), 1, names=("one",))
    assert "has 1 sub-folder;" in says("single")
    drawn(Path("hollow"), 1, names=("one",))
    Path("hollow/two").mkdir()
    assert f"{Path('hollow/two').absolute()}: no picture lies in this folder" in says("hollow")
    drawn(Path("broken"), 3)
    whole = Path("broken/one/000.png").read_bytes()
    Path("broken/one/000.png").write_bytes(whole[: len(whole) // 2])
    assert "broken/one/000.png: cannot be read as a picture" in says("broken")
    Path("broken/one/000.png").write_text("hello")
    assert "broken/one/000.png: cannot be read as a picture" in says("broken")
    drawn(Path("few"), 12)
    for number in range(1, 12):
        Path(f"few/one/{number:03}.png").unlink()
    assert f"{Path('few/one').absolute()}: has 1 picture, and with data.test=0.2 at least 3 are needed" in says("few")
    for i in range(11):
        Path(f"many/{i}").mkdir(parents=True)
    assert "ten classes apart at most, got 11 (0, 1, 2," in says("many")
    assert not Path("runs").exists()


def test_each_kind_goes_where_it_can_be_learned(workplace: Path) -> None:
    iris()
    with pytest.raises(UsageError, match="lenet learns pictures"):
        composed("lenet", "data.name=csv", "data.root=iris.csv")
    with pytest.raises(UsageError, match="family_trees, csv, mnist5k or mnist, got images"):
        composed("mlp_xor", "data.name=images", "data.root=iris.csv")
    with pytest.raises(
        UsageError, match=r"iris\.csv: logic is generated and needs no files; data\.name=csv takes a table"
    ):
        composed("mlp_xor", "data.root=iris.csv")
    with pytest.raises(UsageError, match="null for mnist5k"):
        composed("lenet", "data.classes=[a,b]")
    with pytest.raises(UsageError, match=r"data\.test must be >= 0 and < 1, got 1"):
        composed("mlp_xor", *IRIS, "data.test=1")
    with pytest.raises(UsageError, match="csv is your own"):
        data.fetch("csv", None)
    with pytest.raises(UsageError, match="images is your own"):
        data.verify("images", None)
    assert {row[0]: row[1] for row in data.table()}["csv"] == "yours"


def test_the_commands_on_pictures_and_tables(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "lenet", "data.name=images", "data.root=digits", "epochs=1", "figures=false", "-q"]) == 0
    capsys.readouterr()
    assert cli.main(["predict", "last", "digits/two/003.png", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert said.keys() == {"file", "row", "label", "score", "kind", "best"}
    assert said["label"] in NAMES
    assert cli.main(["evaluate", "last", "data.root=digits"]) == 0
    assert "test/error" in capsys.readouterr().out
    assert cli.main(["predict", "last", "nothing.png"]) == 1
    assert capsys.readouterr().err.startswith("landmarks: nothing.png: there is no such file; correct its name")


def test_every_figure_of_own_data_is_drawn(digits: Path) -> None:
    iris()
    folders = [
        execute.start(config.compose("mlp_xor", [*IRIS, "epochs=5"]), quiet=True),
        execute.start(config.compose("lenet", ["data.name=images", "data.root=digits", "epochs=1"]), quiet=True),
    ]
    drawn_figures = [{path.stem for path in folder.glob("figures/*.png")} for folder in folders]
    assert drawn_figures[0] == {"curves", "hidden_code", "weights", "error_surface"}
    assert {"confusion", "errors"} <= drawn_figures[1]


def test_what_a_run_has_learned_from_is_not_taken_for_new(workplace: Path) -> None:
    """mnist5k holds training digits of MNIST."""
    run = landmarks.run("lenet", "data.name=mnist", f"data.root={write_idx(workplace / 'digits')}", "data.verify=false",
                        "epochs=1", "figures=false", quiet=True)  # fmt: skip
    assert run.evaluate()["test/error"] == run.metrics["test/error"]
    with pytest.raises(UsageError, match="mnist5k: has patterns of mnist, which this run has learned from"):
        run.evaluate("data.name=mnist5k")
