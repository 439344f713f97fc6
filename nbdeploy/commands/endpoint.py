"""Commands of an endpoint of one's own: start and stop it, and its tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from nbdeploy import api
from nbdeploy.commands.answers import document_text
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DURATION, FILE
from nbdeploy.commands.serving import forked, protected, watched
from nbdeploy.commands.syntax import argument, command, group, option, pass_door
from nbdeploy.settings import ALLOW_CODE
from nbdeploy.types import Progress

__all__ = ["serve", "token"]

SCOPES = ("predict", "read", "deploy", "admin")
_home = option("--home", type=FILE, metavar="DIR", help="The endpoint's folder; $NBDEPLOY_HOME/endpoint by default.")


@command("serve")
@option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@option("--grpc-port", type=click.IntRange(0, 65535), help="A port for gRPC as well; 0 takes a free one.")
@_home
@option("--anonymous", type=click.Choice(["predict"]), help="What clients without a token may do (loopback only).")
@option("--default", metavar="NAME", help="The deployment that /invocations means; by default the only one.")
@option("--allow-code", type=click.Choice(ALLOW_CODE), help="When captured code may run.")
@option("--trust", multiple=True, metavar="KEY.pub", help="Take only snapshots that one of these keys signed.")
@option("--db", metavar="URL", help="The database of the prediction log; an SQLite file in the folder by default.")
@option("--log-share", default=1.0, type=click.FloatRange(0, 1), help="Share of requests whose rows are logged.")
@option("--log-keep", type=DURATION, metavar="SPAN", help="How long they are kept; 30d by default.")
@option("--log-rows", type=click.IntRange(min=1), metavar="N", help="How many rows are kept at most.")
@option("--cache", default="", metavar="N|URL", help="Keep N answers in memory, or answers in a Redis server.")
@forked
@protected
@watched
@option("--install", is_flag=True, help="Write a systemd unit that serves so, and start nothing.")
@option("--backup", type=FILE, metavar="FILE.zip", help="Write all that the endpoint has; it may run.")
@option("--restore", type=FILE, metavar="FILE.zip", help="Make the endpoint's folder of that again.")
@option("--stop", is_flag=True, help="Stop the endpoint of this folder.")
@pass_door
def serve(
    door: Door,
    /,
    home: str | None,
    stop: bool,
    install: bool,
    backup: str | None,
    restore: str | None,
    **options: Any,
) -> object:
    """Start an endpoint.

    In a shell it runs until Ctrl-C; in a notebook it runs in the background and survives the kernel.
    """
    if stop:
        return api.stop_serving(home=home, progress=door.report)
    if backup is not None:
        return api.back_up_serving(backup, home=home)
    if restore is not None:
        return api.restore_serving(restore, home=home)
    if install:
        return api.install_serving(home=home, **options)
    if door.live:
        return api.serve(home=home, **options, progress=door.report)
    api.serve(home=home, **options, background=False, progress=lambda step: _announce(step, door))
    return None


def _announce(step: Progress, door: Door) -> None:
    """Say where it serves as soon as it does, not when it has ended."""
    if door.as_document and step.facts:
        click.echo(document_text(dict(step.facts)))
    click.echo(step.message, err=True)


@group("token")
def token() -> None:
    """Make, list, rotate and revoke tokens of an endpoint.

    The endpoint is one on this machine.
    """


@token.command("create")
@argument("name", help="Whose token it is.")
@option(
    "--scope",
    type=click.Choice(SCOPES),
    required=True,
    help="What it allows; deploy includes the two before, admin all.",
)
@option("--models", multiple=True, metavar="PATTERN", help="Only for these deployments: 'churn*'.")
@option("--expires", type=DURATION, metavar="AGE", help="Holds for so long: 90d; until it is revoked by default.")
@option("--rate", default="", metavar="N/s", help="At most so many requests: 100/s, 600/m, 5000/h.")
@_home
def create(
    name: str, scope: str, models: tuple[str, ...], expires: timedelta | None, rate: str, home: str | None
) -> object:
    """Make a token, and show it this once."""
    return api.token_create(name, scope, models=models, lifetime=expires, rate=rate, home=home)


@token.command("rotate")
@argument("name", help="Whose token it is.")
@option("--grace", type=DURATION, default="0", metavar="AGE", help="The former secret holds for so long: 1h.")
@_home
def rotate(name: str, grace: timedelta, home: str | None) -> object:
    """Give a token a new secret, and show it this once."""
    return api.token_rotate(name, grace=grace, home=home)


@token.command("list")
@_home
def list_(home: str | None) -> object:
    """List the tokens, without their secrets."""
    return api.token_list(home=home)


@token.command("revoke")
@argument("name", help="Whose token it is.")
@_home
def revoke(name: str, home: str | None) -> object:
    """Make a token worthless, now."""
    return api.token_revoke(name, home=home)
