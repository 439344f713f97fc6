"""Compilers: faster equal twins of models, built from the verified model and proven before they answer.

A twin answers one record without a table on the way, or a batch; every number of a row is computed from that
row alone, so a row has the same bits alone and in any batch. What a twin is not sure of, native code answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Protocol

from nbdeploy.compilers.stages import NotCompiled, NotFor
from nbdeploy.compilers.twin import Row, Rows, Twin, Unsure
from nbdeploy.plugins import Registry
from nbdeploy.types import Signature

__all__ = ["COMPILERS", "Compiler", "NotCompiled", "Row", "Rows", "Twin", "Unsure", "compile_by", "compile_twins"]


_log = logging.getLogger(__name__)


class Compiler(Protocol):
    """One way to make a twin."""

    priority: int
    """Compilers are asked in this order, lowest first."""

    automatic: bool
    """Whether it is asked at all unless it is asked for by name."""

    def compile(self, model: Any, signature: Signature) -> Twin:
        """Make a twin of a model.

        Raises
        ------
        NotCompiled
            If this compiler cannot, with the reason for people.
        """


COMPILERS: Registry[Compiler] = Registry(
    "compiler",
    {
        "onnx": "nbdeploy.compilers.onnx:COMPILER",
        "rows": "nbdeploy.compilers.rows:COMPILER",
        "treelite": "nbdeploy.compilers.rows:TREES",
    },
)


def compile_by(name: str, model: Any, signature: Signature) -> Twin:
    """Make a twin with one compiler; any failure of it is a reason, never an error.

    Parameters
    ----------
    name : str
        The compiler.
    model : object
        The loaded, verified model.
    signature : Signature
        What it takes and answers.

    Raises
    ------
    NotCompiled
        If it cannot.
    NotFound
        If there is no compiler of that name.
    """
    compiler = COMPILERS[name]
    try:
        return compiler.compile(model, signature)
    except NotCompiled:
        raise
    except Exception as error:  # a model of another version may lack anything that a compiler reads
        raise NotCompiled(f"{name}: {type(error).__name__}: {error}") from error


def compile_twins(model: Any, signature: Signature, wanted: str | None = None) -> Iterator[tuple[str, Twin | str]]:
    """Make twins one after the other, the best first, of a model and its signature; see :func:`compile_by`.

    Parameters
    ----------
    wanted : str, optional
        The only compiler to ask; all automatic ones by default.

    Yields
    ------
    name : str
        The compiler.
    twin : Twin or str
        Its twin, or why it has none; what a compiler is not for, it says only where it is asked by name.
    """
    automatic = sorted((n for n in COMPILERS if COMPILERS[n].automatic), key=lambda n: COMPILERS[n].priority)
    for name in automatic if wanted is None else [wanted]:
        try:
            yield name, compile_by(name, model, signature)
        except NotCompiled as reason:
            _log.debug("%s makes no twin of a %s: %s", name, type(model).__name__, reason)
            if wanted or not isinstance(reason, NotFor):
                yield name, str(reason)
