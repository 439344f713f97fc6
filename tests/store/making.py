"""Small bundles for tests of the store."""

from __future__ import annotations

from nbdeploy.manifest import Content, Environment, Manifest, canonical_json, file_entry
from nbdeploy.types import Canonical, Column, MethodOutput, Signature


def bundle(payload: str, answers: str = "", shared: str = "") -> tuple[Manifest, dict[str, bytes]]:
    """A bundle with a file of its own, perhaps one that others share, and answers of a type."""
    files = {"model/model.bin": payload.encode()}
    if shared:
        files["model/shared.bin"] = shared.encode()
    outputs = {"predict": MethodOutput(["prediction"], [answers])} if answers else {}
    content = Content(
        protocol=1,
        flavor="python",
        signature=Signature("pandas", [Column("a", "float64", "float64")], outputs),
        canonical=Canonical(),
        environment=Environment("3.11"),
        files={path: file_entry(data) for path, data in files.items()},
    )
    return Manifest.sealed(canonical_json(content), {"name": "churn", "version": 1}), files
