"""A loaded snapshot: load → validate → canonical call. The only path to a model's answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import polars as pl

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.bundles.described import Described
from nbdeploy.canonical import Pass, is_one_pass, is_row_by_row, parallel_parts, single_job, summed_trees, tiles
from nbdeploy.codecs import rebuild
from nbdeploy.codecs.columns import frame_of_records
from nbdeploy.codecs.frames import check, container_of, like
from nbdeploy.codecs.numpy_tables import record_matrix
from nbdeploy.codecs.outputs import join, output_frame, rows_of
from nbdeploy.compilers import Twin
from nbdeploy.compilers.pair import Pair
from nbdeploy.errors import Corrupted, InvalidData, NotFound
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors.modules import load_modules
from nbdeploy.manifest import CODE
from nbdeploy.types import Canonical, Signature

__all__ = ["Caller", "Predictor", "accept", "load", "load_again"]


class Caller:
    """A native model and how it is called: what a snapshot in the making and a loaded one share.

    Parameters
    ----------
    model : object
        The native model.
    flavor : str
        Its flavor.
    signature : Signature
        What it takes.
    canonical : Canonical
        How native calls are padded, and whether a compiled twin answers instead.
    twin : mapping
        What the version record says of an exact twin, which may answer small batches.
    """

    def __init__(
        self,
        model: Any,
        flavor: str,
        signature: Signature,
        canonical: Canonical,
        twin: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.model = model
        self.signature = signature
        self.flavor = flavor
        self._flavor = FLAVORS[flavor]
        alone = canonical.tile is None and is_row_by_row(model)
        self._canonical = msgspec.structs.replace(canonical, multiple=1) if alone else canonical
        self._pair = Pair(model, signature, canonical, self.native, twin, self.single)
        self._is_one_pass = is_one_pass(model)
        self._pass: Pass | None = None
        self._settled = False
        self._kept = contextlib.ExitStack()

    def settle(self) -> None:
        """Have the model work in one thread for good, which takes longer than some answers: nothing else works here."""
        self._kept.enter_context(self._limited())
        self._settled = True

    def raw(self, wire: pl.DataFrame, method: str) -> Any:
        """Answer wire rows with the model's own return type, by its twin or by canonical calls."""
        if not wire.height:
            raise InvalidData("there are no rows to predict")
        return self._pair.raw(wire, method)

    def one(self, values: Sequence[Any], method: str) -> Any:
        """Answer one record. See :meth:`Predictor.one`."""
        return self._pair.one(values, method)

    def alone(self, method: str) -> Callable[[Sequence[Any]], Any] | None:
        """What answers one record by the twin and nothing else. See :meth:`Predictor.alone`."""
        return self._pair.alone(method)

    @property
    def twin(self) -> Twin | None:
        """The compiled twin, if it has one."""
        return self._pair.twin

    @property
    def twin_rows(self) -> int:
        """Up to how many rows the twin answers; 0 if it answers none."""
        return self._pair.twin_rows

    def raw_records(self, records: Sequence[Sequence[Any]], method: str) -> Any:
        """Answer bound records as :meth:`raw` answers a table of them, which is not made where it can be done without.

        Parameters
        ----------
        records : sequence of sequences
            Bound values in the order of the signature; missing is None.
        method : str
            One of the snapshot's methods.
        """
        if len(records) == 1 and self.twin_rows:
            return self.one(records[0], method)
        if self._canonical.tile is None and not self.twin_rows:
            padded = [*records, *[records[-1]] * (-len(records) % self._canonical.multiple)]
            matrix = record_matrix(padded, self.signature)
            if matrix is not None:
                with self.single():
                    return join([self._called(matrix, len(padded), method)], len(records))
        return self.raw(frame_of_records(records, self.signature), method)

    def native(self, wire: pl.DataFrame, method: str) -> Any:
        """Answer wire rows with the model's own return type, by canonical calls."""
        with self.single():
            pieces = [self._called(rows, height, method) for rows, height in self._tables(wire)]
        return join(pieces, wire.height)

    def _called(self, rows: Any, height: int, method: str) -> Any:
        with self._pass.over(self.model) if self._pass else contextlib.nullcontext():
            piece = self._flavor.call(self.model, method, rows)
        if rows_of(piece) != height:
            raise InvalidData(
                f"{method} answered {rows_of(piece)} rows when it was given {height} (yours, and copies "
                "of the last one after them): a model answers each row, whichever others there are"
            )
        return piece

    @contextlib.contextmanager
    def single(self) -> Iterator[None]:
        """Let the model work in one thread, and in one job."""
        limits = contextlib.nullcontext() if self._settled else self._limited()
        with limits, self._flavor.one_thread():  # which a model may just have imported
            yield

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        parts = self._parallel
        with self._threads.limit(limits=1), single_job(self.model, parts), summed_trees(parts):
            yield

    def outputs(self, wire: pl.DataFrame, methods: Sequence[str]) -> pl.DataFrame:
        """Answer wire rows with the output columns of some methods of the signature."""
        with self.one_pass():
            frames = [output_frame(self.raw(wire, method), self.signature.outputs[method]) for method in methods]
        return pl.concat(frames, how="horizontal")

    @contextlib.contextmanager
    def one_pass(self) -> Iterator[None]:
        """Let methods that are asked for the same rows, one after the other, share what takes long.

        The rows have to be the same object. What was asked before is not known in it. See :class:`Pass`.
        """
        before = self._pass
        self._pass = Pass() if self._is_one_pass else None
        try:
            yield
        finally:
            self._pass = before

    def _tables(self, wire: pl.DataFrame) -> Iterator[tuple[Any, int]]:
        """The tables to ask for, with their rows; one that was asked for last is the same object."""
        for tile in tiles(wire, self._canonical):
            if self._pass is None or self._canonical.tile is not None:
                yield rebuild(tile, self.signature), tile.height
            else:
                yield self._pass.table(wire, partial(rebuild, tile, self.signature)), tile.height

    @cached_property
    def _parallel(self) -> list[Any]:
        """Found once: a model may hold a large table, and looking through it takes longer than an answer."""
        return parallel_parts(self.model)

    @cached_property
    def _threads(self) -> Any:
        """Found once, after the model is loaded and with it the libraries that have threads."""
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()


class Predictor(Described):
    """A snapshot that answers rows.

    Made by :func:`nbdeploy.load`. It offers the model's own methods with the model's own return types
    (``predict``, ``predict_proba`` …), and :meth:`table` for answers as a table. One thread at a time.

    Attributes
    ----------
    bundle : Bundle
        The snapshot at rest.
    signature : Signature
        What it takes and answers.
    model : object
        The native model.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> predictor = nd.load("churn@champion")  # doctest: +SKIP
    >>> predictor.predict(customers)  # doctest: +SKIP
    array(['no', 'yes'], dtype=object)
    """

    def __init__(self, bundle: Bundle, model: Any) -> None:
        super().__init__(bundle)
        content = bundle.content
        self.model = model
        twin = bundle.record.get("twin", {})  # held to its types when the bundle was opened
        self.caller = Caller(model, content.flavor, content.signature, content.canonical, twin)

    def methods(self, wanted: str | Sequence[str] | None = None) -> list[str]:
        """Return the methods to answer with: those wanted, each once, or the default one.

        Raises
        ------
        NotFound
            If the snapshot has no such method.
        """
        chosen = [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted or ()))
        for method in chosen:
            if method not in self.signature.outputs:
                raise NotFound("method", method, self.signature.outputs)
        return chosen or [self.signature.default_method]

    def outputs(self, wire: pl.DataFrame, methods: Sequence[str] | None = None) -> pl.DataFrame:
        """Answer bound rows.

        Parameters
        ----------
        wire : polars.DataFrame, n rows
            What :meth:`bind` returned.
        methods : sequence of str, optional
            Which of the snapshot's methods; the default one if not given.

        Returns
        -------
        polars.DataFrame, n rows
            ``prediction``, ``probability_<class>``, otherwise ``<method>_<index>``.
        """
        chosen = self.methods(methods)
        if not wire.height:
            return self.expected.select([c for m in chosen for c in self.signature.outputs[m].columns]).clear()
        return self.caller.outputs(wire, chosen)

    def one(self, values: Sequence[Any], method: str | None = None) -> Any:
        """Answer one record, as a method answers one row: without a table on the way, where it has a twin.

        Parameters
        ----------
        values : sequence
            Bound values in the order of the signature, as on the wire; missing is None.
        method : str, optional
            One of the snapshot's methods; the default one if not given.
        """
        return self.caller.one(values, method or self.signature.default_method)

    def alone(self, method: str) -> Callable[[Sequence[Any]], Any] | None:
        """Return what answers one record as :meth:`one` does, but by the twin and nothing else, if that can be.

        It takes bound values, may be called from any thread, and raises :class:`~nbdeploy.compilers.Unsure` where
        native code has to answer.
        """
        return self.caller.alone(method)

    def table(self, X: Any, methods: Sequence[str] | None = None) -> Any:
        """Answer with a table of the caller's library: Polars and Arrow get their own, all others pandas.

        Parameters
        ----------
        X : table
            pandas, Polars, Arrow, NumPy, a list of dicts or a dict of lists.
        methods : sequence of str, optional
            Which methods; the default one if not given.
        """
        return like(X, self.outputs(self.bind(X), methods))

    def __getattr__(self, name: str) -> Any:
        outputs = self.__dict__["signature"].outputs if "signature" in self.__dict__ else {}
        if name not in outputs:
            raise AttributeError(f"this snapshot has no method {name!r}; there are: {', '.join(outputs)}")

        def method(X: Any) -> Any:
            answer = self.caller.raw(self.bind(X), name)
            return answer.set_axis(X.index) if hasattr(answer, "iloc") and container_of(X) == "pandas" else answer

        method.__name__ = name
        return method

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.signature.outputs]

    def __repr__(self) -> str:
        record = self.bundle.record
        return f"<Predictor {record.get('name')}:{record.get('version')} {self.digest[:19]}>"


def load(source: Bundle | Path, trust: Trust) -> Predictor:
    """Load a bundle: every file checked against its digest, then its author, then the model built.

    Parameters and errors are those of :func:`accept`.
    """
    return load_again(accept(source, trust))


def accept(source: Bundle | Path, trust: Trust) -> Bundle:
    """Find out whether a bundle may be loaded; nothing of it is built.

    Parameters
    ----------
    source : Bundle or Path
        A bundle whose files were compared with their digests, or a folder, of which they are compared here.
    trust : Trust
        Whose bundles may be loaded, and whether their code may run.

    Raises
    ------
    Corrupted
        If a file was changed, the bundle runs code without saying so, or its signature means nothing.
    Forbidden
        If it carries code that may not run here, or is not signed as it must be here.
    """
    bundle = source if isinstance(source, Bundle) else Bundle.open(source)
    content = bundle.content
    flavor = FLAVORS[content.flavor]
    if not content.runs_code and flavor.runs_code(content.loader):
        raise Corrupted(f"the bundle {bundle.digest[:19]} would run code, but says that it does not; it is refused")
    trust.check(bundle.manifest, lambda: bundle.signature)
    if content.signature.default_method not in content.signature.outputs:
        raise Corrupted(f"the bundle {bundle.digest[:19]} lists no method that answers; it is refused")
    check(content.signature)
    return bundle


def load_again(bundle: Bundle) -> Predictor:
    """Build the model of a bundle that :func:`accept` accepted, perhaps in another process.

    No table is made on the way: that would start threads of Polars, and a process that has those cannot be forked.
    """
    _refuse_unlisted(bundle)
    content = bundle.content
    load_modules(bundle.path, [path for path in sorted(content.files) if path.startswith(CODE)])
    try:
        return Predictor(bundle, FLAVORS[content.flavor].load(bundle.path, content.loader))
    except FileNotFoundError as error:
        raise Corrupted(
            f"the bundle {bundle.digest[:19]} lacks a file that its flavor {content.flavor} reads: {error.filename}"
        ) from error


def _refuse_unlisted(bundle: Bundle) -> None:
    """A flavor may read whole folders, and what is not listed was neither checked nor signed."""
    for place, _, files in os.walk(bundle.path / "model"):
        for name in files:
            path = Path(place, name)
            if path.relative_to(bundle.path).as_posix() not in bundle.content.files:
                raise Corrupted(f"{path} is not listed by its bundle, so it is refused; delete it", path=str(path))
