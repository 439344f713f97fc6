"""What is remembered of a job while it runs: counts, the first rows, what the predictions are like."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from nbdeploy.cards import count
from nbdeploy.errors import InvalidData
from nbdeploy.profiles import Profile, profile_of

__all__ = ["Checkpoint", "Tally"]

_HEAD = 5
_CHECKPOINTS = 16
_PROFILED = 8
_HELD, _LARGEST = 64, 4 * 2**20  # spans, bytes: to profile a few rows takes nearly as long as many


@dataclass(frozen=True)
class Checkpoint:
    """A place at which input and output can be compared later.

    Attributes
    ----------
    index : int
        A span of the input.
    at : int
        The row of the output that its first answered row is.
    """

    index: int
    at: int


@dataclass
class Tally:
    """What a job has written.

    Attributes
    ----------
    rows : int
        Rows written.
    rejected : int
        Rows set aside.
    share : float or None
        How much of the input that was, if it is known.
    columns : tuple of str
        The output's columns.
    head : polars.DataFrame
        The first rows.
    reasons : Counter
        How many rows were set aside, by column and what is wrong there.
    examples : dict
        A reason in full for each of these.
    checkpoints : list of Checkpoint
        Places evenly spread over the output.
    """

    rows: int = 0
    rejected: int = 0
    share: float | None = None
    columns: tuple[str, ...] = ()
    head: pl.DataFrame = field(default_factory=pl.DataFrame)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    _stride: int = 1
    _profile: Profile | None = None
    _answers: list[pl.DataFrame] = field(default_factory=list)
    _bytes: int = 0

    @property
    def profile(self) -> Profile | None:
        """What the first few columns of predictions are like; None if there are no rows."""
        self._profile_held()
        return self._profile

    def shows(self, together: pl.DataFrame) -> None:
        """Take note of what rows look like in the output."""
        self.columns = tuple(together.columns)
        if self.head.height < _HEAD:
            self.head = (
                pl.concat([self.head, together[: _HEAD - self.head.height]]) if self.head.width else together[:_HEAD]
            )

    def shown(self, table: pl.DataFrame) -> None:
        """Take note of what the whole output looks like, where its rows were seen otherwise before."""
        self.head = pl.DataFrame()
        self.shows(table)

    def wrote(self, index: int, answers: pl.DataFrame, share: float | None) -> None:
        """Take note of the rows of a span."""
        if answers.height:
            self._answers.append(answers[:, :_PROFILED])
            self._bytes += int(answers.estimated_size())
            if len(self._answers) >= _HELD or self._bytes >= _LARGEST:
                self._profile_held()
            self._mark(index)
        self.rows += answers.height
        self.share = share

    def recalled(self, rows: int, share: float | None) -> None:
        """Take note of rows that were written before, and are not read again."""
        self.rows += rows
        self.share = share

    def set_aside(self, rejects: pl.DataFrame) -> None:
        """Take note of rejects; see :func:`nbdeploy.offline.rejects.rejects_of`."""
        self.rejected += rejects.height
        names = rejects.columns
        facts = (rejects.get_column(names[i]).to_list() for i in (1, -1, 2))
        for column, group, reason in zip(*facts, strict=True):
            self.reasons[column, group] += 1
            self.examples.setdefault((column, group), reason)

    @property
    def worst(self) -> str:
        """What is wrong with most of the rows that were set aside."""
        (column, group), number = self.reasons.most_common(1)[0]
        where = f"column {column!r}: " if column else ""
        return f"most often ({number:,}): {where}{self.examples[column, group]}"

    def check_any(self, name: str, rejects: str | Path | None) -> None:
        """Refuse to have predicted nothing, where there were rows.

        Parameters
        ----------
        name : str
            What was read.
        rejects : str, Path or None
            Where its rows were set aside.

        Raises
        ------
        InvalidData
            If all of them were: what an earlier job wrote is worth more than an output without rows.
        """
        if self.rows or not self.rejected:
            return
        raise InvalidData(
            f"no row of {name} could be predicted, and no output was written: {count(self.rejected, 'row')} rejected, "
            f"{self.worst}; see {rejects}",
            rejected=self.rejected,
            final=True,
        )

    def _profile_held(self) -> None:
        if self._answers:
            found = profile_of(pl.concat(self._answers), anonymity=1)
            self._profile = found if self._profile is None else self._profile.merge(found)
            self._answers, self._bytes = [], 0

    def _mark(self, index: int) -> None:
        """Keep a place among few that stay evenly spread, however many there will be."""
        if index % self._stride:
            return
        self.checkpoints.append(Checkpoint(index, self.rows))
        if len(self.checkpoints) > _CHECKPOINTS:
            self._stride *= 2
            self.checkpoints = [place for place in self.checkpoints if place.index % self._stride == 0]
