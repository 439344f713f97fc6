"""What a rehearsal proved, in words: the same for the card in a notebook and for the model card in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbdeploy.snapshots.pages.wording import proof_in_short, span

__all__ = ["certificate", "signed"]

_ISOLATION = {
    "network-namespace": "without any network (a namespace of its own)",
    "audit-hook": "with every connection denied (by an audit hook)",
}


def certificate(proof: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of every fact, in the order to read them. Facts that an older record lacks are left out.

    Parameters
    ----------
    proof : mapping
        ``rehearsal`` of a version record.
    """
    found = [
        ("proof", _proof(proof)),
        ("methods", ", ".join(f"{name} {_size_of(value)}" for name, value in proof.get("methods", {}).items())),
        ("rows alone", _rows(proof)),
        ("run to run", _runs(proof)),
        ("digest of answers", f"sha256 {proof['answers_sha256'][:16]}…" if proof.get("answers_sha256") else ""),
        ("cost", _cost(proof)),
        ("processor", _processor(proof.get("cpu", {}))),
        ("rehearsed", _where(proof)),
    ]
    return [(name, text) for name, text in found if text]


def signed(record: Mapping[str, Any], proof: Mapping[str, Any]) -> str:
    """Who signed a snapshot, and whether that was checked just now; empty if nobody did."""
    if not record.get("signed_by"):
        return ""
    checked = "checked" if proof.get("signed_by") else "check it with verify --signed-by KEY.pub"
    return f"by key {str(record['signed_by'])[:12]}: {checked}"


def _proof(proof: Mapping[str, Any]) -> str:
    exact = "every bit as in the notebook" if proof.get("identical") else "as in the notebook"
    tolerance = float(proof.get("tolerance") or 0.0)
    allowed = f" ({tolerance:g} was declared)" if tolerance > 1e-9 else ""
    return f"{proof_in_short(proof)}{allowed}, {exact}, in a clean process"


def _size_of(difference: float) -> str:
    return "exact" if difference == 0 else f"differs by {difference:.2g}"


def _rows(proof: Mapping[str, Any]) -> str:
    if "row_stable" not in proof:
        return ""
    return (
        "the same answers alone, shuffled and in small batches"
        if proof["row_stable"]
        else "the same answers to rounding alone, shuffled and in small batches"
    )


def _runs(proof: Mapping[str, Any]) -> str:
    return "answers change from run to run, as declared" if proof.get("deterministic") is False else ""


def _cost(proof: Mapping[str, Any]) -> str:
    parts = []
    if "load_seconds" in proof:
        parts.append(f"loads in {span(proof['load_seconds'])}")
    if proof.get("predict_seconds") is not None and proof.get("rows"):
        parts.append(f"answers these rows in {span(proof['predict_seconds'])}")
    if proof.get("peak_memory"):
        parts.append(f"{proof['peak_memory'] / 1e6:.0f} MB at its largest")
    return ", ".join(parts)


def _processor(cpu: Mapping[str, Any]) -> str:
    libraries = [
        f"{lib['api']} {lib['version']} ({lib['architecture']})"
        for lib in cpu.get("libraries", ())
        if lib.get("architecture")
    ]
    features = " ".join(cpu.get("features", ()))
    return "; ".join(part for part in (str(cpu.get("model", "")), features, ", ".join(libraries)) if part)


def _where(proof: Mapping[str, Any]) -> str:
    told = [f"Python {proof['python']}"] if proof.get("python") else []
    told += [str(proof["machine"])] if proof.get("machine") else []
    told += [_ISOLATION.get(proof["isolation"], str(proof["isolation"]))] if proof.get("isolation") else []
    if proof.get("environment") == "new":
        told.append("a new environment made of its requirements")
    return ", ".join(told)
