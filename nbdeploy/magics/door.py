"""The notebook's door to the commands: words may stand for live objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nbdeploy.commands import Door
from nbdeploy.magics.namespace import Namespace, whole

__all__ = ["NotebookDoor"]

_PLAIN = re.compile(r"\w*")


class NotebookDoor(Door):
    """Words are looked up in an IPython shell's namespace.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    inner : mapping, optional
        Local variables, if the line stands in a function.
    """

    live = True

    def __init__(self, shell: Any, inner: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._shell = shell
        self._namespace = Namespace(shell.user_ns, inner, hidden=shell.user_ns_hidden)

    def expand(self, word: str) -> object:
        """What a word stands for where text is expected."""
        return self._namespace.expand(word)

    def is_object(self, word: str) -> bool:
        """Whether a word is one expansion, and so stands for an object."""
        return whole(word) is not None

    def evaluate(self, word: str) -> object:
        """What a word stands for where a Python expression is expected."""
        return self._namespace.evaluate(word)

    def complete(self, stem: str) -> Iterable[str]:
        """Variables that begin with `stem`; after a dot, attributes as IPython itself would look them up."""
        if not _PLAIN.fullmatch(stem):
            return list(self._shell.Completer.attr_matches(stem))
        return [name for name in self._namespace.visible() if name.startswith(stem)]
