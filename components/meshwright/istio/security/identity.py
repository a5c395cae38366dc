"""Mesh identities: a service account, written ``namespace/name``, and the principal that its certificate names."""

import re
from typing import Final

DEFAULT_TRUST_DOMAIN: Final = "cluster.local"
IDENTITY_PATTERN: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"
"""``namespace/service account``: an RFC 1123 label and a subdomain."""


def is_identity(text: str) -> bool:
    """Whether the text is ``namespace/service-account``."""
    return re.fullmatch(IDENTITY_PATTERN, text, re.ASCII) is not None


def principal(identity: str, trust_domain: str = DEFAULT_TRUST_DOMAIN) -> str:
    """What a policy calls an identity: ``shop/cart`` is ``cluster.local/ns/shop/sa/cart``.

    With the trust domain, where ``serviceAccounts`` of a policy would match the same names of any trust domain
    (ztunnel, ``src/rbac.rs``).
    """
    namespace, _, account = identity.partition("/")
    return f"{trust_domain}/ns/{namespace}/sa/{account}"
