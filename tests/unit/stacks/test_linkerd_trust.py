"""What the key `trust` of a Linkerd stack becomes."""

from datetime import date
from pathlib import Path
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest

from meshwright.config import parse_config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.engine.stack import UNKNOWN_TEXT
from meshwright.errors import MeshwrightError
from tests.servers.pki import signer
from tests.unit.graphs import find, inputs, names
from tests.unit.linkerd.certificates.test_trust import ISSUER, NEW, OLD, STEPS, sources_of
from tests.unit.stacks.test_program import ROOT


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


def run(trust: Any, config: dict[str, str] | None = None, secret: tuple[str, ...] = (), **more: Any) -> Graph:
    import linkerd_trust

    wanted = {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "trust": trust, **more}
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    return record(
        lambda: linkerd_trust.identity(mesh, kubernetes.Provider("cluster"), []), config=config, secret_keys=secret
    )


def test_the_steps_of_a_rotation() -> None:
    bundles = {
        step: sources_of(run({"anchor": {"name": "a"}, "rotation": {**said, "next": {"name": "b"}}}))
        for step, said in STEPS.items()
    }
    both = ["linkerd-trust-a", "linkerd-trust-b"]
    assert bundles == {"both-trusted": both, "issuer-switched": both, "old-removed": ["linkerd-trust-b"]}


def test_a_trust_domain_names_the_certificates() -> None:
    graph = run({}, trust_domain="mesh.example")
    assert inputs(graph, "trust-anchor-certificate")["spec"]["commonName"] == "root.linkerd.mesh.example"
    assert inputs(graph, "identity-certificate")["spec"]["commonName"] == "identity.linkerd.mesh.example"


def pem_in(folder: Path) -> dict[str, str]:
    (folder / "anchor.pem").write_text(OLD.pem)
    (folder / "issuer.pem").write_text(ISSUER.pem)
    return {
        "certificate": str(folder / "anchor.pem"),
        "issuer_certificate": str(folder / "issuer.pem"),
        "issuer_key": "config:pki:key",
    }


def test_a_key_is_a_secret_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_text(NEW.pem)
    trust = {"source": "pem", "anchor": pem_in(tmp_path), "also_trusted": [str(tmp_path / "other.pem")]}
    for key in (ISSUER.key_pem, UNKNOWN_TEXT):
        graph = run(trust, {"pki:key": key}, ("pki:key",))
        assert inputs(graph, "identity-secret")["metadata"]["name"] == "linkerd-identity-issuer"


def test_what_is_not_there_or_no_secret(tmp_path: Path) -> None:
    anchor = pem_in(tmp_path)
    plain = {"pki:key": ISSUER.key_pem}
    for given, config, says in (
        (anchor, None, "isn't set"),
        (anchor, plain, "is no secret"),
        ({**anchor, "certificate": "nowhere.pem"}, plain, "can't be read"),
    ):
        with pytest.raises(MeshwrightError, match=says):
            run({"source": "pem", "anchor": given}, config)


def test_the_control_plane_comes_after_the_issuer_and_restarts_with_the_bundle(tmp_path: Path) -> None:
    import linkerd

    trust = {"source": "pem", "anchor": pem_in(tmp_path)}
    wanted = {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "trust": trust}
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    config = {"pki:key": ISSUER.key_pem}
    graph = record(lambda: linkerd.deploy(mesh, "x"), config=config, secret_keys=["pki:key"])
    values = inputs(graph, "mesh-control-plane")["values"]
    assert values["identity"]["externalCA"] is False
    assert values["identityTrustAnchorsPEM"].strip() == OLD.pem.strip()
    assert values["podAnnotations"]["meshwright.dev/trust"]
    assert ISSUER.key_pem not in str(values)


def test_cert_manager_comes_before_whatever_has_a_certificate() -> None:
    import linkerd

    wanted = {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "high_availability": False}
    wanted["cert_manager"] = {"mode": "create", "namespace": "certs", "values": {"cert_manager": {"replicaCount": 4}}}
    wanted["cert_manager"] |= {"charts": {"source": "repository"}}  # type: ignore[operator]
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    graph = record(lambda: linkerd.deploy(mesh, "x"))
    assert inputs(graph, "cert-manager-namespace")["metadata"] == {
        "name": "certs",
        "labels": {"config.linkerd.io/admission-webhooks": "disabled"},
    }
    assert inputs(graph, "cert-manager-release")["values"]["replicaCount"] == 4
    assert inputs(graph, "trust-anchor-certificate")["metadata"]["namespace"] == "certs"
    for name in ("trust-anchor-self-signed", "mesh-webhooks-linkerd-proxy-injector"):
        assert "cert-manager-trust-manager" in names(find(graph, name).dependencies), name


@pytest.mark.parametrize(
    ("pem", "says"), [(OLD.pem, "is in the bundle 2 times"), ("nothing", "no certificate"), (None, "can't be read")]
)
def test_a_bundle_is_refused_before_anything_is_registered(tmp_path: Path, pem: str | None, says: str) -> None:
    import linkerd_trust

    if pem is not None:
        (tmp_path / "other.pem").write_text(pem)
    trust = {"source": "pem", "anchor": pem_in(tmp_path), "also_trusted": [str(tmp_path / "other.pem")]}
    mesh = parse_config(
        {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "trust": trust}, None, None
    ).mesh
    assert isinstance(mesh, LinkerdMesh)
    with pytest.raises(MeshwrightError, match=says):
        record(lambda: linkerd_trust.check(mesh), config={"pki:key": ISSUER.key_pem}, secret_keys=("pki:key",))


def test_an_issuer_that_outlives_an_aged_anchor_is_refused_before_anything_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import linkerd_trust

    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    aged = signer("aged", first=date(2016, 12, 1), last=date(2026, 11, 24))
    (tmp_path / "aged.pem").write_text(aged.pem)
    anchor = {"certificate": str(tmp_path / "aged.pem"), "key": "config:pki:key"}
    mesh = parse_config(
        {
            "kind": "linkerd",
            "cluster": {"context": "c", "platform": "kind"},
            "trust": {"source": "pem", "anchor": anchor},
        },
        None,
        None,
    ).mesh
    assert isinstance(mesh, LinkerdMesh)
    with pytest.raises(MeshwrightError, match="ends on 2026-11-25, after its anchor CN=aged"):
        record(lambda: linkerd_trust.check(mesh), config={"pki:key": aged.key_pem}, secret_keys=("pki:key",))


@pytest.mark.parametrize(
    ("trust", "says"),
    [
        ({"source": "pulumi-tls", "anchor": {"lifetime": "30d"}}, "is 1y, longer than the anchor's"),
        ({"rotation": {**STEPS["both-trusted"], "next": {"name": "b", "lifetime": "30h"}}}, "is 48h, longer"),
    ],
)
def test_an_issuer_ends_before_either_anchor(trust: Any, says: str) -> None:
    with pytest.raises(MeshwrightError, match=says):
        parse_config({"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "trust": trust}, None, None)
    short = {"source": "pulumi-tls", "anchor": {"lifetime": "30d"}, "issuer": {"lifetime": "10d"}}
    assert parse_config(
        {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "trust": short}, None, None
    )
