"""Saving what a run would otherwise have to make again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbdeploy.batch.checkpoints import Checkpoint

__all__ = ["checkpoint"]


def checkpoint(**variables: Any) -> Checkpoint:
    """Save variables, so that a run that fails in a later cell can go on after the one that is executed now.

    Parameters
    ----------
    **variables
        The values by the names that they have in the notebook.

    Returns
    -------
    Checkpoint
        What was saved; nothing is, outside of a run.

    Raises
    ------
    InvalidData
        If a value cannot be saved, such as an open connection.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> rows = list(range(3))
    >>> nd.checkpoint(rows=rows).run  # in a run its id
    ''
    """
    from nbdeploy.batch.checkpoints import save

    return save(variables)
