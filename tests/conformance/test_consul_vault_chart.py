"""The agents in the pods of Consul's own chart get from OpenBao all that their annotations ask for, as who they are."""

import re
from typing import Any

import pytest

from meshwright.consul.plan import plan_consul
from tests.conformance.consul_login import logged_in
from tests.conformance.openbao_login import let_in
from tests.conformance.openbao_resources import apply
from tests.conformance.test_consul_vault import backend_of, recorded
from tests.servers import helm
from tests.servers.certmanager import NAMESPACE as REVIEWER
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Object
from tests.servers.openbao import OpenBao, OpenBaoError
from tests.servers.openbao_client import Client
from tests.servers.programs import require_programs

_AGENT = "vault.hashicorp.com/"
_WITH = re.compile(r'with secret "([^"]+)"((?:\s+"[^"]*")*)')


def test_each_pod_gets_what_its_annotations_ask_for(openbao: OpenBao) -> None:
    require_programs("helm")
    root = Client(openbao.url)
    graph = recorded(datacenter="chart", clients=False)
    apply(root, graph)
    backend = backend_of(graph)
    release = plan_consul(
        {
            "platform": "eks",
            "datacenter": "chart",
            "mesh_gateway": {"annotations": {"example.com/internal": "true"}},
            "vault": backend,
        },
        "Consul mesh",
    ).release
    made = helm.objects(helm.template(helm.chart("consul"), "consul", "consul", release.values))
    asked: dict[str, set[str]] = {}
    for pod in (each["spec"]["template"] for each in made if "template" in each.get("spec", {})):
        annotations = pod["metadata"].get("annotations", {})
        if f"{_AGENT}role" in annotations:
            account = pod["spec"]["serviceAccountName"]
            assert annotations[f"{_AGENT}auth-path"] == f"auth/{backend['auth_path']}"
            seen = logged_in(root, backend["auth_path"], annotations[f"{_AGENT}role"], account)
            asked[account] = set(_asked(seen, annotations))
    kv, tls, webhook = "chart/kv/data/consul/chart", "chart/server_tls", "chart/injector_tls"
    injector = {f"{webhook}/issue/consul-connect-injector", f"{webhook}/cert/ca", f"{tls}/cert/ca"}
    assert asked == {
        "consul-server": {
            f"{kv}/gossip",
            f"{kv}/bootstrap-token",
            f"{tls}/issue/consul-server",
            f"{tls}/cert/ca",
        },
        # Its agent reads with the one role, the injector's, what others read with the role `ca`.
        "consul-connect-injector": injector,
        "consul-server-acl-init": {f"{tls}/cert/ca"},
        "consul-mesh-gateway": {f"{tls}/cert/ca"},
    }


def _asked(seen: Client, annotations: dict[str, str]) -> list[str]:
    """The paths that templates ask for, each asked of OpenBao as the agent does."""
    paths = []
    for name, text in annotations.items():
        if not name.startswith(f"{_AGENT}agent-inject-template-"):
            continue
        match = _WITH.search(text)
        assert match
        given = dict(pair.split("=", 1) for pair in re.findall(r'"([^"]*)"', match[2]))
        # With arguments an agent writes, without it reads.
        answer = seen.request("PUT" if given else "GET", match[1], **given)
        assert answer["data"], name
        paths.append(match[1])
    return paths


def test_service_accounts_of_a_cluster_log_in_by_its_api_server(openbao: OpenBao, mesh_cluster: Cluster) -> None:
    root = Client(openbao.url)
    api, namespace = mesh_cluster.api, "consul-vault"
    api.apply_all([_object("Namespace", REVIEWER)])
    # A reviewer's token, as for a Vault outside of the cluster; its other role is not ours.
    let_in(openbao, mesh_cluster, "reviewed", "other", "x", (namespace, "x"))
    accounts = ("consul-server", "consul-connect-injector")
    api.apply_all([_object("Namespace", namespace), *(_object("ServiceAccount", each, namespace) for each in accounts)])
    graph = recorded(
        datacenter="real", consul_namespace=namespace, auth={"path": "reviewed", "existing": True}, clients=False
    )
    apply(root, graph)
    backend = backend_of(graph)
    tokens = {each: _token(mesh_cluster, namespace, each) for each in accounts}
    login: Any = {"role": backend["roles"]["server"], "jwt": tokens["consul-server"]}
    made = root.request("POST", "auth/reviewed/login", **login)["auth"]
    seen = root.with_token(made["client_token"])
    assert seen.request("GET", backend["gossip"]["path"])["data"]["data"]
    assert "default" not in made["policies"]
    with pytest.raises(OpenBaoError, match="not authorized"):
        root.request("POST", "auth/reviewed/login", **{**login, "jwt": tokens["consul-connect-injector"]})


def _object(kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def _token(cluster: Cluster, namespace: str, account: str) -> str:
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return str(cluster.api.request("POST", path, asked)["status"]["token"])
