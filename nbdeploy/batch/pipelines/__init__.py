"""Pipelines: notebooks that pass their outputs on to others, told in a small YAML file."""

from nbdeploy.batch.pipelines.plan import Plan
from nbdeploy.batch.pipelines.reading import Pipeline, Step, read
from nbdeploy.batch.pipelines.result import PipelineRun, StepRun
from nbdeploy.batch.pipelines.running import check_options, is_pipeline, run

__all__ = ["Pipeline", "PipelineRun", "Plan", "Step", "StepRun", "check_options", "is_pipeline", "read", "run"]
