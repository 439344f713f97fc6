"""Every error a user can meet, as one tree.

::

    NbdeployError
    ├── WrongUsage            a command was written in a way it does not understand
    ├── InvalidName           a name breaks the naming rule
    ├── NotFound              a reference, alias, target, variable … does not exist
    ├── Conflict              it exists already, with other content
    ├── InvalidData           rows do not fit the signature
    ├── NotCapturable         a part of the model cannot be carried out of the notebook
    ├── SecretsFound          a snapshot would carry what looks like a password or key
    ├── RehearsalFailed       the stored model does not answer as the one in the kernel
    ├── Corrupted             stored bytes do not match their digest
    │   ├── NewerFormat       a later nbdeploy wrote them
    │   └── NotABundle        they are something else than a bundle
    ├── ConditionFalse        a condition was false, and was to be true
    ├── MissingExtra          an optional dependency is not installed
    ├── NotWritable           an output could not be written; nothing was changed
    ├── AccessDenied
    │   ├── Unauthenticated   no token, or one that is unknown, revoked or expired
    │   └── Forbidden         the token or the server's policy does not allow it
    ├── TooLarge              a request is over a limit
    ├── Busy                  the server takes no more requests at the moment
    ├── TimedOut              a model did not answer in time
    ├── RunFailed             a notebook run did not succeed
    ├── Unreachable           nothing answers at the address of a target or store
    └── RemoteError           a target answered with an error of its own

The message says what failed, the value, what was possible and what to do next;
the same facts are attributes of the exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "AccessDenied",
    "Busy",
    "ConditionFalse",
    "Conflict",
    "Corrupted",
    "Forbidden",
    "InvalidData",
    "InvalidName",
    "MissingExtra",
    "NbdeployError",
    "NewerFormat",
    "NotABundle",
    "NotCapturable",
    "NotFound",
    "NotWritable",
    "RehearsalFailed",
    "RemoteError",
    "RunFailed",
    "SecretsFound",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Unreachable",
    "WrongUsage",
    "alternatives",
]


def alternatives(name: str, known: Sequence[str]) -> str:
    """What could have been meant, or what there is; nothing where there is nothing.

    Examples
    --------
    >>> alternatives("agee", ["age", "balance"]), alternatives("x", ["age", "balance"])
    ('did you mean age?', 'there are: age, balance')
    """
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return f"there are: {', '.join(known[:8])}{more}" if known else ""


class NbdeployError(Exception):
    """Base of all errors that nbdeploy raises on purpose.

    Parameters
    ----------
    message : str
        One or more plain sentences: what failed, the value, what to do.
    **facts : object
        The same facts for programs; each becomes an attribute.
    """

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """An error that crosses into another process says the same there, also where its class composes messages."""
        return _again, (type(self), self.message, self.facts)

    def __getattr__(self, name: str) -> object:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __str__(self) -> str:
        return self.message


def _again(cls: type[NbdeployError], message: str, facts: dict[str, object]) -> NbdeployError:
    error = cls.__new__(cls)
    NbdeployError.__init__(error, message, **facts)
    return error


class WrongUsage(NbdeployError):
    """A command was written in a way it does not understand."""


class InvalidName(NbdeployError):
    """A name breaks the naming rule."""


class NotFound(NbdeployError):
    """Something that was named does not exist.

    Parameters
    ----------
    kind : str
        What was looked for: ``"snapshot"``, ``"target"`` …
    name : str
        The name that was not found.
    available : iterable of str, optional
        What exists instead; close matches come first in the message.
    hint : str, optional
        What to do next.
    """

    def __init__(self, kind: str, name: str, available: Iterable[str] = (), hint: str = "") -> None:
        known = sorted(available)
        told = [f"no {kind} {name!r}", alternatives(name, known), hint]
        super().__init__("; ".join(filter(None, told)), kind=kind, name=name, available=known)


class Conflict(NbdeployError):
    """Something exists already under that name, with other content."""


class InvalidData(NbdeployError):
    """Rows do not fit the signature of the snapshot."""


class NotCapturable(NbdeployError):
    """A part of the model cannot be carried out of the notebook."""


class SecretsFound(NbdeployError):
    """A snapshot would carry what looks like a password, key or token."""


class RehearsalFailed(NbdeployError):
    """The snapshot does not answer in a clean process as the model does in the kernel."""


class Corrupted(NbdeployError):
    """Stored bytes do not match their digest."""


class NewerFormat(Corrupted):
    """A bundle has a format that only a later nbdeploy reads."""


class NotABundle(Corrupted):
    """A folder or archive is something else than an exported bundle."""


class ConditionFalse(NbdeployError):
    """A condition was false where it was to be true or a failure."""


class MissingExtra(NbdeployError):
    """An optional dependency is not installed.

    Parameters
    ----------
    feature : str
        What was asked for.
    extra : str
        The extra of nbdeploy that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional dependency; install it with: pip install 'nbdeploy[{extra}]'",
            feature=feature,
            extra=extra,
        )


class NotWritable(NbdeployError):
    """An output could not be written; what was there before is unchanged."""


class AccessDenied(NbdeployError):
    """The caller may not do this."""


class Unauthenticated(AccessDenied):
    """No token was given, or one that is unknown, revoked or expired."""


class Forbidden(AccessDenied):
    """The token's scope, or the server's policy, does not allow it."""


class TooLarge(NbdeployError):
    """A request is over a limit of the server."""


class Busy(NbdeployError):
    """The server takes no more requests at the moment: from this caller, or from anybody.

    Parameters
    ----------
    message : str
        Which limit was met.
    seconds : float
        After how long it is worth trying again.
    """

    seconds = 1.0

    def __init__(self, message: str, seconds: float = 1.0, **facts: object) -> None:
        super().__init__(f"{message}; try again in {seconds:.2g} s", **facts)
        self.seconds = seconds


class TimedOut(NbdeployError):
    """A model did not answer in time."""


class RunFailed(NbdeployError):
    """A notebook run did not succeed."""


class Unreachable(NbdeployError):
    """Nothing answers at the address of a target or store."""


class RemoteError(NbdeployError):
    """A target answered with an error of its own."""
