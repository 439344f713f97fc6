"""One journey in a real kernel, as a notebook's frontend sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from jupyter_client.manager import KernelManager


class Kernel:
    """A kernel and what it said."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str, person: bool = False) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
        """The reply to a cell, and the messages it sent meanwhile. A frontend with a person can be asked for input."""
        messages: list[tuple[str, dict[str, Any]]] = []
        reply = self._client.execute_interactive(
            code,
            timeout=60,
            allow_stdin=person,
            output_hook=lambda message: messages.append((message["msg_type"], message["content"])),
        )
        return reply["content"], messages

    def run_cell(self, code: str, cell: str) -> dict[str, Any]:
        """The reply to a cell with an id, as Jupyter's front ends send it."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        content["stop_on_error"] = False  # a kernel aborts what comes within a moment after an error otherwise
        session = self._client.session
        message = session.msg("execute_request", content, metadata={"cellId": cell})
        self._client.shell_channel.send(message)
        return self._reply(message["header"]["msg_id"])

    def complete(self, code: str) -> dict[str, Any]:
        """The kernel's answer to a completion request."""
        return self._reply(self._client.complete(code, len(code)))

    def _reply(self, asked: str) -> dict[str, Any]:
        while True:
            try:
                reply = self._client.get_shell_msg(timeout=60)
            except Empty:  # pragma: no cover
                pytest.fail("the kernel did not answer")
            if reply["parent_header"].get("msg_id") == asked:
                return reply["content"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with a home of its own, and the extension loaded."""
    folder = tmp_path_factory.mktemp("kernel")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(
        cwd=str(folder),
        env={**os.environ, "NBDEPLOY_HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")},
    )
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        started = Kernel(client)
        reply, _ = started.run("%load_ext nbdeploy")
        assert reply["status"] == "ok"
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()


def test_an_answer_is_a_line_and_a_card(kernel: Kernel) -> None:
    """The line goes to the output stream; the displayed object has HTML and text."""
    reply, messages = kernel.run("%deploy config")
    assert reply["status"] == "ok"
    said = "".join(content["text"] for kind, content in messages if kind == "stream")
    shown = [content["data"] for kind, content in messages if kind == "execute_result"]
    assert said.count("\n") == 1
    assert "nbdeploy-card" in shown[0]["text/html"]
    assert "NBDEPLOY_HOME" in shown[0]["text/plain"]


def test_an_assignment_receives_the_answer(kernel: Kernel) -> None:
    """The card is not displayed then."""
    _, messages = kernel.run("x = %deploy config;")
    assert not [kind for kind, _ in messages if kind in {"stream", "execute_result"}]
    reply, _ = kernel.run("assert x.ok and x.document()")
    assert reply["status"] == "ok"


def test_a_mistake_is_one_line(kernel: Kernel) -> None:
    """No traceback reaches the frontend, and the cell counts as failed."""
    reply, messages = kernel.run("%deploy show nothing", person=True)
    assert (reply["status"], reply["ename"]) == ("error", "UsageError")
    assert "nothing" in reply["evalue"]
    assert "error" not in [kind for kind, _ in messages]
    (said,) = [content["text"] for kind, content in messages if kind == "stream"]
    assert said.startswith("UsageError: no snapshot 'nothing'")
    assert said.count("\n") == 1


def test_a_mistake_in_an_unwatched_run_is_recorded(kernel: Kernel) -> None:
    """A notebook that papermill ran says in its output which line failed and why, without a traceback."""
    reply, messages = kernel.run("%deploy show nothing")
    assert (reply["status"], reply["ename"]) == ("error", "UsageError")
    (error,) = [content for kind, content in messages if kind == "error"]
    assert error["traceback"] == [f"UsageError: {error['evalue']}"]
    assert "no snapshot 'nothing'" in error["evalue"]


WORKING = """
from nbdeploy.types import Progress
from nbdeploy.widgets import progress_for
from nbdeploy.widgets import progress as views
views.DELAY = views.LINE_INTERVAL = 0
with progress_for(get_ipython()) as report:
    report(Progress(1, 2, "cells", "running"))
"""


def test_progress_is_a_widget_that_goes_away(kernel: Kernel) -> None:
    """Who watches sees a bar; the saved notebook keeps no trace of it."""
    reply, messages = kernel.run(WORKING, person=True)
    assert reply["status"] == "ok"
    shown = [content["data"] for kind, content in messages if kind == "display_data"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
    assert [content["data"] for kind, content in messages if kind == "update_display_data"] == [{"text/plain": ""}]
    assert [kind for kind, _ in messages].count("comm_close") >= 3


def test_progress_of_an_unwatched_run_is_text(kernel: Kernel) -> None:
    """papermill and nbconvert cannot be asked for input: they get lines."""
    _, messages = kernel.run(WORKING)
    assert [(kind, content["text"]) for kind, content in messages if kind in {"stream", "display_data"}] == [
        ("stream", "running · 1 of 2 cells\n")
    ]


TRAINING = """
import pandas as pd
from sklearn.linear_model import LogisticRegression
customers = pd.DataFrame({"id": range(60), "age": [float(n % 7) for n in range(60)]})
features = ["age"]
churn = LogisticRegression().fit(customers[features], customers["age"] > 3)
"""


def test_a_model_leaves_the_notebook(kernel: Kernel) -> None:
    """Snapshot by the variable's name, an alias for the object, and predictions as a table with the ids kept."""
    cells = [
        TRAINING,
        "snap = %deploy snapshot churn -X customers[features] --sample customers.head(3) --note 'a note' --no-compile;",
        "assert snap.document()['privacy']['rows'] == 3, snap.document()",
        "assert not snap.document()['twin'], snap.document()",
        "%deploy alias $snap champion",
        "scores = %deploy predict churn@champion customers",
        "assert list(scores) == ['id', 'prediction'] and len(scores) == 60",
    ]
    for cell in cells:
        reply, messages = kernel.run(cell)
        assert reply["status"] == "ok", messages
    completed = kernel.complete("x = %deploy show churn@")
    assert completed["matches"] == ["churn@champion"]


def test_cells_are_known_by_their_ids(kernel: Kernel) -> None:
    """The kernel remembers which cell ran when, how it ended, and at which line it is now."""
    assert kernel.run_cell("base = 3", "first")["status"] == "ok"
    assert kernel.run_cell("base = 4\nbase / 0", "second")["status"] == "error"
    look = "from nbdeploy.snapshots.history import history\nheard = history().executions[-3:]"
    assert kernel.run_cell(look, "third")["status"] == "ok"
    seen = [("first", None, False), ("second", 2, True), ("third", 2, False)]
    reply, _ = kernel.run(
        f"assert [(e.cell, e.upto, e.failed) for e in heard] == {seen}, heard\n"
        "assert heard[2].count == heard[0].count + 2"
    )
    assert reply["status"] == "ok", reply


@pytest.mark.parametrize("before", ["%deploy ", "x = %deploy ", "    %deploy "])
def test_a_frontend_gets_completions(kernel: Kernel, before: str) -> None:
    """Completion requests are answered with our candidates alone, in the right place."""
    reply = kernel.complete(before + "par")
    assert reply["matches"] == ["parameters"]
    assert before[reply["cursor_start"] :] == ""
