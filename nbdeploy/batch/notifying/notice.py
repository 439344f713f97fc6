"""Whom to tell, of what, and how: as settings and ``--notify`` say it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from nbdeploy.batch.notifying.message import Message, check_template
from nbdeploy.batch.record import FAILED, LOST, STOPPED, SUCCEEDED
from nbdeploy.errors import InvalidData, NotFound, WrongUsage, alternatives
from nbdeploy.plugins import Registry
from nbdeploy.settings import FILE_NAME, Settings

__all__ = ["EVENTS", "NOTIFIERS", "NotTold", "Notice", "Notifier", "choose", "place"]

EVENTS: Mapping[str, str] = {FAILED: "failure", SUCCEEDED: "success", LOST: "lost", STOPPED: "stopped"}
"""What each final status is called where somebody asks to be told."""
ALWAYS = "always"
NONE = "none"
_UNLESS_SAID = ("failure", "lost")
_REFERENCE = "env:"
_COMMON = {"kind", "on", "subject", "body", "link"}


class NotTold(Exception):
    """A message did not arrive.

    Parameters
    ----------
    why : str
        In words that hold no secret.
    again : bool
        Whether it may arrive if it is sent once more.
    """

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class Notifier(Protocol):
    """Tells one kind of place. Outside packages add to the entry point group ``nbdeploy.notifiers``."""

    options: frozenset[str]
    """Names that a table of the settings may have for it."""
    secrets: frozenset[str]
    """Those of them whose values have to come from the environment: ``"env:NAME"``."""

    def address(self, options: Mapping[str, Any]) -> str:
        """Where it tells, without what is secret; options are as in the settings.

        Raises
        ------
        InvalidData
            If an option is missing, or wrong.
        """
        ...

    def send(self, message: Message, options: Mapping[str, Any], seconds: float) -> None:
        """Tell; options have their values from the environment.

        Raises
        ------
        NotTold
            If it did not arrive within so many seconds.
        """
        ...


NOTIFIERS: Registry[Notifier] = Registry(
    "notifier",
    {
        "email": "nbdeploy.batch.notifying.email:EMAIL",
        "webhook": "nbdeploy.batch.notifying.webhook:WEBHOOK",
    },
)


class Notice(msgspec.Struct, frozen=True):
    """A place to tell, and of what. It holds no secret: those are named, and read when they are needed.

    Attributes
    ----------
    name : str
        As it was asked for, without what an address may hide.
    kind : str
        One of :data:`NOTIFIERS`.
    on : list of str
        Events that it is told of.
    options : dict
        As in the settings.
    """

    name: str
    kind: str
    on: list[str]
    options: dict[str, Any] = {}

    def wants(self, event: str) -> bool:
        """Whether it is told of an event."""
        return event in self.on or ALWAYS in self.on

    def values(self, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The options with their values from the environment.

        Raises
        ------
        NotTold
            If one is not set.
        """
        found = os.environ if environ is None else environ
        return {name: _value(name, value, found) for name, value in self.options.items()}

    def hidden(self, environ: Mapping[str, str] | None = None) -> list[str]:
        """Values that no log may show."""
        found = os.environ if environ is None else environ
        names = [value.removeprefix(_REFERENCE) for value in self.options.values() if _refers(value)]
        return [found[name] for name in names if found.get(name)]


def choose(wanted: Iterable[str], settings: Settings) -> list[Notice]:
    """Whom to tell of a run: those asked for, and those that the settings name for every run.

    Parameters
    ----------
    wanted : iterable of str
        ``WHERE`` or ``WHERE:EVENT,EVENT``; ``none`` leaves those of the settings out.
    settings : Settings
        Has tables ``[notify.NAME]``; one with ``on`` is for every run.

    Raises
    ------
    NotFound, WrongUsage, InvalidData
        If a place, an event or a table is not understood.
    """
    words = list(wanted)
    asked = [place(word, settings) for word in words if word != NONE]
    names = {notice.name for notice in asked}
    always = [] if NONE in words else [name for name, table in settings.notify.items() if "on" in table]
    return [*asked, *(place(name, settings) for name in always if name not in names)]


def place(word: str, settings: Settings) -> Notice:
    """Read one ``WHERE[:EVENT,…]``: a name in the settings, the URL of a webhook, or an e-mail address."""
    where, events = _split(word)
    if where in settings.notify:
        return _from_table(where, settings.notify[where], events)
    on = list(events or _UNLESS_SAID)
    if where.startswith(("https://", "http://")):
        return _checked(Notice("", "webhook", on, {"url": where}))
    if "@" in where and "://" not in where:
        return _checked(Notice("", "email", on, {"to": [where]}))
    raise NotFound(
        "place to notify",
        where,
        sorted(settings.notify),
        hint=f"give an https:// address, an e-mail address, or a name that {FILE_NAME} has a table [notify.NAME] for",
    )


def _split(word: str) -> tuple[str, list[str]]:
    where, colon, tail = word.rpartition(":")
    events = tail.split(",")
    known = {*EVENTS.values(), ALWAYS}
    if colon and all(event in known for event in events):
        return where, events
    if colon and tail.replace(",", "").isalpha() and "@" not in tail:
        _check_events(events, word)
    return word, []


def _check_events(events: Sequence[object], where: str) -> None:
    known = [*EVENTS.values(), ALWAYS]
    for event in events:
        if event not in known:
            raise WrongUsage(f"{where}: nobody is told of {event!r}; {alternatives(str(event), known)}", event=event)


def _from_table(name: str, table: Mapping[str, Any], events: list[str]) -> Notice:
    kind = table.get("kind") or ("webhook" if "url" in table else "email")
    said = table.get("on", list(_UNLESS_SAID))
    said = [said] if isinstance(said, str) else said
    if not isinstance(said, list):
        raise InvalidData(f'[notify.{name}] on is a list of events: on = ["failure", "lost"]', name=name)
    _check_events(said, f"[notify.{name}]")
    options = {key: value for key, value in table.items() if key not in {"kind", "on"}}
    return _checked(Notice(name, str(kind), events or said, options))


def _checked(notice: Notice) -> Notice:
    """A notice that can be sent, as far as can be seen before there is something to tell."""
    notifier = NOTIFIERS[notice.kind]
    where = f"[notify.{notice.name}]" if notice.name else "--notify"
    unknown = sorted(set(notice.options) - notifier.options - _COMMON)
    if unknown:
        known = sorted(notifier.options | _COMMON)
        raise InvalidData(f"{where} has {unknown[0]!r}; {alternatives(unknown[0], known)}", unknown=unknown)
    for name in sorted(notifier.secrets & set(notice.options)):
        if not _refers(notice.options[name]):
            raise InvalidData(f'{where} {name} is a secret: name a variable of the environment, {name} = "env:NAME"')
    for name in {"subject", "body", "link"} & set(notice.options):
        check_template(str(notice.options[name]), f"{where} {name}")
    address = notifier.address(notice.options)
    return notice if notice.name else msgspec.structs.replace(notice, name=address)


def _refers(value: object) -> bool:
    return isinstance(value, str) and value.startswith(_REFERENCE)


def _value(name: str, value: Any, environ: Mapping[str, str]) -> Any:
    if not _refers(value):
        return value
    variable = value.removeprefix(_REFERENCE)
    if not environ.get(variable):
        raise NotTold(f"its {name} is to come from the environment variable {variable}, which is not set", again=False)
    return environ[variable]
