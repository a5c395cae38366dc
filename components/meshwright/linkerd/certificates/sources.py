"""The sources of Linkerd's certificates, and what each has to be told. Without Pulumi: config and components ask it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from meshwright.errors import Code

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cert-manager": (),
    "vault": ("certificate", "server", "path", "role"),
    "aws-pca": ("certificate", "arn", "region"),
    "google-cas": ("certificate", "project", "location", "pool"),
    "pem": ("certificate",),
    "pulumi-tls": (),
}
"""Source -> keys of an anchor that it can't do without."""
_TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "cert-manager": ("lifetime", "renew_before", "rotation_policy"),
    "vault": ("mount", "ca_bundle", "vault_namespace"),
    "pem": ("key", "issuer_certificate", "issuer_key"),
    "pulumi-tls": ("lifetime",),
}
KEYS_IN_CLUSTER: Final = "cert-manager"
"""The source whose anchors nobody sees before they are made: their bundle is trust-manager's."""


def anchor_problems(source: str, given: Collection[str]) -> Iterator[tuple[Code, str, str]]:
    """Why a source can't make or use an anchor: code, what is wrong, and what would be right.

    Args:
        source: A key of `NEEDS`.
        given: The keys that the anchor was given, but for ``name``.
    """
    if source not in NEEDS:
        yield Code.BAD_ARGUMENT, f"the source {source!r} is unknown", f"one of: {', '.join(NEEDS)}"
        return
    if source == "pem" and "certificate" not in given and {"key", "issuer_key"} & set(given):
        yield (
            Code.ANCHOR_KEY_ALONE,
            "a key is given, and no anchor that it belongs to",
            "give the anchor's certificate, too",
        )
        return
    for key in NEEDS[source]:
        if key not in given:
            yield Code.BAD_ARGUMENT, f"the source {source} needs {key}", f"add {key}"
    for key in sorted(set(given) - {*NEEDS[source], *_TAKES.get(source, ())}):
        yield Code.BAD_ARGUMENT, f"the source {source} takes no {key}", f"remove {key}, or choose another source"
    if source == "pem":
        pair = {"issuer_certificate", "issuer_key"} & set(given)
        if ("key" in given) == bool(pair) or len(pair) == 1:
            message = "the source pem needs the anchor's key, or an issuer's certificate and key"
            yield Code.BAD_ARGUMENT, message, "give key, or issuer_certificate and issuer_key"
