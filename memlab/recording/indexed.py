"""`memlab.indexed`: the example's index beside each batch, in whatever order a loader has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

from memlab.errors import InvalidDataset

INDEX = "index"


class Indexed(Dataset[Any]):
    """A data set whose items are (item, index)."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> tuple[Any, int]:
        return self.dataset[index], int(index)

    def __getitems__(self, indices: Sequence[Any]) -> list[tuple[Any, int]]:
        fetch = getattr(self.dataset, "__getitems__", None)
        items = fetch(indices) if callable(fetch) else [self.dataset[index] for index in indices]
        return list(zip(items, map(int, indices), strict=True))


class Flat(Indexed):
    """The same, with the index joined to the item."""

    def __getitem__(self, index: Any) -> Any:
        return joined(self.dataset[index], int(index))

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        return [joined(item, index) for item, index in super().__getitems__(indices)]


class Collate:
    """Collates items as before, and adds their indices, int64 `[batch]`."""

    def __init__(self, collate: Callable[[Any], Any], batched: bool) -> None:
        self._collate, self._batched = collate, batched

    def __call__(self, pairs: Any) -> Any:
        """The batch of these (item, index)."""
        if not self._batched:
            item, index = pairs
            return joined(self._collate(item), index)
        index = torch.tensor([index for _, index in pairs], dtype=torch.int64)
        return joined(self._collate([item for item, _ in pairs]), index)


def joined(batch: Any, index: Any) -> Any:
    """The batch with the index: a key of a mapping, else one more element behind."""
    if isinstance(batch, Mapping):
        return {**batch, INDEX: index}
    if isinstance(batch, tuple | list):
        return (*batch, index)
    return (batch, index)


def indexed(data: Any) -> Any:
    """The same loader, or data set, with each example's index behind what it gives.

    `for x, y, index in memlab.indexed(loader)`: the order, workers and random draws are those of
    the loader that is given; an index counts in the data set that this one reads. A batch that is
    a mapping gets the key `index`.

    Args:
        data: a `torch.utils.data.DataLoader`, or a data set with a length.

    Raises:
        InvalidDataset: if its examples have no index, as those of an `IterableDataset`.

    >>> from torch.utils.data import DataLoader
    >>> [batch[1].tolist() for batch in memlab.indexed(DataLoader([5.0, 6.0, 7.0], batch_size=2))]
    [[0, 1], [2]]
    """
    source = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(source, IterableDataset) or not (
        hasattr(source, "__getitem__") and hasattr(source, "__len__")
    ):
        raise InvalidDataset(
            f"{type(source).__name__} gives examples in a stream, so they have no index; "
            "memlab.indexed takes a data set with a length and [index], or a loader of one."
        )
    if isinstance(data, DataLoader):
        return _loader(data)
    return Flat(data)


def _loader(loader: DataLoader[Any]) -> DataLoader[Any]:
    plain = type(loader.batch_sampler) is BatchSampler and loader.batch_size is not None
    shape: dict[str, Any] = {"batch_sampler": loader.batch_sampler}
    if plain:
        shape = {
            "batch_size": loader.batch_size,
            "sampler": loader.sampler,
            "drop_last": loader.drop_last,
        }
    elif loader.batch_sampler is None:
        shape = {"batch_size": None, "sampler": loader.sampler}
    if loader.num_workers:
        shape |= {
            "prefetch_factor": loader.prefetch_factor,
            "persistent_workers": loader.persistent_workers,
            "multiprocessing_context": loader.multiprocessing_context,
        }
    batched = plain or loader.batch_sampler is not None
    return DataLoader(
        Indexed(loader.dataset),
        num_workers=loader.num_workers,
        collate_fn=Collate(loader.collate_fn, batched),
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        generator=loader.generator,
        **shape,
    )
