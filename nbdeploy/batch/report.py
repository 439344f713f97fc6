"""An executed notebook as one HTML file that needs no network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.record import Run
from nbdeploy.cards import Card, Result
from nbdeploy.errors import InvalidData, NotFound, WrongUsage
from nbdeploy.files import write_atomically

__all__ = ["Report", "report_of", "write_report"]

_TEMPLATE = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock html_head_js -%}
{%- block jupyter_widgets -%}{%- endblock jupyter_widgets -%}
{%- block html_head_js_mathjax -%}{%- endblock html_head_js_mathjax -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
"""
"""JupyterLab's own look, without the scripts that would be fetched from elsewhere."""
_FETCHED = {"application/vnd.jupyter.widget-view+json", "text/vnd.mermaid"}
"""Kinds of outputs that only those scripts would show; the other form that such an output has is shown instead."""


@dataclass(frozen=True)
class Report(Result):
    """The report of a run.

    Attributes
    ----------
    run : str
        The run's id.
    path : Path
        The HTML file.
    """

    run: str
    path: Path

    @property
    def line(self) -> str:
        """Where it is."""
        return f"report of run {self.run}: {self.path}"

    def card(self) -> Card:
        """The line."""
        return Card(self.line)

    def document(self) -> dict[str, str]:
        """The run and the file."""
        return {"run": self.run, "report": str(self.path)}


def report_of(run: Run, path: Path | None = None, *, code: bool = True) -> Report:
    """The report of a run, made when somebody asks for it first.

    Parameters
    ----------
    run : Run
        A run of a notebook that has written something.
    path : Path, optional
        Where it goes; the run's folder by default, where it is kept.
    code : bool
        Whether the cells' sources are shown, too.

    Raises
    ------
    WrongUsage
        If it is a run of a command.
    NotFound
        If nothing has been executed yet.
    """
    if run.notebook is None:
        raise WrongUsage(f"run {run.id} is of a command ({run.command}): only notebooks have reports")
    if not run.output.is_file():
        raise NotFound("executed notebook of run", run.id, hint=f"it is {run.status}")
    place = path or Folder(run.folder).report(run.notebook, code)
    if path is not None or not place.exists() or place.stat().st_mtime_ns < run.output.stat().st_mtime_ns:
        write_report(run.output, place, folder=run.notebook.parent, code=code)
    return Report(run.id, place)


def write_report(notebook: Path, place: Path, *, folder: Path, code: bool) -> None:
    """Write an executed notebook as HTML.

    Parameters
    ----------
    notebook, place : Path
        The notebook, and the file to write.
    folder : Path
        Where images that its text names are looked for; they become a part of the file.
    code : bool
        Whether the cells' sources are shown.

    Raises
    ------
    InvalidData
        If the notebook cannot be converted.
    NotWritable
        If the file cannot be written.
    """
    import nbformat
    from nbconvert.exporters import HTMLExporter

    look = {"template_name": "lab", "raw_template": _TEMPLATE, "embed_images": True}
    exporter = HTMLExporter(exclude_input=not code, exclude_output_prompt=not code, **look)  # type: ignore[no-untyped-call]
    resources: dict[str, Any] = {"metadata": {"name": notebook.stem, "path": str(folder)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what validation finds in old notebooks
        try:
            node = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
            for output in (each for cell in node.cells for each in cell.get("outputs", ())):
                for kind in _FETCHED & set(output.get("data", ())):
                    del output.data[kind]
            text, _ = exporter.from_notebook_node(node, resources)
        except Exception as error:
            raise InvalidData(f"{notebook} cannot be made into a report: {error}", path=str(notebook)) from error
    write_atomically(place, text.encode())
