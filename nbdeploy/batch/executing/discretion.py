"""Secrets between a run and its kernel: handed over without being written, and masked in everything that comes back."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from papermill.clientwrap import PapermillNotebookClient

from nbdeploy.batch.failure import Failed, Failure
from nbdeploy.batch.kernels import Kernel
from nbdeploy.batch.parameters import Mask, Pieces
from nbdeploy.batch.parameters.code import assignment

__all__ = ["DiscreetClient"]

_PARAMETERS = frozenset({"parameters", "injected-parameters", "injected-resume"})
"""Tags of the cells that give parameters values; the last of them executes the others again."""


class DiscreetClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes a notebook that needs secrets.

    Parameters
    ----------
    secrets : mapping of str to str
        Texts by the names of the variables that get them.
    mask : Mask
        What keeps them out of messages.
    kernel : Kernel
        What executes the notebook.
    """

    def __init__(self, nb_man: Any, secrets: Mapping[str, str], mask: Mask, kernel: Kernel, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self._secrets = dict(secrets)
        self._mask = mask
        self._pieces = Pieces(mask)
        self._kernel = kernel

    @contextlib.contextmanager
    def outlet(self, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
        """How a kernel's process is to be started, so that what it prints by itself is masked, too."""
        if not self._mask:
            yield {}
            return
        read, write = os.pipe()
        threading.Thread(target=self._pass_on, args=(read, say), name="kernel's output", daemon=True).start()
        try:
            yield {"stdout": write, "stderr": write}
        finally:
            os.close(write)

    def _pass_on(self, read: int, say: Callable[[str], None]) -> None:
        pieces = Pieces(self._mask)
        with open(read, encoding="utf-8", errors="replace") as said:
            for line in said:
                say(pieces.add("", line))
        say(pieces.rest().get("", ""))

    def hand_over(self, position: int) -> None:
        """Give the kernel its secrets before the first cell after those of parameters, whose defaults they replace.

        Raises
        ------
        Failed
            If the kernel does not take them.
        """
        cells = enumerate(self.nb.cells)
        last = max((at for at, cell in cells if _PARAMETERS & set(cell.metadata.get("tags", ()))), default=-1)
        if self._secrets and position > last:
            names = ", ".join(self._secrets)
            reply = self.wait_for_reply(self._tell())
            content = {} if reply is None else reply["content"]
            answers = content.get("user_expressions", {}).values()
            if any(each.get("status") != "ok" for each in (content, *answers)):
                raise Failed(Failure("SecretsNotTaken", f"the kernel did not take the secrets: {names}"))
            self._secrets = {}

    def _tell(self) -> str:
        """Assign them. Python keeps the source of what it executes, but not that of an expression."""
        quiet = {"silent": True, "store_history": False, "allow_stdin": False}
        if self._kernel.language == "python":
            return str(self.kc.execute("", user_expressions={"": f"globals().update({self._secrets!r})"}, **quiet))
        kernel = self._kernel
        lines = [assignment(name, text, kernel.name, kernel.language) for name, text in self._secrets.items()]
        return str(self.kc.execute("\n".join(lines), **quiet))

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Process a message without its secrets, also if they come in pieces."""
        if not self._mask:
            return super().process_message(msg, cell, cell_index)
        content = msg["content"]
        if msg["msg_type"] == "stream":
            text = self._pieces.add(content["name"], content["text"])
            return super().process_message(_stream(msg, content["name"], text), cell, cell_index) if text else None
        if content.get("execution_state") == "idle":
            for name, text in self._pieces.rest().items():
                super().process_message(_stream(msg, name, text), cell, cell_index)
        return super().process_message({**msg, "content": self._mask.document(content)}, cell, cell_index)

    async def _async_poll_for_reply(self, *words: Any, **named: Any) -> dict[str, Any]:
        """The kernel's reply, which tells an error once more."""
        reply: dict[str, Any] = await super()._async_poll_for_reply(*words, **named)
        return {**reply, "content": self._mask.document(reply["content"])} if self._mask else reply


def _stream(message: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    header = {**message["header"], "msg_type": "stream"}
    return {**message, "msg_type": "stream", "header": header, "content": {"name": name, "text": text}}
