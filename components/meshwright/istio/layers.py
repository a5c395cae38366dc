"""Which fields of an AuthorizationPolicy ztunnel can enforce (L4), and which need a waypoint (L7).

Sources: istiod's ``pilot/pkg/serviceregistry/ambient/authorization.go`` and ztunnel's ``src/rbac.rs``, as of 1.31.
"""

from typing import Final

L7_OPERATION: Final = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
"""Fields of ``rules[].to[].operation``."""
L4_OPERATION: Final = ("ports", "notPorts")
"""Fields of ``rules[].to[].operation``."""
L7_SOURCE: Final = ("remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals")
"""Fields of ``rules[].from[].source``."""
DROPPED_SOURCE: Final = ("trustDomains", "notTrustDomains")
"""Fields of ``rules[].from[].source`` that istiod drops without a word before it sends a rule to ztunnel."""
L4_SOURCE: Final = (
    "ipBlocks", "notIpBlocks", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts", "principals",
    "notPrincipals",
)  # fmt: skip
"""Fields of ``rules[].from[].source``."""
L4_CONDITIONS: Final = ("source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port")
"""Keys of ``rules[].when[]``; every other key needs a waypoint."""
