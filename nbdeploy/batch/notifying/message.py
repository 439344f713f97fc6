"""What is told of a run: its facts, put into a subject and a body by templates that evaluate nothing."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from nbdeploy.batch.parameters.words import split
from nbdeploy.batch.record import Run
from nbdeploy.errors import WrongUsage, alternatives

__all__ = ["WORDS", "Message", "check_template", "compose"]

SUBJECT = "{{ subject }} {{ status }}"
BODY = "{{ summary }}\n\n{{ facts }}\n"
WORDS = (
    *("id", "event", "status", "subject", "notebook", "command", "schedule", "host", "where", "error", "seconds"),
    *("output", "outputs", "metrics", "folder", "link", "summary", "facts"),
)
"""What a template may hold between double braces."""
_LISTED = ("schedule", "where", "error", "seconds", "metrics", "output", "outputs", "link", "id", "host", "folder")


@dataclass(frozen=True)
class Message:
    """Something to tell.

    Attributes
    ----------
    event : str
        ``failure``, ``success``, ``lost`` or ``stopped``.
    subject, body : str
        For people.
    document : mapping
        For programs. It holds neither parameters nor source or output of cells.
    delivery : str
        The same for the same event of the same run, however often it is sent.
    """

    event: str
    subject: str
    body: str
    document: Mapping[str, Any]
    delivery: str


def compose(run: Run, event: str, templates: Mapping[str, Any]) -> Message:
    """Put the facts of a run into words.

    Parameters
    ----------
    run : Run
        A run that has ended.
    event : str
        What it is told as.
    templates : mapping
        May have ``subject``, ``body`` and ``link``.

    Raises
    ------
    WrongUsage
        If a template has a word that is none.
    """
    facts = _facts(run, event)
    facts["link"] = _filled(str(templates.get("link", facts["link"])), facts)
    facts["facts"] = "\n".join(f"{name}: {facts[name]}" for name in _LISTED if facts[name])
    subject, body = (str(templates.get(name, plain)) for name, plain in (("subject", SUBJECT), ("body", BODY)))
    return Message(
        event,
        " ".join(_filled(subject, facts).split()),
        _filled(body, facts),
        _document(run, event, facts),
        f"{run.id}-{event}",
    )


def check_template(template: str, where: str) -> None:
    """Refuse words that are none.

    Raises
    ------
    WrongUsage
        With those that there are.
    """
    for word in split(template)[1]:
        if word not in WORDS:
            raise WrongUsage(f"{where} has {{{{ {word} }}}}; {alternatives(word, WORDS)}", word=word)


def _filled(template: str, facts: Mapping[str, str]) -> str:
    check_template(template, "a template")
    between, words = split(template)
    return "".join(chain.from_iterable(zip_longest(between, (facts[word] for word in words), fillvalue="")))


def _facts(run: Run, event: str) -> dict[str, str]:
    return {
        "id": run.id,
        "event": event,
        "status": run.status,
        "subject": run.subject,
        "notebook": "" if run.notebook is None else str(run.notebook),
        "command": run.command,
        "schedule": run.schedule,
        "host": socket.gethostname(),
        "where": "" if run.error is None else run.error.where,
        "error": "" if run.error is None else run.error.what,
        "seconds": "" if run.seconds is None else f"{run.seconds:.1f}",
        "output": str(run.output),
        "outputs": ", ".join(f"{name}: {path}" for name, path in run.outputs.items()),
        "metrics": ", ".join(f"{name}: {value:g}" for name, value in run.metrics.items()),
        "folder": str(run.folder),
        "link": run.output.absolute().as_uri() if "://" not in str(run.output) else str(run.output),
        "summary": run.line.partition("; next: ")[0],
        "facts": "",
    }


def _document(run: Run, event: str, facts: Mapping[str, str]) -> dict[str, Any]:
    error = None
    if run.error is not None:
        error = {"name": run.error.name, "message": run.error.message, "where": run.error.where}
    ours = ("id", "notebook", "command", "schedule", "status", "output", "seconds", "created", "started", "finished")
    document = run.document()
    return {
        "event": event,
        "run": {
            **{name: document[name] for name in ours},
            "error": error,
            "outputs": {name: str(path) for name, path in run.outputs.items()},
            "metrics": dict(run.metrics),
            "host": facts["host"],
            "link": facts["link"],
        },
    }
