"""What a run gives away: files, folders and metrics, apart while it runs and published when it has succeeded."""

from nbdeploy.batch.outputs.declared import Declared
from nbdeploy.batch.outputs.places import Outputs
from nbdeploy.batch.outputs.staging import VARIABLE, Output, Staging, declare

__all__ = ["VARIABLE", "Declared", "Output", "Outputs", "Staging", "declare"]
