"""Object stores: their addresses, and why they did not do what they were asked."""

from nbdeploy.buckets.addresses import SCHEMES, opened
from nbdeploy.buckets.failures import reason

__all__ = ["SCHEMES", "opened", "reason"]
