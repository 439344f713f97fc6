"""An endpoint of one's own: start, stop, and its tokens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.connections import Connections
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import DEFAULT, Settings
from nbdeploy.types import Progress, Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.serving.backup import BackedUp, Restored
    from nbdeploy.serving.options import Options
    from nbdeploy.serving.results import Endpoint, Stopped, TokenCreated, TokenList, TokenRevoked
    from nbdeploy.serving.unit import Installed

__all__ = [
    "back_up_serving",
    "install_serving",
    "restore_serving",
    "serve",
    "stop_serving",
    "token_create",
    "token_list",
    "token_revoke",
    "token_rotate",
]


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    home: str | Path | None = None,
    anonymous: str | None = None,
    allow_code: str | None = None,
    trust: Sequence[str | Path] = (),
    background: bool = True,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
    **more: Any,
) -> Endpoint:
    """Start an endpoint.

    Parameters
    ----------
    host : str
        Where it listens. Anything but this machine's loopback address needs a token first.
    port : int
        Which port; 0 takes a free one.
    home : str or Path, optional
        Where its state lives; ``$NBDEPLOY_HOME/endpoint`` by default.
    anonymous : str, optional
        ``predict`` lets programs on this machine predict and read without a token.
    allow_code : str, optional
        When code that came with a snapshot may run: ``never``, ``signed`` or ``always``. By default what the settings
        say; if they do not, always on this machine's loopback address, and signed elsewhere.
    trust : sequence of str or Path
        Public keys, by name or file; if there are any, or the settings have some, only snapshots signed with one of
        them are taken.
    background : bool
        Whether it runs by itself and survives this process; otherwise this call serves until it is interrupted.
    **more : object
        What else :class:`nbdeploy.serving.options.Options` has: limits, the prediction log …; None is its default.

    Returns
    -------
    Endpoint
        Its address, process, home, and the target under which it is known.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.serve(port=0).url  # doctest: +SKIP
    'http://127.0.0.1:36871'
    """
    from nbdeploy.serving import background as detached
    from nbdeploy.serving.server import serve as serve_here
    from nbdeploy.serving.watching.logs import set_up

    settings = settings or Settings.load()
    place = _home(home, settings)
    options = _options(settings, host, port, anonymous, allow_code, trust, more)
    if background:
        return detached.start(place, settings, options, progress)

    def ready(up: Endpoint) -> None:
        progress(Progress(message=up.banner, facts=up.document()))

    set_up(options.log_format, force=False)
    return serve_here(place, options, Connections(settings.home), ready)


def install_serving(
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    home: str | Path | None = None,
    anonymous: str | None = None,
    allow_code: str | None = None,
    trust: Sequence[str | Path] = (),
    settings: Settings | None = None,
    **more: Any,
) -> Installed:
    """Write a systemd unit that serves as :func:`serve` would, for the user's own systemd to start.

    Parameters are those of :func:`serve`; nothing is started.
    """
    from nbdeploy.serving.unit import install

    settings = settings or Settings.load()
    options = _options(settings, host, port, anonymous, allow_code, trust, more)
    return install(_home(home, settings), settings.home, options)


def back_up_serving(out: str | Path, *, home: str | Path | None = None, settings: Settings | None = None) -> BackedUp:
    """Write all that an endpoint has to a ``.zip`` archive; it may run meanwhile."""
    from nbdeploy.serving.backup import back_up

    return back_up(_home(home, settings or Settings.load()), Path(out).expanduser().absolute())


def restore_serving(
    archive: str | Path, *, home: str | Path | None = None, settings: Settings | None = None
) -> Restored:
    """Make an endpoint's folder of an archive, where there is none yet."""
    from nbdeploy.serving.backup import restore

    return restore(Path(archive).expanduser().absolute(), _home(home, settings or Settings.load()))


def stop_serving(
    *, home: str | Path | None = None, settings: Settings | None = None, progress: Report = ignore_progress
) -> Stopped:
    """Stop the endpoint of a folder, after it has answered what it was asked."""
    from nbdeploy.serving import background

    return background.stop(_home(home, settings or Settings.load()), progress)


def token_create(
    name: str,
    scope: str,
    *,
    models: Sequence[str] = (),
    lifetime: timedelta | None = None,
    rate: str = "",
    home: str | Path | None = None,
    settings: Settings | None = None,
) -> TokenCreated:
    """Make a bearer token; its secret is in the answer and nowhere else.

    Parameters
    ----------
    name, scope : str
        Who it is for, and what it allows: ``predict``, ``read``, ``deploy`` or ``admin``.
    models : sequence of str
        Patterns (``churn*``) of the deployments that it is for; all if empty.
    lifetime : timedelta, optional
        How long it holds; until it is revoked if not given.
    rate : str
        How many requests it may send: ``100/s``, ``600/m``; what the endpoint allows everybody if empty.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.api.token_create("crm", "predict", models=["churn*"]).secret  # doctest: +SKIP
    """
    from nbdeploy.serving.guard.token_commands import create_token

    return create_token(_home(home, settings or Settings.load()), name, scope, lifetime, models, rate)


def token_rotate(
    name: str,
    *,
    grace: timedelta = timedelta(0),
    home: str | Path | None = None,
    settings: Settings | None = None,
) -> TokenCreated:
    """Give a token a new secret; the former one holds for `grace` more."""
    from nbdeploy.serving.guard.token_commands import rotate_token

    return rotate_token(_home(home, settings or Settings.load()), name, grace)


def token_list(*, home: str | Path | None = None, settings: Settings | None = None) -> TokenList:
    """List the tokens of an endpoint, without their secrets."""
    from nbdeploy.serving.guard.token_commands import list_tokens

    return list_tokens(_home(home, settings or Settings.load()))


def token_revoke(name: str, *, home: str | Path | None = None, settings: Settings | None = None) -> TokenRevoked:
    """Make a token worthless at once."""
    from nbdeploy.serving.guard.token_commands import revoke_token

    return revoke_token(_home(home, settings or Settings.load()), name)


_FILES = ("certfile", "keyfile")


def _absolute(path: str | Path) -> str:
    """A server in the background works in another folder."""
    return str(Path(path).expanduser().absolute())


def _home(home: str | Path | None, settings: Settings) -> Path:
    return Path(home).expanduser().absolute() if home is not None else settings.endpoint_home


def _options(
    settings: Settings,
    host: str,
    port: int,
    anonymous: str | None,
    allow_code: str | None,
    trust: Sequence[str | Path],
    more: dict[str, Any],
) -> Options:
    if os.name == "nt":
        raise WrongUsage(
            "an endpoint forks its models' processes from one another, which Windows cannot do; serve from Linux, "
            "macOS or the Windows Subsystem for Linux"
        )
    from nbdeploy.bundles.keys import Keys
    from nbdeploy.serving.options import Options

    said = settings.allow_code if settings.sources.get("allow_code", DEFAULT) != DEFAULT else ""
    keys = Keys(settings.keys).trusted([*trust, *settings.trusted_keys])
    trusted = [str(key) for key in keys]
    given = {name: value for name, value in more.items() if value is not None}
    given |= {name: _absolute(given[name]) for name in _FILES if given.get(name)}
    if "token_files" in given:
        pairs = [pair.partition("=") for pair in given["token_files"]]
        given["token_files"] = [f"{scope}={_absolute(file)}" for scope, _, file in pairs]
    return Options(host, port, anonymous, allow_code=allow_code or said, trust=trusted, **given)
