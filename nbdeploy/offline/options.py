"""What an output of offline predictions holds: which answers, which input columns, under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbdeploy.errors import InvalidData, NotFound

__all__ = ["CHUNK", "Options"]

CHUNK = 20_000
"""Rows predicted at once. Answers do not depend on it."""


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

    Examples
    --------
    >>> Options(methods="predict", keep=["id", "id"]).keep
    ('id',)
    """

    methods: Sequence[str] = ()
    keep: Sequence[str] = ()
    rename: Mapping[str, str] | None = None
    chunk: int = CHUNK

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", _items(self.methods))
        object.__setattr__(self, "keep", _items(self.keep))

    def kept(self, columns: Sequence[str], read: Sequence[str]) -> list[str]:
        """Choose the columns to keep.

        Parameters
        ----------
        columns : sequence of str
            The input's columns.
        read : sequence of str
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
