"""The issuers of cert-manager that istio-csr can sign through, and what each has to be told. Without Pulumi."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "existing": ("name", "kind", "group"),
    "ca": ("secret",),
    "vault": ("server", "path", "role"),
    "aws-private-ca": ("arn", "region"),
}
"""Type -> keys that it can't do without."""
_TAKES: Final[Mapping[str, tuple[str, ...]]] = {"vault": ("mount", "ca_bundle", "vault_namespace")}
_ACME_NAMES = ("letsencrypt", "lets-encrypt", "zerossl")
_ACME_REASON = "an ACME issuer signs for DNS names, and a workload's name is a SPIFFE URI"
_ACME_REMEDY = "use an authority of yours: ca, vault, aws-private-ca, or an existing issuer of that kind"


def is_acme(kind: str, name: str) -> bool:
    """Whether an issuer speaks ACME, as far as its type, or the name of an existing one, tells."""
    return kind == "acme" or (kind == "existing" and any(each in name.lower() for each in _ACME_NAMES))


def issuer_mistakes(kind: str, given: Collection[str], name: str) -> Iterator[tuple[str, str]]:
    """What keeps an issuer from signing for a mesh: what is wrong, and what would be right.

    Args:
        kind: A key of `NEEDS`, or ``acme``.
        given: The keys that it was given, but for ``type``.
        name: The name of an existing issuer; empty for others.
    """
    if is_acme(kind, name):
        yield _ACME_REASON, _ACME_REMEDY
        return
    if kind not in NEEDS:
        yield f"the type {kind!r} is unknown", f"one of: {', '.join(NEEDS)}"
        return
    for key in NEEDS[kind]:
        if key not in given:
            yield f"the type {kind} needs {key}", f"add {key}"
    for key in sorted(set(given) - {*NEEDS[kind], *_TAKES.get(kind, ())}):
        yield f"the type {kind} takes no {key}", f"remove {key}, or choose another type"
