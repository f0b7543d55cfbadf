"""Linear probes: ridge regression from features to one-hot labels, by its closed form.

Features are centred, the intercept is free of penalty. One eigendecomposition per member and set of
features serves every penalty and every kind of labels; it is done in float64 on the smaller of
features' and examples' Gram matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

#: Penalties ÷ mean eigenvalue of the features' Gram matrix.
PENALTIES = tuple(10.0**power for power in range(-6, 4))

#: Different tokens that are told apart where inputs are tokens.
MOST_TOKENS = 4096


@dataclass(frozen=True)
class Probe:
    """Scores = features · weight + intercept.

    `weight` is float64 `[members, features, classes]`, `intercept` `[members, 1, classes]`,
    `penalty` the chosen λ `[members]` of ‖XW − Y‖² + λ‖W‖².
    """

    weight: Tensor
    intercept: Tensor
    penalty: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """`[members, n, features]` to `[members, n, classes]`."""
        return torch.baddbmm(self.intercept, features.double(), self.weight)

    def accuracy(self, features: Tensor, labels: Tensor) -> Tensor:
        """Share of `labels` `[members, n]` predicted right, float64 `[members]`."""
        return (self.scores(features).argmax(-1) == labels).double().mean(1)


@dataclass(frozen=True)
class Ridge:
    """Features decomposed once; W(λ) = `basis` · (`eigenvalues` + λ)⁻¹ · `projection` · Y.

    `mean` is `[members, 1, features]`, `basis` `[members, features, rank]`, `eigenvalues`
    `[members, rank]`, `projection` `[members, rank, n]`; rank is the smaller of n and features.
    """

    mean: Tensor
    basis: Tensor
    eigenvalues: Tensor
    projection: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Ridge:
        """Of the training features, `[members, n, features]`."""
        values = features.double()
        mean = values.mean(1, keepdim=True)
        x = values - mean
        if x.shape[1] < x.shape[2]:
            eigenvalues, vectors = torch.linalg.eigh(x @ x.mT)
            return cls(mean, x.mT @ vectors, eigenvalues.clamp(min=0), vectors.mT)
        eigenvalues, vectors = torch.linalg.eigh(x.mT @ x)
        return cls(mean, vectors, eigenvalues.clamp(min=0), vectors.mT @ x.mT)

    def solve(self, labels: Tensor, classes: int, penalty: Tensor) -> Probe:
        """The probe for `labels` `[members, n]` at λ = `penalty` `[members]`, above 0."""
        return self._finish(self._projected(labels, classes), penalty)

    def choose(
        self,
        labels: Tensor,
        classes: int,
        validation_features: Tensor,
        validation_labels: Tensor,
        penalties: Sequence[float] = PENALTIES,
    ) -> Probe:
        """The probe whose penalty has the best validation accuracy, member by member.

        `penalties` are relative to the mean eigenvalue; of equally good ones the largest counts.
        """
        scale = self.eigenvalues.sum(1) / self.basis.shape[1]
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        projected = self._projected(labels, classes)
        turned = (validation_features.double() - self.mean) @ self.basis
        best = scale.new_full(scale.shape, -1.0)
        penalty = torch.zeros_like(scale)
        for relative in sorted(penalties, reverse=True):
            shrunk = self._shrunk(projected[0], relative * scale)
            right = (turned @ shrunk + projected[1]).argmax(-1) == validation_labels
            accuracy = right.double().mean(1)
            better = accuracy > best
            best = torch.where(better, accuracy, best)
            penalty = torch.where(better, relative * scale, penalty)
        return self._finish(projected, penalty)

    def _projected(self, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        """(`projection` · centred one-hot labels, their mean)."""
        onehot = one_hot(labels, classes).double()
        mean = onehot.mean(1, keepdim=True)
        return self.projection @ (onehot - mean), mean

    def _shrunk(self, projected: Tensor, penalty: Tensor) -> Tensor:
        return projected / (self.eigenvalues + penalty[:, None]).unsqueeze(-1)

    def _finish(self, projected: tuple[Tensor, Tensor], penalty: Tensor) -> Probe:
        weight = self.basis @ self._shrunk(projected[0], penalty)
        return Probe(weight, projected[1] - self.mean @ weight, penalty)


@dataclass(frozen=True)
class ProbeLabels:
    """Labels that probes learn and are judged by, each `[members, n]` of its part."""

    true: Tensor
    given: Tensor
    validation: Tensor
    test: Tensor


@dataclass(frozen=True)
class ProbeAccuracy:
    """Test accuracy of a probe that learned the true labels and of one that learned the given ones.

    `true`, `given` and `repeated` (given training labels that the probe of given labels predicts)
    are float64 `[members]`.
    """

    true: Tensor
    given: Tensor
    repeated: Tensor


def probe(
    train: Tensor,
    validation: Tensor,
    test: Tensor,
    labels: ProbeLabels,
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> ProbeAccuracy:
    """Probes on one set of features, `[members, n, features]` for each part of the data."""
    ridge = Ridge.of(train)
    true, given = (
        ridge.choose(learned, classes, validation, labels.validation, penalties)
        for learned in (labels.true, labels.given)
    )
    return ProbeAccuracy(
        true.accuracy(test, labels.test),
        given.accuracy(test, labels.test),
        given.accuracy(train, labels.given),
    )


def probe_layers(
    train: Mapping[str, Tensor],
    validation: Mapping[str, Tensor],
    test: Mapping[str, Tensor],
    labels: ProbeLabels,
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> dict[str, ProbeAccuracy]:
    """`probe` on each layer's activations, by name (`memlab.instruments.representation`).

    The references go through the same door: the inputs as `input_features` gives them, and random
    features, which are the same layers of an `untrained` network.
    """
    return {
        name: probe(train[name], validation[name], test[name], labels, classes, penalties)
        for name in train
    }


def input_features(parts: Sequence[Tensor], members: int) -> list[Tensor]:
    """Inputs `[members or 1, n, …]` of each part as features `[members, n, features]`.

    Of tokens, how often each of them occurs; above `MOST_TOKENS` some share a place.
    """
    if parts[0].is_floating_point():
        return [x.flatten(2).expand(members, -1, -1) for x in parts]
    places = min(MOST_TOKENS, 1 + max(int(x.max()) for x in parts))
    found = []
    for x in parts:
        ids = (x.flatten(2) % places).expand(members, -1, -1)
        counts = torch.zeros(*ids.shape[:2], places, dtype=torch.float64, device=x.device)
        found.append(counts.scatter_add_(2, ids, torch.ones_like(ids, dtype=torch.float64)))
    return found
