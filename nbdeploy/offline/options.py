"""What an output of offline predictions holds: which answers, which input columns, under which names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.errors import InvalidData, NotFound, WrongUsage
from nbdeploy.offline.rejects import Limit
from nbdeploy.offline.stored import local

__all__ = ["CHUNK", "Options"]

CHUNK = 20_000
"""Rows predicted at once. Answers do not depend on it."""

_MOST_WORKERS = 256


@dataclass(frozen=True)
class Options:
    """What an output holds.

    Attributes
    ----------
    methods : str or sequence of str
        The methods that answer, each once; the snapshot's default one if empty.
    keep : str or sequence of str
        Input columns to keep, each once; ``all``, ``none``, or by default those that the model does not read.
    rename : mapping of str to str
        Input column's name to the name to give it.
    chunk : int
        Rows predicted at once.
    threshold : float or None
        From this probability of the second of two classes on, ``prediction`` is that class.
    rejects : str, Path or None
        Where rows that fail are set aside; the first of them fails the job if None.
    max_rejects : Limit or None
        How many rows may fail.
    safe_csv : bool
        Whether text that a spreadsheet would take for a formula is made plain.
    resume : bool
        Whether to go on with an unfinished job.
    workers : int
        Processes that predict.
    engine : str
        Where they are.

    Examples
    --------
    >>> Options(methods="predict", keep=["id", "id"]).keep
    ('id',)
    """

    methods: Sequence[str] = ()
    keep: Sequence[str] = ()
    rename: Mapping[str, str] | None = None
    chunk: int = CHUNK
    threshold: float | None = None
    rejects: str | Path | None = None
    max_rejects: Limit | None = None
    safe_csv: bool = False
    resume: bool = False
    workers: int = 1
    engine: str = "local"

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise WrongUsage(f"a chunk of {self.chunk} rows is too small; give at least 1")
        if not 1 <= self.workers <= _MOST_WORKERS:
            raise WrongUsage(f"--workers {self.workers} is not possible; give 1 to {_MOST_WORKERS}")
        if self.max_rejects is not None and self.rejects is None:
            raise WrongUsage("--max-rejects limits what --rejects PATH sets aside: give that too")
        if self.rejects is not None:
            object.__setattr__(self, "rejects", local(self.rejects))
        object.__setattr__(self, "methods", _items(self.methods))
        object.__setattr__(self, "keep", _items(self.keep))

    def kept(self, columns: Sequence[str], read: Collection[str]) -> list[str]:
        """Choose the columns to keep.

        Parameters
        ----------
        columns : sequence of str
            The input's columns.
        read : collection of str
            Those that the model reads.

        Raises
        ------
        NotFound
            If a column to keep is not in the input.
        """
        if "none" in self.keep:
            return []
        if "all" in self.keep:
            return list(columns)
        if not self.keep:
            return [name for name in columns if name not in read]
        for name in self.keep:
            if name not in columns:
                raise NotFound("column", name, columns, hint="--keep takes a column of the input, all or none")
        return list(self.keep)

    def renamed(self, columns: Sequence[str]) -> list[str]:
        """Return the columns' names after renaming.

        Raises
        ------
        NotFound
            If a column to rename is not in the input.
        InvalidData
            If two columns would have one name.
        """
        names = self.rename or {}
        for old in names:
            if old not in columns:
                raise NotFound("column", old, columns, hint="--rename takes NEW=OLD, OLD being a column of the input")
        renamed = [names.get(name, name) for name in columns]
        for old, new in names.items():
            if renamed.count(new) > 1:
                raise InvalidData(
                    f"--rename {new}={old} would give two columns the name {new!r}; choose another name", column=new
                )
        return renamed


def _items(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys([given] if isinstance(given, str) else given or ()))
