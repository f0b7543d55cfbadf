"""Splits: training, validation and test examples; disjoint, stratified, seeded, scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from memlab.data.dataset import Raw
from memlab.data.registry import find
from memlab.data.scaling import crop, scaler
from memlab.data.stratification import apportioned, parts_with_all_classes
from memlab.errors import InvalidExperiment
from memlab.experiment.datasets import described
from memlab.experiment.keys import key
from memlab.experiment.material_spec import DatasetSpec

OFFICIAL = " in the test set"
#: The name of the class that threshold samples are given.
FAKE_CLASS = "(fake class)"


@dataclass(frozen=True)
class Part:
    """One part: `x` float32, `y` int64 `[n]`, `index` int64 `[n]`, the row in its source file."""

    x: np.ndarray
    y: np.ndarray
    index: np.ndarray


@dataclass(frozen=True)
class Splits:
    """The three parts, scaled by the training part's statistics.

    Of `held_out` parts, those named are measured on the training examples that a network is not
    trained on; what stands there is one example of each class, for its shape.

    `fake` `[train examples]` marks threshold samples, whose given label is the last class,
    `FAKE_CLASS`, which no example truly has; None where there is no such class.
    """

    train: Part
    validation: Part
    test: Part
    classes: int
    image_shape: tuple[int, int, int] | None
    class_names: tuple[str, ...]
    fake: np.ndarray | None = None
    held_out: tuple[str, ...] = ()

    @property
    def true_classes(self) -> int:
        """How many classes there are without the fake one."""
        return self.classes - (self.fake is not None)


def split(raw: Raw, spec: DatasetSpec) -> Splits:
    """Splits by class in proportion, or as the dataset deals them, in an order keyed by
    `split_seed`.

    The official test set, where there is one, is the test part's source; validation comes from the
    training file, or from the test file where the training part takes all of the training file.

    Raises:
        InvalidExperiment: if there are not enough examples, or a class has too few.
    """
    if spec.whole:
        return _whole(raw, spec)
    train, validation, test = _sizes(raw, spec)
    order = key(spec.split_seed, "split")
    if raw.deal is not None:
        parts = raw.deal((train, validation, test), order)
        sources = [raw.x] * 3
    elif raw.test_x is None or raw.test_y is None:
        parts = stratified(raw.y, (train, validation, test), order, raw.class_names)
        sources = [raw.x] * 3
    elif train + validation <= len(raw.y):
        parts = stratified(raw.y, (train, validation), order, raw.class_names)
        parts += stratified(raw.test_y, (test,), order, raw.class_names, OFFICIAL)
        sources = [raw.x, raw.x, raw.test_x]
    else:
        parts = stratified(raw.y, (train,), order, raw.class_names)
        parts += stratified(raw.test_y, (validation, test), order, raw.class_names, OFFICIAL)
        sources = [raw.x, raw.test_x, raw.test_x]
    labels = [raw.y if source is raw.x else raw.test_y for source in sources]
    taken = [crop(source[index], spec.crop) for source, index in zip(sources, parts, strict=True)]
    scale = scaler(spec.scaling, taken[0])
    made = [
        Part(scale(x), _labels(y, index), index)
        for x, y, index in zip(taken, labels, parts, strict=True)
    ]
    image = _image_shape(taken[0])
    found = Splits(made[0], made[1], made[2], raw.classes, image, raw.class_names)
    return with_fake_class(found, spec) if spec.fake_class else found


def _image_shape(x: np.ndarray) -> tuple[int, int, int] | None:
    shape = x.shape[1:]
    return (int(shape[0]), int(shape[1]), int(shape[2])) if len(shape) == 3 else None


def _whole(raw: Raw, spec: DatasetSpec) -> Splits:
    """All examples, in their own order, as training part; the official test set as test part.

    Raises:
        InvalidExperiment: if sizes of parts are asked for.
    """
    if spec.train is not None or spec.validation is not None:
        raise InvalidExperiment(
            "dataset.whole trains on all examples; leave dataset.train and dataset.validation out."
        )
    every = np.arange(len(raw.y))
    _, first = np.unique(raw.y, return_index=True)
    x = crop(raw.x, spec.crop)
    scale = scaler(spec.scaling, x)
    train = Part(scale(x), _labels(raw.y, every), every)
    stand_in = Part(train.x[first], train.y[first], first)
    test = stand_in
    held_out: tuple[str, ...] = ("validation", "test")
    if raw.test_x is not None and raw.test_y is not None:
        index = np.arange(len(raw.test_y))
        if spec.test is not None:
            order = key(spec.split_seed, "split")
            (index,) = stratified(raw.test_y, (spec.test,), order, raw.class_names, OFFICIAL)
        test_x = scale(crop(raw.test_x[index], spec.crop))
        test, held_out = Part(test_x, _labels(raw.test_y, index), index), ("validation",)
    names = raw.class_names
    found = Splits(train, stand_in, test, raw.classes, _image_shape(x), names, held_out=held_out)
    return with_fake_class(found, spec) if spec.fake_class else found


def left_out(splits: Splits, spec: DatasetSpec) -> np.ndarray:
    """Which training examples `spec.without` names, bool `[train examples]`.

    Raises:
        InvalidExperiment: if one is no training example of this split, or none is left.
    """
    rows = np.array(spec.without, np.int64)
    foreign = rows[~np.isin(rows, splits.train.index)]
    if len(foreign):
        raise InvalidExperiment(
            f"dataset.without names row {foreign[0]}, which is no training example of this split.",
            "dataset.without",
        )
    mask = np.isin(splits.train.index, rows)
    if mask.all():
        raise InvalidExperiment("dataset.without leaves no training example.", "dataset.without")
    return mask


def with_fake_class(splits: Splits, spec: DatasetSpec) -> Splits:
    """With one class more, of N/(C + 1) training examples (Pleiss 2020, section 3.2).

    The first and the second set of them are disjoint, so that of two trainings at least one judges
    each example by a network in which its label is its own.

    Raises:
        InvalidExperiment: if there are too few training examples for one of them.
    """
    examples = len(splits.train.y)
    size = examples // (splits.classes + 1)
    if not size:
        raise InvalidExperiment(
            f"dataset.fake_class = {spec.fake_class} needs at least {splits.classes + 1} training "
            f"examples, one more than there are classes; there are {examples}."
        )
    order = key(spec.split_seed, "fake class").permutation(examples)
    fake = np.zeros(examples, dtype=bool)
    fake[order[(spec.fake_class - 1) * size : spec.fake_class * size]] = True
    names = (*splits.class_names, FAKE_CLASS)
    return replace(splits, classes=splits.classes + 1, class_names=names, fake=fake)


def _labels(y: np.ndarray | None, index: np.ndarray) -> np.ndarray:
    assert y is not None
    return np.asarray(y[index], dtype=np.int64)


def _sizes(raw: Raw, spec: DatasetSpec) -> tuple[int, int, int]:
    """Training, validation and test examples asked for, or the dataset's own defaults."""
    official = raw.test_y is not None
    have, have_test = len(raw.y), 0 if raw.test_y is None else len(raw.test_y)
    known = described(spec)
    own = find(spec.name).sizes if known is None else known.sizes
    shares = _shares(have, have_test)
    train = spec.train or own.train or shares[0]
    validation = spec.validation or own.validation or shares[1]
    from_train = train + validation <= have
    test = spec.test or own.test or shares[2]
    if official and spec.test is None:
        test = have_test if from_train else have_test - validation
    elif not official and spec.test is None:
        test = max(1, min(test, have - train - validation))
    if official:
        fits = train <= have and test + (0 if from_train else validation) <= have_test
    else:
        fits = train + validation + test <= have
    if not fits or test < 1:
        has = f"{have:,} training and {have_test:,} test" if official else f"{have:,}"
        raise InvalidExperiment(
            f"dataset: {train:,} training, {validation:,} validation and {test:,} test examples "
            f"are more than {raw.name} has ({has} examples); set dataset.train, dataset.validation "
            "and dataset.test so that they fit."
        )
    return train, validation, test


def _shares(have: int, have_test: int) -> tuple[int, int, int]:
    """Default sizes of a user's own data: 60, 20 and 20 %, or 80 and 20 % beside a test set."""
    if have_test:
        validation = max(1, have // 5)
        return have - validation, validation, have_test
    test = max(1, have // 5)
    return have - 2 * test, test, test


def stratified(
    y: np.ndarray,
    sizes: Sequence[int],
    generator: np.random.Generator,
    class_names: Sequence[str],
    where: str = "",
) -> list[np.ndarray]:
    """Disjoint index arrays of these sizes, each with the classes in proportion to `y`.

    Class counts are within 1 of proportional where that gives every class an example in every part
    that has as many examples as there are classes; each array is shuffled. `where` ends the words
    "class … has … examples" in an error.

    Raises:
        InvalidExperiment: if a class has fewer examples than the parts need.
    """
    queues = [generator.permutation(np.flatnonzero(y == c)) for c in range(len(class_names))]
    counts = np.array([len(queue) for queue in queues])
    into = ", ".join(f"{size:,}" for size in sizes)
    if sum(sizes) > len(y):
        raise InvalidExperiment(
            f"dataset: {len(y):,} examples are too few for a split into {into}."
        )
    least = parts_with_all_classes(sizes, len(queues))
    for c in np.flatnonzero(counts < least):
        raise InvalidExperiment(
            f"dataset: class {class_names[int(c)]!r} has only {counts[c]} "
            f"example{'' if counts[c] == 1 else 's'}{where}, too few for a split into {into}; "
            "every part needs at least one of each class."
        )
    ends = np.cumsum(apportioned(sizes, counts), axis=1)
    parts = []
    for part in range(len(sizes)):
        starts = ends[:, part - 1] if part else np.zeros_like(counts)
        rows = zip(queues, starts, ends[:, part], strict=True)
        index = np.concatenate([queue[start:end] for queue, start, end in rows])
        parts.append(generator.permutation(index))
    return parts
