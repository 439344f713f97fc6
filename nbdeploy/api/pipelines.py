"""Running notebooks that pass their outputs on to others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.batch import Options
    from nbdeploy.batch.pipelines import PipelineRun

__all__ = ["pipeline"]


def pipeline(
    path: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    resume: str | None = None,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
    **options: Unpack[Options],
) -> PipelineRun:
    """Run the steps of a pipeline file, each as soon as what it needs has succeeded.

    Everything that can be checked is, before the first step runs. What fails keeps those steps from running that need
    it, and no others. An interrupt stops what goes on.

    Parameters
    ----------
    path : str or Path
        A YAML file: ``steps`` by name, each with a ``notebook``, and perhaps ``parameters``, ``needs``, the ``outputs``
        and ``metrics`` that it publishes for others, and options of a run such as ``timeout``. Values may be
        ``${steps.NAME.outputs.NAME}``, ``${steps.NAME.metrics.NAME}`` and ``${parameters.NAME}``.
    parameters : mapping, optional
        Values for the file's own ``parameters``.
    resume : str, optional
        The id of a pipeline to go on with: steps that succeeded are not repeated, unless they or what they need have
        changed in the file.
    **options
        Of :func:`run`, ``raw`` and ``timeout``: all others are said in the file, of each step.

    Returns
    -------
    PipelineRun
        What became of each step; ``found["train"]`` is the run of a step.

    Raises
    ------
    NotFound, InvalidData, WrongUsage
        If the file cannot work; the message names the line, and nothing was run.
    RunFailed
        If a step did not succeed; its ``run`` is the `PipelineRun`.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.pipeline("monthly.yaml", {"month": "2026-09"})["train"].metrics  # doctest: +SKIP
    """
    from nbdeploy.batch import Order, pipelines

    order = Order.of(path, parameters, **options)
    return pipelines.run(order, settings=settings or Settings.load(), resume=resume, progress=progress)
