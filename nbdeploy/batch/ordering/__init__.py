"""From what somebody asks of a run to a folder that is ready: an ``order`` is checked, then prepared (``starting``)."""
