"""Running a notebook for every combination of some values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.batch import Options
    from nbdeploy.batch.sweeps import Sweep

__all__ = ["sweep"]


def sweep(
    notebook: str | Path | None = None,
    grid: Mapping[str, Iterable[Any]] | Iterable[str] = (),
    parameters: Mapping[str, Any] | None = None,
    *,
    jobs: int | None = None,
    pick: str | None = None,
    resume: str | None = None,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
    **options: Unpack[Options],
) -> Sweep:
    """Run a notebook for every combination of some values, and compare the metrics that the runs publish.

    Every combination is checked before the first one runs, and is an ordinary run. An interrupt stops those that have
    not ended.

    Parameters
    ----------
    notebook : str or Path, optional
        The notebook; it is not given with `resume`.
    grid : mapping of str to values, or iterable of str
        The values to try for each parameter, or words as ``"depth=2,3"``, read by the notebook's types.
    parameters : mapping, optional
        Values that all runs get.
    jobs : int, optional
        How many may run at once; by default as many as the machine takes.
    pick : str, optional
        Which is the best: ``max:METRIC`` or ``min:METRIC``. By default the first metric decides, and more is better
        unless it is named like a cost.
    resume : str, optional
        The id of a sweep to go on with: what succeeded is not repeated.
    **options
        How to run each: see :func:`run`.

    Returns
    -------
    Sweep
        Best first: ``best`` is the best run, ``table`` a pandas frame of all.

    Raises
    ------
    WrongUsage, InvalidData, NotFound
        If a combination cannot be run; nothing was run then.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> found = nd.sweep("train.ipynb", {"depth": [2, 3, 4]}, pick="max:auc")  # doctest: +SKIP
    >>> found.best.outputs["model"], found.table  # doctest: +SKIP
    """
    from nbdeploy.batch import Order, sweeps

    settings = settings or Settings.load()
    best = None if pick is None else sweeps.Pick.parse(pick)
    if resume is not None:
        if notebook is not None or grid or parameters:
            raise WrongUsage("a sweep that goes on has its notebook, grid and parameters: give --resume alone")
        return sweeps.resume(resume, settings=settings, jobs=jobs, pick=best, progress=progress)
    if notebook is None:
        raise WrongUsage("nothing to run: give a notebook, or --resume ID")
    wanted = sweeps.Grid.of(grid) if isinstance(grid, Mapping) else sweeps.Grid.written(grid)
    order = Order.of(notebook, parameters, **options)
    return sweeps.sweep(order, wanted, settings=settings, jobs=jobs, pick=best, progress=progress)
