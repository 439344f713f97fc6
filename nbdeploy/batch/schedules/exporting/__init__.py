"""Schedules written down for other programs: Airflow, Argo, Kubernetes, GitHub Actions, cron."""

from nbdeploy.batch.schedules.exporting.exported import Exported, Written
from nbdeploy.batch.schedules.exporting.exporters import EXPORTERS, Options, export

__all__ = ["EXPORTERS", "Exported", "Options", "Written", "export"]
