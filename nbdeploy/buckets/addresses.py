"""Where a store is: a folder, memory, or a bucket on S3, GCS or Azure."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from nbdeploy.errors import InvalidData, NotWritable

__all__ = ["SCHEMES", "credentials_of", "opened"]

SCHEMES = {
    "s3": "s3://bucket/prefix",
    "s3a": "s3a://bucket/prefix",
    "gs": "gs://bucket/prefix",
    "az": "az://container/prefix",
    "azure": "azure://container/prefix",
    "abfs": "abfs://container@account.dfs.core.windows.net/prefix",
    "abfss": "abfss://container@account.dfs.core.windows.net/prefix",
    "memory": "memory://",
}
"""Schemes of a store's address, each with an example. Keys, regions and endpoints come from the environment
(``AWS_*``, ``GOOGLE_*``, ``AZURE_*``) as for the clouds' own tools."""

# A stalled connection is given up; a large file may take its time.
_CLIENT = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "1h"}
# obstore reads these from the environment, but forgets them where others are given.
_FROM_ENVIRONMENT = ("allow_http", "allow_invalid_certificates", "proxy_url", "proxy_excludes", *_CLIENT)
_PREFIXES = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_", "ab": "AZURE_"}
_RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


def opened(url: str) -> tuple[Path | None, Any]:
    """Open a store's address.

    Returns
    -------
    folder : Path or None
        The folder, if it is one.
    store : obstore.store.ObjectStore
        Its objects.

    Raises
    ------
    InvalidData
        If the address is none that is understood.
    NotWritable
        If the folder cannot be made.
    """
    scheme, found, _ = url.partition("://")
    if not found or scheme == "file":
        folder = Path(url.removeprefix("file://")).expanduser().absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return folder, LocalStore(folder)
        except (OSError, BaseError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NotWritable(f"the store {url} cannot be opened: {reason}", url=url) from error
    if scheme not in SCHEMES:
        raise InvalidData(
            f"the store address {url!r} is not understood; it is a folder's path, or like "
            f"{', '.join(SCHEMES.values())}",
            url=url,
        )
    remote: Any = {"client_options": _client_options(scheme), "retry_config": _RETRY}
    try:
        return None, from_url(url, **({} if scheme == "memory" else remote))
    except (BaseError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidData(
            f"the store address {url!r} is not understood: {reason}; an example is {SCHEMES[scheme]}", url=url
        ) from error


def credentials_of(url: str) -> str:
    """The environment variables that a store's keys come from.

    Examples
    --------
    >>> credentials_of("gs://bucket/models")
    'GOOGLE_SERVICE_ACCOUNT'
    """
    variables = {"gs": "GOOGLE_SERVICE_ACCOUNT", "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"}
    variables["ab"] = variables["az"]
    return variables.get(url[:2], "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL")


def _client_options(scheme: str) -> dict[str, str]:
    prefix = _PREFIXES.get(scheme[:2], "")
    given = {name: os.environ.get(f"{prefix}{name.upper()}", "") for name in _FROM_ENVIRONMENT}
    return {**_CLIENT, **{name: value for name, value in given.items() if value}}
