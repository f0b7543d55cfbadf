"""What fills the three panels of Compose once the shell is painted."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memlab.tui.compose.noise_pane import NoisePane
from memlab.tui.compose.preset_shelf import Shelf
from memlab.tui.compose.preview_client import PreviewClient
from memlab.tui.widgets.fields import FieldList
from memlab.tui.widgets.key_line import KeyLine


class PresetList(OptionList):
    """The presets; Enter starts the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.launch", "launch")]

    _shelf: Shelf | None = None

    def show_shelf(self, shelf: Shelf, key: str) -> None:
        """Lists all presets, the cursor on that one; says nothing of it."""
        self._shelf = None
        with self.prevent(OptionList.OptionHighlighted):
            self.clear_options()
            self.add_options(
                Option(shelf.label(entry), id=entry.key or None, disabled=not entry.key)
                for entry in shelf.entries
            )
            self._shelf, self.highlighted = shelf, None
            self.highlighted = self.get_option_index(key)

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Puts the mark of the cursor before the preset that has it."""
        super().watch_highlighted(highlighted)
        if self._shelf is not None:
            self.relabel(self._shelf)

    def relabel(self, shelf: Shelf) -> None:
        """Marks which presets are changed, and where the cursor is."""
        for index, entry in enumerate(shelf.entries):
            label = shelf.label(entry, index == self.highlighted)
            if self.get_option_at_index(index).prompt != label:
                self.replace_option_prompt_at_index(index, label)


async def fill(screen: Screen[None], client: PreviewClient) -> None:
    """Mounts list, form, pictures and footer, and gives the keys to the list."""
    presets = PresetList(id="presets", compact=True)
    await screen.query_one("#presets-box").mount(presets)
    await screen.query_one("#form-box").mount(FieldList(id="fields"))
    await screen.query_one(NoisePane).fill(client)
    await screen.mount(KeyLine())
    if screen.focused is None:
        presets.focus()
