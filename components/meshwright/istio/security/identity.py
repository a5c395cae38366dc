"""Mesh identities: a service account, written ``namespace/name``, and the principal that its certificate names."""

from typing import Final

DEFAULT_TRUST_DOMAIN: Final = "cluster.local"


def principal(identity: str, trust_domain: str = DEFAULT_TRUST_DOMAIN) -> str:
    """What a policy calls an identity: ``shop/cart`` is ``cluster.local/ns/shop/sa/cart``.

    With the trust domain, where ``serviceAccounts`` of a policy would match the same names of any trust domain
    (ztunnel, ``src/rbac.rs``).
    """
    namespace, _, account = identity.partition("/")
    return f"{trust_domain}/ns/{namespace}/sa/{account}"
