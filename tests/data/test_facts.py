"""What is declared of the datasets is what their data say."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import pytest

from memlab.data.registry import find, load
from memlab.data.split import split
from memlab.experiment import datasets
from memlab.experiment.material_spec import DatasetSpec
from memlab.experiment.reading import experiment
from memlab.tui.compose import form

FASHION = Path("/usr/share/datasets/fashion-mnist")
HERE = (
    "digits",
    "gaussian",
    "parity",
    "modular-addition",
    pytest.param(
        "mnist1d",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("mnist1d") is None, reason="the extra is not installed"
        ),
    ),
    pytest.param(
        "fashion-mnist",
        marks=pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's package is not installed"),
    ),
)


@pytest.mark.parametrize("name", HERE)
def test_declared_shape_classes_names_and_counts_are_those_of_the_data(name: str) -> None:
    known, raw = datasets.own(name), load(DatasetSpec(name=name))
    assert known.shape == raw.shape
    assert known.class_names == raw.class_names
    assert known.classes == raw.classes == len(set(raw.y.tolist()))
    if known.examples is not None:
        assert known.examples == len(raw.y)
    assert known.test_examples == (None if raw.test_y is None else len(raw.test_y))


@pytest.mark.parametrize("name", HERE)
def test_what_networks_are_declared_to_get_is_what_the_split_gives_them(name: str) -> None:
    for spec in (
        DatasetSpec(name=name),
        DatasetSpec(name=name, train=300, validation=100, test=50, fake_class=1),
    ):
        told, made = datasets.taken(spec), split(load(spec), spec)
        assert told is not None
        assert told.image == made.image_shape
        assert told.features == made.train.x[0].size
        assert told.classes == made.classes
        parts = (made.train, made.validation, made.test)
        assert (told.train, told.validation, told.test) == tuple(len(part.y) for part in parts)


@pytest.mark.parametrize(
    "spec",
    [
        DatasetSpec(name="parity", bits=12, degree=2),
        DatasetSpec(name="modular-addition", modulus=7),
        DatasetSpec(name="modular-addition", modulus=12, train=50),
    ],
    ids=lambda spec: f"{spec.name}-{spec.bits or spec.modulus}",
)
def test_what_a_generated_dataset_is_told_to_be_is_declared_too(spec: DatasetSpec) -> None:
    known, raw, told = datasets.described(spec), load(spec), datasets.taken(spec)
    assert known is not None
    assert told is not None
    assert (known.shape, known.class_names) == (raw.shape, raw.class_names)
    assert known.examples in (None, len(raw.y))
    made = split(raw, spec)
    assert (told.features, told.classes) == (made.train.x[0].size, made.classes)
    parts = (made.train, made.validation, made.test)
    assert (told.train, told.validation, told.test) == tuple(len(part.y) for part in parts)


def test_a_crop_is_part_of_what_networks_get() -> None:
    spec = DatasetSpec(name="digits", crop=6)
    told, made = datasets.taken(spec), split(load(spec), spec)
    assert told is not None
    assert (told.image, told.features) == (made.image_shape, made.train.x[0].size)


def test_loaders_are_declared_by_the_facts_alone() -> None:
    for known in (*datasets.OWN, *datasets.OWN_DATA):
        name = known.name if ":" not in known.name else known.name.replace("PATH", "x")
        for each in dataclasses.fields(datasets.Facts):
            assert getattr(find(name), each.name) == getattr(known, each.name), known.name


def test_a_batch_larger_than_the_training_data_of_mnist1d_is_refused_while_it_is_typed() -> None:
    tree = {"dataset": {"name": "mnist1d"}, "optimizer": {"batch_size": 3600}}
    assert experiment(tree, "here").optimizer.batch_size == 3600
    fitting = form.Draft("mine", tree)
    assert form.read(fitting).errors == {}
    too_large = form.read(fitting.with_text("optimizer.batch_size", "3900")).errors
    assert "the 3,600 training examples" in too_large["optimizer.batch_size"]


def test_no_number_of_a_dataset_stands_beside_its_declaration() -> None:
    """A second table would have names of datasets as its keys."""
    root = Path(datasets.__file__).parent.parent
    listed = ("experiment/datasets.py",)
    for path in root.rglob("*.py"):
        text = path.read_text()
        found = [name for name in datasets.NAMES if f'"{name}":' in text]
        assert not found or str(path.relative_to(root)) in listed, (path, found)
    counts = {"60_000", "50_000", "73_257", "26_032", "26032", "1797", "4000"}
    for path in (*root.glob("data/*.py"), *root.glob("tui/**/*.py"), *root.glob("experiment/*.py")):
        words = set(path.read_text().replace("(", " ").replace(",", " ").replace(")", " ").split())
        assert not words & counts or path.name == "datasets.py", path
