"""The file beside an output that says what it was made of, and how."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any

import msgspec

from nbdeploy.errors import Corrupted
from nbdeploy.offline.journal import is_url
from nbdeploy.offline.options import Options
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.stored import SUFFIX, Stored, digest_of, place_beside
from nbdeploy.offline.tally import Checkpoint
from nbdeploy.offline.work import Plan
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Identity

__all__ = ["SUFFIX", "Provenance", "digest_of", "options_of", "place_beside", "versions_of"]

FORMAT = 1
_OURS = ("nbdeploy", "numpy", "polars", "pyarrow")


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What an output was made of.

    Attributes
    ----------
    snapshot, digest : str
        What predicted: its reference at that time, and what it is identified by.
    input : str
        The input: the absolute path of a file, or what it was called.
    input_sha256 : str or None
        Digest of its bytes; None of a table in memory.
    input_size, input_modified, input_tag
        What tells cheaply that it is another one.
    output : str
        The output's file name.
    output_sha256 : str
        Digest of its bytes.
    output_size, output_modified, output_tag
        Likewise of the output.
    rows, rejected : int
        Rows predicted, and rows set aside.
    seconds : float
        How long it took.
    chunk : int
        Rows predicted at once.
    columns : list of str
        The output's columns.
    options : dict
        What was asked for.
    versions : dict of str to str
        Of Python and the packages that made it.
    created : str
        When, in UTC.
    checkpoints : list of Checkpoint
        Where input and output can be compared.
    reasons : list of (str, str, int)
        Column, what is wrong, and in how many rows.
    format : int
        Version of this document.
    """

    snapshot: str
    digest: str
    input: str
    input_sha256: str | None
    input_size: int | None = None
    input_modified: int | None = None
    input_tag: str | None = None
    output: str
    output_sha256: str
    output_size: int | None
    output_modified: int | None
    output_tag: str | None = None
    rows: int
    rejected: int
    seconds: float
    chunk: int
    columns: list[str]
    options: dict[str, Any]
    versions: dict[str, str]
    created: str
    checkpoints: list[Checkpoint] = []
    reasons: list[tuple[str, str, int]] = []
    format: int = FORMAT

    @property
    def identity(self) -> Identity:
        """What tells cheaply that the input is another one."""
        return Identity(self.input_size, self.input_modified, self.input_tag)

    def write(self, out: Stored) -> None:
        """Write it beside an output."""
        out.write_beside(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @classmethod
    def read(cls, out: Stored) -> Provenance | None:
        """Read what is beside an output; None if there is nothing.

        Raises
        ------
        Corrupted
            If it is not understood.
        """
        place = place_beside(out.name)
        try:
            content = out.read_beside()
            if content is None:
                return None
            found = msgspec.json.decode(content, type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise Corrupted(f"{place} is not understood: {error}", path=place) from error
        if found.format > FORMAT:
            raise Corrupted(f"{place} was written by a later nbdeploy (format {found.format}): upgrade nbdeploy")
        return found

    def describes(self, out: Stored) -> bool:
        """Whether an output is the one that was written; its bytes are read only if its time differs."""
        found = out.identity()
        if found is None or found.size != self.output_size:
            return False
        known = Identity(self.output_size, self.output_modified, self.output_tag)
        return found == known or out.sha256() == self.output_sha256


def versions_of(predictor: Predictor) -> dict[str, str]:
    """Return the versions of Python, of what writes tables, and of the packages that the model is made of."""
    names = [*_OURS, *predictor.bundle.content.environment.packages]
    return {"python": platform.python_version(), **dict(_installed(names))}


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in dict.fromkeys(names):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def options_of(plan: Plan, options: Options) -> dict[str, Any]:
    """Return what was asked for, as far as the output depends on it."""
    rejects = options.rejects
    if rejects is not None:
        rejects = str(rejects) if is_url(rejects) else os.path.realpath(rejects)
    return {
        "methods": plan.methods,
        "keep": plan.kept,
        "rename": dict(plan.rename),
        "threshold": options.threshold,
        "safe_csv": options.safe_csv,
        "rejects": rejects,
        "max_rejects": None if options.max_rejects is None else options.max_rejects.text,
    }


def made(
    result: Predictions,
    out: Stored,
    output_sha256: str,
    *,
    input: str,  # noqa: A002 - as the document calls it
    identity: Identity,
    **facts: Any,
) -> Provenance:
    """Return the provenance of an output that was just written.

    Parameters
    ----------
    result : Predictions
        What was done.
    out : Stored
        The output.
    output_sha256 : str
        The digest of its bytes.
    input : str
        What the input is known by; see :func:`nbdeploy.offline.places.input_name`.
    identity : Identity
        What tells cheaply that it is another one.
    **facts : object
        All that neither of these says.
    """
    written = out.identity() or Identity()
    return Provenance(
        **facts,
        **{name: getattr(result, name) for name in ("snapshot", "digest", "rows", "rejected", "seconds")},
        **{f"input_{name}": value for name, value in asdict(identity).items()},
        **{f"output_{name}": value for name, value in asdict(written).items()},
        input=input,
        output=PurePosixPath(out.name).name,
        output_sha256=output_sha256,
        columns=list(result.columns),
        reasons=list(result.reasons),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
