"""Linear probes: what each layer knows of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject
    from memlab.models import StackedModel


class ProbeSettings(Settings):
    """Settings of `probes`."""

    examples: Annotated[int, Field(ge=2, le=65_536)] = Field(
        default=1_000, description="Training examples that the probes learn from"
    )


def cost(settings: ProbeSettings, work: Workload) -> float:
    """Forward passes, and one decomposition per layer, here guessed."""
    count = min(settings.examples, work.train_examples)
    return 3.0 * (count + work.validation_examples)


def measure(subject: Subject, settings: ProbeSettings) -> Mapping[str, Any]:
    """Ridge probes on the activations of each layer, the inputs, and random features.

    Random features are the last hidden layer of an untrained network of the same law. Those and
    the inputs do not change, so that they are measured once and kept, `[members]`.
    """
    import torch

    from memlab.instruments.probes import (
        ProbeAccuracy,
        ProbeLabels,
        input_features,
        probe,
        probe_layers,
    )
    from memlab.instruments.representation import activations, untrained
    from memlab.instruments.subject import NotKnown

    train = subject.train_sample(settings.examples)
    parts = (train, subject.validation_sample(65_536), subject.test_sample(65_536))
    labels = ProbeLabels(train.true, train.given, parts[1].true, parts[2].true)

    def probed(model: StackedModel) -> dict[str, ProbeAccuracy]:
        first, second, third = (activations(model, part.x, layers=subject.layers) for part in parts)
        return probe_layers(first, second, third, labels, subject.classes)

    found = probed(subject.model)
    kept = subject.memory
    if "inputs" not in kept:
        first, second, third = input_features([part.x for part in parts], subject.members)
        kept["inputs"] = probe(first, second, third, labels, subject.classes).true
        kept["random"] = kept["inputs"]
        try:
            drawn = probed(untrained(subject.model, subject.seeds))
            if drawn:
                kept["random"] = list(drawn.values())[-1].true
        except NotKnown as unknown:
            kept["random"] = kept["inputs"] * torch.nan
            subject.notes.append(str(unknown))
    if not found:
        return {"inputs": kept["inputs"], "random": kept["random"]}
    subject.axes["layer"] = tuple(found)
    last = list(found.values())[-1]
    return {
        "last": last.true,
        "last_given": last.given,
        "inputs": kept["inputs"],
        "random": kept["random"],
        "layers": torch.stack([accuracy.true for accuracy in found.values()], 1),
        "layers_given": torch.stack([accuracy.given for accuracy in found.values()], 1),
        "repeated": torch.stack([accuracy.repeated for accuracy in found.values()], 1),
    }


def _accuracy(name: str, about: str, layers: bool = False) -> Quantity:
    return Quantity(name, about, shape=("layer",) if layers else (), low=0.0, high=1.0)


INSTRUMENT = Instrument(
    name="probes",
    title="linear probes",
    about="Test accuracy of ridge probes on each hidden layer, the penalty chosen by validation",
    source="Alain and Bengio 2016, arXiv 1610.01644",
    quantities=(
        _accuracy("last", "probe on the last hidden layer, trained on true labels"),
        _accuracy("last_given", "the same, trained on given labels"),
        _accuracy("inputs", "probe on the inputs, trained on true labels"),
        _accuracy("random", "probe on an untrained network's last layer, trained on true labels"),
        _accuracy("layers", "probe on each hidden layer, trained on true labels", True),
        _accuracy("layers_given", "the same, trained on given labels", True),
        _accuracy("repeated", "given training labels that its probe predicts", True),
    ),
    headline="last",
    measure=measure,
    cost=cost,
    settings=ProbeSettings,
)
