"""What the execution of a notebook is to keep to, and whom it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nbdeploy.batch.checkpoints import Resumption
from nbdeploy.batch.executing.transcript import Transcript
from nbdeploy.batch.kernels import Kernel
from nbdeploy.batch.parameters import Mask

__all__ = ["Watch"]


def _nothing() -> str:
    return ""


@dataclass
class Watch:
    """What the engine is to tell, and to whom.

    Attributes
    ----------
    cell : callable
        Called with the position (from 0), the number of cells and the source, before each cell.
    log : Transcript
        Gets what the cells print.
    own : bool
        Whether the kernel is this interpreter.
    deadline : float or None
        The moment by ``time.monotonic`` at which the run must have ended.
    timeout : float or None
        The seconds that made this deadline, for the message.
    cell_timeout : float or None
        Seconds that each cell may take.
    memory : callable
        Says how much memory the run takes, as words to follow others.
    said : callable
        All that is in the log file.
    kernel : Kernel
        What executes the notebook.
    secrets : mapping of str to str
        Texts that only the kernel may know, by the names of variables.
    mask : Mask
        What keeps them out of everything else.
    ended : callable
        Called with the number of the author's code cells up to a cell that has ended well.
    resumption : Resumption or None
        How to go on from an earlier execution.
    """

    cell: Callable[[int, int, str], None]
    log: Transcript
    own: bool
    deadline: float | None = None
    timeout: float | None = None
    cell_timeout: float | None = None
    memory: Callable[[], str] = _nothing
    said: Callable[[], str] = _nothing
    kernel: Kernel = field(default_factory=Kernel)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    mask: Mask = field(default_factory=Mask, repr=False)
    ended: Callable[[int], object] = bool
    resumption: Resumption | None = None

    def remaining(self, cell: object = None) -> float | None:
        """Seconds that are left, for a cell if one is given; never 0, which nbclient takes for no limit."""
        left = None if self.deadline is None else max(self.deadline - time.monotonic(), 0.001)
        if cell is None or self.cell_timeout is None:
            return left
        return self.cell_timeout if left is None else min(left, self.cell_timeout)

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @property
    def too_long(self) -> str:
        """What to say when the time is up."""
        return f"the run took longer than {self.timeout:g} s"

    @property
    def overtime(self) -> str:
        """What to say of a cell that took too long: whose time is up."""
        if self.late or self.cell_timeout is None:
            return self.too_long if self.late else ""
        return f"the cell took longer than {self.cell_timeout:g} s"
