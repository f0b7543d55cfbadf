"""What a run was made with, as short lines: the same in every rendering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memlab.experiment.own_network import is_own
from memlab.experiment.recorded import words
from memlab.numbers import duration, stated
from memlab.reports.findings import Findings, clock_of, recorded
from memlab.strict_json import whole
from memlab.text import plain

STANDING = {
    "running": "still running",
    "paused": "paused",
    "queued": "waiting in the queue",
    "starting": "starting",
    "stopping": "stopping",
}

BF16 = "bf16: updates in bfloat16, parameters and evaluations in float32"
TF32 = "tf32: products of float32 numbers rounded to 10 bits"
TF32_ELSEWHERE = "tf32: without effect, only NVIDIA's GPUs know it; it was float32"


def standing(findings: Findings) -> str:
    """What to bear in mind where the run has not finished; empty where it has."""
    if findings.complete:
        return ""
    at = "" if findings.epoch is None else f" at {clock_of(findings)} {stated(findings.epoch, 0)}"
    why = findings.state_message
    if why and not why.endswith((".", "!", "?")):
        why = f"Last seen: {why}."
    word = STANDING.get(findings.state, findings.state)
    told = f"This run has not finished: it is {word}{at}. The figures are those so far. {why}"
    return told.rstrip()


def setting(findings: Findings) -> str:
    """`digits 1,000 · mlp 2×256 · sgd η 0.1 · S 32 · 100 epochs · seeds 0, 1, 2`."""
    if (known := recorded(findings)) is not None:
        return " · ".join(plain(part) for part in words(known))
    tree, fixed = findings.experiment, set(findings.axes)
    section: dict[str, Mapping[str, Any]] = {
        name: value for name, value in tree.items() if isinstance(value, Mapping)
    }
    parts = []
    dataset, model, optimizer = (section.get(n, {}) for n in ("dataset", "model", "optimizer"))
    if "dataset" not in fixed and "dataset.name" not in fixed:
        examples = {row.train_examples for row in findings.rows} - {None}
        size = whole(examples.pop() if len(examples) == 1 else dataset.get("train"))
        parts.append(f"{dataset.get('name', '')} {f'{size:,}' if size else ''}".strip())
    if "model" not in fixed and "model.name" not in fixed:
        parts.append(_model(model, fixed))
    if "optimizer" not in fixed:
        measured = "learning_rate_of_sharpness"
        rate = (measured, "ηλ₀ ") if optimizer.get(measured) else ("learning_rate", "η ")
        if f"optimizer.{measured}" in fixed:
            rate = (measured, "")
        names = (("name", ""), rate, ("momentum", "m "), ("batch_size", "S "))
        for key, symbol in names:
            if f"optimizer.{key}" not in fixed and optimizer.get(key):
                parts.append(f"{symbol}{_show(optimizer[key])}")
    if "stop" not in fixed and "stop.epochs" not in fixed:
        parts.append(f"{_show(section.get('stop', {}).get('epochs', 0))} epochs")
    seeds = findings.seeds
    parts.append(f"{len(seeds)} seed{'s' * (len(seeds) != 1)}")
    return " · ".join(part for part in parts if part)


def _model(model: Mapping[str, Any], fixed: set[str]) -> str:
    name, width, depth = str(model.get("name", "")), model.get("width"), model.get("depth")
    if is_own(name):
        return name
    if name == "mlp" and not {"model.width", "model.depth"} & fixed:
        return f"mlp {depth or 2}×{width or 256}"
    return f"{name} {width}" if width and "model.width" not in fixed else name


def _show(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else plain(value)


def made_with(findings: Findings) -> list[tuple[str, str]]:
    """Name and value of what else is known: network size, device, time, versions, source."""
    sizes = sorted({row.parameters for row in findings.rows if row.parameters})
    ratios = sorted({row.parameters_per_example for row in findings.rows} - {None})  # type: ignore[type-var]
    lines = []
    if sizes and ratios:
        counts = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
        low, high = f"{ratios[0]:,.3g}", f"{ratios[-1]:,.3g}"
        per = low if low == high else f"{low} to {high}"
        lines.append(("parameters", f"{counts} per network, {per} per training example"))
    lines += [("network", f"{name}: {how}") for name, how in findings.own_networks.items()]
    if findings.device:
        lines.append(("device", findings.device))
    arithmetic = _precision(findings)
    lines += [("precision", arithmetic)] if arithmetic else []
    if findings.duration_seconds is not None:
        many = f"{findings.members:,} network{'s' * (findings.members != 1)}"
        lines.append(("time", f"{duration(findings.duration_seconds)} for {many}"))
    lines += [(name, text) for name, text in (("source", findings.source),) if text]
    lines += [("differs", findings.deviations)] if findings.deviations else []
    kept = ("memlab", "python", "torch", "numpy")
    versions = [f"{name} {findings.versions[name]}" for name in kept if name in findings.versions]
    if versions:
        lines.append(("made with", ", ".join(versions)))
    if findings.commit:
        lines.append(("commit", findings.commit))
    if findings.started:
        lines.append(("started", findings.started.replace("T", " ").replace("Z", " UTC")))
    return lines


def _precision(findings: Findings) -> str:
    """In which arithmetic it was trained, where that was not float32 throughout."""
    training, axes = (findings.experiment.get(name) for name in ("training", "axes"))
    alone = training.get("precision") if isinstance(training, Mapping) else None
    several = axes.get("training.precision") if isinstance(axes, Mapping) else None
    asked = several if isinstance(several, list) else [alone]
    told = {"bf16": BF16, "tf32": TF32 if findings.device.startswith("cuda") else TF32_ELSEWHERE}
    return "; ".join(told[name] for name in told if name in asked)


def experiment_toml(findings: Findings) -> str:
    """The complete experiment as TOML; reading it gives the same experiment."""
    import tomli_w

    return tomli_w.dumps(_without_none(findings.experiment))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value
