"""Virtual environments made of a snapshot's requirements: thrown away after one use, or kept for many."""

from nbdeploy.environments.building import fresh_environment
from nbdeploy.environments.kept import Environments
from nbdeploy.environments.wanted import Wanted

__all__ = ["Environments", "Wanted", "fresh_environment"]
