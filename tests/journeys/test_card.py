"""The cards of a snapshot and of its predictions in a real notebook: readable in the theme, and without script."""

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
PREDICT = """
rows = X.assign(id=range(100)).astype(object)
rows.loc[3, "b"] = "<b>heavy</b>"
rows.to_csv("in.csv", index=False)
%deploy predict churn in.csv --out out.csv --rejects bad.csv
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
def cards(page: Page, themed: JupyterProcess) -> Locator:
    """The cards below the cell that made the snapshot, and below the one that predicted."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in (CELL, PREDICT)]
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
    expect(found).to_have_count(2, timeout=PATIENCE)
    return found


def test_cards_are_readable_open_and_run_nothing(page: Page, cards: Locator) -> None:
    """Text stands out from what is behind it, sections open by a click, and the user's text is shown as text."""
    predictions, card = cards.nth(1), cards.nth(0)
    expect(card).to_contain_text("proven equal")
    expect(card.get_by_role("img", name="frequencies of b")).to_be_visible()
    for part in (card, card.get_by_text("Metrics"), card.get_by_role("cell", name="accuracy", exact=True)):
        assert part.first.evaluate(CONTRAST) > 100
    expect(card.get_by_text("network", exact=False).first).not_to_be_visible()
    card.get_by_text("Certificate").click()
    expect(card.get_by_text("Loaded in a clean process")).to_be_visible()
    expect(card).to_contain_text("<script>document.title='hacked'</script>")
    expect(card).to_contain_text("<img src=x onerror=document.title='hacked'>")
    predictions.scroll_into_view_if_needed()
    expect(predictions).to_contain_text("99 rows predicted by churn:1")
    expect(predictions).to_contain_text("1 row rejected (b: '<b>heavy</b>' is not a float64), see bad.csv")
    expect(predictions.get_by_role("img").first).to_be_visible()
    for part in (predictions, *predictions.get_by_role("cell").all(), *predictions.locator("svg text").all()):
        assert part.first.evaluate(CONTRAST) > 100
    assert "hacked" not in page.title()
