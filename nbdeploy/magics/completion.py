"""Completion inside ``%deploy`` lines and ``%%deploy`` cells, through IPython's matcher API (v2)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from click.shell_completion import CompletionItem, ShellComplete
from IPython.core.completer import CompletionContext, SimpleCompletion

from nbdeploy.commands import cli
from nbdeploy.commands.kinds import VARIABLE_ITEM
from nbdeploy.commands.syntax import Group
from nbdeploy.magics.door import NotebookDoor
from nbdeploy.magics.words import Line, Token, quote, split
from nbdeploy.notebooks import marked

__all__ = ["Completions"]

_log = logging.getLogger(__name__)
_EXPANDED = re.compile(r"(?:\$|(?<!\{)\{(?!\{)[^{}]*?)(?P<stem>(?:[^\W\d][\w.]*)?)$")


class Completions:
    """A matcher for lines of the magic. It never raises, prints or waits for a network.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    magic : str
        The magic's name.
    tree : Group, optional
        Another command tree.
    """

    matcher_api_version = 2
    matcher_identifier = "nbdeploy"
    matcher_priority = 100.0

    def __init__(self, shell: Any, magic: str, tree: Group = cli) -> None:
        self.__qualname__ = type(self).__qualname__  # IPython asks every matcher for it
        self._shell = shell
        self._tree = tree
        self._line = re.compile(rf"^(?:\s*|.*=\s*)%{magic}[ \t](?P<words>.*)$", re.DOTALL)
        self._cell = re.compile(rf"^\s*%%{magic}(?P<words>[ \t].*)$", re.DOTALL)

    def __call__(self, context: CompletionContext) -> dict[str, Any]:
        """Candidates for the word before the cursor."""
        try:
            words = self._words(context)
            raw, found = ("", []) if words is None else self._complete(words)
        except Exception:
            _log.debug("no completion", exc_info=True)
            raw, found = "", []
        if not found:
            return {"completions": []}
        return {"completions": found, "matched_fragment": raw, "suppress": True, "ordered": True}

    def _words(self, context: CompletionContext) -> str | None:
        """The text of the magic's words up to the cursor, if it stands in a line of the magic."""
        lines = context.full_text.split("\n")[: context.cursor_line]
        last = context.text_until_cursor
        cell = self._cell.match("\n".join([*lines, last]).lstrip("\n"))
        if cell and not (lines and marked(context.full_text)):  # below that mark stands plain code
            return cell["words"]
        while lines and lines[-1].endswith("\\"):
            last = lines.pop() + "\n" + last
        line = self._line.match(last)
        return line["words"] if line else None

    def _complete(self, text: str) -> tuple[str, list[SimpleCompletion]]:
        line = split(text, lenient=True)
        if line.comment:
            return "", []
        tokens = list(line.tokens)
        typed = tokens.pop() if tokens and tokens[-1].end == len(text) else None
        raw = text[typed.start :] if typed else ""
        # IPython silences other matchers only for one that has something to say: Python's own names and files are no
        # candidates here.
        return raw, list(self._candidates(tokens, raw)) or [SimpleCompletion(raw)]

    def _candidates(self, tokens: list[Token], raw: str) -> Iterable[SimpleCompletion]:
        door = NotebookDoor(self._shell)
        expanded = _EXPANDED.search(raw)
        if expanded and not raw.startswith("'"):
            head = raw[: expanded.start("stem")]
            return [SimpleCompletion(head + name, type=VARIABLE_ITEM) for name in door.complete(expanded["stem"])]
        opening = raw[:1] if raw[:1] in {"'", '"'} else ""
        return _written(self._items(Line(tuple(tokens)).words, raw[len(opening) :], door), opening)

    def _items(self, done: list[str], incomplete: str, door: NotebookDoor) -> list[CompletionItem]:
        """What click offers; of an ``--option=value`` it offers the value only."""
        option, equals, _ = incomplete.partition("=") if incomplete.startswith("--") else ("", "", "")
        words = ShellComplete(self._tree, {"obj": door}, f"%{self.matcher_identifier}", "")
        items = words.get_completions([*done], incomplete)
        if not (items or incomplete or door.awaits_value):
            items = words.get_completions([*done], "--")
        for item in items:
            item.value = f"{option}{equals}{item.value}" if equals else item.value
        return items


def _written(items: Iterable[CompletionItem], opening: str) -> Iterable[SimpleCompletion]:
    for item in items:
        is_path = item.type in {"file", "dir"}
        for value in _files(item.value) if is_path else [item.value]:
            verbatim = item.type == VARIABLE_ITEM or opening
            yield SimpleCompletion(opening + value if verbatim else quote(value), type="path" if is_path else item.type)


def _files(incomplete: str) -> Iterable[str]:
    """Files and folders that begin as typed; folders end with a slash."""
    head, slash, stem = incomplete.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(stem) and (stem.startswith(".") or not entry.name.startswith(".")):
            yield f"{head}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
