"""How a run ended is recorded, also where the database is away just then."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from nbdeploy.batch.executing.patience import patiently

AWAY = OperationalError("", None, Exception("the server restarts"))


def test_what_the_database_did_not_take_is_tried_again() -> None:
    """Until it does, and not again after."""
    answers = [AWAY, AWAY, None]
    tried: list[int] = []

    def act() -> None:
        tried.append(len(tried))
        if (answer := answers[tried[-1]]) is not None:
            raise answer

    patiently(act, pause=0.01)
    assert tried == [0, 1, 2]


def test_a_database_that_stays_away_is_told() -> None:
    """Not for ever."""

    def act() -> None:
        raise AWAY

    with pytest.raises(OperationalError):
        patiently(act, pause=0.01, seconds=0.05)
