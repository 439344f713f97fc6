"""Why a store did not do what it was asked, in a user's words."""

from __future__ import annotations

import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from nbdeploy.buckets.addresses import credentials_of

__all__ = ["reason"]

_ADDRESS = re.compile(r"(?:GET|HEAD|PUT|POST|DELETE) (https?://[^/\s?]+)")
_STATUS = re.compile(r"status code: (\d{3})")
_METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
"""Where clouds tell their own machines who they are: asked only where the environment has no keys."""


def reason(error: BaseException, url: str) -> str:
    """Say what went wrong and what to do: nobody answers, keys are refused, there is no such bucket.

    Parameters
    ----------
    error : BaseException
        What the system or obstore raised; obstore's text begins with its own internals, and ends with their state.
    url : str
        The store's address.

    Examples
    --------
    >>> reason(OSError(28, "No space left on device"), "/mnt/store")
    'No space left on device'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).partition("\n\nDebug source:")[0].replace("\n", " ")
    address, status = _ADDRESS.search(text), _STATUS.search(text)
    if any(host in text for host in _METADATA):
        return f"the environment has no keys for it: set {credentials_of(url)}"
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or (status and status[1] in {"401", "403"}):
        return f"the keys in the environment are not allowed to: see {credentials_of(url)}"
    if status and status[1] == "404":
        return "there is no such bucket; make it first, or correct the address"
    if status:
        return f"{address[1] if address else 'the server'} answered with HTTP status {status[1]}; try again later"
    if address and "redirect" not in text:
        return f"nothing answers at {address[1]}; see that it runs and that the network reaches it, then try again"
    return text.rpartition("source: ")[2][:300] or type(error).__name__
