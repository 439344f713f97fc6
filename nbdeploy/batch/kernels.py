"""Which kernel executes a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from nbdeploy.errors import NotFound
from nbdeploy.notebooks import Notebook

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
    """
    name = wanted or notebook.kernel or NATIVE
    if wanted is None and name == NATIVE:
        return Kernel()
    from jupyter_client.kernelspec import KernelSpecManager

    manager = KernelSpecManager()
    installed = manager.find_kernel_specs()
    if name in installed:
        language = manager.get_kernel_spec(name).language or notebook.language
        return Kernel(name, language, own=False)
    if wanted is None and notebook.language.lower() == "python":
        return Kernel()
    raise NotFound("kernel", name, installed, hint="choose one with --kernel")
