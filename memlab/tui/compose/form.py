"""From an experiment to the rows of the form, and from what a person typed back. No widget.

A draft is a preset and what was typed over it; reading a draft gives an experiment, or sentences
by the key of the field they belong to. Rows come from the experiment's own declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from memlab.errors import InvalidExperiment
from memlab.experiment import grid, network_fields, reading
from memlab.experiment.architecture import parameter_count, resolve
from memlab.experiment.datasets import described, taken
from memlab.experiment.fields import declared
from memlab.experiment.own_network import PREFIX, NotLookedAt, is_own
from memlab.experiment.reading import Tree
from memlab.experiment.spec import SECTIONS, Experiment, field_names
from memlab.tui.widgets.field import Field, Kind

#: The rows that every experiment shows first; the others wait under closed headings.
MAIN = (
    "dataset.name",
    "dataset.train",
    "corruption.kind",
    "corruption.fraction",
    "model.name",
    "model.width",
    "model.depth",
    "optimizer.name",
    "optimizer.learning_rate",
    "optimizer.batch_size",
    "optimizer.momentum",
    "schedule.kind",
    "stop.epochs",
)
HEADINGS = {
    "dataset": "data",
    "corruption": "noise",
    "model": "network",
    "evaluation": "measuring and saving",
    "checkpoints": "measuring and saving",
}
#: Data of the user's own: what is chosen before the path, and how the file of that path ends.
OWN_DATA: Mapping[str, str | None] = {"npz:": ".npz", "folder:": "", "csv:": ".csv"}
#: A network of one's own: what is chosen before its address.
OWN_CODE: Mapping[str, str | None] = {PREFIX: None}
#: The row of what such a network is given, there where it is.
SETTINGS = "model.settings"
#: What only memlab's own architectures have.
BUILT_IN = tuple(f"model.{name}" for name in network_fields.FIELDS)
PLAIN = "plain"
MANY = 300


@dataclass(frozen=True)
class Draft:
    """A preset's tree and what was typed over it, by field; an empty text is the default."""

    name: str
    base: Tree
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything was typed over the preset."""
        return bool(self.typed)

    def with_text(self, key: str, text: str) -> Draft:
        """The draft with another text in one field; the preset's own text is no change."""
        changed = replace(self, typed={**self.typed, key: text.strip()})
        plain = self.without(key)
        if text.strip() == text_of(plain.tree()[0], key):
            return plain
        tree, errors = changed.tree()
        same = key not in errors and text_of(tree, key) == text_of(plain.tree()[0], key)
        return plain if same else changed

    def without(self, key: str) -> Draft:
        """The draft with the preset's value in one field."""
        return replace(self, typed={k: text for k, text in self.typed.items() if k != key})

    def tree(self) -> tuple[Tree, dict[str, str]]:
        """The preset with all that was typed applied, and what could not be, by field."""
        tree = reading.lift_axes(self.base)
        errors: dict[str, str] = {}
        for key, text in self.typed.items():
            try:
                _apply(tree, key, text)
            except InvalidExperiment as error:
                errors[key] = str(error)
        network_fields.leave_behind(tree, self.typed)
        return tree, errors


@dataclass(frozen=True)
class Reading:
    """A draft as it was understood; `experiment` is None where something is to be mended."""

    tree: Tree
    experiment: Experiment | None
    errors: Mapping[str, str]


def read(draft: Draft) -> Reading:
    """The experiment of a draft, or a sentence for each field that stands in its way."""
    tree, errors = draft.tree()
    try:
        made = reading.experiment(tree, draft.name)
        _check(made)
    except InvalidExperiment as error:
        last = [MAIN[0], *draft.typed][-1]
        told = {name or last: sentence for name, sentence in error.fields.items()}
        return Reading(tree, None, {**told, **errors})
    return Reading(tree, None if errors else made, errors)


def is_large(draft: Draft) -> bool:
    """Whether reading the draft may take long enough to be felt."""
    combinations = 1
    for values in (draft.tree()[0].get("axes") or {}).values():
        combinations *= len(values) if isinstance(values, list) else 1
    return combinations > MANY


def preview_cell(made: Experiment) -> dict[str, object]:
    """The axis values of the combination that is drawn first: the one before the middle."""
    return {name: values[(len(values) - 1) // 2] for name, values in made.axes.items()}


def rows(draft: Draft, read_as: Reading) -> list[Field]:
    """One row per field, the main ones first, then the others by section."""
    base = reading.lift_axes(draft.base)
    main: list[Field] = []
    rest: list[Field] = []
    for key in _keys(base, read_as.tree):
        row = _row(key, draft, read_as, base)
        (rest if row.advanced else main).append(row)
    order = {heading: index for index, heading in enumerate(dict.fromkeys(r.section for r in rest))}
    return main + sorted(rest, key=lambda row: order[row.section])


def text_of(tree: Mapping[str, object], key: str) -> str:
    """The value of a field as a person would type it; empty where it has none."""
    axes = tree.get("axes")
    if key == SETTINGS:
        return _settings_text(tree)
    if isinstance(axes, Mapping) and key in axes:
        values = axes[key]
        listed = values if isinstance(values, list) else [values]
        return ", ".join(_shown(key, value, several=True) for value in listed)
    return _shown(key, _value(tree, key))


# --- what was typed


def _apply(tree: Tree, key: str, text: str) -> None:
    if key in SECTIONS:
        _apply_variants(tree, key, text)
    elif key == SETTINGS:
        _apply_settings(tree, text)
    elif key in field_names() and _kind(key) == "bool":
        words = {"yes": "true", "no": "false"}
        parts = [words.get(part.strip(), part.strip()) for part in text.split(",")]
        reading.set_field(tree, key, ", ".join(parts))
    else:
        reading.set_field(tree, key, text)


def _apply_settings(tree: Tree, text: str) -> None:
    """`hidden=64 rate=0.1`, in the place of all that a network of one's own was given."""
    own = reading.OWN_SETTING
    tree["axes"] = {k: v for k, v in _axes(tree).items() if not k.startswith(own)}
    tree["model"] = {**tree.get("model", {}), "settings": {}}
    for pair in text.split():
        if "=" not in pair:
            raise InvalidExperiment(f"{pair!r} should be name=value, such as hidden=64.")
        reading.apply_setting(tree, own + pair)


def _settings_text(tree: Mapping[str, object]) -> str:
    """What a network of one's own is given, several values of one behind each other."""
    model, own = tree.get("model"), reading.OWN_SETTING
    given = model.get("settings") if isinstance(model, Mapping) else None
    parts = [f"{name}={_shown(name, v)}" for name, v in (given or {}).items()]
    for name, values in _axes(tree).items():
        if name.startswith(own) and isinstance(values, list):
            several = ",".join(_shown(name, value) for value in values)
            parts.append(f"{name.removeprefix(own)}={several}")
    return " ".join(parts)


def _apply_variants(tree: Tree, section: str, text: str) -> None:
    """`plain, dropout=0.5, dropout=0.2 weight_decay=0.01` as an axis of tables."""
    axes = dict(tree.get("axes") or {})
    axes.pop(section, None)
    variants = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        variant = {}
        for pair in () if part == PLAIN else part.split():
            name, equals, value = pair.partition("=")
            if not equals:
                raise InvalidExperiment(f"{pair!r} should be name=value, or {PLAIN!r} for none.")
            variant[name] = reading.parse_values(value)[0] if value else ""
        variants.append(variant)
    if variants:
        axes[section] = variants
    tree["axes"] = axes


def _check(made: Experiment) -> None:
    """What the declaration alone cannot know: sizes of the data against network and batch."""
    if grid.combinations(made) > MANY:
        cells = [grid.with_values(made, {n: values[0] for n, values in made.axes.items()})]
    else:
        groups = grid.groups(made.model_copy(update={"seeds": 1}))
        cells = [grid.with_values(made, group.axis_values) for group in groups]
    for cell in cells:
        data = taken(cell.dataset)
        if data is None:
            continue
        with suppress(NotLookedAt):
            parameter_count(cell.model, data.image, data.features, data.classes)
        if cell.optimizer.batch_size > data.train:
            raise InvalidExperiment(
                f"optimizer.batch_size = {cell.optimizer.batch_size}: a batch cannot be larger than"
                f" the {data.train:,} training examples.",
                "optimizer.batch_size",
            )


# --- rows


def _keys(base: Mapping[str, object], tree: Mapping[str, object]) -> list[str]:
    axes = {*_axes(base), *_axes(tree)}
    keys: list[str] = []
    for section in SECTIONS:
        if section in axes:
            keys.append(section)
        names = [name for name in field_names() if name.startswith(f"{section}.")]
        if section == "model" and any(_has_own(one) for one in (base, tree)):
            names.insert(names.index("model.name") + 1, SETTINGS)
            if is_own(text_of(tree, "model.name")) and "model.name" not in axes:
                names = [
                    name
                    for name in names
                    if name in axes or name not in BUILT_IN or _is_set(tree, name)
                ]
        keys.extend(names)
    return [*keys, "seeds"]


def _paths(key: str) -> Mapping[str, str | None]:
    """Choices of a field that go on with what a person types; see `Field`."""
    if key == "model.name":
        return OWN_CODE
    return OWN_DATA if key == "dataset.name" else {}


def _has_own(tree: Mapping[str, object]) -> bool:
    """Whether a network of one's own is named, or something is given to one."""
    return PREFIX in text_of(tree, "model.name") or bool(_settings_text(tree))


def _row(key: str, draft: Draft, read_as: Reading, base: Tree) -> Field:
    section = key.partition(".")[0]
    error = read_as.errors.get(key, "")
    text = text_of(read_as.tree, key)
    if error and key in draft.typed:
        text = draft.typed[key]
    values = _axes(read_as.tree).get(key)
    axis = len(values) if isinstance(values, list) else 0
    choices = declared(key).choices if "." in key else ()
    paths = _paths(key)
    main = key in (*MAIN, "seeds", *SECTIONS, SETTINGS) or key in _axes(base) or _is_set(base, key)
    if section == "schedule" and key != "schedule.kind" and not _is_set(base, key):
        main = False
    return Field(
        key=key,
        label=key if key in SECTIONS else declared(key).label,
        section="" if main else HEADINGS.get(section, section),
        value=text,
        default=text_of(base, key),
        kind="text" if axis or "." not in key else _kind(key),
        choices=(*choices, *paths) if choices else (),
        paths=paths,
        help=_help(key),
        error=error,
        advanced=not main,
        unit=_unit(key, text, read_as.experiment),
        axis=axis,
    )


def _axes(tree: Mapping[str, object]) -> Mapping[str, object]:
    axes = tree.get("axes")
    return axes if isinstance(axes, Mapping) else {}


def _is_set(tree: Mapping[str, object], key: str) -> bool:
    section, _, leaf = key.partition(".")
    body = tree.get(section)
    return isinstance(body, Mapping) and leaf in body and leaf not in ("validation", "test")


def _value(tree: Mapping[str, object], key: str) -> object:
    section, _, leaf = key.partition(".")
    if not leaf:
        given = tree.get(key)
        return "" if key in SECTIONS else 1 if given is None else given
    body = tree.get(section)
    if isinstance(body, Mapping) and leaf in body:
        return body[leaf]
    return declared(key).default


def _shown(key: str, value: object, several: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value) if abs(value) < 1e-4 and value else f"{value:.12g}"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_shown(name, v)}" for name, v in value.items()) or PLAIN
    if isinstance(value, list | tuple):
        inner = ", ".join(_shown(key, item) for item in value)
        return f"[{inner}]" if several else inner
    return str(value)


def _kind(key: str) -> Kind:
    known = declared(key)
    return "choice" if known.choices else "bool" if known.switch else "text"


def _help(key: str) -> str:
    if key in SECTIONS:
        return f"variants: {PLAIN}, or name=value (several joined by a space)"
    return declared(key).help


def _unit(key: str, text: str, made: Experiment | None) -> str:
    """What an empty field stands for, or the unit of a full one."""
    if text:
        return "" if key in SECTIONS else declared(key).unit
    if made is None:
        return ""
    section, _, leaf = key.partition(".")
    known = described(made.dataset)
    if section == "dataset" and known is not None:
        size = getattr(known.sizes, leaf, None)
        return f"({size:,})" if size else ""
    if section == "model" and "model.name" not in made.axes and key != SETTINGS:
        own = getattr(resolve(made.model), leaf)
        return f"({own})" if own is not None else "–"
    if key == "corruption.input_fraction":
        return "(the same)"
    return ""
