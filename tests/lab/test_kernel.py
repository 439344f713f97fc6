"""What the panel calls in a kernel, in a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

TRAIN = """
import pandas as pd
from sklearn.linear_model import LinearRegression
X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
y = pd.Series([0.0, 2.0, 4.0, 6.0])
doubling = LinearRegression().fit(X, y)
"""
MODULE = "__import__('nbdeploy.lab.kernel', fromlist=['_'])"


@pytest.fixture
def kernel(home: Path) -> Iterator[BlockingKernelClient]:
    """A kernel as a notebook has it."""
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel()
    manager.cleanup_resources()


def evaluate(kernel: BlockingKernelClient, expression: str) -> Any:
    """Ask as the panel does."""
    reply = kernel.execute("", silent=True, user_expressions={"out": expression}, reply=True, timeout=60)
    out = reply["content"]["user_expressions"]["out"]
    assert out["status"] == "ok", out
    return out["data"].get("application/json", out["data"]["text/plain"])


def execute(kernel: BlockingKernelClient, code: str) -> None:
    reply = kernel.execute(code, reply=True, timeout=60)
    assert reply["content"]["status"] == "ok", reply["content"]


def test_looking_into_an_idle_kernel_loads_no_library(kernel: BlockingKernelClient) -> None:
    """Opening the panel costs the kernel nothing."""
    assert evaluate(kernel, f"{MODULE}.look()") == {"models": [], "data": []}
    heavy = "{'pandas', 'numpy', 'sklearn', 'polars', 'sqlalchemy', 'papermill'}"
    assert evaluate(kernel, f"sorted({heavy} & set(__import__('sys').modules))") == "[]"


def test_a_trained_model_is_found_with_its_rows(kernel: BlockingKernelClient) -> None:
    """The document is what the form is made from."""
    execute(kernel, TRAIN)
    found = evaluate(kernel, f"{MODULE}.look()")
    assert found["models"] == [
        {"name": "doubling", "type": "LinearRegression", "suggestion": "doubling", "data": "X", "labels": "y"}
    ]
    assert [rows["name"] for rows in found["data"]] == ["y", "X"]


def test_a_snapshot_leaves_history_and_variables_alone(kernel: BlockingKernelClient, home: Path) -> None:
    """What the panel does is no cell of the notebook."""
    execute(kernel, TRAIN)
    state = "__import__('json').dumps([sorted(globals()), In, str(Out)])"
    before = evaluate(kernel, state)
    made = evaluate(kernel, f"{MODULE}.snapshot('doubling', 'twice', 'X', 'y')")
    assert (made["name"], made["version"]) == ("twice", 1)
    assert evaluate(kernel, state) == before
    assert "LinearRegression().fit" in before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("'gone', 'twice', 'X'", "no variable 'gone'"),
        ("'doubling', '../twice', 'X'", "'../twice' is not allowed"),
        ("'doubling', 'twice', ''", "choose a variable for X"),
    ],
)
def test_a_refusal_is_a_line_not_a_traceback(kernel: BlockingKernelClient, words: str, said: str) -> None:
    """The panel shows the sentence that a command would."""
    execute(kernel, TRAIN)
    assert said in evaluate(kernel, f"{MODULE}.snapshot({words})")["error"]
