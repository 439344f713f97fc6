"""A real server of the S3 protocol."""

from tests.s3_server import s3, s3_server

__all__ = ["s3", "s3_server"]
