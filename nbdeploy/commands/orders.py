"""What every command that runs a notebook can be told of the run."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce, wraps
from typing import Any

import click

from nbdeploy.commands.kinds import FILE, VALUE, Written
from nbdeploy.commands.syntax import option

__all__ = ["order_options"]

_OPTIONS = (
    option("-p", "--parameter", "typed", type=(str, VALUE), multiple=True, metavar="KEY VALUE", help="A parameter."),
    option("-r", "--raw", type=(str, str), multiple=True, metavar="KEY TEXT", help="A parameter that stays text."),
    option("-f", "--file", "files", type=FILE, multiple=True, metavar="FILE.yaml", help="A file of parameters."),
    option("--timeout", type=float, metavar="SECONDS", help="Stop a run after this time."),
    option("--kernel", metavar="KERNEL", help="The Jupyter kernel; the notebook's own by default."),
    option("--at-once", type=click.IntRange(1), metavar="N", help="So many runs of a notebook at once; others wait."),
    option("--env-file", "env_files", type=FILE, multiple=True, metavar="FILE", help="Variables of its environment."),
    option("--cwd", type=FILE, metavar="DIR", help="Where it runs; the notebook's folder by default."),
    option(
        "--input",
        "inputs",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="A file or folder to copy into a working directory of the run's own (repeatable).",
    ),
)


def order_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a run: it gets ``parameters``, and the others by their names in an order."""

    @wraps(function)
    def asked(
        *args: Any, typed: tuple[tuple[str, object], ...], raw: tuple[tuple[str, str], ...], **wanted: Any
    ) -> object:
        from nbdeploy.batch import Text

        parameters = {key: Text(value) if isinstance(value, Written) else value for key, value in typed}
        return function(*args, parameters=parameters, raw=dict(raw), **wanted)

    return reduce(lambda so_far, one: one(so_far), reversed(_OPTIONS), asked)
