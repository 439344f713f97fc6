"""What somebody asks of a run of a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, TypedDict, Unpack

import msgspec

from nbdeploy.batch.parameters import decode, encode, portable

__all__ = ["Options", "Order"]


class Options(TypedDict, total=False):
    """How a notebook is to be run, as a user of Python says it; :class:`Order` tells what each means."""

    raw: Mapping[str, str] | None
    files: Iterable[str | Path]
    timeout: float | None
    cell_timeout: float | None
    retries: int | None
    retry_wait: float | None
    retry_on: Iterable[str]
    kernel: str | None
    cwd: str | Path | None
    env_files: Iterable[str | Path]
    inputs: Iterable[str | Path]
    report: bool
    no_input: bool
    after: Iterable[str]
    at_once: int | None
    notify: Iterable[str]
    sweep: str
    pipeline: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A notebook to run, and how. :meth:`of` makes one of what users write; it can be kept as JSON.

    Attributes
    ----------
    notebook : str
        Its path; empty for that of the run to resume.
    parameters : dict
        Values by the names in its ``parameters`` cell, as `encode` writes them.
    raw : dict of str
        Texts that stay texts.
    files : list of str
        YAML files of values, which `parameters` and `raw` override.
    output : str or None
        Where the executed notebook goes, also if a cell fails; the run's folder by default.
    timeout : float or None
        Seconds that the whole run may take.
    cell_timeout : float or None
        Seconds that each cell may take.
    retries : int
        How many further attempts may follow one that failed.
    retry_wait : float
        Seconds before the second attempt; each further wait is twice as long.
    retry_on : list of str
        Names of the errors to try again for; any that may go away by itself, if there are none.
    resume : str or None
        A run that did not succeed: go on after its last checkpoint, with its parameters.
    kernel : str or None
        A Jupyter kernel instead of the notebook's own.
    cwd : str or None
        Where it is executed; the notebook's folder by default.
    env_files : list of str
        Files of variables to set in its environment, as lines ``NAME=value``.
    inputs : list of str
        Files and folders to copy into a working directory of the run's own, in which it is executed then.
    report : bool
        Whether an HTML report of it is published, as its output ``report``.
    no_input : bool
        Whether that report leaves the code out.
    after : list of str
        Ids of the runs that must have succeeded before this one starts.
    at_once : int or None
        How many runs of this notebook may go on at once on a machine.
    notify : list of str
        Whom to tell how it ended: ``WHERE`` or ``WHERE:EVENT,EVENT``; see :func:`nbdeploy.batch.notifying.choose`.
    sweep, pipeline : str
        The sweep or pipeline that it is a part of, if of one.
    """

    notebook: str
    parameters: dict[str, Any] = {}
    raw: dict[str, str] = {}
    files: list[str] = []
    output: str | None = None
    timeout: float | None = None
    cell_timeout: float | None = None
    retries: int = 0
    retry_wait: float = 30.0
    retry_on: list[str] = []
    resume: str | None = None
    kernel: str | None = None
    cwd: str | None = None
    env_files: list[str] = []
    inputs: list[str] = []
    report: bool = False
    no_input: bool = False
    after: list[str] = []
    at_once: int | None = None
    notify: list[str] = []
    sweep: str = ""
    pipeline: str = ""

    @classmethod
    def of(
        cls,
        notebook: str | Path,
        parameters: Mapping[str, Any] | None = None,
        output: str | Path | None = None,
        *,
        resume: str | None = None,
        **options: Unpack[Options],
    ) -> Order:
        """Return the order in words of the user's: paths, mappings, and texts that are still to be read.

        Raises
        ------
        InvalidData
            If a value cannot be carried to a notebook.
        """
        return cls(
            notebook=str(notebook),
            parameters={name: encode(portable(name, value)) for name, value in (parameters or {}).items()},
            output=None if output is None else str(output),
            resume=resume,
            **{name: _plain(value) for name, value in options.items() if value is not None},
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters as they were given."""
        return {name: decode(value) for name, value in self.parameters.items()}

    @property
    def gives_parameters(self) -> bool:
        """Whether it says anything of parameters."""
        return bool(self.parameters or self.raw or self.files)

    @property
    def chosen(self) -> set[str]:
        """The fields that somebody has chosen."""
        plain = Order(notebook="")
        return {name for name in self.__struct_fields__ if getattr(self, name) != getattr(plain, name)}

    @property
    def limits(self) -> dict[str, Any]:
        """How long it may take and how often it may be tried, as a request says it."""
        names = ("timeout", "cell_timeout", "retries", "retry_wait", "retry_on")
        return {name: getattr(self, name) for name in names}


def _plain(value: Any) -> Any:
    """A value as it can be kept: paths are texts, a sequence is a list."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
