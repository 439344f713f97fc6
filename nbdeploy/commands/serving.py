"""Options of `serve`, sorted by what they are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import click

from nbdeploy.commands.kinds import FILE, SECONDS, SIZE
from nbdeploy.commands.syntax import option

__all__ = ["forked", "protected", "watched"]

_PROTECTED = (
    option("--certfile", type=FILE, metavar="FILE", help="A certificate in PEM, to be reached by https."),
    option("--keyfile", type=FILE, metavar="FILE", help="Its private key, if that is in another file."),
    option("--token-file", "token_files", multiple=True, metavar="SCOPE=FILE", help="Let in the secret in this file."),
    option("--root-path", metavar="/PATH", help="What a proxy puts before every route."),
    option("--cors", multiple=True, metavar="ORIGIN", help="Let pages of this origin ask: https://app.team"),
    option("--timeout", type=SECONDS, metavar="SPAN", help="How long a model may take to answer; 60s by default."),
    option("--patience", type=SECONDS, metavar="SPAN", help="How long a client may take to ask; 20s by default."),
    option("--rate", metavar="N/s", help="How many requests each token may send: 100/s, 600/m."),
    option("--concurrency", type=click.IntRange(1), metavar="N", help="Requests at once; 256 by default."),
    option("--body-limit", type=SIZE, metavar="SIZE", help="Largest body of a request; 64MiB by default."),
    option("--blob-limit", type=SIZE, metavar="SIZE", help="Largest file of a snapshot; 4GiB by default."),
    option("--pending-limit", type=SIZE, metavar="SIZE", help="Bodies at once, together; 512MiB by default."),
    option("--row-limit", type=click.IntRange(1), metavar="N", help="Most rows of a request; a million by default."),
)
_FORKED = (
    option("--workers", type=click.IntRange(1), metavar="N", help="HTTP processes that share the port; 1 by default."),
    option("--processes", type=click.IntRange(1), metavar="N", help="Processes per version; 1 by default."),
    option("--model-memory", type=SIZE, metavar="SIZE", help="Most memory of one of these; half of all by default."),
    option("--isolate", is_flag=True, default=None, help="Give what wants other packages an environment of its own."),
)
_WATCHED = (
    option("--open-metrics", is_flag=True, default=None, help="Show /metrics without a token."),
    option("--log-format", type=click.Choice(["text", "json"]), help="How the endpoint's own log is written."),
    option("--access-log", is_flag=True, default=None, help="Write a line for each request."),
)

_Command = Callable[..., Any]


def forked(command: _Command) -> _Command:
    """Add the options of an endpoint's processes."""
    return reduce(lambda made, add: add(made), reversed(_FORKED), command)


def protected(command: _Command) -> _Command:
    """Add options about who gets in, and how much of what."""
    return _with(_PROTECTED, command)


def watched(command: _Command) -> _Command:
    """Add options about what can be seen."""
    return _with(_WATCHED, command)


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    return reduce(lambda made, add: add(made), reversed(options), command)
