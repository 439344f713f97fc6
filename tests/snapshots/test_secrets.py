"""Secrets are found before they leave, are named without being shown, and ordinary code is let alone."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

import pytest

from nbdeploy.errors import SecretsFound
from nbdeploy.snapshots.capture.secrets import find_secrets, kinds, refuse_secrets
from tests.snapshots.conftest import Cells

SECRETS = [
    'API_KEY = "AKIAIOSFODNN7EXAMPLF"',
    'password = "correcthorse9battery"',
    "db_password = 'hunter2!Xy9'",
    'engine = create_engine("postgresql://user:s3cr3tpw@db.internal:5432/prod")',
    'token = "ghp_1234567890abcdefghijABCDEFGHIJ123456"',
    'client = OpenAI("sk-proj-abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGH")',
    'secret = "3f786850e387550fdab836ed7e6dc881de23001b"',
    'auth_token = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"',
    'conn = "Server=db;Database=x;User Id=sa;Password=Passw0rd!23;"',
    'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY"',
    "-----BEGIN RSA PRIVATE KEY-----",
    'x = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.'
    'eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"',
    'login("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH")',
    'connect(host="db", user="sa", password="Tr0ub4dor&3")',
    'headers = {"Authorization": "Bearer 9f8e7d6c5b4a39281706f5e4d3c2b1a0"}',
    '    return {"api_key": "8d7f6g5h4j3k2l1m0n9b"}',
]

ORDINARY = [
    f'SHA = "{hashlib.sha1(b"data").hexdigest()}"',
    f'MODEL_ID = "{hashlib.sha256(b"model").hexdigest()}"',
    f'LOGO = "{b64encode(bytes(range(60))).decode()}"',
    'key = "customer_id"',
    'primary_key = ["customer_id", "month_2024"]',
    r'vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w\w+\b")',
    'pad_token = "[PAD]"',
    'tokenizer.eos_token = "<|endoftext|>"',
    'tokens = text.split(" ")',
    'token_counts = {"the": 12, "secret": 3}',
    'password_col = "password_strength"',
    'df["password_length"] = "n_chars"',
    'df["secret"] = df["a"] * 2',
    'secret_santa = "gift"',
    'password = os.environ["DB_PASSWORD"]',
    'password = getpass("Password: ")',
    'password = ""',
    'api_key = "YOUR_API_KEY_1234567890"',
    'url = "https://example.com/data?file=a1b2c3d4e5f60718293a4b5c6d7e8f90"',
    'uuid = "123e4567-e89b-12d3-a456-426614174000"',
    'columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]',
    "search = GridSearchCV(pipe, {'clf__C': [0.1, 1, 10]}, cv=5, n_jobs=-1)",
    'keys = sorted(model.get_params(), key=lambda k: k.split("__"))',
    'date_format = "%Y-%m-%dT%H:%M:%S"',
    'task-related = "skip-connections-are-useful-in-deep-networks"',
    "df.query(\"pwd == 1 and key != 'abcdefgh'\")",
]


@pytest.mark.parametrize("line", SECRETS)
def test_secrets_are_found(line: str) -> None:
    """Keys of services, passwords, tokens, connection strings, private keys."""
    assert kinds(line)


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_code_is_let_alone(line: str) -> None:
    """Hashes, encoded constants, column names, tokenizers and placeholders are no secrets."""
    assert kinds(line) == []


def test_a_finding_names_cell_and_line_and_never_shows_the_secret(cells: Cells) -> None:
    """In a function, in a constant, in a default, in a closure, in the model and in what it holds."""
    cells.run(
        'PASSWORD = "hunter2!Xy9"\nURL = "db"',
        'def connect(url, token="ghp_1234567890abcdefghijABCDEFGHIJ123456"):\n    x = 1\n'
        '    key = "AKIAIOSFODNN7EXAMPLF"\n    return PASSWORD',
        "def make(password):\n    def inner(x): return connect(password)\n    return inner\nf = make('s3cr3t!Pass')",
        "class Model:\n    def predict(self, x): return f(x)\nmodel = Model()\n"
        "model.options = {'api_key': '8d7f6g5h4j3k2l1m0n9b'}",
    )
    captured = cells.capture(cells["model"])
    with cells.inside():
        found = find_secrets(cells["model"], captured)
    assert {str(finding).split(": ")[0] for finding in found} == {
        "In [1], line 1",
        "In [2], line 1",
        "In [2], line 3",
        "In [3], line 2 (inner)",
        "the model.options['api_key']",
    }
    with pytest.raises(SecretsFound, match=r"5 likely secrets: .*In \[2\], line 3.*--allow-secrets") as caught:
        refuse_secrets(found)
    for secret in ("hunter2", "ghp_", "AKIA", "s3cr3t", "8d7f6"):
        assert secret not in str(caught.value)


def test_secrets_of_helper_files_are_named_by_file_and_line(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper module is captured source as well."""
    source = 'import os\n\nDB = "postgresql://me:s3cr3tpw@db:5432/x"\ndef f(x): return x\n'
    (tmp_path / "helpers_db.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    cells.run("from helpers_db import f\ndef model(x): return f(x)")
    captured = cells.capture(cells["model"])
    with cells.inside():
        found = find_secrets(cells["model"], captured)
    assert [str(one) for one in found] == ["helpers_db.py, line 3: Basic Auth Credentials"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_tables_are_looked_through(cells: Cells, library: str) -> None:
    """A lookup table with passwords in it is named by the column, once; other columns are ordinary."""
    rows = {"name": ["a", "b"], "password": ["Sup3rS3cret!x", "An0therS3cret!"], "key": ["a1b2c3d4e5f6a7b8c9"] * 2}
    cells.run(f"import {library} as lib\nTABLE = lib.DataFrame({rows!r})\ndef model(x): return len(TABLE)")
    captured = cells.capture(cells["model"])
    with cells.inside():
        found = find_secrets(cells["model"], captured)
    assert [finding.place for finding in found] == ["the variable TABLE['password'] (an element)"]


def test_what_is_not_carried_is_not_looked_at(cells: Cells) -> None:
    """A logger leads to the whole kernel and is carried by its name; ``__getstate__`` may leave a password out."""
    cells.run(
        "import logging\nlogging.getLogger('app.db').token = 'ghp_1234567890abcdefghijABCDEFGHIJ123456'\n"
        "class Model:\n"
        "    def __init__(self): self.log, self.password = logging.getLogger('app'), 's3cr3t!Pass' * bool(self)\n"
        "    def __getstate__(self): return {'log': self.log}\n"
        "    def predict(self, x): return x\nmodel = Model()\nmodel.password = ''.join(['s3cr3t', '!Pass'])"
    )
    found = find_secrets(cells["model"], cells.capture(cells["model"]))
    assert not [finding for finding in found if finding.place.startswith("the model")]


def test_nothing_is_found_where_nothing_is(cells: Cells) -> None:
    """An ordinary model is not refused."""
    cells.run(
        "import numpy as np\nW = np.arange(3)\n"
        "class Model:\n    def predict(self, x): return (W * x).sum()\nmodel = Model()"
    )
    refuse_secrets(find_secrets(cells["model"], cells.capture(cells["model"])))
