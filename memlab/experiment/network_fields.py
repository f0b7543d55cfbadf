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
from memlab.experiment.spec import OF_HIDDEN, Experiment

NAME: Final = "model.name"
#: Those that `memlab.experiment.architecture.resolve` may leave out.
FIELDS: Final = ("width", "depth", "activation", "normalization", "ghost_batch")
DEFAULTS: Final = {leaf: ModelSpec.model_fields[leaf].default for leaf in ("name", *FIELDS)}
#: The architecture that has no hidden layer.
WITHOUT_HIDDEN: Final = "linear"


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
    if set(names) == {WITHOUT_HIDDEN}:
        for section, _, leaf in (field.partition(".") for field in OF_HIDDEN):
            if isinstance(tree.get(section), dict) and f"{section}.{leaf}" not in said:
                tree[section].pop(leaf, None)


def check(cells: Sequence[Experiment], axes: Collection[str], where: str) -> None:
    """Refuses what is said of networks that do not have it.

    `cells` are a grid's combinations. A value that all share is fine if one of their networks has
    it; an axis makes networks that do not differ wherever one has not.

    Raises:
        InvalidExperiment: in a sentence, told of the field.
    """
    check_hidden(cells, axes, where)
    lacking = [(cell.model, ignored(cell.model)) for cell in cells]
    for leaf in FIELDS:
        field = f"model.{leaf}"
        said = [(spec, lacks) for spec, lacks in lacking if getattr(spec, leaf) != DEFAULTS[leaf]]
        bad = [(spec, lacks[leaf]) for spec, lacks in said if leaf in lacks]
        if bad and (field in axes or len(bad) == len(said)):
            raise InvalidExperiment(f"{where}: {_sentence(field, *bad[0])}", field)


def check_hidden(
    cells: Sequence[Experiment],
    axes: Collection[str],
    where: str,
    fields: Sequence[str] = OF_HIDDEN,
) -> None:
    """The part of `check` that is of hidden units; `fields` alone, as a fork says them.

    Raises:
        InvalidExperiment: as `check`.
    """
    said = [(cell.model.name, cell.of_hidden()) for cell in cells]
    for field in fields:
        values = [(name, values[field]) for name, values in said if field in values]
        bad = [value for name, value in values if name == WITHOUT_HIDDEN]
        if bad and (field in axes or len(bad) == len(values)):
            raise InvalidExperiment(
                f"{where}: {field} = {bad[0]!r} is of hidden units, and model.name ="
                f" {WITHOUT_HIDDEN!r} has none: leave {field} empty, or take model.name ="
                f" {DEFAULTS['name']!r}, which has them.",
                field,
            )


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
