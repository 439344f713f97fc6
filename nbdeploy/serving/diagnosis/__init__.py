"""What is wrong today: rows of now beside those of training and of last week, and answers beside those made here."""

from nbdeploy.serving.diagnosis.finding import Diagnosis, Finding
from nbdeploy.serving.diagnosis.inputs import Rows

__all__ = ["Diagnosis", "Finding", "Rows"]
