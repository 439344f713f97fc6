"""Taking snapshots, and proving them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import InvalidData
from nbdeploy.settings import Settings
from nbdeploy.signatures import UNKNOWN, UNSEEN
from nbdeploy.snapshots.options import ROWS, TOLERANCE, Options
from nbdeploy.types import Report, check_name, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.snapshots.described import Snapshot

__all__ = ["snapshot", "verify"]


def snapshot(
    model: Any,
    name: str,
    data: Any,
    labels: Any = None,
    *,
    test: Sequence[Any] | None = None,
    method: str | None = None,
    alias: str | None = None,
    sample: Any = ROWS,
    private: Sequence[str] = (),
    note: str = "",
    tolerance: float = TOLERANCE,
    preprocess: Any = (),
    allow_secrets: bool = False,
    compile: bool | str = True,  # noqa: A002 - what it is called everywhere
    sign: str | Path | None = None,
    defaults: Mapping[str, Any] | None = None,
    nullable: Collection[str] = (),
    unknown_columns: str = UNKNOWN[0],
    unseen_categories: str = UNSEEN[0],
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Snapshot:
    """Store a model, proven to predict the same in a clean process.

    The model is captured with everything that it uses of the notebook, loaded in a clean interpreter without
    network, and its answers are compared with those it gives here. If they differ, nothing is stored.

    Parameters
    ----------
    model : object
        A fitted estimator of scikit-learn, XGBoost, LightGBM or CatBoost, a PyTorch module, an ONNX model or its
        ``.onnx`` file, a result of statsmodels, any object with ``predict``, or a function from rows to answers.
    name : str
        The model's name in the store; each new content becomes its next version.
    data : table of shape (n, k)
        Rows as the model takes them: pandas, Polars, Arrow, NumPy (of any number of dimensions), a scipy sparse
        matrix, a list of dicts or a dict of lists.
    labels : array of shape (n,), optional
        The right answers to those rows; only checked for their number.
    test : (table, array), optional
        Rows and answers kept from training, to measure the model on.
    method : str, optional
        The method that answers by default. All methods are kept.
    alias : str, optional
        Also give the version this alias.
    sample : int, str or table
        Which rows to keep beside the model: so many of the data, ``"synthetic"`` ones drawn from its profile,
        ``"none"``, or a table of your own. It is proven with rows of the data in any case.
    private : sequence of str
        Columns whose values are masked in rows, profile, messages, logs and pages, wherever the snapshot goes.
    note : str
        A remark for the version record.
    tolerance : float
        Largest relative difference of two answers that still count as the same.
    preprocess : sequence of object, optional
        What the notebook did to the rows before it gave them to the model: fitted transformers and functions, in
        order. They become part of the snapshot; `data` is then the rows as they were before.
    compile : bool or str
        Whether to look for a compiled twin: the same answers, many times faster for single records. The name of a
        compiler (``rows``, ``treelite``, ``onnx``) tries only that one.
    allow_secrets : bool
        Store the snapshot although it carries what looks like a password, key or token.
    sign : str or Path, optional
        The private key to sign the content with: its file, or its name in ``$NBDEPLOY_HOME/keys``.
    defaults : mapping of str to value, optional
        Columns that callers may leave out, with the value that stands for them then; None is a missing value.
    nullable : collection of str
        Columns whose values may be missing, although none is in the data.
    unknown_columns : str
        What to do with columns that the model does not take: ``ignore``, ``warn`` or ``reject``.
    unseen_categories : str
        What to do with a value that is not one of its column's categories: ``reject``, or take it as ``missing``.

    Returns
    -------
    Snapshot
        The version stored, or the one that has the same content already.

    Raises
    ------
    NotCapturable
        If something that the model uses cannot be carried out of the notebook.
    RehearsalFailed
        If the model does not answer the same in a clean process.
    SecretsFound
        If it would carry what looks like a password, key or token.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.snapshot(search.best_estimator_, "churn", data=X_train, test=(X_test, y_test))  # doctest: +SKIP
    >>> nd.snapshot(model, "churn", data=df, preprocess=[add_features, scaler])  # doctest: +SKIP
    """
    from dataclasses import replace

    from nbdeploy.api.aliases import move_alias
    from nbdeploy.bundles.keys import Keys
    from nbdeploy.codecs.binding import height_of
    from nbdeploy.snapshots.described import describe_version
    from nbdeploy.snapshots.snapshot import take_snapshot

    if alias is not None:
        check_name(alias, "alias")
    if isinstance(labels, str) or (labels is not None and len(labels) != height_of(data)):
        count = repr(labels) if isinstance(labels, str) else f"{len(labels)} labels"
        raise InvalidData(f"there are {height_of(data)} rows, but {count}")
    declared = {"defaults": defaults, "nullable": nullable, "unknown": unknown_columns, "unseen": unseen_categories}
    options = Options(
        test=test,
        method=method,
        sample=sample,
        note=note,
        tolerance=tolerance,
        private=private,
        preprocess=preprocess if isinstance(preprocess, (list, tuple)) else (preprocess,),
        allow_secrets=allow_secrets,
        compile=compile,
        sign=Keys((settings or Settings.load()).keys).private(sign) if sign is not None else None,
        declared=declared,
    )
    store = open_store(settings)
    taken = take_snapshot(store, model, name, data, options, progress)
    moved = move_alias(store, taken.version, alias) if alias is not None else None
    described = describe_version(store, taken.version, "stored" if taken.created else "found", notices=taken.notices)
    return replace(described, moved=moved)


def verify(
    ref: str,
    *,
    signed_by: str | Path | None = None,
    fresh_env: bool = False,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Snapshot:
    """Rehearse a stored snapshot again, on this machine, in a clean process.

    Parameters
    ----------
    ref : str
        The snapshot.
    signed_by : str or Path, optional
        A public key, by its file or its name in ``$NBDEPLOY_HOME/keys``, that must have signed it.
    fresh_env : bool
        Build a new virtual environment from its ``requirements.txt`` and rehearse there; this needs an index.

    Raises
    ------
    Corrupted
        If a file was changed since it was stored, or the signature is over another content.
    Forbidden
        If it is not signed, or with another key.
    RehearsalFailed
        If it answers differently here: floats by more than 1e-9 relative, anything else at all; or if its
        environment cannot be built, naming the package.
    """
    from dataclasses import replace

    from nbdeploy.bundles import Trust
    from nbdeploy.bundles.keys import Keys
    from nbdeploy.snapshots.described import describe_version
    from nbdeploy.snapshots.verifying import verify as rehearse_again

    settings = settings or Settings.load()
    store = open_store(settings)
    version = resolve(store, ref, settings)
    trust = Trust.of(settings)
    if signed_by is not None:
        trust = replace(trust, keys=(Keys(settings.keys).public(signed_by),), required=True)
    proof = rehearse_again(store, version, trust, fresh_env, progress=progress).document()
    if signed_by is not None:
        proof["signed_by"] = store.manifest(version).parsed_record.signed_by
    return describe_version(store, version, "verified", proof)
