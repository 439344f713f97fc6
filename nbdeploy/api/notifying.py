"""Whom to tell how runs end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdeploy.settings import Settings

if TYPE_CHECKING:
    from nbdeploy.batch.notifying import Told

__all__ = ["notify_test"]


def notify_test(where: str, *, settings: Settings | None = None) -> Told:
    """Tell a place of a run that never was.

    Parameters
    ----------
    where : str
        A name that ``nbdeploy.toml`` has a table ``[notify.NAME]`` for, the URL of a webhook, or an e-mail address.

    Raises
    ------
    Unreachable
        If it could not be told, and why.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.notify_test("team@example.org")  # doctest: +SKIP
    """
    from nbdeploy.batch import notifying

    return notifying.try_out(notifying.place(where, settings or Settings.load()))
