"""Errors and HTTP statuses: the one mapping of this door, read in both directions."""

from __future__ import annotations

from nbdeploy import errors

__all__ = ["error_of", "status_of"]

_STATUSES: dict[type[errors.NbdeployError], int] = {
    errors.InvalidData: 400,
    errors.WrongUsage: 400,
    errors.InvalidName: 400,
    errors.Unauthenticated: 401,
    errors.AccessDenied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Corrupted: 422,
    errors.MissingExtra: 422,
    errors.RehearsalFailed: 422,
    errors.Busy: 429,
    errors.RemoteError: 503,
    errors.TimedOut: 503,
    errors.NotWritable: 507,
    errors.NbdeployError: 400,
}
_LONGEST = 4000


def status_of(error: errors.NbdeployError) -> int:
    """Return the HTTP status of an error.

    Examples
    --------
    >>> status_of(errors.NotFound("deployment", "churn"))
    404
    """
    return next(_STATUSES[cls] for cls in type(error).__mro__ if cls in _STATUSES)


def error_of(status: int, message: str, kind: str = "") -> errors.NbdeployError:
    """Return the error that a status and message stand for.

    Parameters
    ----------
    status : int
        The HTTP status, 4xx or 5xx.
    message : str
        What the endpoint said.
    kind : str
        The error's own name, if the endpoint gave it.

    Examples
    --------
    >>> error_of(409, "churn:3 already means another snapshot")
    Conflict('churn:3 already means another snapshot')
    """
    named = getattr(errors, kind, None) if kind in errors.__all__ else None
    if named is None or status_of(_made(named, "", 0)) != status:
        named = next((cls for cls, code in _STATUSES.items() if code == status), errors.RemoteError)
    if named is errors.AccessDenied:
        named = errors.Forbidden
    return _made(named, message[:_LONGEST], status)


def _made(cls: type[errors.NbdeployError], message: str, status: int) -> errors.NbdeployError:
    """Some errors compose their message; one from afar has it already."""
    error = cls.__new__(cls)
    errors.NbdeployError.__init__(error, message, status=status)
    return error
