"""Why answers differ, in words that more than one place says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nbdeploy.snapshots.pages.wording import first_few

__all__ = ["changes_from_run_to_run", "depends_on_other_rows"]

_SHOWN = 3
_TOO_MUCH = 0.1
"""Relative difference from which on no tolerance is worth declaring: it would allow any answer."""


def changes_from_run_to_run(difference: float, changing: Sequence[str] = ()) -> str:
    """Say what to do about answers that change from run to run.

    Parameters
    ----------
    difference : float
        The largest relative difference.
    changing : sequence of str
        What asking the model changes, where that is known.

    Examples
    --------
    >>> changes_from_run_to_run(3e-3)
    'answers change from run to run (largest difference 0.003); if that is meant, declare it: --tolerance 0.01'
    """
    if not difference < _TOO_MUCH:
        by = f"by as much as {difference:.2g} of their size" if math.isfinite(difference) else "and not only in numbers"
        return f"answers change from run to run, {by}: {_cause(changing)}"
    allowed = 10.0 ** math.ceil(math.log10(difference * 2))
    named = f"; {_cause(changing)}" if changing else ""
    return (
        f"answers change from run to run (largest difference {difference:.2g}){named}; "
        f"if that is meant, declare it: --tolerance {allowed:g}"
    )


def _cause(changing: Sequence[str]) -> str:
    fix = "fix what is random in the model (random_state, a seed)"
    if not changing:
        return fix
    return f"asking it changes {first_few(changing, _SHOWN)}; {fix}, and let no answer use what another changed"


def depends_on_other_rows(step: str) -> str:
    """Say that a row's answer depends on the other rows, which step it is, and what to do."""
    culprit = f"{step} lets a row's answer depend" if step else "the model's answer for a row depends"
    return (
        f"{culprit} on the other rows it is asked with (for example by centring on the batch); "
        "fit it in training instead"
    )
