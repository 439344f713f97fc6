"""Webhooks and e-mails that really arrive, or do not."""

from __future__ import annotations

import hmac
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import nbdeploy as nd
from nbdeploy.batch.failure import Failure
from nbdeploy.batch.notifying import place, telling, try_out
from nbdeploy.batch.notifying.message import WORDS, compose
from nbdeploy.batch.notifying.webhook import signature
from nbdeploy.batch.outputs import Declared
from nbdeploy.batch.record import Run
from nbdeploy.commands.shell import run as shell_run
from nbdeploy.errors import Unreachable, WrongUsage
from nbdeploy.settings import Settings
from tests.batch.notifying.conftest import Hook, posting, serving

README = (Path(__file__).parents[3] / "README.md").read_text()
START = datetime(2026, 11, 21, 6, tzinfo=UTC)
FAILED = Run(
    id="20261121-060000-a1b2",
    notebook=Path("/work/retrain.ipynb"),
    output=Path("/work/out folder/retrain.ipynb"),
    folder=Path("/home/runs/20261121-060000-a1b2"),
    status="failed",
    parameters={"month": "s3cret parameter"},
    created=START,
    started=START,
    finished=START + timedelta(seconds=12.5),
    error=Failure("ValueError", "no rows\nat all", cell=3, total=5, source="s3cret = 1", traceback="s3cret"),
    published=Declared({"scores": Path("/work/scores.csv")}, {"auc": 0.875}),
    schedule="weekly",
)


def test_a_webhook_is_signed_as_the_manual_says(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines in the manual take a genuine message, and neither a changed nor an old one."""
    monkeypatch.setenv("NBDEPLOY_WEBHOOK_KEY", "k3y")
    told = nd.notify_test(hook.url)
    assert re.match(r"webhook at 127\.0\.0\.1 was told in \d", told.line)
    ((headers, body),) = hook.got
    (lines,) = re.findall(r"```py\n(.*?genuine = .*?)```", README, re.DOTALL)

    def genuine(header: str, sent: bytes) -> bool:
        names = {"header": header, "body": sent, "key": "k3y", "hmac": hmac, "time": time}
        exec(lines, names)
        return bool(names["genuine"])

    assert genuine(headers["Nbdeploy-Signature"], body)
    assert not genuine(headers["Nbdeploy-Signature"], body.replace(b"succeeded", b"Succeeded"))
    assert not genuine(signature(body, "other", int(time.time())), body)
    assert not genuine(signature(body, "k3y", int(time.time()) - 3600), body)
    assert (headers["Nbdeploy-Event"], headers["Nbdeploy-Delivery"]) == ("success", "test-success")
    assert json.loads(body)["text"].startswith("test.ipynb succeeded\nrun test succeeded in 0.0 s")


def test_a_message_says_what_happened_and_no_more() -> None:
    """Neither parameters nor the source and output of cells leave the machine."""
    message = compose(FAILED, "failure", {})
    assert message.subject == "retrain.ipynb failed"
    assert message.body == (
        "run 20261121-060000-a1b2 failed in cell 3 of 5: ValueError: no rows\n\nschedule: weekly\nwhere: cell 3 of 5\n"
        "error: ValueError: no rows\nseconds: 12.5\nmetrics: auc: 0.875\noutput: /work/out folder/retrain.ipynb\n"
        "outputs: scores: /work/scores.csv\nlink: file:///work/out%20folder/retrain.ipynb\nid: 20261121-060000-a1b2\n"
        f"host: {socket.gethostname()}\nfolder: /home/runs/20261121-060000-a1b2\n"
    )
    sent = json.dumps(message.document)
    assert "s3cret" not in sent
    assert message.document["run"]["error"] == {
        "name": "ValueError",
        "message": "no rows\nat all",
        "where": "cell 3 of 5",
    }
    assert message.document["run"]["metrics"] == {"auc": 0.875}


def test_templates_hold_every_word_and_evaluate_nothing() -> None:
    """What a fact holds is not a template again, and a subject is one line."""
    every = compose(FAILED, "failure", {"body": "|".join(f"{{{{ {word} }}}}" for word in WORDS)}).body
    assert "{{" not in every
    hostile = replace(FAILED, error=Failure("E", "{{ folder }}\r\nBcc: x@y.org"), schedule="a\nb")
    told = compose(
        hostile,
        "failure",
        {"subject": "{{schedule}} {{ error }}", "link": "https://hub/{{ id }}", "body": "{{ link }}"},
    )
    assert (told.subject, told.body) == ("a b E: {{ folder }}", f"https://hub/{FAILED.id}")
    with pytest.raises(WrongUsage, match=r"{{ __class__ }}"):
        compose(FAILED, "failure", {"body": "{{ __class__ }}"})


@pytest.mark.parametrize("answers", [[500, 503, 204], [429, 204]])
def test_a_server_in_trouble_is_asked_again(answers: list[int], hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same delivery, so that it can tell."""
    monkeypatch.setattr(telling, "_PAUSES", (0.0, 0.01, 0.01))
    hook.status = list(answers)
    nd.notify_test(hook.url)
    assert [headers["Nbdeploy-Delivery"] for headers, _ in hook.got] == ["test-success"] * len(answers)


@pytest.mark.parametrize(("answer", "times"), [(404, 1), (302, 1), (500, 3)])
def test_what_is_not_taken_is_told(answer: int, times: int, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is final, a redirection is not followed; the path, which may be a secret, is in no message."""
    monkeypatch.setattr(telling, "_PAUSES", (0.0, 0.01, 0.01))
    hook.status = [answer] * 3
    with pytest.raises(Unreachable, match=f"webhook at 127.0.0.1 could not be told: it answers {answer}") as error:
        nd.notify_test(hook.url)
    assert len(hook.got) == times
    assert "T0P" not in str(error.value)


def test_tls_that_is_not_trusted(
    certificate: Path, encryption: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent; with the certificate known it is."""
    with serving(Hook(), encryption) as hook:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            nd.notify_test(hook.url)
        assert hook.got == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        nd.notify_test(hook.url)
        assert len(hook.got) == 1


def test_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for a closed port nor for a server that says a letter now and then."""
    monkeypatch.setattr(telling, "_PAUSES", (0.0, 0.01))
    monkeypatch.setattr(telling, "_ONE_TRY", 0.2)
    monkeypatch.setattr(telling, "LONGEST", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
                    connection.send(bytes([letter]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"within (1|0\.2) s"):
            nd.notify_test(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begun < 3
    with pytest.raises(Unreachable, match="no connection"):
        nd.notify_test(f"http://127.0.0.1:{port}/")


def test_an_e_mail_by_starttls_and_login(
    certificate: Path, encryption: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, table: Callable[[str], None]
) -> None:
    """The password goes through TLS only; the settings' words make the mail."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    with posting(tls_context=encryption, auth_required=True) as mail:
        table(
            f'[notify.team]\nto = ["team@example.org", "ops@example.org"]\nserver = "smtp://robot@{mail.server}"\n'
            'password = "env:MAIL_PASSWORD"\nsender = "Robot <robot@example.org>"\nsubject = "✔ {{ subject }}"\n'
            'body = "Took {{ seconds }} s"\n'
        )
        nd.notify_test("team")
    (got,) = mail.got
    assert (got["Subject"], got["To"], got["From"]) == (
        "✔ test.ipynb",
        "team@example.org, ops@example.org",
        "Robot <robot@example.org>",
    )
    assert got.get_content().strip() == "Took 0.0 s"  # type: ignore[attr-defined]
    assert (mail.logins, mail.encrypted) == ([b"robot"], [True])


def test_an_e_mail_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address alone is enough where a server is named."""
    with pytest.raises(Unreachable, match="no mail server is named: set NBDEPLOY_SMTP="):
        nd.notify_test("me@example.org")
    with posting() as mail:
        monkeypatch.setenv("NBDEPLOY_SMTP", f"smtp://{mail.server}")
        monkeypatch.setenv("NBDEPLOY_SMTP_FROM", "robot@example.org")
        assert shell_run(["notify", "test", "me@example.org"]) == 0
    assert (mail.got[0]["To"], mail.got[0]["From"], mail.encrypted) == ("me@example.org", "robot@example.org", [False])


def test_an_e_mail_that_is_refused(
    encryption: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong password, a certificate that nobody knows, a server that would get a password in the clear."""
    monkeypatch.setattr(telling, "_PAUSES", (0.0,))
    monkeypatch.setenv("NBDEPLOY_SMTP_PASSWORD", "wr0ng")
    with posting(auth_require_tls=False) as mail:
        monkeypatch.setenv("NBDEPLOY_SMTP", f"smtp://robot@{mail.server}")
        assert shell_run(["notify", "test", "me@example.org"]) == 1
    with posting(tls_context=encryption) as other:
        monkeypatch.setenv("NBDEPLOY_SMTP", f"smtp://robot@{other.server}")
        assert shell_run(["notify", "test", "me@example.org"]) == 1
    with posting(auth_require_tls=False) as third:
        monkeypatch.setattr("nbdeploy.batch.notifying.email._LOOPBACK", set())  # as if it were another machine
        monkeypatch.setenv("NBDEPLOY_SMTP", f"smtp://robot@{third.server}")
        assert shell_run(["notify", "test", "me@example.org"]) == 1
    said = capsys.readouterr().err
    assert "the mail server answers 535" in said
    assert "the mail server's certificate is not trusted" in said
    assert "offers no TLS, and would get the password in the clear" in said
    assert mail.got == other.got == third.got == []
    assert third.logins == []
    assert "wr0ng" not in said


def test_an_outside_notifier_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Callable[[str], None]
) -> None:
    """It is found by its entry point; what it raises is told without the secrets that it had."""
    meta = tmp_path / "pigeons-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeons\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text("[nbdeploy.notifiers]\npigeon = outside_pigeons:PIGEON\n")
    (tmp_path / "outside_pigeons.py").write_text(
        "class Pigeon:\n"
        "    options, secrets = frozenset({'loft', 'ring'}), frozenset({'ring'})\n"
        "    def address(self, options):\n        return f\"pigeon to {options['loft']}\"\n"
        "    def send(self, message, options, seconds):\n        raise OSError('lost with ring ' + options['ring'])\n"
        "PIGEON = Pigeon()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("nbdeploy.batch.notifying.notice.NOTIFIERS", _fresh())
    monkeypatch.setattr(telling, "NOTIFIERS", _fresh())
    monkeypatch.setenv("RING", "s3cret")
    table('[notify.loft]\nkind = "pigeon"\nloft = "Paris"\nring = "env:RING"\n')
    with pytest.raises(Unreachable, match=r"loft could not be told: OSError: lost with ring \*\*\*"):
        try_out(place("loft", Settings.load()))


def _fresh() -> object:
    from nbdeploy.plugins import Registry

    return Registry("notifier", {"webhook": "nbdeploy.batch.notifying.webhook:WEBHOOK"})
