"""Linkerd's example stacks by the real engine and provider, with cert-manager: made, unchanged, taken away.

Nothing runs in the simulated pods. As `test_linkerd`, it needs charts that are in no package registry.
"""

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from meshwright.linkerd import labels
from tests.conformance.openbao_login import let_in
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, edit, meanwhile, simulated
from tests.engine.test_linkerd import bundle, cluster, signer
from tests.servers import helm, programs
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, Object, condition, manifests
from tests.servers.openbao import OpenBao
from tests.servers.pki import Authority

__all__ = ["cluster"]  # a fixture

LEFT = {("Secret", "linkerd-trust-anchor")}
"""What cert-manager keeps: after a `destroy` by mistake, the next `up` has the same anchor again."""


def example(real: Projects, cluster: Cluster, name: str, **changes: Any) -> Pulumi:
    """An example stack as it is, but for where its cluster, its charts and the Gateway API are."""
    pulumi = real.project(ROOT)
    del pulumi.env["MESHWRIGHT_AS_OF"]  # cert-manager and OpenBao date by the clock
    pulumi.select(name)
    crds = str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml"))
    edit(
        pulumi,
        cluster={**edit(pulumi)["cluster"], "kubeconfig": str(cluster.kubeconfig), "context": "sim"},
        charts={"source": "path", "path": str(CHARTS)},
        gateway_api={"version": "1.5.1", "path": crds},
        **changes,
    )
    return pulumi


def up(pulumi: Pulumi) -> None:
    pulumi.run("up", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")


def destroy(pulumi: Pulumi, cluster: Cluster, before: frozenset[Identity]) -> set[tuple[str, str]]:
    """Take the stack away; kind and name of what stays in the cluster, but for CRDs."""
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert pulumi.state() == []
    return {(each.kind, each.name) for each in cluster.made() - before if each.kind != "CustomResourceDefinition"}


def existing(api: Api, **services: tuple[str, ...]) -> None:
    """Namespaces of others, with Services in them."""
    for space, called in services.items():
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": {"team": space}}})
        for name in called:
            metadata = {"name": name, "namespace": space, "annotations": {"owner": space}}
            spec = {"ports": [{"name": "http", "port": 80}], "selector": {"app": name}}
            api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def theirs(api: Api, before: frozenset[Identity]) -> dict[Identity, tuple[Any, ...]]:
    """What others have in the cluster that a mesh may annotate."""
    found = {each: api.get(each) or {} for each in before if each.kind in ("Namespace", "Service")}
    return {
        each: (body["metadata"].get("labels"), body["metadata"].get("annotations"), body["spec"])
        for each, body in found.items()
    }


def found(api: Api, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
    body = api.get(Identity(api_version, kind, namespace, name))
    assert body is not None, f"{kind} {namespace}/{name}"
    return body


def names(api: Api, api_version: str, kind: str, namespace: str = "") -> set[str]:
    return {each["metadata"]["name"] for each in api.list(api_version, kind, namespace)}


def nothing(_: Api) -> None:
    """The stack needs nothing that isn't there."""


def see_access(api: Api) -> None:
    spaces = [found(api, "v1", "Namespace", name)["metadata"]["annotations"] for name in ("front", "shop", "reports")]
    assert [each[labels.INBOUND_POLICY] for each in spaces] == ["all-authenticated", "deny", "audit"]
    servers = api.list("policy.linkerd.io/v1beta3", "Server", "shop")
    asked = {each["metadata"]["name"]: each["spec"]["accessPolicy"] for each in servers}
    assert {name for name, policy in asked.items() if policy == "deny"} >= {"cart-8080", "stock-9000", "events-4222"}
    assert names(api, "gateway.networking.k8s.io/v1", "GRPCRoute", "shop") >= {"stock-9000-rest"}


def before_traffic(api: Api) -> None:
    existing(api, catalog=("products", "reviews", "reviews-v1", "reviews-v2"), checkout=("cart", "payment"))


def see_traffic(api: Api) -> None:
    notes = found(api, "v1", "Service", "reviews", "catalog")["metadata"]["annotations"]
    assert notes["owner"] == "catalog"
    assert notes["balancer.linkerd.io/failure-accrual"] == "unified"
    route = found(api, "gateway.networking.k8s.io/v1", "HTTPRoute", "reviews", "catalog")
    assert [each.get("weight") for each in route["spec"]["rules"][1]["backendRefs"]] == [90, 10]
    limit = found(api, "policy.linkerd.io/v1alpha1", "HTTPLocalRateLimitPolicy", "payment-8080", "checkout")
    assert limit["spec"]["total"] == {"requestsPerSecond": 400}
    network = found(api, "policy.linkerd.io/v1alpha1", "EgressNetwork", "egress", labels.EGRESS_NAMESPACE)
    assert network["spec"]["trafficPolicy"] == "Deny"


def before_observability(api: Api) -> None:
    api.apply_all(manifests(programs.data_file("crds", "prometheus-operator-0.93.0.yaml")))
    existing(api, monitoring=())


def see_observability(api: Api) -> None:
    monitors = names(api, "monitoring.coreos.com/v1", "PodMonitor", "monitoring")
    assert monitors == {"linkerd-proxy", "linkerd-controller", "linkerd-multicluster-controller"}
    assert names(api, "monitoring.coreos.com/v1", "PrometheusRule") == {"linkerd"}
    assert names(api, "v1", "ConfigMap", "monitoring") >= {"linkerd-golden-signals", "linkerd-health"}


def see_production(api: Api) -> None:
    assert names(api, "apps/v1", "DaemonSet") == {"linkerd-cni"}
    assert names(api, "apps/v1", "Deployment", labels.VIZ_NAMESPACE) == {"metrics-api", "tap", "tap-injector", "web"}
    injector = found(api, "apps/v1", "Deployment", "linkerd-proxy-injector", labels.NAMESPACE)
    assert injector["status"]["readyReplicas"] == 3
    called = found(api, "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", labels.INJECTOR_WEBHOOK)
    assert {each["failurePolicy"] for each in called["webhooks"]} == {"Fail"}


STACKS: dict[str, tuple[Callable[[Api], None], Callable[[Api], None]]] = {
    "linkerd-access": (nothing, see_access),
    "linkerd-traffic": (before_traffic, see_traffic),
    "linkerd-observability": (before_observability, see_observability),
    "linkerd-production": (nothing, see_production),
}
"""Stack -> what has to be there before it, and what is seen of it in the cluster."""


@pytest.mark.parametrize("name", STACKS)
def test_up_no_change_destroy(name: str, real: Projects, cluster: Cluster) -> None:
    prepare, look = STACKS[name]
    prepare(cluster.api)
    before = cluster.made()
    others = theirs(cluster.api, before)
    pulumi = example(real, cluster, name)
    up(pulumi)
    look(cluster.api)
    assert destroy(pulumi, cluster, before) == LEFT
    assert theirs(cluster.api, before) == others


@pytest.fixture
def bao_authority() -> Authority:
    return Authority("openbao")


@pytest.fixture
def https_bao(tmp_path: Path, bao_authority: Authority) -> Iterator[OpenBao]:
    programs.require_programs("bao")
    with OpenBao(tmp_path / "openbao", dev=False, authority=bao_authority) as running:
        running.initialise()
        yield running


def test_openbao_signs(real: Projects, cluster: Cluster, https_bao: OpenBao, bao_authority: Authority) -> None:
    pulumi = example(real, cluster, "linkerd-openbao")
    trust = edit(pulumi)["trust"]
    anchor = trust["anchor"]
    engine, _, _ = anchor["path"].partition("/")
    https_bao.request("POST", f"sys/mounts/{engine}", type="pki", config={"max_lease_ttl": "87600h"})
    asked = {"common_name": "root.linkerd.prod-eu.example.com", "ttl": "86400h", "key_type": "ec", "key_bits": 256}
    root = str(https_bao.request("POST", f"{engine}/root/generate/internal", **asked)["data"]["certificate"])
    (pulumi.project / anchor["certificate"]).write_text(root)
    account = (labels.NAMESPACE, "linkerd-issuer-vault-2026")
    let_in(https_bao, cluster, anchor["mount"].removeprefix("/v1/auth/"), anchor["role"], anchor["path"], account)
    before = cluster.made()
    known = base64.b64encode(bao_authority.pair.certificate).decode()
    edit(pulumi, trust={**trust, "anchor": {**anchor, "server": https_bao.url, "ca_bundle": known}})
    up(pulumi)
    (trusted,) = bundle(cluster.api)
    stored = found(cluster.api, "v1", "Secret", labels.ISSUER_SECRET, labels.NAMESPACE)
    assert base64.b64decode(stored["data"]["ca.crt"]).decode().strip() == root.strip()
    assert trusted.subject.rfc4514_string() == "CN=root.linkerd.prod-eu.example.com"
    assert signer(cluster.api) == "linkerd-trust-2026"
    assert destroy(pulumi, cluster, before) == set(), "the anchor's key was never in the cluster"


def test_keys_of_pulumi_tls_are_encrypted_in_the_state(real: Projects, cluster: Cluster, tmp_path: Path) -> None:
    if not shutil.which("pulumi-resource-tls"):
        pytest.skip("not on PATH: pulumi-resource-tls (pulumi.com/registry/packages/tls)")
    before = cluster.made()
    pulumi = example(real, cluster, "linkerd-traffic", trust={"source": "pulumi-tls"}, namespaces=[], egress=None)
    up(pulumi)
    (anchor,) = bundle(cluster.api)
    stored = found(cluster.api, "v1", "Secret", labels.ISSUER_SECRET, labels.NAMESPACE)["data"]
    issuer, key = (base64.b64decode(stored[name]) for name in ("tls.crt", "tls.key"))
    x509.load_pem_x509_certificate(issuer).verify_directly_issued_by(anchor)

    shown = pulumi.run("stack", "export", "--show-secrets").stdout
    keys = set(re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\W+n([\w+/=]+)", shown))
    assert len(keys) == 5, "the anchor's and the issuer's, as SEC 1, PKCS 8 and OpenSSH, which all begin alike"
    assert key.decode().splitlines()[1] in keys
    kept = [path.read_text() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert any("tls:index/privateKey:PrivateKey" in text for text in kept)
    for text in kept:
        assert "PRIVATE KEY" not in text
        assert not any(each in text for each in (*keys, stored["tls.key"]))
    assert destroy(pulumi, cluster, before) == set()


@contextmanager
def managers_once_installed(cluster: Cluster, folder: Path) -> Iterator[None]:
    """cert-manager and trust-manager, as soon as a stack has installed the CRDs of both."""
    managers, bundles = CertManager(cluster, folder), "bundles.trust.cert-manager.io"
    running: list[CertManager] = []

    def start() -> None:
        crd = cluster.api.get(Identity("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", bundles))
        if not running and crd and condition(crd, "Established") == "True":
            running.append(managers.__enter__())

    try:
        with meanwhile(start):
            yield
    finally:
        managers.__exit__()


def test_a_stack_with_cert_manager_of_its_own(real: Projects, tmp_path: Path) -> None:
    charts = {"source": "path", "path": str(helm.chart("cert-manager").parent)}
    needed = ("linkerd-control-plane", "cert-manager", "trust-manager")
    with simulated(tmp_path / "cluster", *needed) as cluster, managers_once_installed(cluster, tmp_path / "managers"):
        before = cluster.made()
        pulumi = example(real, cluster, "linkerd-rotation", cert_manager={"mode": "create", "charts": charts})
        up(pulumi)
        trusted = bundle(cluster.api)
        assert len(trusted) == 2
        assert signer(cluster.api) == "linkerd-trust-2025"
        deployments = names(cluster.api, "apps/v1", "Deployment", NAMESPACE)
        assert deployments == {"cert-manager", "cert-manager-cainjector", "cert-manager-webhook", "trust-manager"}

        secrets = ("linkerd-trust-2025", "linkerd-trust-2026", "trust-manager-tls")
        left = {("Namespace", NAMESPACE), *(("Secret", name) for name in secrets)}
        assert destroy(pulumi, cluster, before) == left

        # It comes back: what stayed is adopted, and the anchors are those that it had.
        crds = {**edit(pulumi)["gateway_api"], "mode": "adopt"}
        edit(pulumi, cert_manager={"mode": "create", "charts": charts, "adopt_namespace": True}, gateway_api=crds)
        up(pulumi)
        assert bundle(cluster.api) == trusted
        pulumi.run("destroy", "--yes", "--skip-preview")
        assert pulumi.state() == []
