"""Where torchvision's datasets are published, with their checksums, read from torchvision itself.

A process that has not imported torch asks another one (`python -m memlab.data.published NAME`),
so that the command line stays without torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from memlab import child
from memlab.data.pins import PINS, Pin
from memlab.errors import DatasetUnavailable

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class PublishedFile:
    """A file, the addresses that have it, and the MD5 sum of its content; its pin, if known."""

    name: str
    urls: tuple[str, ...]
    md5: str

    @property
    def pin(self) -> Pin | None:
        """Size and SHA-256 sum, where memlab knows them."""
        return PINS.get(self.md5)


@dataclass(frozen=True)
class Published:
    """The files to download; `members` are the MD5 sums of the files in an archive, by name."""

    files: tuple[PublishedFile, ...]
    members: dict[str, str]


def published(class_name: str) -> Published:
    """The published files of torchvision's class of this name, such as `FashionMNIST`.

    Raises:
        DatasetUnavailable: if torchvision does not work here.
    """
    if "torch" in sys.modules:
        return _from_class(class_name)
    try:
        done = child.run(["-m", "memlab.data.published", class_name], seconds=PATIENCE_SECONDS)
        done.check_returncode()
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise DatasetUnavailable(
            f"The addresses of {class_name} come from torchvision, which does not work here: "
            f"{error}."
        ) from error
    return Published(
        tuple(PublishedFile(f["name"], tuple(f["urls"]), f["md5"]) for f in found["files"]),
        dict(found["members"]),
    )


def _from_class(class_name: str) -> Published:
    # By name, so that the import contract of the upper half sees what is true: no torch there.
    kind: Any = getattr(import_module("torchvision.datasets"), class_name)
    if hasattr(kind, "mirrors"):
        files = [
            PublishedFile(
                name, tuple(f"{mirror.rstrip('/')}/{name}" for mirror in kind.mirrors), md5
            )
            for name, md5 in kind.resources
        ]
        return Published(tuple(files), {})
    if hasattr(kind, "tgz_md5"):
        archive = PublishedFile(kind.filename, (kind.url,), kind.tgz_md5)
        members = dict([*kind.train_list, *kind.test_list])
        return Published((archive,), members | {kind.meta["filename"]: kind.meta["md5"]})
    parts = [kind.split_list[part] for part in ("train", "test")]
    return Published(tuple(PublishedFile(name, (url,), md5) for url, name, md5 in parts), {})


if __name__ == "__main__":
    print(json.dumps(asdict(_from_class(sys.argv[1]))))
