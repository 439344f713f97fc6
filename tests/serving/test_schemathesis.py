"""Our OpenAPI documents, fuzzed by schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# A model may refuse rows that fit its signature: a category that it never saw, for example.
UNPROMISED = "positive_data_acceptance"


@pytest.mark.parametrize(("name", "how"), [("plans", "coverage"), ("kinds", "fuzzing")])
def test_what_the_document_says_holds(open_place: Any, shared: Any, name: str, how: str, tmp_path: Path) -> None:
    """Statuses, headers, shapes; what does not fit is refused, nothing fails, and no token means no answer."""
    place = open_place if name == "kinds" else shared
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{place.url}/models/{name}/openapi.json"]
    options = ["--checks=all", f"--exclude-checks={UNPROMISED}", f"--phases=examples,{how}", "--no-color"]
    options += ["--max-examples=5", "--seed=1", "--continue-on-failure", "--warnings=off", "--no-shrink"]
    token = [] if place is open_place else ["-H", f"Authorization: Bearer {place.connection.token}"]
    done = subprocess.run([*program, *options, *token], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "8 selected / 8 total" in done.stdout
