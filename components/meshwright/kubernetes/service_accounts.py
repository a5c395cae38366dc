"""Service accounts, written ``namespace/name``: what an identity is in every mesh. Without Pulumi."""

import re
from typing import Final

IDENTITY_PATTERN: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"
"""``namespace/service account``: an RFC 1123 label and a subdomain."""


def is_identity(text: str) -> bool:
    """Whether the text is ``namespace/service-account``."""
    return re.fullmatch(IDENTITY_PATTERN, text, re.ASCII) is not None
