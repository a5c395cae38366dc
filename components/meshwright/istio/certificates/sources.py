"""The sources of certificates, and which of them suits what. Without Pulumi: config and components ask it."""

from collections.abc import Iterator
from typing import Final

SOURCES: Final = ("self-signed", "cacerts", "istio-csr")
_FROM_ELSEWHERE = ("cacerts", "istio-csr")
_SPIRE = (
    "SPIRE can't give ztunnel its certificates: ztunnel asks for those of all pods of its node, and SPIRE gives each "
    "workload its own (istio#42339, open)"
)


def source_mistakes(
    source: str, *, production: bool = False, mtls_required: bool = False, hsm: bool = False, corporate: bool = False
) -> Iterator[tuple[str, str]]:
    """Why a source can't be used: what is wrong, and what would be right.

    Args:
        source: One of `SOURCES`, or ``spire``.
        production: The stack is for production.
        mtls_required: Auditors ask for mutual TLS.
        hsm: The root's key has to be in a hardware security module.
        corporate: The root has to be the company's.
    """
    remedy = f"use {' or '.join(_FROM_ELSEWHERE)}, with a root whose key is elsewhere"
    if source == "spire":
        yield _SPIRE, remedy
    elif source not in SOURCES:
        yield f"the source {source!r} is unknown", f"one of: {', '.join(SOURCES)}"
    elif source == "self-signed":
        for asked, why in (
            (production, "the stack is for production"),
            (mtls_required, "mutual TLS is required"),
            (hsm, "the root's key has to be in an HSM"),
            (corporate, "the root has to be the company's"),
        ):
            if asked:
                yield f"self-signed keeps the root's key in the cluster, and {why}", remedy
                return
