"""A model and its twin, answering together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import frame_of_records
from nbdeploy.compilers import NotCompiled, Twin, Unsure, compile_by
from nbdeploy.compilers.proof import Native
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.types import Canonical, Signature

__all__ = ["Pair"]

_log = logging.getLogger(__name__)


class Pair:
    """A model and its twin, built when it is first needed, and only from the model itself.

    Rows that the twin is not sure of are answered natively.

    Parameters
    ----------
    model, signature, native
        See :func:`~nbdeploy.compilers.compile_by` and :func:`~nbdeploy.compilers.proof.prove`.
    canonical : Canonical
        Whose twin, if it has one, answers every batch: it is equal to rounding, and mixing would show.
    record : mapping
        What the version record says of an exact twin: it may answer batches up to a size.
    single : callable
        Lets the model work in one thread for a while.
    """

    def __init__(
        self,
        model: Any,
        signature: Signature,
        canonical: Canonical,
        native: Native,
        record: Mapping[str, Any],
        single: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._model, self._signature, self._native, self._single = model, signature, native, single
        self._always = canonical.twin
        exact = record.get("compiler") if record.get("exact") is True else None
        border = record.get("below")
        self._sometimes = exact if isinstance(exact, str) else None
        self._below = border if isinstance(border, int) else 0

    @property
    def twin_rows(self) -> int:
        """Up to how many rows the twin answers; 0 if it answers none."""
        return 2**31 if self._always is not None else self._below if self._sometimes is not None else 0

    @cached_property
    def twin(self) -> Twin | None:
        """The twin, if it has one.

        Raises
        ------
        InvalidData
            If it cannot be built here, and the snapshot's answers are those of the twin.
        """
        name = self._always or self._sometimes
        if name is None:
            return None
        try:
            twin = compile_by(name, self._model, self._signature)
            if not self._always and not all(twin.exact.values()):
                raise NotCompiled(f"{name} rounds here, and the record says that it does not")
            return twin
        except (NotCompiled, NotFound) as reason:
            if self._always:
                raise InvalidData(
                    f"the snapshot answers by its compiled twin ({name}), which cannot be built here: {reason}; "
                    "install the exact versions of its requirements.txt"
                ) from None
            _log.warning("the twin of %s cannot be built here, native code answers: %s", type(self._model), reason)
            return None

    def raw(self, wire: pl.DataFrame, method: str) -> Any:
        """Answer bound rows as the native method does."""
        twin = self._answering(method, wire.height)
        if twin is None:
            return self._native(wire, method)
        try:
            with self._single() if twin.native else nullcontext():
                answer, doubt = twin.many(method, wire)
        except Unsure:
            return self._native(wire, method)
        if doubt is not None and doubt.any():
            self._settle(answer, np.flatnonzero(doubt), wire, method)
        return answer

    def one(self, values: Sequence[Any], method: str) -> Any:
        """Answer one record, as the native method answers one row.

        Parameters
        ----------
        values : sequence
            Bound values in the order of the signature; missing is None.
        method : str
            One of the snapshot's methods.
        """
        twin = self._answering(method, 1)
        if twin is not None:
            try:
                with self._single() if twin.native else nullcontext():
                    return twin.one(method, values)
            except Unsure:
                pass
        return self._native(frame_of_records([values], self._signature), method)

    def alone(self, method: str) -> Callable[[Sequence[Any]], Any] | None:
        """Return what answers one record by the twin and nothing else, if the twin can do that.

        What is returned takes bound values, as :meth:`one` does; it may be called from any thread, and raises
        :class:`~nbdeploy.compilers.Unsure` where native code has to answer.
        """
        twin = self._answering(method, 1)
        return None if twin is None or twin.native else partial(twin.one, method)

    def _answering(self, method: str, rows: int) -> Twin | None:
        """The twin, if it answers batches of this size."""
        if rows > self.twin_rows:
            return None
        twin = self.twin
        return twin if twin is not None and method in twin.methods else None

    def _settle(self, answer: Any, at: Any, wire: pl.DataFrame, method: str) -> None:
        """Let native code answer the rows in doubt."""
        native = self._native(wire[at.tolist()], method)
        pairs = zip(answer, native, strict=True) if isinstance(answer, list) else [(answer, native)]
        for part, settled in pairs:
            part[at] = settled
