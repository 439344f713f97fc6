"""One execution of a notebook: papermill's steps, with a verdict that knows of tags and exit statuses."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbdeploy.batch.executing.watch import Watch
from nbdeploy.batch.failure import Failed, Failure
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.notebooks import tag_marked

__all__ = ["execute"]

_UNUSED = ("rfc3987_syntax", "pyarrow", "papermill.s3", "papermill.abs", "papermill.adl", "gcsfs", "github")


def execute(files: Folder, request: Request, watch: Watch) -> None:
    """Execute the notebook of a run; what came of it is in the run's folder, also if a cell fails.

    Raises
    ------
    Failed
        If a cell did, or the kernel.
    """
    with _without(*_UNUSED):
        from nbdeploy.batch.executing.engine import WatchedEngine
    from papermill.utils import chdir

    notebook = _prepared(files, request)
    executed = str(files.executed(request))
    try:
        with chdir(request.cwd or str(Path(request.notebook).parent)):
            WatchedEngine.execute_notebook(
                notebook,
                request.kernel.name,
                output_path=executed,
                progress_bar=False,
                log_output=False,
                watch=watch,
            )
    except Failed as error:
        if error.failure.cell is not None:
            _point_to(notebook, error.failure, executed)
        raise


def _prepared(files: Folder, request: Request) -> Any:
    """The notebook as submitted, with the parameters in a cell of their own."""
    from papermill.execute import prepare_notebook_metadata, remove_error_markers
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    from nbdeploy.batch.parameters import code, decode, showable

    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of parameters that were checked already
    notebook = load_notebook_node(str(files.submitted(request)))
    kernel = request.kernel
    if kernel.language == "python":
        tag_marked(notebook.cells)
    values = code.values_for(kernel.language, decode(request.parameters))
    if values:
        code.register()
        notebook = parameterize_notebook(notebook, values, kernel_name=kernel.name, language=kernel.language)
        notebook.metadata.papermill["parameters"] = showable(values)
    return remove_error_markers(prepare_notebook_metadata(notebook, request.notebook, request.output))


def _point_to(notebook: Any, failure: Failure, path: str) -> None:
    """Write the notebook with papermill's marks: one at its top that leads to the failing cell, one there."""
    from nbformat import v4
    from papermill.execute import ERROR_ANCHOR_MSG, ERROR_MARKER_TAG, ERROR_MESSAGE_TEMPLATE
    from papermill.iorw import write_ipynb

    where = (failure.cell or 1) - 1
    for position, text in ((where, ERROR_ANCHOR_MSG), (0, ERROR_MESSAGE_TEMPLATE % str(failure.execution))):
        mark = v4.new_markdown_cell(text)  # type: ignore[no-untyped-call]
        mark.metadata["tags"] = [ERROR_MARKER_TAG]
        notebook.cells.insert(position, mark)
    write_ipynb(notebook, path)


@contextlib.contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Import as if these were not installed: papermill and jsonschema then do without them.

    A run reads and writes local files only, and checks no formats of addresses: the grammar of these alone takes a
    second to build.
    """
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
