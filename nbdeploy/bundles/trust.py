"""Whether a bundle may be loaded here: whose it is, and whether code that came with it may run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.bundles.keys import Keys
from nbdeploy.bundles.signing import verify_signature
from nbdeploy.errors import Forbidden, InvalidData
from nbdeploy.hints import typed
from nbdeploy.manifest import SIGNATURE, Manifest
from nbdeploy.settings import ALLOW_CODE, Settings

__all__ = ["Trust"]


@dataclass(frozen=True)
class Trust:
    """What may be loaded.

    Attributes
    ----------
    allow_code : str
        ``never``, ``signed`` or ``always``: when code that came with a bundle may run.
    keys : tuple of Path
        Public keys whose owners are trusted.
    required : bool
        Whether bundles without code need a signature too.
    """

    allow_code: str = "always"
    keys: tuple[Path, ...] = ()
    required: bool = False

    def __post_init__(self) -> None:
        if self.allow_code not in ALLOW_CODE:
            raise InvalidData(
                f"allow_code is {self.allow_code!r}, which is not understood; there are: {', '.join(ALLOW_CODE)}"
            )

    @classmethod
    def of(cls, settings: Settings) -> Trust:
        """What the settings say."""
        keys = Keys(settings.keys).trusted(settings.trusted_keys) if settings.trusted_keys else ()
        return cls(settings.allow_code, keys)

    def check(self, manifest: Manifest, signature: Callable[[], bytes | None]) -> None:
        """Raise unless a bundle may be loaded. Nothing of it has been looked at but its documents.

        Parameters
        ----------
        manifest : Manifest
            Its documents.
        signature : callable
            Gives ``model.sig``, None if it is not here yet; only called if there is one and it is needed.

        Raises
        ------
        Forbidden
            If it carries code that may not run here, or was not signed with a trusted key where it must be.
        Corrupted
            If its signature is over another content.
        """
        name = f"{manifest.name}:{manifest.number}"
        if manifest.runs_code and self.allow_code == "never":
            raise Forbidden(
                f"{name} carries code from the notebook, which runs when it is loaded, and no such snapshot may be "
                "loaded here (allow_code is never): put the class into a package that is installed on both sides, or "
                "allow it with NBDEPLOY_ALLOW_CODE=signed (or --allow-code signed)",
                snapshot=name,
            )
        if not (self.required or (manifest.runs_code and self.allow_code == "signed")):
            return
        if SIGNATURE not in manifest.files:
            why = " carries code from the notebook, which runs when it is loaded, and" if manifest.runs_code else ""
            raise Forbidden(
                f"{name}{why} is not signed, and here only what a trusted key signed may be loaded: make a pair of "
                f"keys ({typed('keys create NAME')}), take the snapshot with --sign NAME, and trust NAME.pub here "
                "(--trust NAME.pub, or trusted_keys in nbdeploy.toml); an endpoint of your own on 127.0.0.1 and "
                "NBDEPLOY_ALLOW_CODE=always need no signature",
                snapshot=name,
            )
        found = signature()
        if found is not None:
            verify_signature(manifest, found, self.keys)

    def check_packages(self, manifest: Manifest, signature: Callable[[], bytes | None]) -> None:
        """Raise unless packages that a bundle names may be installed here: they are code that it brings, too.

        Parameters are those of :meth:`check`.

        Raises
        ------
        Forbidden
            If no code may come with a bundle here, or only with one that is signed, and this one is not.
        """
        name = f"{manifest.name}:{manifest.number}"
        wants = f"{name} wants packages that are not installed here, and installing them runs their code"
        if self.allow_code == "never":
            raise Forbidden(
                f"{wants}, which is not allowed (allow_code is never): install them yourself, or allow it with "
                "NBDEPLOY_ALLOW_CODE=signed (or --allow-code signed)",
                snapshot=name,
            )
        if self.allow_code == "always":
            return
        if SIGNATURE not in manifest.files:
            raise Forbidden(
                f"{wants}, which only a signed snapshot may: take it with --sign NAME, and trust NAME.pub here "
                "(--trust NAME.pub, or trusted_keys in nbdeploy.toml)",
                snapshot=name,
            )
        found = signature()
        if found is not None:
            verify_signature(manifest, found, self.keys)
