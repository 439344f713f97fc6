from __future__ import annotations

from typing import Any

import pytest

from nbdeploy.snapshots.pages.origin import origin

LINEAGE = {
    "notebook": "churn.ipynb",
    "notebook_sha256": "ab" * 32,
    "cells": [{"count": 2, "line": "fit()"}, {"count": 5}],
    "unknown_names": ["limit"],
    "unsaved": False,
    "stale": False,
    "data": {"rows": 400, "sha256": "cd" * 32},
    "git_commit": "ef" * 20,
    "git_dirty": True,
    "git_changed_files": 3,
    "git_notebook": "changed",
}


def test_where_a_snapshot_comes_from_is_told_in_words() -> None:
    """No name of a field is shown, and every fact of a lineage is."""
    told = origin({"created": "2026-01-02T03:04:05+00:00", "author": "ann", "lineage": LINEAGE})
    assert told == [
        ("created", "2026-01-02 03:04 UTC"),
        ("author", "ann"),
        ("notebook", "churn.ipynb (sha256 abababababab…)"),
        ("made by cells", "In [2], In [5]"),
        ("made elsewhere", "limit"),
        ("saved as they ran", "yes"),
        ("Restart and Run All", "would give this model"),
        ("data", "400 rows, sha256 cdcdcdcdcdcd…"),
        ("commit", "efefefefefef (3 files changed, the notebook is changed)"),
    ]


@pytest.mark.parametrize("forged", [{"cells": {"a": 1}}, {"cells": ["x"]}, {"data": "all"}, {"git_commit": 3}])
def test_a_forged_lineage_is_told_as_text(forged: dict[str, Any]) -> None:
    """Records come from anywhere."""
    assert all(isinstance(text, str) for _, text in origin({"created": 3, "lineage": forged}))
