"""Snapshots in YAML, as Istio's checks have them, with certificates that sign each other.

`!pem {name: issuer, by: anchor}` is a certificate, `!pem64` the same as a Secret holds it, `!pems` several in one text.
One of a name is the same wherever it is named. `!ago 30` is the moment half an hour ago.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshwright.engine.graph import UNKNOWN
from meshwright.health.snapshot import ChartRelease
from tests.unit.istio.health.scenes import Scene, snapshot

CASES = Path(__file__).parent / "cases"
LONG = date(2050, 1, 1)
NOW = datetime.now(UTC).replace(microsecond=0)


def scenes(check: str) -> list[Scene]:
    """The scenes of one check."""
    return [_scene(each) for each in yaml.load((CASES / f"{check}.yaml").read_text(), _Loader)]  # noqa: S506


@cache
def _key(name: str, curve: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[curve])


@cache
def pem(
    name: str,
    *,
    by: str = "",
    until: date = LONG,
    since: date = date(2025, 1, 1),
    minutes: int = 0,
    curve: str = "p256",
    authority: bool = True,
) -> str:
    """A certificate below another's key, or its own; of an authority, unless it is for a webhook.

    Args:
        name: Its name, by which its key is known as well.
        by: Who signs it.
        until: Its last day.
        since: Its first day.
        minutes: Began so long ago instead.
        curve: Of its key.
        authority: Whether it may sign.
    """
    key, signer = _key(name, curve), _key(by or name, "p256" if by else curve)
    begin = NOW - timedelta(minutes=minutes) if minutes else datetime.combine(since, time(), UTC)
    end = datetime.combine(until, time(), UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, by or name))
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _scene(content: dict[str, Any]) -> Scene:
    said = {key: content.pop(key, default) for key, default in (("findings", []), ("doubts", []), ("skipped", ""))}
    releases = tuple(ChartRelease(**{"values": {}, **each}) for each in content.pop("releases", ()))
    name, objects = content.pop("scene"), [each for each in content.pop("objects", []) if each]
    return Scene(name, snapshot(_flat(objects), releases=releases, **{"live": True, **content}), **said)


def _flat(objects: list[Any]) -> list[dict[str, Any]]:
    """Objects, with lists of them among them taken apart."""
    return [one for each in objects for one in (_flat(each) if isinstance(each, list) else [each])]


class _Loader(yaml.SafeLoader):
    """YAML with certificates, moments and unknown values."""


def _pem(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.MappingNode)
    return pem(**{str(key): value for key, value in loader.construct_mapping(node).items()})


def _pems(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.SequenceNode)
    return "".join(_pem(loader, each) for each in node.value)


def _pem64(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return base64.b64encode(_pem(loader, node).encode()).decode()


def _unknown(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    return UNKNOWN


def _ago(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)
    return f"{NOW - timedelta(minutes=int(node.value)):%Y-%m-%dT%H:%M:%SZ}"


_Loader.add_constructor("!pem", _pem)
_Loader.add_constructor("!pems", _pems)
_Loader.add_constructor("!pem64", _pem64)
_Loader.add_constructor("!ago", _ago)
_Loader.add_constructor("!unknown", _unknown)
