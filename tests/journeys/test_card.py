"""A snapshot's card in a real notebook: readable in the theme, and without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab.server import JupyterProcess

pytestmark = pytest.mark.browser

PATIENCE = 60_000
CELL = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

X = pd.DataFrame({"<img src=x onerror=document.title='hacked'>": np.arange(100.0), "b": np.tile([0.0, 1.0], 50)})
y = (X["b"] > 0).astype(int)
%load_ext nbdeploy
%deploy snapshot LogisticRegression().fit(X,y) churn -X X --test X y --note "<script>document.title='hacked'</script>"
"""
CONTRAST = """
(element) => {
    const numbers = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = (color) => numbers(color).reduce((sum, part) => sum + part, 0) / 3;
    let behind = element;
    while (behind && ["rgba(0, 0, 0, 0)", "transparent"].includes(getComputedStyle(behind).backgroundColor)) {
        behind = behind.parentElement;
    }
    return Math.abs(light(getComputedStyle(element).color) - light(getComputedStyle(behind).backgroundColor));
}
"""


@pytest.fixture(scope="module", params=["JupyterLab Light", "JupyterLab Dark"])
def themed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """JupyterLab in both of its themes."""
    with JupyterProcess("jupyterlab", tmp_path_factory.mktemp("themed"), request.param) as server:
        yield server


@pytest.fixture
def card(page: Page, themed: JupyterProcess) -> Locator:
    """The card below the cell that made the snapshot."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CELL.strip())]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), Path(themed.root) / "card.ipynb"
    )
    page.goto(f"{themed.url}lab/tree/card.ipynb?token={themed.token}&reset")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=PATIENCE)
    page.get_by_role("tab", name="Deploy").click()
    deploy = page.get_by_role("region", name="Deploy", exact=True)
    expect(deploy).to_contain_text("No fitted model in card.ipynb yet", timeout=PATIENCE)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    found = page.locator(".nbdeploy-card")
    expect(found).to_be_visible(timeout=PATIENCE)
    return found


def test_the_card_is_readable_opens_and_runs_nothing(page: Page, card: Locator) -> None:
    """Text stands out from what is behind it, sections open by a click, and the user's text is shown as text."""
    expect(card).to_contain_text("proven equal")
    expect(card.get_by_role("img", name="frequencies of b")).to_be_visible()
    for part in (card, card.get_by_text("Metrics"), card.get_by_role("cell", name="accuracy", exact=True)):
        assert part.first.evaluate(CONTRAST) > 100
    expect(card.get_by_text("network", exact=False).first).not_to_be_visible()
    card.get_by_text("Certificate").click()
    expect(card.get_by_text("Loaded in a clean process")).to_be_visible()
    expect(card).to_contain_text("<script>document.title='hacked'</script>")
    expect(card).to_contain_text("<img src=x onerror=document.title='hacked'>")
    assert "hacked" not in page.title()
