"""What a bundle says of itself to readers and to MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from nbdeploy.manifest import Content
from nbdeploy.version import __version__

__all__ = ["mlmodel", "model_card"]


def mlmodel(flavors: Mapping[str, Any], content: Content, identity: str) -> bytes:
    """``MLmodel``: the table from which MLflow loads the bundle as a model of its own."""
    python_function = {
        **flavors.get("python_function", {"loader_module": "nbdeploy.snapshots.mlflow"}),
        "env": {"virtualenv": "python_env.yaml"},
        "python_version": content.environment.python,
    }
    document = {"flavors": {**flavors, "python_function": python_function}, "model_uuid": identity}
    return bytes(yaml.safe_dump(document), "utf-8")


def python_env(content: Content) -> bytes:
    """``python_env.yaml``: from which MLflow rebuilds the environment."""
    dependencies = ["-r requirements.txt", f"nbdeploy=={__version__}"]
    document = {"python": content.environment.python, "dependencies": dependencies}
    return bytes(yaml.safe_dump(document), "utf-8")


def model_card(name: str, content: Content, facts: Mapping[str, Any]) -> bytes:
    """``README.md``: what the model takes, what it answers, how good it is, and how to load it."""
    signature = content.signature
    inputs = "\n".join(
        f"| {c.name} | {c.type} | {'may be missing' if c.nullable else 'required'} |" for c in signature.columns
    )
    outputs = "\n".join(f"| {method} | {', '.join(out.columns)} |" for method, out in signature.outputs.items())
    metrics = "\n".join(f"- {key}: {value:.6g}" for key, value in facts.get("metrics", {}).items())
    note = f"\n{facts['note']}\n" if facts.get("note") else ""
    return f"""# {name}
{note}
A {content.flavor} model, proven to answer the same in a clean process.
{"It runs code that came with it: load it only if you trust its author." if content.runs_code else ""}

| input | type | |
|---|---|---|
{inputs}

| method | answers |
|---|---|
{outputs}

{metrics}

```python
import nbdeploy as nd
nd.load("{name}").predict(rows)
```
""".encode()
