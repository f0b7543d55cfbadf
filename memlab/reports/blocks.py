"""What a report consists of: headings, paragraphs, tables, figures, code and folds.

Builders (`run_report`, `scoreboard_page`) make lists of these; renderers (`renderers.console`,
`renderers.markdown`, `renderers.html`, and the app's Report) show them. A builder knows no medium,
but for what is `on` some of them only; a renderer knows no report. Texts are as they came: each
renderer makes them harmless for its medium.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from memlab.estimate import Estimate
from memlab.numbers import align, plus_minus

if TYPE_CHECKING:
    from rich.console import RenderableType

Tone = Literal["", "verdict", "soft", "question", "warning", "good", "bad", "doubtful"]
Medium = Literal["console", "markdown", "html"]
EVERYWHERE: Final[frozenset[Medium]] = frozenset(("console", "markdown", "html"))
PAGES: Final[frozenset[Medium]] = frozenset(("markdown", "html"))


@dataclass(frozen=True)
class Heading:
    """Of the whole (level 1), of a section (2), of a part of one (3)."""

    text: str
    level: int = 2
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Paragraph:
    """A sentence or several."""

    text: str
    tone: Tone = ""
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Bullets:
    """Short lines of one kind, such as what is needed to read a table."""

    items: tuple[str, ...]
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Facts:
    """Names and their values."""

    pairs: tuple[tuple[str, str], ...]
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Code:
    """What a person copies: a command, a file."""

    text: str
    language: str
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Column:
    """One column; its cells are estimates, or texts such as `–`.

    `behind` stands behind each cell. `words` are read and not compared: they stand left as they
    are, and in several lines if it `wraps`. A `spare` column gives way where there is no room.
    `tones` are the cells'.
    """

    title: str
    cells: tuple[Estimate | str, ...]
    decimals: int = 3
    behind: tuple[str, ...] = ()
    group: str = ""
    spare: bool = False
    words: bool = False
    wraps: bool = False
    tones: tuple[Tone, ...] = ()

    def texts(self, zero: bool) -> list[str]:
        """The cells of one width, on the decimal point; `zero` before it or not."""
        made = [
            cell if isinstance(cell, str) else plus_minus(cell, self.decimals, zero)
            for cell in self.cells
        ]
        if self.words:
            return made
        made = align(made)
        width = max(map(len, self.behind), default=0)
        if not width:
            return made
        return [f"{text}{end.ljust(width)}" for text, end in zip(made, self.behind, strict=True)]

    def tone(self, row: int) -> Tone:
        """The tone of the cell in that row."""
        return self.tones[row] if self.tones else ""


@dataclass(frozen=True)
class Table:
    """Columns behind the labels of their rows; `corner` stands over the labels.

    `marks` are a sign before each label with its look, a tone or a colour as hex.
    """

    corner: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    title: str = ""
    about: str = ""
    marks: tuple[tuple[str, str], ...] = ()
    on: frozenset[Medium] = EVERYWHERE

    @property
    def heads(self) -> tuple[str, ...]:
        """What stands over the columns."""
        return tuple(column.title for column in self.columns)

    @property
    def groups(self) -> list[tuple[str, list[Column]]]:
        """The columns by their group, in order."""
        names = dict.fromkeys(column.group for column in self.columns)
        return [(name, [c for c in self.columns if c.group == name]) for name in names]


@dataclass(frozen=True)
class Figure:
    """`svg` draws it, and gives nothing where there is nothing to draw.

    `drawn` is the same in characters; where it is `coloured` there is nothing to see without
    colours. A `narrow` figure does not fill the page.
    """

    title: str
    svg: Callable[[], str]
    caption: str
    narrow: bool = False
    drawn: RenderableType | None = None
    coloured: bool = False
    on: frozenset[Medium] = EVERYWHERE


@dataclass(frozen=True)
class Fold:
    """A line that unfolds; `mark` is a sign before it.

    Where nothing can unfold, the line stands alone, or over its blocks if it is `opened`.
    `name` is what a link to it says.
    """

    summary: str
    blocks: tuple[Block, ...]
    mark: str = ""
    tone: Tone = ""
    opened: bool = False
    name: str = ""
    on: frozenset[Medium] = EVERYWHERE


Block = Heading | Paragraph | Bullets | Facts | Code | Table | Figure | Fold


def shown_on(blocks: Sequence[Block], medium: Medium) -> list[Block]:
    """Those that are for this medium."""
    return [block for block in blocks if medium in block.on]
