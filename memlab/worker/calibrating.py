"""Measures this machine: a few updates and an evaluation of every architecture, on made-up data.

`python -m memlab.worker.calibrating` does it for `memlab doctor --calibrate`; a standby does it by
itself on a machine never measured, until it is given a run. What is measured is the trainer itself,
so the figures follow whatever makes it faster. `note_run` adds what a run took.
"""

from __future__ import annotations

import ctypes
import math
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from memlab.cores import usable_cores, waited_seconds
from memlab.errors import MemlabError
from memlab.experiment import grid
from memlab.experiment.architecture import ImageShape, multiply_adds, resolve
from memlab.experiment.reading import experiment as read_experiment
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.experiment.speeds import Measured, Shape
from memlab.runs import calibration
from memlab.training.arrays import Inputs, StackArrays, Subset
from memlab.training.layouts import CONTIGUOUS, layouts
from memlab.training.plan import StackPlan
from memlab.training.trainer import Shapes, StackTrainer
from memlab.worker import device as devices
from memlab.worker.stack_time import MOST_WAITING, StackTime

#: What a whole worker has imported.
SESSION = "memlab.engines.session"
#: Set to 0, a standby never calibrates by itself (as the tests have it).
ALLOWED = "MEMLAB_CALIBRATE"
CLASSES = 10
#: Seconds for repeating what is quick; what is slow is done twice.
PATIENCE = 0.03
#: Multiply-adds of evaluating the training examples: as many as show what a chunk takes.
EVALUATED = 3e8


@dataclass(frozen=True)
class Point:
    """One thing to measure: a stack of `members` networks on examples of shape `image`."""

    name: str
    width: int | None
    members: int
    batch_size: int
    image: ImageShape

    @property
    def experiment(self) -> Experiment:
        """As an experiment on data that nobody has."""
        tree: dict[str, object] = {
            "model": {"name": self.name} | ({"width": self.width} if self.width else {}),
            "optimizer": {"batch_size": self.batch_size, "learning_rate": 1e-3},
            "stop": {"epochs": 1e6},
            "seeds": self.members,
        }
        return read_experiment(tree, "calibration")


DIGITS, MNIST, CIFAR = (1, 8, 8), (1, 28, 28), (3, 32, 32)
#: Each architecture at two sizes or more, the smallest work first.
POINTS = (
    Point("linear", None, 1, 128, DIGITS),
    Point("linear", None, 20, 32, DIGITS),
    Point("linear", None, 16, 128, MNIST),
    Point("mlp", 64, 1, 32, DIGITS),
    Point("mlp", 64, 32, 32, DIGITS),
    Point("mlp", 64, 32, 128, DIGITS),
    Point("mlp", 256, 1, 128, DIGITS),
    Point("mlp", 256, 18, 128, DIGITS),
    Point("mlp", 512, 1, 128, MNIST),
    Point("mlp", 1024, 2, 128, MNIST),
    Point("cnn", 16, 1, 32, DIGITS),
    Point("cnn", 32, 1, 32, CIFAR),
    Point("cnn", 200, 1, 8, CIFAR),
    Point("alexnet-small", 16, 1, 32, DIGITS),
    Point("alexnet-small", 64, 1, 16, CIFAR),
    Point("inception-small", 24, 1, 16, DIGITS),
    Point("inception-small", 96, 1, 8, CIFAR),
    Point("resnet20", 16, 1, 16, DIGITS),
    Point("resnet20", 16, 1, 16, CIFAR),
    Point("wrn16-4", 16, 1, 16, DIGITS),
    Point("wrn16-4", 64, 1, 8, CIFAR),
)


def never() -> bool:
    """Nothing asks the calibration to stop."""
    return False


def calibrate(
    device: torch.device, stop: Callable[[], bool] = never, path: Path | None = None
) -> int:
    """Measures all points, with all usable cores and with one, and writes the store.

    `stop` is asked between measurements; what is measured until then is kept.

    Returns:
        How many measurements were kept: those of several threads are not on a busy machine.

    Raises:
        StorageError, SettingsError: if the store cannot be written.
    """
    devices.keep_memory()
    worker_bytes = resident() if SESSION in sys.modules else None
    before = torch.get_num_threads()
    found: list[Measured] = []
    try:
        counts = (1,) if device.type != "cpu" else dict.fromkeys((usable_cores(), 1))
        for threads in counts:
            torch.set_num_threads(threads)
            found += _points(device, threads, stop)
    finally:
        torch.set_num_threads(before)
        _give_back()
    if found:
        calibration.note(found, machine_of(device), path, worker_bytes)
    return len(found)


def resident() -> int | None:
    """This process' resident set, in bytes; None where the kernel does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def machine_of(device: torch.device) -> calibration.Machine:
    """This machine with `device` as the store names it."""
    return calibration.this_machine(
        calibration.CPU if device.type == "cpu" else devices.describe(device)
    )


def _points(device: torch.device, threads: int, stop: Callable[[], bool]) -> Iterator[Measured]:
    for point in POINTS:
        if stop():
            return
        made = measure(point, device, threads)
        if made is not None:
            yield made


def measure(point: Point, device: torch.device, threads: int) -> Measured | None:
    """The point's figures; None where other processes had the cores meanwhile."""
    trainer = trainer_of(point, device)
    clock = time.process_time if threads == 1 and device.type == "cpu" else time.perf_counter
    trainer.step()
    waited, began = waited_seconds(), time.perf_counter()
    updates = _least(trainer.step, 2, clock, device)
    evaluation = _least(trainer.evaluate, 1, clock, device)
    elapsed = max(time.perf_counter() - began, 1e-9)
    if (
        clock is time.perf_counter
        and (waited_seconds() - waited) / elapsed / threads > MOST_WAITING
    ):
        return None
    arrays = trainer.arrays
    examples = sum(p.labels.shape[1] for p in (arrays.train, arrays.validation, arrays.test))
    shapes = trainer.shapes
    return Measured(
        Shape.of(point.experiment, shapes.image_shape, shapes.features, shapes.classes),
        point.members,
        threads,
        1,
        updates,
        evaluation / (examples * point.members),
    )


def _least(
    work: Callable[[], object],
    repeats: int,
    clock: Callable[[], float],
    device: torch.device,
) -> float:
    """The least seconds of some repetitions: `repeats`, more while `PATIENCE` lasts."""
    least, began, count = float("inf"), time.perf_counter(), 0
    while count < repeats or (count < 100 and time.perf_counter() - began < PATIENCE):
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        least, count = min(least, clock() - start), count + 1
    return max(least, 1e-9)


def trainer_of(point: Point, device: torch.device) -> StackTrainer:
    """The point's stack before its first update."""
    members = grid.members(point.experiment)
    features = math.prod(point.image)
    work = multiply_adds(members[0].experiment.model, point.image, features, CLASSES)
    examples = int(np.clip(EVALUATED / work, point.batch_size, 512))
    generator = torch.Generator().manual_seed(0)

    def subset(count: int) -> Subset:
        inputs = torch.randn(1, count, *point.image, generator=generator)
        labels = torch.randint(0, CLASSES, (len(members), count), generator=generator)
        which = torch.zeros(len(members), dtype=torch.int64)
        return Subset(Inputs(inputs.to(device), which.to(device)), labels.to(device))

    train, few = subset(examples), subset(max(8, examples // 2))
    nothing = torch.zeros_like(train.labels, dtype=torch.bool)
    arrays = StackArrays(train, train.labels.clone(), nothing, few, few, CLASSES)
    shapes = Shapes(point.image, features, CLASSES)
    plan = StackPlan(0, tuple(members), Timeline(members[0].experiment, examples))
    layout = (
        layouts(resolve(members[0].experiment.model))[0] if device.type == "cpu" else CONTIGUOUS
    )
    return StackTrainer(plan, arrays, shapes, device, layout=layout)


def _give_back() -> None:
    """Returns what the measurements used to the system, as far as glibc can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return


def when_idle(descriptor: int) -> None:
    """In a standby: calibrates a machine never measured, until `descriptor` has something to say.

    What a busy machine left out is measured once it is quiet.
    Nothing that goes wrong here may keep the standby from its run.
    """
    if os.environ.get(ALLOWED, "1") == "0":
        return

    def asked() -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])

    try:
        device = devices.choose("auto")
        if not asked() and not complete(device) and not (busy() and measured(device)):
            calibrate(device, asked)
    except (MemlabError, OSError, RuntimeError, ValueError) as error:
        print(f"calibration: {error}", file=sys.stderr)


def busy() -> bool:
    """Whether others wanted all cores during the last minute."""
    try:
        return os.getloadavg()[0] >= usable_cores()
    except OSError:
        return False


def measured(device: torch.device) -> bool:
    """Whether anything was measured on this machine and `device`."""
    return bool(calibration.load(machine_of(device)).measured)


def complete(device: torch.device) -> bool:
    """Whether this machine was calibrated on `device` with all its cores."""
    speeds = calibration.load(machine_of(device))
    threads = usable_cores() if device.type == "cpu" else 1
    measured = {(m.shape.model.name, m.shape.batch_size) for m in speeds.at(threads)}
    return len(measured) >= len({(point.name, point.batch_size) for point in POINTS})


def note_run(
    took: Sequence[StackTime], device: torch.device, processes: int = 1, threads: int | None = None
) -> None:
    """Notes what a run's stacks took, so that the next preview of their shapes is right.

    To be called once, when the run has ended well; a store that cannot be written is no reason
    for a run to fail, so nothing is raised. Short stacks, and those that waited for the cores much
    of their time, tell nothing and are left out.
    """
    threads = threads or (torch.get_num_threads() if device.type == "cpu" else 1)
    found = [made for one in took if (made := one.measured(threads, processes)) is not None]
    if not found:
        return
    try:
        calibration.note(found, machine_of(device))
    except MemlabError as error:
        print(f"calibration: {error}", file=sys.stderr)


def main() -> int:
    """Calibrates and says how it went; 3 where the machine was too busy for all of it."""
    import memlab.worker.shard  # noqa: F401 - as a worker has it, for what it occupies

    device = devices.choose("auto")
    devices.be_deterministic()
    began = time.perf_counter()
    kept = calibrate(device)
    print(f"{kept} measurements in {time.perf_counter() - began:.1f} s")
    return 0 if complete(device) else 3


if __name__ == "__main__":
    sys.exit(main())
