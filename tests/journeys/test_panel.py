"""The panel's journey: train, snapshot, push, ask the endpoint, run — in a browser, without a command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from nbdeploy import api
from nbdeploy.connections import Connections
from nbdeploy.settings import Settings
from tests.lab.server import JupyterProcess

pytestmark = pytest.mark.browser

PARAMETERS = "depth = 3  # levels of the tree\nbalanced: bool = False"
TRAIN = """
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

X, y = load_iris(return_X_y=True, as_frame=True)
weight = "balanced" if balanced else None
model = DecisionTreeClassifier(max_depth=depth, class_weight=weight, random_state=0).fit(X, y)
assert model.get_depth() <= depth
"""
WAIT = """
if depth > 3:
    import time
    print("a deep tree takes its time", flush=True)
    time.sleep(600)
"""
SECONDS = 1000  # Playwright counts in milliseconds
PATIENCE = 60 * SECONDS


@pytest.fixture
def notebook(lab: JupyterProcess) -> Iterator[str]:
    """A notebook that trains a model, with a parameters cell; its kernel ends with the test."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(TRAIN.strip()),
        nbformat.v4.new_code_cell(WAIT.strip()),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), lab.root / "iris.ipynb")
    yield "iris.ipynb"
    for kernel in lab.request("GET", "api/kernels").json():
        lab.request("DELETE", f"api/kernels/{kernel['id']}")


@pytest.fixture
def settings(lab: JupyterProcess) -> Iterator[Settings]:
    """The settings in force in that JupyterLab; an endpoint started there is stopped."""
    found = Settings.load(lab.root, {"NBDEPLOY_HOME": str(lab.home)})
    yield found
    api.stop_serving(settings=found)


@pytest.fixture
def panel(page: Page, lab: JupyterProcess, notebook: str) -> Locator:
    """The Deploy panel beside the open notebook."""
    page.goto(f"{lab.url}lab/tree/{notebook}?token={lab.token}&reset")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("tab", name="Deploy").click()
    found = page.get_by_role("region", name="Deploy", exact=True)
    # Only now is there a kernel: cells that are executed before it are forgotten.
    expect(found).to_contain_text(f"No fitted model in {notebook} yet", timeout=PATIENCE)
    return found


def run_all_cells(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def ask_endpoint(settings: Settings) -> requests.Response:
    """Three flowers, as any HTTP client would ask."""
    local = Connections(settings.home).get("local")
    columns = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    flowers = [(5.1, 3.5, 1.4, 0.2), (6.4, 3.2, 4.5, 1.5), (6.3, 3.3, 6.0, 2.5)]
    return requests.post(
        f"{local.url}/models/iris/predict",
        json=[dict(zip(columns, flower, strict=True)) for flower in flowers],
        headers={"Authorization": f"Bearer {local.bearer()}"},
        timeout=30,
    )


def test_a_model_goes_from_the_notebook_to_an_endpoint(
    page: Page, panel: Locator, lab: JupyterProcess, settings: Settings
) -> None:
    """Train, snapshot, push, call and run, with nothing typed but a name and a number."""
    run_all_cells(page)
    panel.get_by_role("button", name="Snapshot model").click(timeout=PATIENCE)
    form = panel.get_by_role("form", name="Snapshot model")
    expect(form.get_by_label("Name")).to_have_value("iris")
    expect(form.get_by_label("Rows (X)")).to_have_value("X")
    expect(form.get_by_label("Answers (y)")).to_have_value("y")
    form.get_by_role("button", name="Snapshot").click()
    expect(panel.get_by_role("status")).to_contain_text("iris:1 is stored", timeout=PATIENCE)
    expect(panel.get_by_role("list", name="Snapshots")).to_contain_text("iris:1")

    panel.get_by_role("button", name="Push iris").click()
    panel.get_by_role("form", name="Push iris").get_by_role("button", name="Push").click()
    pushed = panel.get_by_text("iris:1 answers at local/iris.")
    expect(pushed).to_be_visible(timeout=PATIENCE)
    expect(panel.get_by_role("list", name="Deployments on local")).to_contain_text("iris:1")
    answer = ask_endpoint(settings)
    assert [row["prediction"] for row in answer.json()] == [0, 1, 2]

    panel.get_by_role("button", name="Run iris.ipynb").click()
    form = panel.get_by_role("form", name="Run iris.ipynb")
    form.get_by_role("spinbutton", name="depth").fill("1")
    form.get_by_role("checkbox", name="balanced").check()
    form.get_by_label("Save as").fill("shallow.ipynb")
    form.get_by_role("button", name="Run").click()
    expect(panel.get_by_role("list", name="Runs")).to_contain_text("succeeded", timeout=PATIENCE)
    assert "depth = 1" in (lab.root / "shallow.ipynb").read_text()
    told = page.get_by_role("alert").filter(has_text="iris.ipynb succeeded")
    told.get_by_role("button", name="Open").click()
    expect(page.get_by_role("tab", name="shallow.ipynb")).to_be_visible(timeout=PATIENCE)


def test_a_refusal_is_shown_where_it_was_asked_for(page: Page, panel: Locator) -> None:
    """A wrong name is told in the form, which stays as it was filled in."""
    run_all_cells(page)
    panel.get_by_role("button", name="Snapshot model").click(timeout=PATIENCE)
    form = panel.get_by_role("form", name="Snapshot model")
    form.get_by_label("Name").fill("../iris")
    form.get_by_role("button", name="Snapshot").click()
    expect(form.get_by_role("alert")).to_contain_text("'../iris' is not allowed", timeout=PATIENCE)
    expect(form.get_by_label("Name")).to_have_value("../iris")


def test_a_run_is_watched_and_stopped_and_the_next_ones_are_scheduled(
    page: Page, panel: Locator, settings: Settings
) -> None:
    """Progress, log and stop of a run that takes long; then a schedule, whose next times are seen before and after."""
    panel.get_by_role("button", name="Run iris.ipynb").click()
    form = panel.get_by_role("form", name="Run iris.ipynb")
    form.get_by_role("spinbutton", name="depth").fill("4")
    form.get_by_role("button", name="Run", exact=True).click()
    run = panel.get_by_role("list", name="Runs").get_by_role("listitem").first
    expect(run).to_contain_text("cell 4 of 4", timeout=PATIENCE)
    expect(run.get_by_role("progressbar")).to_have_attribute("value", "3")
    run.get_by_role("button", name="Log of iris.ipynb").click()
    expect(run.get_by_role("log")).to_contain_text("a deep tree takes its time", timeout=PATIENCE)
    run.get_by_role("button", name="Stop iris.ipynb").click()
    stop = run.get_by_role("form", name="Stop iris.ipynb")
    stop.get_by_label("Ends as").select_option("failed")
    stop.get_by_role("button", name="Stop").click()
    expect(stop).to_be_hidden(timeout=PATIENCE)  # it names the ways to end, "failed" among them
    expect(run).to_contain_text("failed", timeout=PATIENCE)
    assert api.runs(settings=settings)[0].status == "failed"

    panel.get_by_role("button", name="Run iris.ipynb").click()
    form.get_by_role("radio", name="On a schedule").check()
    form.get_by_label("Cron").fill("61 6 * * MON")
    expect(form.get_by_text("'61' for the minute")).to_be_visible(timeout=PATIENCE)
    form.get_by_label("Cron").fill("0 6 * * MON")
    form.get_by_label("Time zone").fill("Europe/Madrid")
    times = form.get_by_role("status", name="Next times")
    expect(times.get_by_role("listitem")).to_have_count(3, timeout=PATIENCE)
    expect(times.get_by_role("listitem").first).to_contain_text(re.compile("Mon.*06:00"))
    form.get_by_role("textbox", name="depth").fill("2")
    form.get_by_role("button", name="Schedule", exact=True).click()
    listed = panel.get_by_role("list", name="Schedules")
    expect(listed).to_contain_text("iris.ipynb depth=2", timeout=PATIENCE)
    expect(listed).to_contain_text(re.compile("next Mon.*06:00"))
    [schedule] = api.schedule_list(settings=settings).items
    assert (schedule.schedule.name, schedule.schedule.timezone) == ("iris", "Europe/Madrid")
    listed.get_by_role("button", name="Remove iris").click()
    listed.get_by_role("button", name="Remove", exact=True).click()
    expect(panel).to_contain_text("No schedules yet", timeout=PATIENCE)
