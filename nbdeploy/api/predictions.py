"""Loading a snapshot, and predicting with it offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.predictor import Predictor
    from nbdeploy.store import Store, Version

__all__ = ["load", "load_version", "predict"]


def load(ref: str, *, settings: Settings | None = None) -> Predictor:
    """Load a snapshot: the model's own methods, answering by the canonical call.

    Parameters
    ----------
    ref : str
        ``churn``, ``churn:3``, ``churn@champion``, ``churn@sha256:…`` or ``prod/churn``.

    Raises
    ------
    NotFound
        If there is no such snapshot, or a package that it needs is not installed.
    Corrupted
        If a file was changed since it was stored.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.load("churn@champion").predict_proba(customers)  # doctest: +SKIP
    """
    store = open_store(settings)
    return load_version(store, resolve(store, ref, settings), settings)


def load_version(store: Store, version: Version, settings: Settings | None = None) -> Predictor:
    """Load a version of a store. See :func:`load`."""
    from nbdeploy.bundles import Bundle, Trust
    from nbdeploy.predictor import load as load_bundle

    try:
        bundle = Bundle(store.open(version), store.manifest(version))
        return load_bundle(bundle, Trust.of(settings or Settings.load()))
    except ModuleNotFoundError as error:
        module = str(error.name).partition(".")[0]
        made_with = store.manifest(version).parsed.environment.packages
        # A build of a package for some machines has a name that begins with the package's: xgboost-cpu.
        name = next((name for name in made_with if name == module or name.startswith(f"{module}-")), module)
        package = f"{name}=={made_with[name]}" if name in made_with else module
        hint = f"{version} needs it, and it is not installed here: pip install '{package}'"
        raise NotFound("module", module, hint=hint) from error


def predict(
    ref: str,
    source: Any,
    out: str | Path | None = None,
    *,
    methods: Sequence[str] = (),
    keep: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    chunk: int | None = None,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Any:
    """Predict a table or a file.

    Parameters
    ----------
    ref : str
        The snapshot.
    source : table, str or Path
        A table in memory, or the path of a CSV, TSV or Parquet file.
    out : str or Path, optional
        Where to write, in the format of the suffix. It appears only when it is complete.
    methods : str or sequence of str, optional
        The methods that answer; the snapshot's default one if not given.
    keep : str or sequence of str, optional
        Input columns to keep: names, ``all`` or ``none``; by default those that the model does not read (ids).
    rename : mapping of str to str, optional
        Input column's name to the name to give it.
    chunk : int, optional
        Rows predicted at once; answers do not depend on it.

    Returns
    -------
    Predictions or table
        What was written; without `out` the table of kept columns and predictions, in the caller's library.

    Raises
    ------
    InvalidData
        Naming the row or line, column, value and expected type of the first row that does not fit.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.predict("churn@champion", "customers.csv", "scores.csv")  # doctest: +SKIP
    """
    from nbdeploy.offline.options import CHUNK, Options
    from nbdeploy.offline.predict import predict_file, predict_table, read_predicted, write_table

    if chunk is not None and chunk < 1:
        raise WrongUsage(f"a chunk of {chunk} rows is too small; give at least 1")
    predictor = load(ref, settings=settings)
    options = Options(methods, keep, rename, chunk or CHUNK)
    in_file = isinstance(source, (str, Path))
    if out is None:
        predicted = read_predicted if in_file else predict_table
        return predicted(predictor, Path(source) if in_file else source, options, progress)
    name = f"{predictor.manifest['name']}:{predictor.manifest['version']}"
    if not in_file:
        return write_table(predictor, name, source, Path(out), options, progress)
    return predict_file(predictor, name, Path(source), Path(out), options, progress)
