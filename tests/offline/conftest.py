"""A real server of the S3 protocol."""

from tests.s3_server import mortal_s3

__all__ = ["mortal_s3"]
