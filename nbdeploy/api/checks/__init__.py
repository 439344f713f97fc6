"""What `doctor` looks at: one function per thing, each of which answers with findings and changes nothing."""

from nbdeploy.api.checks.finding import CHECKS, Finding

__all__ = ["CHECKS", "Finding"]
