"""From what a person wrote (TOML, `--set`, a form) to an experiment, and back.

What is wrong is said with its place, file and key, in the words of `explaining`.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from memlab import bounded_toml
from memlab.errors import InvalidExperiment
from memlab.experiment import grid, instruments, network_fields
from memlab.experiment.explaining import by_field, explain, nearest
from memlab.experiment.spec import SECTIONS, Experiment, field_names

Tree = dict[str, Any]
CONFIRM_MEMBERS = 10_000
OWN_SETTING = grid.OWN_SETTING
#: Fields whose single value is a list.
LISTED = (
    "dataset.without",
    "schedule.milestones",
    "evaluation.parts",
    "instruments.on",
    "baselines.on",
    "claims",
)


def from_toml(text: str, where: str) -> Tree:
    """The TOML document as plain data.

    Raises:
        InvalidExperiment: if it is not TOML, with line and column.
    """
    try:
        return bounded_toml.parse(text)
    except tomllib.TOMLDecodeError as error:
        place = "" if "line" in str(error) else f", line {text.count(chr(10)) + 1}"
        raise InvalidExperiment(f"{where} is not valid TOML: {error}{place}.") from error


def read_file(path: Path) -> Tree:
    """The TOML file at `path` as plain data.

    Raises:
        InvalidExperiment: if it cannot be read or is not TOML.
    """
    try:
        text = bounded_toml.read_text(path)
    except tomllib.TOMLDecodeError as error:
        raise InvalidExperiment(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidExperiment(f"{path} cannot be read: {reason}.") from error
    return from_toml(text, str(path))


def experiment(tree: Mapping[str, Any], where: str, settings: Sequence[str] = ()) -> Experiment:
    """A validated experiment from plain data with `--set` settings applied to it.

    Lists given for single-valued fields become axes. Every combination of axis values is
    validated where there are at most `CONFIRM_MEMBERS` of them, else each value by itself. A
    setting that names another network leaves behind what the tree says of its own.

    Raises:
        InvalidExperiment: in one or two sentences.
    """
    tree = lift_axes(tree)
    network_fields.leave_behind(tree, [apply_setting(tree, setting) for setting in settings])
    made = validate(tree, where)
    network_fields.check(_check_axes(made, where), made.axes, where)
    return made


def of_run(tree: Mapping[str, Any], where: str) -> Experiment:
    """As `experiment`, of a run that is there: fields that its network does not have are let be.

    Raises:
        InvalidExperiment: in one or two sentences.
    """
    made = validate(lift_axes(tree), where)
    _check_axes(made, where)
    return made


def validate(tree: Mapping[str, Any], where: str) -> Experiment:
    """The tree as an experiment; axes' values are not looked at."""
    try:
        return Experiment.model_validate(tree)
    except ValidationError as error:
        raise InvalidExperiment(explain(error, where), fields=by_field(error)) from error


def lift_axes(tree: Mapping[str, Any]) -> Tree:
    """A copy in which a list given for a single-valued field is an axis, numbers as floats."""
    copy: Tree = {key: dict(v) if isinstance(v, Mapping) else v for key, v in tree.items()}
    axes = dict(copy.get("axes") or {}) if isinstance(copy.get("axes", {}), Mapping) else None
    if axes is None:
        return copy
    for section in SECTIONS:
        body = copy.get(section)
        if isinstance(body, list):
            axes[section] = copy.pop(section)
        if not isinstance(body, dict):
            continue
        for leaf in [leaf for leaf, value in body.items() if _is_axis(f"{section}.{leaf}", value)]:
            axes[f"{section}.{leaf}"] = body.pop(leaf)
        own = body.get("settings") if section == "model" else None
        if isinstance(own, Mapping):
            listed = {leaf: value for leaf, value in own.items() if isinstance(value, list)}
            body["settings"] = {leaf: value for leaf, value in own.items() if leaf not in listed}
            axes |= {f"{OWN_SETTING}{leaf}": value for leaf, value in listed.items()}
    if axes:
        copy["axes"] = axes
    return copy


def _is_axis(name: str, value: object) -> bool:
    if not isinstance(value, list):
        return False
    return name not in LISTED or any(isinstance(item, list) for item in value)


def apply_setting(tree: Tree, setting: str) -> str:
    """Applies one `key=value` to the tree; several values (a comma list, `0:1:0.2`) are an axis.

    Returns:
        The dotted field that it set.

    Raises:
        InvalidExperiment: if it is not `key=value` or the key is unknown.
    """
    key, equals, text = setting.partition("=")
    key = key.strip().removeprefix("axes.").strip('"')
    if not equals or not key:
        raise InvalidExperiment(
            f"--set {setting!r} is not of the form key=value, such as model.width=64,256."
        )
    part, _, rest = key.removeprefix("instruments.").partition(".")
    if key.startswith("instruments.") and rest and part in instruments.known():
        _set_instrument(tree, part, rest, text.strip())
    elif key.startswith(OWN_SETTING):
        _set_own(tree, key, text.strip())
    else:
        key = full_name(key)
        set_field(tree, key, text.strip())
    return key


def _set_instrument(tree: Tree, name: str, leaf: str, text: str) -> None:
    """Sets one of an instrument's own settings, `instruments.curvature.eigenvalues=5`."""
    body = dict(tree.get("instruments") or {})
    own = {key: dict(value) for key, value in (body.get("settings") or {}).items()}
    values = parse_values(text)
    own.setdefault(name, {})[leaf] = values[0] if len(values) == 1 else values
    body["settings"] = own
    tree["instruments"] = body


def _set_own(tree: Tree, key: str, text: str) -> None:
    """Sets what a network of the user's own is given, `model.settings.hidden=64`."""
    model, axes = dict(tree.get("model") or {}), dict(tree.get("axes") or {})
    own, leaf = dict(model.get("settings") or {}), key.removeprefix(OWN_SETTING)
    values = parse_values(text)
    own.pop(leaf, None)
    axes.pop(key, None)
    if len(values) == 1:
        own[leaf] = values[0]
    elif values:
        axes[key] = values
    tree["model"], tree["axes"] = {**model, "settings": own}, axes


def full_name(key: str) -> str:
    """The dotted field that `key` names; a last part that is unique is enough.

    Raises:
        InvalidExperiment: if there is none, with the nearest.
    """
    top = ("seeds", "claims", "title", "question", "look_for", "source", "deviations")
    if key in field_names() or key in top:
        return key
    fits = [name for name in field_names() if name.rsplit(".", 1)[1] == key]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise InvalidExperiment(f"{key!r} could be {_listed(fits)}; write it in full.")
    raise InvalidExperiment(
        f"There is no field {key!r}{nearest(key, (*field_names(), 'seeds')) or '.'} "
        "`memlab schema` lists all fields."
    )


def set_field(tree: Tree, name: str, text: str) -> None:
    """Sets field `name` from what a person typed; an empty text restores the default."""
    axes = dict(tree.get("axes") or {})
    axes.pop(name, None)
    section, _, leaf = name.partition(".")
    _refuse_hidden(axes, section, name)
    body = dict(tree.get(section) or {}) if leaf else tree
    values = parse_values(text, listed=name in LISTED)
    body.pop(leaf or name, None)
    if name == "seeds" and text:
        tree["seeds"] = values if len(values) > 1 or text.startswith("[") else values[0]
    elif len(values) > 1:
        axes[name] = values
    elif values:
        body[leaf or name] = values[0]
    if leaf:
        tree[section] = body
    tree["axes"] = axes


def _refuse_hidden(axes: Mapping[str, Any], section: str, name: str) -> None:
    for value in axes.get(section) or []:
        if isinstance(value, Mapping) and name.rpartition(".")[2] in value:
            raise InvalidExperiment(
                f"{name} is set by the axis {section!r}; set axes.{section} or leave it."
            )


def parse_values(text: str, listed: bool = False) -> list[Any]:
    """The values that `text` names: one, a comma list, a range `low:high:step`, or a TOML list.

    With `listed` a TOML list is one value (milestones), and a comma list is one such list.
    """
    text = text.strip()
    if text == "":
        return []
    if text.startswith("["):
        value = _toml_value(text)
        if isinstance(value, list):
            nested = bool(value) and all(isinstance(item, list) for item in value)
            return value if not listed or nested else [value]
    if listed:
        return [[_toml_value(part.strip()) for part in text.split(",")]]
    if re.match(r"^(npz|folder):", text):
        return [text]
    span = _range(text)
    if span is not None:
        return span
    return [_toml_value(part.strip()) for part in text.split(",") if part.strip()]


def _range(text: str) -> list[float] | None:
    parts = text.split(":")
    if len(parts) != 3:
        return None
    try:
        low, high, step = (float(part) for part in parts)
    except ValueError:
        return None
    if step <= 0 or high < low or not math.isfinite(low + high + step):
        raise InvalidExperiment(
            f"The range {text!r} must be low:high:step with low ≤ high and a step above 0."
        )
    steps = (high - low) / step
    if steps >= CONFIRM_MEMBERS:
        raise InvalidExperiment(
            f"The range {text!r} has more than {CONFIRM_MEMBERS:,} values, the most of an axis."
        )
    values = [round(low + step * i, 12) for i in range(math.floor(steps + 1e-9) + 1)]
    whole = all(re.fullmatch(r"[+-]?\d+", part.strip()) for part in parts)
    return [int(value) for value in values] if whole else values


def _toml_value(text: str) -> Any:
    try:
        return bounded_toml.parse(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def with_absolute_paths(made: Experiment, folder: Path) -> Experiment:
    """The experiment with `npz:` and `folder:` paths absolute; relative ones start at `folder`."""

    def absolute(name: object) -> object:
        kind, colon, path = str(name).partition(":")
        return f"{kind}:{folder / os.path.expanduser(path)}" if colon else name

    axes = dict(made.axes)
    if "dataset.name" in axes:
        axes["dataset.name"] = [absolute(name) for name in axes["dataset.name"]]
    dataset = made.dataset.model_copy(update={"name": absolute(made.dataset.name)})
    return made.model_copy(update={"dataset": dataset, "axes": axes})


def _check_axes(made: Experiment, where: str) -> list[Experiment]:
    """The cells, validated."""
    known = (*field_names(), *SECTIONS)
    for name, values in made.axes.items():
        if name not in known and not name.startswith(OWN_SETTING):
            raise InvalidExperiment(
                f"{where}: the axis {name!r} is not a field of the experiment"
                f"{nearest(name, known) or '.'}"
            )
        if name.partition(".")[0] in ("instruments", "baselines"):
            raise InvalidExperiment(
                f"{where}: {name!r} cannot be an axis; all members have the same.",
                name,
            )
        if not values:
            raise InvalidExperiment(f"{where}: the axis {name!r} has no values.", name)
        if len(values) > CONFIRM_MEMBERS:
            raise InvalidExperiment(
                f"{where}: the axis {name!r} has {len(values):,} values; {CONFIRM_MEMBERS:,} are "
                "the most.",
                name,
            )
        if len({repr(value) for value in values}) != len(values):
            raise InvalidExperiment(f"{where}: the axis {name!r} has the same value twice.", name)
    if grid.combinations(made) <= CONFIRM_MEMBERS:
        cells = [group.axis_values for group in grid.groups(made.model_copy(update={"seeds": 1}))]
    else:
        cells = [{name: value} for name, values in made.axes.items() for value in values]
    try:
        return [grid.with_values(made, cell) for cell in cells]
    except ValidationError as error:
        raise InvalidExperiment(explain(error, f"{where}, axes"), fields=by_field(error)) from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]


def to_toml(made: Experiment) -> str:
    """The complete experiment as TOML; reading it gives an equal experiment."""
    tree = made.model_dump(mode="json", exclude_none=True)
    return tomli_w.dumps(_plain(tree))


def _plain(value: Any) -> Any:
    """The value without None, which TOML does not have; fields that are None are defaults."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
