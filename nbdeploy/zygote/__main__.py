"""The process itself: ``python -m nbdeploy.zygote <open socket to the caller>``."""

from __future__ import annotations

import sys

from nbdeploy.zygote import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
