"""The report as one self-contained HTML page: no script, no font, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from memlab.reports import figures, palette
from memlab.reports.claim_lines import claim_lines
from memlab.reports.facts import experiment_toml, made_with, setting, standing
from memlab.reports.findings import Findings
from memlab.reports.side_table import cost, side_tables
from memlab.reports.table import Filled, filled, notes, row_labels
from memlab.runs.run_folder import RunFolder
from memlab.text import lines

POINTS = 200
STYLE = """
:root { color-scheme: light; --ink: #1d1f23; --soft: #5c6068; --line: #dfe1e5; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f6f4; color: var(--ink);
  font: 16px/1.55 system-ui, "DejaVu Sans", Verdana, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
header p { margin: 0; color: var(--soft); }
h1 { font-size: 1.1rem; margin: 0; letter-spacing: .01em; }
h2 { font-size: 1.05rem; margin: 2.6rem 0 .6rem; }
.verdict { font-size: 1.65rem; line-height: 1.35; font-weight: 600; margin: 1.6rem 0 .8rem;
  max-width: 48rem; text-wrap: pretty; }
.words { max-width: 48rem; margin: .4rem 0; }
.warning { background: #fdf3d8; border-left: 4px solid #b8860b; padding: .6rem 1rem;
  margin: 1.2rem 0 0; }
figure { margin: 0 0 1rem; padding: 1rem; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
figure svg { display: block; width: 100%; height: auto; }
figure.ladder svg { max-width: 46rem; margin: 0 auto; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .6rem; }
.scroll { overflow-x: auto; margin-bottom: 1rem; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
table { border-collapse: collapse; font-size: .82rem; width: 100%; }
th { text-align: left; font-weight: 600; }
th, td { padding: .38rem .75rem; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--line); vertical-align: bottom; }
caption { text-align: left; color: var(--soft); padding: .55rem .75rem 0; }
tbody tr + tr > * { border-top: 1px solid #eeeff1; }
tbody th { position: sticky; left: 0; background: #fff; }
td, code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
td { white-space: pre; }
.notes { color: var(--soft); font-size: .85rem; margin: .7rem 0; padding-left: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
  overflow-x: auto; font-size: .82rem; line-height: 1.45; }
summary { cursor: pointer; }
@media print { body { background: #fff; } main { max-width: none; padding: 0; } }
"""


def page(findings: Findings, run: RunFolder | None = None) -> str:
    """The whole page; with curves where the run folder is given."""
    return lines("\n".join(_lines(findings, run)) + "\n")


def _lines(findings: Findings, run: RunFolder | None) -> Iterator[str]:
    name = escape(findings.title or findings.run)
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{name} · memlab</title><style>{STYLE}</style></head><body><main>"
    yield f"<header><h1>{name}</h1><p>{escape(setting(findings))}</p>"
    if findings.question:
        yield f"<p><em>{escape(findings.question)}</em></p>"
    yield "</header>"
    if warning := standing(findings):
        yield f'<p class="warning">{escape(warning)}</p>'
    for index, sentence in enumerate(findings.sentences):
        yield f'<p class="{"words" if index else "verdict"}">{escape(sentence)}</p>'
    yield from _drawn(findings, run)
    yield from _table(findings)
    yield from _claims(findings)
    yield from _instruments(findings)
    yield from _experiment(findings)
    yield "</main></body></html>"


def _drawn(findings: Findings, run: RunFolder | None) -> Iterator[str]:
    seeds = len(findings.seeds)
    bars = f"Mean over {seeds} seeds with its 95 % t interval." if seeds > 1 else "One seed."
    drawn = figures.ladder(findings)
    if drawn:
        yield "<h2>What memorizing cost</h2>" if _noisy(findings) else "<h2>Gap and cost</h2>"
        yield f'<figure class="ladder">{drawn}<figcaption>{bars} Gap: train − test accuracy at '
        yield "the end. Cost: best − final test accuracy.</figcaption></figure>"
    drawn = figures.curves(findings, curves_of(findings, run)) if run is not None else ""
    if drawn:
        yield "<h2>How it was learned</h2>"
        yield f"<figure>{drawn}<figcaption>{bars} ▼ marks the mean best test accuracy at its mean "
        yield "epoch.</figcaption></figure>"


def _noisy(findings: Findings) -> bool:
    return any(row.train_accuracy_corrupted is not None for row in findings.rows)


def curves_of(findings: Findings, run: RunFolder) -> figures.Curves:
    """The curves of the rows' members, diverged ones left out.

    Raises:
        RunFolderError: if the run cannot be read.
    """
    from memlab.runs.view import RunView

    view, seeds = RunView(run), len(findings.seeds)
    groups = [
        [m for m in range(i * seeds, (i + 1) * seeds) if m not in view.diverged]
        for i in range(len(findings.rows))
    ]
    metrics = [metric for metric, _, _ in figures.PANELS]
    return figures.Curves(
        {metric: [view.curve(metric, group, POINTS) for group in groups] for metric in metrics}
    )


def _table(findings: Findings) -> Iterator[str]:
    columns = filled(findings)
    if not columns:
        return
    yield "<h2>The figures</h2>"
    for group in dict.fromkeys(column.column.group for column in columns):
        yield from _group(findings, group, [c for c in columns if c.column.group == group])
    yield '<ul class="notes">'
    yield from (f"<li>{escape(line)}</li>" for line in notes(findings))
    yield "</ul>"


def _group(findings: Findings, group: str, columns: list[Filled]) -> Iterator[str]:
    title, labels = row_labels(findings)
    colours = palette.ramp(len(labels))
    yield f'<div class="scroll"><table><caption>{escape(group)}</caption>'
    heads = "".join(f"<th>{escape(column.title)}</th>" for column in columns)
    yield f"<thead><tr><th>{escape(title)}</th>{heads}</tr></thead><tbody>"
    for index, label in enumerate(labels):
        shape = palette.SHAPES[index % len(palette.SHAPES)]
        mark = f'<span style="color:{colours[index]}">{shape}</span>'
        cells = "".join(f"<td>{escape(column.cells[index])}</td>" for column in columns)
        yield f"<tr><th>{mark} {escape(label)}</th>{cells}</tr>"
    yield "</tbody></table></div>"


def _claims(findings: Findings) -> Iterator[str]:
    if not findings.claims:
        return
    yield "<h2>Claims</h2>"
    for one, (letter, line) in zip(findings.claims, claim_lines(findings), strict=True):
        yield f"<details><summary><b>{letter}</b> {escape(line)}</summary>"
        yield f"<p>{escape(' '.join(one.explanation))}</p></details>"


def _instruments(findings: Findings) -> Iterator[str]:
    title, labels = row_labels(findings)
    tables = side_tables(findings)
    if tables:
        yield "<h2>Baselines and instruments</h2>"
    if said := cost(findings):
        yield f"<p>{escape(said)}</p>"
    for made in tables:
        yield f'<div class="scroll"><table><caption><b>{escape(made.title)}</b>. '
        yield f"{escape(made.about)}</caption>"
        heads = "".join(f"<th>{escape(head)}</th>" for head in made.heads)
        yield f"<thead><tr><th>{escape(title)}</th>{heads}</tr></thead><tbody>"
        for label, cells in zip(labels, made.cells, strict=False):
            body = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            yield f"<tr><th>{escape(label)}</th>{body}</tr>"
        yield "</tbody></table></div>"


def _experiment(findings: Findings) -> Iterator[str]:
    yield "<h2>The experiment</h2><dl>"
    facts = [("run", findings.run), *made_with(findings)]
    facts += [("damaged", problem) for problem in findings.problems]
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    yield "</dl><h2>Run it again</h2>"
    yield f"<pre>{escape(findings.reproduce)}</pre>"
    yield "<details><summary>the complete experiment (TOML)</summary>"
    yield f"<pre>{escape(experiment_toml(findings))}</pre></details>"
