"""A real server of the S3 protocol, and jobs in processes of their own."""

from tests.offline.killing import jobs
from tests.s3_server import s3, s3_server

__all__ = ["jobs", "s3", "s3_server"]
