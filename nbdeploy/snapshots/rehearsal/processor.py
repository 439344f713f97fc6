"""The processor and the linear algebra that answers were computed with: what may change their last bits."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

__all__ = ["processor"]

_CPUINFO = Path("/proc/cpuinfo")
_FEATURES = frozenset({"asimd", "avx", "avx2", "avx512f", "avx512_bf16", "fma", "neon", "sse4_2", "sve", "vsx"})
"""The instructions that BLAS libraries, NumPy and tree libraries choose their code by."""


def processor() -> dict[str, Any]:
    """Describe this machine's processor, and the thread pools of the libraries that are loaded now.

    Returns
    -------
    dict
        ``model``, ``features`` (sorted), and ``libraries``: each with ``api`` (``openblas``, ``mkl``, ``openmp``),
        ``version`` and ``architecture`` (the kernel that OpenBLAS or MKL chose) where they are known.
    """
    from threadpoolctl import threadpool_info

    told = _cpuinfo()
    flags = set((told.get("flags") or told.get("features") or "").split())
    libraries = {
        (str(pool.get("internal_api", "")), str(pool.get("version") or ""), str(pool.get("architecture") or ""))
        for pool in threadpool_info()
    }
    return {
        "model": told.get("model name") or platform.processor() or platform.machine(),
        "features": sorted(flags & _FEATURES),
        "libraries": [
            {"api": api, "version": version, "architecture": kernel} for api, version, kernel in sorted(libraries)
        ],
    }


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines, where the system tells them."""
    try:
        first = _CPUINFO.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}
