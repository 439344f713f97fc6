"""Which kernel executes a notebook."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.notebooks import Notebook

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager

__all__ = ["Kernel", "choose_kernel"]

NATIVE = "python3"
"""The name that Jupyter gives the kernel of whichever Python it runs in."""


@dataclass(frozen=True)
class Kernel:
    """A kernel to start.

    Attributes
    ----------
    name : str
        Its name among Jupyter's kernel specs.
    language : str
        What its cells are written in, which chooses papermill's translator.
    own : bool
        Whether it is this interpreter, whatever is installed under the name.
    """

    name: str = NATIVE
    language: str = "python"
    own: bool = True


def choose_kernel(notebook: Notebook, wanted: str | None = None) -> Kernel:
    """Choose the kernel asked for, else the notebook's own, else this interpreter for Python.

    Raises
    ------
    NotFound
        If the kernel asked for is not installed, or that of a notebook in another language.
    InvalidData
        If it is installed and cannot be started.
    """
    name = wanted or notebook.kernel or NATIVE
    if wanted is None and name == NATIVE:
        return Kernel()
    from jupyter_client.kernelspec import KernelSpecManager

    manager = KernelSpecManager()
    installed = manager.find_kernel_specs()
    if name in installed:
        return Kernel(name, _language(manager, name, installed[name]) or notebook.language, own=False)
    if wanted is None and notebook.language.lower() == "python":
        return Kernel()
    raise NotFound("kernel", name, installed, hint="choose one with --kernel")


def _language(manager: KernelSpecManager, name: str, place: str) -> str:
    """The language of an installed kernel, whose program is there."""
    try:
        spec = manager.get_kernel_spec(name)
        program = str(spec.argv[0])
    except Exception as error:  # whatever somebody has written into a file of Jupyter's
        raise InvalidData(
            f"kernel {name!r} cannot be started: {place}/kernel.json is broken ({type(error).__name__}: {error});"
            " install it again, or choose another one with --kernel",
            kernel=name,
        ) from error
    if "{" not in program and shutil.which(program) is None and name != NATIVE:
        raise InvalidData(
            f"kernel {name!r} cannot be started: its program {program} is not there ({place}/kernel.json); install it"
            " again, or choose another one with --kernel",
            kernel=name,
        )
    return str(spec.language)
