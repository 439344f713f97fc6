"""What a job came to, as the report that its caller gets."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from nbdeploy.errors import Corrupted
from nbdeploy.offline.options import Options
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.tally import Tally
from nbdeploy.predictor import Predictor
from nbdeploy.profiles import ModelProfile, Profile

__all__ = ["result_of"]


def result_of(
    predictor: Predictor,
    snapshot: str,
    source: str,
    out: str,
    tally: Tally,
    options: Options,
    started: float,
    *,
    columns: Sequence[str] | None = None,
    notices: Sequence[str] = (),
) -> Predictions:
    """Return the report of a job that is done.

    Parameters
    ----------
    predictor, snapshot, options
        See :func:`nbdeploy.offline.predict_file`.
    source, out : str
        What input and output are called.
    tally : Tally
        What was counted.
    started : float
        The monotonic time at which the job began, in seconds.
    columns : sequence of str, optional
        The output's columns, if the tally does not know them.
    notices : sequence of str
        What the user should know besides.
    """
    return Predictions(
        snapshot,
        predictor.digest,
        source,
        out,
        tally.rows,
        tally.rejected,
        round(time.monotonic() - started, 3),
        tally.columns if columns is None else tuple(columns),
        None if options.rejects is None else str(options.rejects),
        _reasons_of(tally),
        head=tally.head,
        profile=tally.profile,
        trained=_trained_on(predictor),
        notices=notices,
    )


def _reasons_of(tally: Tally) -> Sequence[tuple[str, str, int]]:
    """Column, an example of what is wrong, and in how many rows; the most frequent first."""
    return [(column, tally.examples[column, group], count) for (column, group), count in tally.reasons.most_common()]


def _trained_on(predictor: Predictor) -> Profile | None:
    """What predictions were like when the snapshot was made, if its bundle says so."""
    try:
        document = msgspec.json.decode((predictor.bundle.path / "profile.json").read_bytes())
        return ModelProfile.from_document(document).predictions
    except (OSError, msgspec.MsgspecError, Corrupted):
        return None
