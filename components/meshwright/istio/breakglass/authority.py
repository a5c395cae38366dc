"""Until when the mesh's CA is valid: told from what istiod has and publishes, and from certificates alone."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509

from meshwright.breakglass.looking import raise_unless_absent
from meshwright.breakglass.plan import refused
from meshwright.health.from_cluster import certificates_alone
from meshwright.health.kinds import CONFIG_MAPS
from meshwright.health.objects import namespace_of
from meshwright.istio.health.certificates import CA_SECRETS, PUBLIC_KEYS, ROOT_CONFIG_MAP, ROOT_KEYS
from meshwright.kubernetes.reading import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from meshwright.kubernetes.reading import ClusterReader

_OF_ROOT: Final = "/api/v1/namespaces/{}/secrets/{}"


def ca_ends(reader: ClusterReader, root: str) -> datetime:
    """When the first of the CA's certificates ends, without which nobody trusts what it signs.

    Of several roots in one bundle the one that lasts longest counts: with that the others may end.

    Args:
        reader: The cluster.
        root: Istio's root namespace.

    Raises:
        ConfigError: MW-E172: no certificate is there, or it can't be read.
    """
    found = [*_in_secret(reader, root), *_published(reader, root)]
    if not found:
        raise refused(
            f"it can't be told whether the root has expired: neither a Secret nor {root}/{ROOT_CONFIG_MAP} shows it",
            "see what istiod's log says of its CA",
        )
    return min(found)


def _in_secret(reader: ClusterReader, root: str) -> Iterator[datetime]:
    """The ends of what istiod signs with: of the first Secret that is there, as istiod takes it."""
    for name in CA_SECRETS:
        try:
            secret = certificates_alone(reader.get(_OF_ROOT.format(root, name)), PUBLIC_KEYS)
        except ReadError as error:
            raise_unless_absent(error, "Secret")
            continue
        for key, value in secret["data"].items():
            yield from _ends(_decoded(value), is_bundle=key in ROOT_KEYS)
        return


def _published(reader: ClusterReader, root: str) -> Iterator[datetime]:
    """The end of what istiod publishes as the mesh's root."""
    try:
        found = reader.list(CONFIG_MAPS.path, fieldSelector=f"metadata.name={ROOT_CONFIG_MAP}")
    except ReadError as error:
        raise_unless_absent(error, "ConfigMap")
        return
    for each in found:
        if namespace_of(each) == root:
            yield from _ends((each.get("data") or {}).get("root-cert.pem") or "", is_bundle=True)


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _ends(text: str, *, is_bundle: bool) -> list[datetime]:
    """Those of the certificates in a text of PEM; none where it holds none, as istiod leaves its own root's chain."""
    try:
        ends = [each.not_valid_after_utc for each in x509.load_pem_x509_certificates(text.encode())]
    except ValueError:
        return []
    return [max(ends)] if is_bundle else ends
