"""A real server of the S3 protocol."""

from tests.s3_server import mortal_s3, s3, s3_server

__all__ = ["mortal_s3", "s3", "s3_server"]
