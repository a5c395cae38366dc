"""Snapshots in YAML: what is seen of a mesh, and what a check must say of it.

A file of `cases/` is a list of scenes for the check of its name: the first has the fault, the second is its mended twin.
`!pem {name: root, until: 2036-01-01}` is a certificate, and `!pem64` the same as a Secret holds it.
"""

from __future__ import annotations

import base64
import datetime
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshwright.engine.graph import UNKNOWN
from meshwright.health.snapshot import ChartRelease, Snapshot

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Scene:
    name: str
    snapshot: Snapshot
    findings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    skipped: str = ""


def scenes(check: str) -> list[Scene]:
    """The scenes of one check."""
    return [_scene(each) for each in yaml.load((CASES / f"{check}.yaml").read_text(), _Loader)]  # noqa: S506


def snapshot(objects: list[dict[str, Any]], *, live: bool = True, **more: Any) -> Snapshot:
    """A snapshot of these objects."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in objects:
        by_kind[each["kind"]].append(each)
    return Snapshot({kind: tuple(found) for kind, found in by_kind.items()}, live=live, **more)


@cache
def pem(name: str, until: datetime.date, since: datetime.date = datetime.date(2020, 1, 1)) -> str:
    """A self-signed certificate that is valid between two days."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.datetime.combine(since, datetime.time(), datetime.UTC)
    end = datetime.datetime.combine(until, datetime.time(), datetime.UTC)
    builder = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number(), begin, end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _scene(content: dict[str, Any]) -> Scene:
    said = {key: content.pop(key, default) for key, default in (("findings", []), ("doubts", []), ("skipped", ""))}
    releases = tuple(ChartRelease(**{"values": {}, **each}) for each in content.pop("releases", ()))
    name, objects = content.pop("scene"), content.pop("objects", [])
    return Scene(name, snapshot(objects, releases=releases, **{"live": True, **content}), **said)


class _Loader(yaml.SafeLoader):
    """YAML with certificates and unknown values."""


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


_Loader.add_constructor("!pem", _pem)
_Loader.add_constructor("!pems", _pems)
_Loader.add_constructor("!pem64", _pem64)
_Loader.add_constructor("!unknown", _unknown)
