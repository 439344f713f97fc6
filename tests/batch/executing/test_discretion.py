"""A run with values of many types and with secrets: what its kernel gets, and what nobody else sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import batch
from nbdeploy.errors import InvalidData, RunFailed, WrongUsage
from nbdeploy.settings import Settings

TOKEN = "hunter2-and-'quotes'\\"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq&<\n-----END KEY-----"
INJECTED = "\"); import os; os.abort()  # {{ ds }} '''\n%reset -f\n!exit"
DEFINED = "from enum import Enum\nclass Color(Enum):\n    RED = 'red'\n    GREEN = 'green'"
DECLARED = """%%deploy parameters
from datetime import date, datetime, timedelta
from pathlib import Path
day: date = date(2026, 1, 1)  # which day
moment = datetime(2026, 1, 1)
wait: timedelta = timedelta(0)
data: Path = Path()
pair: tuple[int, str] = (0, "")
days: set[date] = set()
color: Color = Color.RED
colors: list[Color] = []
zip: str = "0"
text = ""
token = "unset"
key: str = "unset\""""
CELLS = (
    "values = [day, moment, wait, data, pair, days, color is Color.GREEN, colors == [Color.GREEN], zip, text]\n"
    "Path('seen.txt').write_text(repr(values), encoding='utf-8')\n"
    "datetime(2026, 1, 1) > datetime(2025, 1, 1)  # nothing has taken the place of the notebook's names",
    "import os, sys, time\n"
    "sys.stdout.write('in pieces: ' + token[:4]); sys.stdout.flush(); time.sleep(0.3)\n"
    "print(token[4:] + ' so')\n"
    "os.system('echo \"by a child: $TOKEN\"')\n"
    "print(key, file=sys.stderr)\n"
    "print(repr(token), token[:5])",
    "from IPython.display import HTML, display\n"
    "import html, linecache, json\n"
    "display(HTML(html.escape(key)))\n"
    "[token, json.dumps(key), {key: 1}]",
    "kept = [*In, *(text for entry in linecache.cache.values() for text in entry[2])]\n"
    "assert [text for text in kept if token[:7] in text or key[28:40] in text] == []\n"
    "Path('secrets.txt').write_text(json.dumps([token, key]))",
    "os.write(sys.__stdout__.fileno(), f'beside the kernel: {token}\\n'.encode()); time.sleep(0.2)",
    "raise RuntimeError(f'nobody let {token} in')",
)
VALUES = {
    "day": batch.Text("2026-09-30"),
    "moment": datetime(2026, 9, 30, 6),
    "wait": batch.Text("1h30m"),
    "data": batch.Text("in/rows.csv"),
    "pair": batch.Text("[1, 'a']"),
    "days": {date(2026, 9, 1)},
    "color": batch.Text("green"),
    "colors": batch.Text('["GREEN"]'),
    "zip": batch.Text("08001"),
    "text": batch.Text(INJECTED),
}
EXPECTED = [
    date(2026, 9, 30),
    datetime(2026, 9, 30, 6),
    timedelta(minutes=90),
    Path("in/rows.csv"),
    (1, "a"),
    {date(2026, 9, 1)},
    True,
    True,
    "08001",
    INJECTED,
]


@dataclass
class Ended:
    """What a run left."""

    run: batch.Run
    folder: Path
    home: Path


@pytest.fixture(scope="module")
def ended(shared: Settings, notebook: Any, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A run that ends with an error, after all that its cells could tell."""
    folder = tmp_path_factory.mktemp("secrets")
    path = notebook(folder / "score.ipynb", DEFINED, DECLARED, *CELLS)
    (folder / "key").write_text(KEY + "\n")
    secrets = {"token": batch.Secret("env:TOKEN"), "key": batch.Secret(f"file:{folder}/key")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN", TOKEN)
        with pytest.raises(RunFailed) as failed:
            batch.run(batch.Order.of(path, {**VALUES, **secrets}, folder / "out.ipynb"), settings=shared)
    return Ended(failed.value.run, folder, shared.home)


def test_values_have_their_types_in_the_kernel(ended: Ended) -> None:
    """Dates are dates, members are the notebook's, and a text stays one, whatever it looks like."""
    assert (ended.folder / "seen.txt").read_text(encoding="utf-8") == repr(EXPECTED)


def test_secrets_arrive(ended: Ended) -> None:
    """The kernel has them in place of the defaults, and remembers no source that says them."""
    assert json.loads((ended.folder / "secrets.txt").read_text()) == [TOKEN, KEY]


def test_secrets_are_written_nowhere(ended: Ended) -> None:
    """Neither request, notebooks, log, progress nor database hold them, in whatever form they were told."""
    files = [path for root in (ended.home, ended.folder) for path in root.rglob("*") if path.is_file()]
    told = {path for path in files if b"hunter2" in (content := path.read_bytes()) or b"MIIEvQ" in content}
    assert told == {ended.folder / "key", ended.folder / "secrets.txt"}
    assert len(files) > 8


def test_what_is_shown_instead(ended: Ended) -> None:
    """Everything else is as it was, with a mark where the secret stood."""
    cells = json.loads((ended.folder / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    printed, shown = (
        next(cell["outputs"] for cell in cells if any(part in line for line in cell["source"]))
        for part in ("by a child", "HTML")
    )
    text = "".join("".join(output["text"]) for output in printed)
    assert "in pieces: [secret] so\n" in text
    assert "'[secret]' hunte\n" in text or '"[secret]" hunte\n' in text
    assert shown[0]["data"]["text/html"] == ["[secret]"]
    assert ended.run.error is not None
    assert ended.run.error.message == "nobody let [secret] in"
    assert "nobody let [secret] in" in ended.run.error.traceback
    log = batch.logs(Settings.load(ended.home, {"NBDEPLOY_HOME": str(ended.home)}), ended.run.id)
    assert "by a child: [secret]\n" in log
    assert "beside the kernel: [secret]\n" in log


def test_injected_cell(ended: Ended) -> None:
    """The cell says what was given, the marked cell is tagged, and what is shown of the run has no secret."""
    cells = json.loads((ended.folder / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    tags = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", ())]
    assert tags == [DECLARED.replace("%%", "# %%")]
    injected = next(cell for cell in cells if "injected-parameters" in cell["metadata"].get("tags", ()))
    assert "day = _datetime.date(2026, 9, 30)\n" in injected["source"]
    assert "color = Color.GREEN\n" in injected["source"]
    assert "# token is a secret\n" in injected["source"]
    document = ended.run.document()["parameters"]
    assert (document["day"], document["color"], document["token"]) == ("2026-09-30", "GREEN", "[secret]")
    assert "token=[secret]" in str(ended.run)
    assert ended.run.parameters["days"] == {date(2026, 9, 1)}


def test_secrets_that_are_not_there(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """A missing secret, or one for a parameter that is no text, is refused before anything runs."""
    path = notebook(tmp_path / "a.ipynb", parameters="token: str = ''\nport: int = 1")
    with pytest.raises(WrongUsage, match="in the variable NOWHERE, which is not set here"):
        batch.submit(batch.Order.of(path, {"token": batch.Secret("env:NOWHERE")}), settings=settings)
    with pytest.raises(InvalidData, match=r"cannot be \[secret\]"):
        batch.submit(batch.Order.of(path, {"port": batch.Secret("env:HOME")}), settings=settings)
    assert not (settings.home / "runs").exists()
