"""S3 in front of MiniStack's: what that does not check, or answers otherwise than AWS.

s3 = S3Front(ministack, known_to_ministack, owner_access_key)
"""

from .app import S3Front
from .callers import known_to_ministack
from .errors import signature_refused

__all__ = ["S3Front", "known_to_ministack", "signature_refused"]
