"""An HTTP client for one endpoint. Its token goes to that address and nowhere else."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from nbdeploy.errors import InvalidData, RemoteError, Unreachable
from nbdeploy.hints import typed
from nbdeploy.wire.messages import Fault
from nbdeploy.wire.statuses import error_of

__all__ = ["Client", "is_loopback"]

T = TypeVar("T")
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 300.0


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Client:
    """Requests to one base address, with one bearer token.

    Parameters
    ----------
    url : str
        Base address, ``http://`` or ``https://``.
    token : str, optional
        Sent to this address only: redirects are not followed, and ``.netrc`` is not read.
    seconds : float
        How long to wait for an answer.
    ca : str, optional
        A file of certificates (PEM) to trust instead of the system's.
    fingerprint : str, optional
        SHA-256 of the one certificate to trust, whatever its names and its authority.

    Raises
    ------
    InvalidData
        If `url` is not such an address, or `ca` is no file.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        seconds: float = ANSWER_SECONDS,
        ca: str | None = None,
        fingerprint: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise InvalidData(f"{url!r} is not an endpoint's address; give one like http://127.0.0.1:8080", url=url)
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        # A proxy is for the way out; what stays on this machine goes directly.
        self._session.trust_env = not is_loopback(parts.hostname)
        self._timeouts = (CONNECT_SECONDS, seconds)
        if ca is not None and not Path(ca).is_file():
            raise InvalidData(f"the certificates {ca} of {url} are no file", ca=ca)
        self._verify: str | bool = ca or fingerprint is None
        if fingerprint is not None:
            self._session.mount("https://", _Pinned(fingerprint))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        """Send one request and return its answer.

        Parameters
        ----------
        method, path : str
            What, and where below the base address.
        body : bytes or file, optional
            Sent as it is.
        headers, query : mapping, optional
            More headers, and the query string.

        Raises
        ------
        NbdeployError
            What the endpoint refused, as the same error as it raised there.
        Unreachable
            If nothing answers, or not in time.
        RemoteError
            If it answers with a redirect, or with something of its own.
        """
        try:
            answer = self._session.request(
                method,
                self.url + path,
                data=body,
                headers=headers,
                params=query,
                timeout=self._timeouts,
                allow_redirects=False,
                verify=self._verify,
            )
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"{self.url} has a certificate that is not trusted here: {_reason(error)}; name the file of its "
                f"authority: {typed('target add NAME URL --ca FILE')}",
                url=self.url,
            ) from error
        except requests.Timeout as error:
            raise Unreachable(f"{self.url} did not answer in time ({self._timeouts[1]:g} s)", url=self.url) from error
        except requests.ConnectionError as error:
            raise Unreachable(f"nothing answers at {self.url}: {_reason(error)}", url=self.url) from error
        except requests.RequestException as error:
            raise RemoteError(f"{self.url} could not be asked: {error}", url=self.url) from error
        return self._checked(answer)

    def ask(self, method: str, path: str, kind: type[T], question: Any = None) -> T:
        """Send JSON, if there is a `question`, and read a JSON answer of the given kind."""
        body = None if question is None else msgspec.json.encode(question)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        answer = self.request(method, path, body, headers)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RemoteError(
                f"{self.url}{path} answered something else than an nbdeploy endpoint does ({error}); "
                "is the address right?",
                url=self.url,
            ) from error

    def _checked(self, answer: requests.Response) -> requests.Response:
        if answer.status_code < 300:
            return answer
        if answer.status_code < 400:
            raise RemoteError(
                f"{self.url} sends its callers to {answer.headers.get('Location', 'another address')}; nbdeploy does "
                "not follow, so that the token stays where it belongs: change the target's address if that is right",
                url=self.url,
            )
        fault = _fault(answer)
        raise error_of(answer.status_code, fault.error, fault.kind)


class _Pinned(requests.adapters.HTTPAdapter):
    """Trusts one certificate."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        """Have every connection compare it."""
        super().init_poolmanager(*given, **named, assert_fingerprint=self._fingerprint)


class _Bearer(requests.auth.AuthBase):
    """With an ``auth`` of its own, requests does not look into ``.netrc``."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _fault(answer: requests.Response) -> Fault:
    try:
        return msgspec.json.decode(answer.content, type=Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Fault(f"{answer.url} answered {answer.status_code} {answer.reason}")


def _reason(error: requests.RequestException) -> str:
    """The system's words at the bottom of a chain of wrappers."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
