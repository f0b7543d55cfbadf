"""A run in a notebook: its report as a fragment of HTML, for light and dark pages.

No script, no font and nothing from the network; what came from the run's files is text. Colours
follow the page (`currentColor`), so that the fragment needs to know no theme.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from memlab.errors import MemlabError
from memlab.text import lines, plain

if TYPE_CHECKING:
    from memlab.library.run import Run
    from memlab.reports.findings import Findings

STYLE = """
.memlab-run { font: 14px/1.5 system-ui, sans-serif; max-width: 64rem; color: inherit; }
.memlab-run p { margin: .3rem 0; }
.memlab-run .soft { opacity: .7; }
.memlab-run .verdict { font-size: 1.15rem; font-weight: 600; margin: .6rem 0; }
.memlab-run .warning { border-left: 4px solid #b8860b; padding: .2rem .8rem; }
.memlab-run .scroll { overflow-x: auto; }
.memlab-run table { border-collapse: collapse; color: inherit; background: none; margin: .6rem 0; }
.memlab-run th, .memlab-run td { padding: .2rem .7rem; text-align: left; white-space: pre;
  color: inherit; background: none; border: 0; border-top: 1px solid rgba(128, 128, 128, .35); }
.memlab-run td { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
"""


def fragment(run: Run) -> str:
    """The run's report, or in words why there is none."""
    try:
        body = "".join(_findings(run.findings))
    except MemlabError as error:
        body = f'<p class="warning">{_text(error)}</p>'
    name = f'<p class="soft">run <code>{_text(run.id)}</code></p>'
    return lines(f'<div class="memlab-run"><style>{STYLE}</style>{body}{name}</div>')


def _text(value: object) -> str:
    return escape(plain(value))


def _findings(findings: Findings) -> Iterator[str]:
    from memlab.reports.facts import setting, standing
    from memlab.reports.table import notes

    yield f"<p><b>{_text(findings.title or findings.run)}</b></p>"
    yield f'<p class="soft">{_text(setting(findings))}</p>'
    if warning := standing(findings):
        yield f'<p class="warning">{_text(warning)}</p>'
    for index, sentence in enumerate(findings.sentences):
        yield f"<p{'' if index else ' class=verdict'}>{_text(sentence)}</p>"
    yield from _table(findings)
    yield f'<p class="soft">{"<br>".join(map(_text, notes(findings)))}</p>'


def _table(findings: Findings) -> Iterator[str]:
    from memlab.reports.table import figures

    table = figures(findings)
    if not table.columns:
        return
    heads = "".join(f"<th>{_text(head)}</th>" for head in table.heads)
    corner = _text(table.corner)
    yield f'<div class="scroll"><table><thead><tr><th>{corner}</th>{heads}</tr></thead>'
    texts = [column.texts(zero=True) for column in table.columns]
    for index, label in enumerate(table.labels):
        cells = "".join(f"<td>{_text(text[index])}</td>" for text in texts)
        yield f"<tr><th>{_text(label)}</th>{cells}</tr>"
    yield "</table></div>"
