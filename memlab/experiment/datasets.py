"""What is true of each dataset (shape, classes, how many), said once, and no data.

The loaders in `memlab.data` declare themselves by these facts; form, preview, estimates of cost,
checks of networks and screens read them without loading anything. A test holds them against the
data. A third party's `memlab.data.dataset.Dataset` is a `Facts` too.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import TYPE_CHECKING, Final

from memlab.errors import InvalidExperiment
from memlab.experiment import plugins

if TYPE_CHECKING:
    from memlab.experiment.material_spec import DatasetSpec

Shape = tuple[int, ...]
DIGITS: Final = tuple("0123456789")


@dataclass(frozen=True)
class Sizes:
    """Default numbers of examples; None: a share of what there is."""

    train: int | None
    validation: int | None
    test: int | None


@dataclass(frozen=True)
class Facts:
    """A dataset as it is declared; None is what only the data can tell.

    `shape` of one example is (channels, height, width), or (features,) for what is no image;
    `examples` are those outside the official test set, whose own are `test_examples`;
    `class_names` are empty where the files have them; `download_bytes` are 0 offline; `family` is
    the module of `memlab.data` that loads it.
    """

    name: str
    about: str
    classes: int | None
    shape: Shape | None
    examples: int | None
    test_examples: int | None
    sizes: Sizes
    _: KW_ONLY
    class_names: tuple[str, ...] = ()
    download_bytes: int = 0
    family: str = ""

    @property
    def offline(self) -> bool:
        """Whether nothing is ever downloaded for it."""
        return self.download_bytes == 0


def _grey(name: str, about: str, class_names: tuple[str, ...], size: int) -> Facts:
    counts, sizes = (60_000, 10_000), Sizes(1000, 400, 10_000)
    return Facts(
        name,
        about,
        10,
        (1, 28, 28),
        *counts,
        sizes,
        class_names=class_names,
        download_bytes=size,
        family="torchvision_sets",
    )


def _colour(
    name: str,
    about: str,
    counts: tuple[int, int],
    size: int,
    classes: int = 10,
    class_names: tuple[str, ...] = (),
) -> Facts:
    return Facts(
        name,
        about,
        classes,
        (3, 32, 32),
        *counts,
        Sizes(1000, 400, counts[1]),
        class_names=class_names,
        download_bytes=size,
        family="torchvision_sets",
    )


def _own_data(name: str, about: str, family: str) -> Facts:
    return Facts(name, about, None, None, None, None, Sizes(None, None, None), family=family)


#: memlab's own, in the order in which people see them.
OWN: Final = (
    Facts(
        "digits",
        "handwritten digits, 8×8 grey, embedded",
        10,
        (1, 8, 8),
        1797,
        None,
        Sizes(1000, 400, 397),
        class_names=DIGITS,
        family="digits",
    ),
    _grey("mnist", "handwritten digits, 28×28 grey", DIGITS, 11_594_722),
    _grey(
        "fashion-mnist",
        "articles of clothing, 28×28 grey",
        (
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
        30_878_645,
    ),
    _grey(
        "kmnist",
        "cursive Japanese characters, 28×28 grey",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        21_240_888,
    ),
    _colour("cifar10", "photographs in ten classes, 32×32 colour", (50_000, 10_000), 170_498_071),
    _colour(
        "cifar100",
        "photographs in a hundred classes, 32×32 colour",
        (50_000, 10_000),
        169_001_437,
        100,
    ),
    _colour(
        "svhn",
        "house numbers from street views, 32×32 colour",
        (73_257, 26_032),
        246_316_178,
        class_names=DIGITS,
    ),
    Facts(
        "mnist1d",
        "digits as signals of 40 points, procedural",
        10,
        (40,),
        4000,
        1000,
        Sizes(3600, 400, 1000),
        class_names=DIGITS,
        family="mnist1d",
    ),
    Facts(
        "gaussian",
        "independent Gaussian inputs with random labels: no signal at all",
        10,
        (64,),
        None,
        None,
        Sizes(1000, 400, 400),
        class_names=DIGITS,
        family="gaussian",
    ),
)
#: Read from where PATH says, in the module of `memlab.data` that is the last word of each.
OWN_DATA: Final = (
    _own_data("npz:PATH", "your own arrays x and y, and x_test and y_test", "npz"),
    _own_data("folder:PATH", "your own pictures, one subfolder a class", "image_folder"),
    _own_data("csv:PATH", "your own table of numbers with a column of labels", "csv_table"),
)
#: What stands before the colon of those, and what PATH is.
OWN_DATA_KINDS: Final = {
    "npz": "a file",
    "folder": "a folder with one folder for each class",
    "csv": "a file",
}
NAMES: Final = tuple(each.name for each in OWN)
DEFAULT: Final = "digits"


def own(name: str) -> Facts:
    """The facts of one of memlab's own declarations; KeyError where there is none."""
    return {each.name: each for each in (*OWN, *OWN_DATA)}[name]


def facts(name: str) -> Facts | None:
    """What is declared of the dataset `name`.

    None for a person's own data, and for a name that nothing here declares or whose package
    cannot be imported; who loads it is told why.
    """
    if name in NAMES:
        return own(name)
    if name not in plugins.names(plugins.DATASETS):
        return None
    try:
        found: Facts = plugins.load(plugins.DATASETS, name, Facts)
    except InvalidExperiment:
        return None
    return found


@dataclass(frozen=True)
class Taken:
    """What networks get of a dataset: the shape after the crop, and how many examples.

    `image` is (channels, height, width), None for what is no image; `classes` has the fake one.
    """

    image: tuple[int, int, int] | None
    features: int
    classes: int
    train: int
    validation: int
    test: int


def taken(spec: DatasetSpec) -> Taken | None:
    """What `spec` takes of its dataset; None where the declaration does not tell."""
    known = facts(spec.name)
    if known is None or known.shape is None or known.classes is None:
        return None
    sizes = known.sizes
    if spec.whole and known.examples is not None:
        sizes = Sizes(known.examples, known.classes, known.test_examples or known.classes)
    train, validation = spec.train or sizes.train, spec.validation or sizes.validation
    test = spec.test or sizes.test
    if train is None or validation is None or test is None:
        return None
    shape = known.shape
    image = (shape[0], shape[1], shape[2]) if len(shape) == 3 else None
    if image is not None and spec.crop is not None:
        image = (image[0], min(spec.crop, image[1]), min(spec.crop, image[2]))
    classes = known.classes + (spec.fake_class > 0)
    return Taken(image, prod(image or shape), classes, train, validation, test)
