"""What kind of answers the models of one name give: whoever calls a name relies on that."""

from __future__ import annotations

from collections.abc import Callable

from nbdeploy.errors import Conflict, Corrupted
from nbdeploy.manifest import Manifest
from nbdeploy.store.version import Version
from nbdeploy.types import Signature

__all__ = ["check_kind", "kind_of"]


def kind_of(signature: Signature) -> str:
    """What a model's default answer is: ``labels``, ``numbers``, or the answers of another method by its name.

    A model with ``predict_proba`` is a classifier, whatever its labels look like; whole numbers may be labels or
    counts, so they are no kind of their own.

    Examples
    --------
    >>> from nbdeploy.types import Column, MethodOutput
    >>> ages, answers = [Column("age", "int64", "int64")], {"predict": MethodOutput(["prediction"], ["string"])}
    >>> kind_of(Signature("pandas", ages, answers))
    'labels'
    """
    methods, default = signature.outputs, signature.default_method
    if default not in methods:
        return ""
    if default not in {"predict", "predict_proba"}:
        return f"what {default} answers"
    if "predict_proba" in methods:
        return "labels"
    types = {kind.rstrip("0123456789") for kind in methods[default].types}
    if types <= {"string", "categorical", "bool"}:
        return "labels"
    return "numbers" if types == {"float"} else ""


def check_kind(newest: Version, stored: Callable[[], Manifest], manifest: Manifest) -> None:
    """Refuse a model under the name of models of another kind: a regression under a classifier's name.

    Parameters
    ----------
    newest : Version
        The newest version that has the name.
    stored : callable
        Reads its documents.
    manifest : Manifest
        The documents of the model that is to get the name too.

    Raises
    ------
    Conflict
        If both kinds are known, and differ.
    """
    try:
        known = kind_of(stored().parsed.signature)
    except Corrupted:
        return  # a damaged version is no reason to refuse a sound one
    new = kind_of(manifest.parsed.signature)
    if known and new and known != new:
        raise Conflict(
            f"{newest.name} is the name of models of another kind: {newest} answers {known}, and this one {new}; "
            f"whoever calls {newest.name} relies on that, so store it under another name "
            f"(or remove the versions of {newest.name} first)",
            here=known,
            new=new,
        )
