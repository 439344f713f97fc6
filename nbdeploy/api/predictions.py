"""Loading a snapshot, and predicting with it offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.databases import read_from, written_to
from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.offline import Answered, Checked, CheckedFolder, FolderPredictions, Options, Predictions
    from nbdeploy.predictor import Predictor
    from nbdeploy.store import Store, Version
    from nbdeploy.tables.databases import TableSink

__all__ = ["check_predictions", "load", "load_version", "options_of", "predict", "predicted"]


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
    source: Any = None,
    out: str | Path | None = None,
    *,
    sql: str | None = None,
    from_url: str | None = None,
    to_table: str | None = None,
    to_url: str | None = None,
    key: Sequence[str] = (),
    methods: Sequence[str] = (),
    keep: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    threshold: float | None = None,
    rejects: str | Path | None = None,
    max_rejects: str | int | None = None,
    safe_csv: bool = False,
    resume: bool = False,
    workers: int = 1,
    engine: str = "local",
    chunk: int | None = None,
    format: str | None = None,  # noqa: A002 - as the command calls it
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Any:
    """Predict a table, a file, the files of a folder, or the rows of a query.

    From file to file, a job that was killed goes on with `resume`, and one that is done does nothing until input,
    model or options change; beside the output, ``OUT.nbdeploy.json`` says what it was made of. Each file of a folder
    is such a job: only new and changed ones are predicted, those that are still being written are left, and one that
    fails does so alone.

    Parameters
    ----------
    ref : str
        The snapshot.
    source : table, str or Path
        A table in memory, or the path of a file; formats by suffix. Or a folder, or a pattern with ``*``.
    out : str or Path, optional
        Where to write, in the format of the suffix. It appears only when it is complete. Of a folder or pattern, and
        of a file if it ends with ``/``: a folder, in which outputs have the names of the inputs.
    sql, from_url : str, optional
        Instead of `source` one statement that reads, and its database: ``sqlite:///file``, ``duckdb:///file``,
        ``postgresql://user:password@host/name``. To go on with `resume`, it must give its rows in the same order.
    to_table, to_url : str, optional
        Instead of `out` a table, and its database if that is another one. It is made if it is new. Rows are added
        span by span, each one once also if the job is killed and goes on.
    key : sequence of str, optional
        Columns by which rows of `to_table` that are there already are replaced.
    methods : str or sequence of str, optional
        The methods that answer; the snapshot's default one if not given.
    keep : str or sequence of str, optional
        Input columns to keep: names, ``all`` or ``none``; by default those that the model does not read (ids).
    rename : mapping of str to str, optional
        Input column's name to the name to give it.
    threshold : float, optional
        From this probability of the second of two classes on, ``prediction`` is that class.
    rejects : str or Path, optional
        Where rows that fail are set aside: ``line``, ``column``, ``reason``, then the row as it was read. Without it
        the first such row stops the job. Of a folder: a folder, with a file for each input that has some.
    max_rejects : str or int, optional
        How many rows may fail: a number, or a share such as ``2.5%``; of a folder, in each file.
    safe_csv : bool
        Whether text that a spreadsheet would take for a formula is made plain.
    resume : bool
        Whether to go on with an unfinished job.
    workers : int
        Processes that predict; answers do not depend on it.
    engine : str
        Where they are.
    chunk : int, optional
        Rows predicted at once; answers do not depend on it.
    format : str, optional
        The suffix of a folder's outputs, such as ``parquet``; by default that of each input.

    Returns
    -------
    Predictions, FolderPredictions or table
        What was written; that of a folder is false if a file failed. Without `out` the table of kept columns and
        predictions, in the caller's library.

    Raises
    ------
    InvalidData
        Naming the row or line, column, value and expected type of the first row that does not fit.
    Conflict
        If another job is writing `out`.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.predict("churn@champion", "customers.csv", "scores.csv")  # doctest: +SKIP
    """
    from nbdeploy.offline import Answered

    options = options_of(
        methods=methods,
        keep=keep,
        rename=rename,
        threshold=threshold,
        rejects=rejects,
        max_rejects=max_rejects,
        safe_csv=safe_csv,
        resume=resume,
        workers=workers,
        engine=engine,
        chunk=chunk,
    )
    source = read_from(source, sql, from_url, to_url or from_url if to_table is not None else None)
    if source is None:
        raise WrongUsage("nothing to predict: give a table, a file, or a query with its database")
    target = written_to(out, to_table, to_url, from_url, key)
    found = predicted(ref, source, target, options, format, settings=settings, progress=progress)
    return found.table if isinstance(found, Answered) else found


def options_of(*, max_rejects: str | int | None = None, chunk: int | None = None, **options: Any) -> Options:
    """Return the options of :func:`predict` as one value."""
    from nbdeploy.offline import CHUNK, Limit, Options

    limit = None if max_rejects is None else Limit.parse(str(max_rejects))
    return Options(max_rejects=limit, chunk=CHUNK if chunk is None else chunk, **options)


def predicted(
    ref: str,
    source: Any,
    out: str | Path | TableSink | None,
    options: Options,
    kind: str | None = None,
    *,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Predictions | FolderPredictions | Answered:
    """Predict as :func:`predict`, and say of a table what was counted on the way."""
    from nbdeploy.offline import (
        goes_to_folder,
        local,
        predict_file,
        predict_folder,
        predict_into,
        predict_table,
        read_predicted,
        write_into,
        write_table,
    )
    from nbdeploy.tables.databases import Query, TableSink

    if isinstance(out, str | Path):
        out = local(out)
    in_folder = not isinstance(out, TableSink) and goes_to_folder(source, out)
    if kind is not None and not in_folder:
        raise WrongUsage(f"--format {kind} is for folders; the format of a file is the suffix of its name")
    predictor = load(ref, settings=settings)
    name = f"{predictor.manifest['name']}:{predictor.manifest['version']}"
    in_file = isinstance(source, str | Path | Query)
    if isinstance(out, TableSink):
        return (predict_into if in_file else write_into)(predictor, name, source, out, options, progress)
    if in_folder:
        return predict_folder(predictor, name, source, out, options, kind, progress)
    if out is None:
        return (read_predicted if in_file else predict_table)(predictor, source, options, progress)
    return (predict_file if in_file else write_table)(predictor, name, source, out, options, progress)


def check_predictions(
    out: str | Path, *, sql: str | None = None, from_url: str | None = None, settings: Settings | None = None
) -> Checked | CheckedFolder:
    """Prove that an output still is what its provenance says: its bytes, its input's, its snapshot, its answers.

    Parameters
    ----------
    out : str or Path
        A file that :func:`predict` wrote, or a folder of such files; of an object store if it ends with ``/``.
    sql, from_url : str, optional
        The query that it was made of, and its database, if it was one: neither is remembered whole.

    Returns
    -------
    Checked or CheckedFolder
        False if anything is not as it was.

    Raises
    ------
    NotFound
        If there is no such file, or no provenance beside it.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.check_predictions("scores.csv").ok  # doctest: +SKIP
    True
    """
    from nbdeploy.offline import check_folder, check_output, local

    given = read_from(None, sql, from_url)
    out = local(out)
    if str(out).endswith("/") or Path(out).is_dir():
        return check_folder(out, lambda ref: load(ref, settings=settings))
    return check_output(out, lambda ref: load(ref, settings=settings), given)
