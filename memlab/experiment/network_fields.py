"""The fields of a network that only some architectures have: said of another, they are refused.

Only what was said is looked at; of a network of the user's own and of `linear` most of these mean
nothing. What a run that is there says is let be: it was trained so (`reading.of_run`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from pydantic import ValidationError

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network
from memlab.experiment.architecture import resolve
from memlab.experiment.material_spec import ModelSpec

NAME: Final = "model.name"
#: Those that `memlab.experiment.architecture.resolve` may leave out.
FIELDS: Final = ("width", "depth", "activation", "normalization", "ghost_batch")
DEFAULTS: Final = {leaf: ModelSpec.model_fields[leaf].default for leaf in ("name", *FIELDS)}


def ignored(spec: ModelSpec) -> dict[str, object]:
    """What `spec` says that its network is not built with, by field; a default is nothing said.

    >>> ignored(ModelSpec(name="linear", width=7)), ignored(ModelSpec(name="mlp", width=7))
    ({'width': 7}, {})
    """
    given = {leaf: getattr(spec, leaf) for leaf in FIELDS}
    said = {leaf: value for leaf, value in given.items() if value != DEFAULTS[leaf]}
    if not said:
        return {}
    built = resolve(spec)
    return {leaf: value for leaf, value in said.items() if getattr(built, leaf) != value}


def leave_behind(tree: dict[str, Any], said: Collection[str]) -> None:
    """Where a person names another network, takes what a file says of its own out of `tree`.

    `said` are the fields that the person gave, dotted: those stay, and are for `check`.
    """
    body, axes = tree.get("model"), tree.get("axes")
    if NAME not in said or not isinstance(body, dict):
        return
    several = axes.get(NAME) if isinstance(axes, dict) else None
    names = several if isinstance(several, list) else [body.get("name", DEFAULTS["name"])]
    for leaf in FIELDS:
        if leaf not in body or f"model.{leaf}" in said:
            continue
        try:
            specs = [ModelSpec.model_validate({"name": name, leaf: body[leaf]}) for name in names]
        except ValidationError:
            return  # what is wrong is said by whoever validates the whole
        if all(leaf in ignored(spec) for spec in specs):
            del body[leaf]


def check(specs: Sequence[ModelSpec], axes: Collection[str], where: str) -> None:
    """Refuses what is said of networks that do not have it.

    `specs` are those of a grid's cells. A value that all share is fine if one of them has it; an
    axis makes networks that do not differ wherever one has not.

    Raises:
        InvalidExperiment: in a sentence, told of the field.
    """
    lacking = [(spec, ignored(spec)) for spec in specs]
    for leaf in FIELDS:
        field = f"model.{leaf}"
        said = [(spec, lacks) for spec, lacks in lacking if getattr(spec, leaf) != DEFAULTS[leaf]]
        bad = [(spec, lacks[leaf]) for spec, lacks in said if leaf in lacks]
        if bad and (field in axes or len(bad) == len(said)):
            raise InvalidExperiment(f"{where}: {_sentence(field, *bad[0])}", field)


def _sentence(field: str, spec: ModelSpec, value: object) -> str:
    leaf = field.partition(".")[2]
    if own_network.is_own(spec.name):
        return (
            f"{field} = {value!r} has no place in a network of your own, {spec.name}, which takes"
            f" its settings under model.settings: give it model.settings.{leaf} if its callable"
            f" has such an argument, and leave {field} empty."
        )
    return (
        f"{field} = {value!r} has no place in model.name = {spec.name!r}, which has no {leaf} to"
        f" choose: leave {field} empty, or take model.name = {DEFAULTS['name']!r}, which has."
    )
