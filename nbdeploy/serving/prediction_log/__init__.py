"""What an endpoint was asked and answered: taken down off the hot path, kept for a while, and joined with the truth.

::

    Event ──append──▶ Queue ──drain──▶ Parcel ──put──▶ Writer ──opened──▶ Batch ──▶ database
            (who answers)                          (one per endpoint)

Who answers requests has a queue; draining it makes parcels, which may cross to another process. The writer opens them.
One writer per endpoint owns the database.
"""

from nbdeploy.serving.prediction_log.batches import Act, Batch, Parcel, batch_of
from nbdeploy.serving.prediction_log.event import Event, Subject, new_id
from nbdeploy.serving.prediction_log.log import PredictionLog
from nbdeploy.serving.prediction_log.queue import Queue
from nbdeploy.serving.prediction_log.writer import Writer

__all__ = ["Act", "Batch", "Event", "Parcel", "PredictionLog", "Queue", "Subject", "Writer", "batch_of", "new_id"]
