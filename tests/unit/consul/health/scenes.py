"""Snapshots in YAML, as Linkerd's checks have them, with Consul's certificate authority as its API shows it.

`!authority {path: dc1/connect_root, signs: {until: 2027-01-01}}` is one with a root and what signs below it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from meshwright.certs.consul_seen import ConsulSeen, observed_consul
from meshwright.health.snapshot import ChartRelease
from tests.unit.istio.health.scenes import Scene, snapshot
from tests.unit.linkerd.health import scenes as linkerd

CASES = Path(__file__).parent / "cases"


def scenes(check: str) -> list[Scene]:
    """The scenes of one check."""
    return [_scene(each) for each in yaml.load((CASES / f"{check}.yaml").read_text(), _Loader)]  # noqa: S506


def authority(
    path: str = "dc1/connect_root",
    provider: str | None = "vault",
    root: dict[str, Any] | None = None,
    signs: dict[str, Any] | None = None,
    gaps: dict[str, str] | None = None,
    metrics: str = "",
) -> ConsulSeen:
    """What the API shows; without ``root``, a root that lasts.

    Args:
        path: The root's mount.
        provider: None for a configuration that may not be read.
        root: Of the root's certificate; empty for a CA that is not initialised.
        signs: Of the certificate that signs the leaves.
        gaps: What could not be read.
        metrics: What the agent tells Prometheus.
    """
    roots = []
    if root != {}:
        below = linkerd.pem("intermediate", by="root", **{"since": linkerd.LONG.replace(2026), **(signs or {})})
        body = {"ID": "0123abcd", "RootCert": linkerd.pem("root", **(root or {})), "IntermediateCerts": [below]}
        roots = [{**body, "Active": True, "PrivateKeyType": "ec", "PrivateKeyBits": 256}]
    configuration = {"Provider": provider, "Config": {"RootPKIPath": path}} if provider else None
    return observed_consul("https://consul:8501", {"Roots": roots}, configuration, dict(gaps or {}), metrics)


def _scene(content: dict[str, Any]) -> Scene:
    said = {key: content.pop(key, default) for key, default in (("findings", []), ("doubts", []), ("skipped", ""))}
    releases = tuple(ChartRelease(**{"values": {}, **each}) for each in content.pop("releases", ()))
    name, objects = content.pop("scene"), content.pop("objects", [])
    return Scene(name, snapshot(list(_flat(objects)), releases=releases, **{"live": True, **content}), **said)


def _flat(objects: list[Any]) -> list[dict[str, Any]]:
    """Objects, with lists of them among them taken apart."""
    return [one for each in objects for one in (_flat(each) if isinstance(each, list) else [each])]


class _Loader(linkerd._Loader):
    """YAML with a certificate authority beside certificates."""


def _authority(loader: yaml.SafeLoader, node: yaml.Node) -> ConsulSeen:
    assert isinstance(node, yaml.MappingNode)
    return authority(**{str(key): value for key, value in loader.construct_mapping(node, deep=True).items()})


_Loader.add_constructor("!authority", _authority)
