"""Names that move from version to version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbdeploy.api.predictions import load_version
from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import ConditionFalse, WrongUsage
from nbdeploy.expressions import parse
from nbdeploy.settings import Settings
from nbdeploy.types import Ref, check_name

if TYPE_CHECKING:
    from nbdeploy.snapshots.comparing.promotion import Promotion
    from nbdeploy.snapshots.upkeep import AliasMove
    from nbdeploy.store import Store, Version

__all__ = ["alias", "move_alias", "remove_alias"]


def alias(
    ref: str,
    alias: str,
    *,
    if_: str | None = None,
    test: Sequence[Any] | None = None,
    or_fail: bool = False,
    settings: Settings | None = None,
) -> AliasMove | Promotion:
    """Let an alias mean a version from now on. Deployments stay as they are until the next push.

    Parameters
    ----------
    ref : str
        The version.
    alias : str
        The alias.
    if_ : str, optional
        Move it only if this is true, ``auc >= champion.auc - 0.002``: both versions are measured on the rows of `test`.
        Plain names are metrics of `ref`; ``current`` and the alias's own name stand for what the alias means now, and
        the model's other aliases can be named too. If the alias means nothing yet, it moves.
    test : (table, array), optional
        Rows that no version was trained with, and the right answers; or their files.
    or_fail : bool
        Whether a condition that is false is an error.

    Returns
    -------
    AliasMove or Promotion
        True where the alias means the version now.

    Raises
    ------
    ConditionFalse
        If the condition is false, and `or_fail` is set.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.alias("churn@candidate", "champion", if_="auc >= champion.auc", test=(X, y))  # doctest: +SKIP
    """
    check_name(alias, "alias")
    if (if_ is None) != (test is None):
        raise WrongUsage("a condition and rows to measure on belong together: --if EXPR --test X y")
    if or_fail and if_ is None:
        raise WrongUsage("--or-fail says what a false condition is, so it needs one: --if EXPR --test X y")
    if if_ is not None:
        parse(if_)  # what is no condition is refused also where nothing is to move
    store = open_store(settings)
    version = resolve(store, ref, settings)
    before = store.aliases(version.name).get(alias)
    if if_ is not None and test is not None and before != version.number:
        from nbdeploy.snapshots.comparing.promotion import promote

        made = promote(store, version, alias, if_, test, lambda one: load_version(store, one, settings))
        if or_fail and not made:
            raise ConditionFalse(made.line, result=made)
        return made
    return move_alias(store, version, alias)


def move_alias(store: Store, version: Version, alias: str) -> AliasMove:
    """Let an alias mean a version, unless it does already."""
    from nbdeploy.snapshots.upkeep import AliasMove

    before = store.aliases(version.name).get(alias)
    if before != version.number:
        store.set_alias(version.name, alias, version.number)
    return AliasMove(version.name, alias, before, version.number)


def remove_alias(ref: str, *, settings: Settings | None = None) -> AliasMove:
    """Let an alias (``churn@champion``) mean nothing from now on."""
    from nbdeploy.snapshots.upkeep import AliasMove

    parsed = Ref.parse(ref)
    if parsed.alias is None or parsed.target is not None:
        raise WrongUsage(f"{ref!r} names no alias of the store; write NAME@ALIAS, for example {parsed.name}@champion")
    store = open_store(settings)
    before = store.resolve(parsed).number
    store.remove_alias(parsed.name, parsed.alias)
    return AliasMove(parsed.name, parsed.alias, before, None)
