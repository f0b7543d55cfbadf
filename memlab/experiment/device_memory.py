"""What a stack will need of a GPU's memory, from its description, without torch.

Instruments are left out: they measure parts of the data, with memory that the evaluation had.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from memlab.experiment.architecture import ImageShape, count
from memlab.experiment.spec import Experiment
from memlab.experiment.walks import Tally

FLOAT, INTEGER = 4, 8
#: Numbers of the largest activation of an evaluation on CUDA, and how many such live at once
#: (`memlab.training.evaluation`).
CHUNK_FLOATS, CHUNKS = 1 << 28, 3
#: Per member and example: what an evaluation keeps (losses, predictions, margins, rivals), and
#: labels, true labels, marks and two epochs' orders.
OUTCOME_BYTES, LABEL_BYTES = 24, 4 * INTEGER + 1
#: Workspaces of cuBLAS and cuDNN, and what an allocator rounds up.
LIBRARIES = 256 << 20


@dataclass(frozen=True)
class Examples:
    """The data of a stack: `distinct` is how many different corruptions of the inputs there are."""

    train: int
    validation: int
    test: int
    image: ImageShape | None
    features: int
    classes: int
    distinct: int = 1


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes on the device, by what they are for."""

    parameters: int
    batch: int
    evaluation: int
    data: int

    @property
    def total(self) -> int:
        """All of it, with what the libraries take."""
        return self.parameters + self.batch + self.evaluation + self.data + LIBRARIES

    @property
    def parts(self) -> Mapping[str, int]:
        """Each part by its words, the largest first."""
        named = {
            "parameters, gradients and moments": self.parameters,
            "the activations of a batch": self.batch,
            "an evaluation": self.evaluation,
            "data": self.data,
        }
        return dict(sorted(named.items(), key=lambda item: -item[1]))


def predicted_bytes(
    experiment: Experiment, members: int, batch_sizes: frozenset[int], data: Examples
) -> DeviceMemory:
    """That of `members` networks like those of `experiment` as one stack on a GPU.

    `batch_sizes` are all that its timeline has: each has a graph with memory of its own.

    Raises:
        InvalidExperiment: if such a network cannot take these data.
    """
    shape = count(experiment.model, data.image, data.features, data.classes)
    spec = experiment.optimizer
    moments = int(spec.momentum > 0) if spec.name == "sgd" else 2
    # Value, gradient and moments; while a graph is captured, values and moments once more.
    copies = (1 + moments) * 2 + 1
    examples = data.train + data.validation + data.test
    widest = members * shape.widest
    chunk = min(widest * max(data.train, data.validation, data.test), CHUNK_FLOATS)
    return DeviceMemory(
        parameters=FLOAT * copies * shape.parameters * members,
        batch=batch_bytes(experiment, shape, batch_sizes) * members,
        evaluation=CHUNKS * FLOAT * chunk + OUTCOME_BYTES * members * examples,
        data=FLOAT * data.features * examples * data.distinct + LABEL_BYTES * members * examples,
    )


def batch_bytes(experiment: Experiment, shape: Tally, batch_sizes: Collection[int]) -> int:
    """Bytes of one network's activations in a batch, in the graphs of all `batch_sizes`."""
    per_example = 2 * shape.activations + 2 * shape.widest
    if _noisy(experiment):
        per_example += shape.activations + 8 * shape.widest  # masks, and 64-bit words to draw them
    return FLOAT * per_example * sum(batch_sizes)


def _noisy(experiment: Experiment) -> bool:
    own = experiment.regularization
    drawn = (own.dropout, own.input_dropout, own.input_noise, own.hidden_noise)
    return any(drawn) or own.adversarial_weight > 0 or experiment.fork.dropout is not None
