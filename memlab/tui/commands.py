"""The command palette: every action that has a key on the current screen, and the app's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.app import App
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from memlab.tui.header import NAMES
from memlab.tui.help import FAMILIAR

Command = tuple[str, str, IgnoreReturnCallbackType]


class MemlabCommands(Provider):
    """What can be done here, by the words in the footer and in the help."""

    async def discover(self) -> Hits:
        """Everything, in the order of the screen."""
        for name, text, run in self._commands():
            yield DiscoveryHit(name, run, help=text)

    async def search(self, query: str) -> Hits:
        """What fits the query, best first."""
        matcher = self.matcher(query)
        for name, text, run in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=text)

    def _commands(self) -> Iterator[Command]:
        app, seen = self.app, set[str]()
        for _, (node, binding, enabled, _) in self.screen.active_bindings.items():
            words = binding.description
            familiar = binding.action.startswith(FAMILIAR)
            idle = not words or not enabled or binding.system or familiar
            if idle or node is app or words in seen:
                continue
            seen.add(words)
            key = app.get_key_display(binding)
            run = partial(app.run_action, binding.action, node)
            yield words[0].upper() + words[1:], f"on this screen, {key}", run
        for index, name in enumerate(NAMES, start=1):
            run = partial(app.run_action, f"app.mode({name!r})")
            yield f"Go to {name.title()}", f"key {index}", run
        if getattr(app, "selected_run", None) and "examples" not in seen:
            about = "labels, margins, memorization and neighbours of one example"
            yield "Examples under the microscope", about, partial(_open_microscope, app)
        yield (
            "Light or dark",
            "changes the theme and remembers it",
            partial(app.run_action, "app.theme"),
        )
        yield "Help", "the keys of this screen, ?", partial(app.run_action, "app.help")
        yield "Quit", "runs go on without the app, q", partial(app.run_action, "app.quit")


def _open_microscope(app: App[object]) -> None:
    from memlab.tui.microscope.screen import open_microscope

    open_microscope(app, str(app.current_mode))
