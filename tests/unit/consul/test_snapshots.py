"""The job that saves Consul's state, and where it has its token from."""

from typing import Any

import pytest

from meshwright import ConsulSnapshots
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.consul.test_consul import VAULT
from tests.unit.graphs import find, inputs, names, with_provider


def snapshots(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulSnapshots("snapshots", args, opts))  # type: ignore[arg-type]


def template(graph: Graph) -> dict[str, Any]:
    found: dict[str, Any] = inputs(graph, "snapshots-job")["spec"]["jobTemplate"]["spec"]["template"]
    return found


def container(graph: Graph) -> dict[str, Any]:
    (found,) = template(graph)["spec"]["containers"]
    return dict(found)


def environment(graph: Graph) -> dict[str, Any]:
    return {each["name"]: each.get("value") or each["valueFrom"] for each in container(graph)["env"]}


def test_a_job_and_a_volume_that_stays() -> None:
    graph = snapshots()
    spec = inputs(graph, "snapshots-job")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 */6 * * *", "Etc/UTC", "Forbid")
    assert names(find(graph, "snapshots-job").dependencies) == {"snapshots-volume"}
    claim = find(graph, "snapshots-volume")
    assert claim.options.retain_on_delete
    assert claim.inputs["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    small = find(snapshots(size="1Gi", storage_class="gp3", retain=False), "snapshots-volume")
    assert not small.options.retain_on_delete
    assert small.inputs["spec"]["storageClassName"] == "gp3"
    assert small.inputs["spec"]["resources"] == {"requests": {"storage": "1Gi"}}


def test_a_volume_that_exists_is_used_as_it_is() -> None:
    graph = snapshots(claim="left-behind")
    assert [each.name for each in graph if each.type.endswith("PersistentVolumeClaim")] == []
    assert template(graph)["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "left-behind"}


def test_the_secrets_of_the_chart_open_the_servers() -> None:
    graph = snapshots(version="2.0.3")
    assert container(graph)["image"] == "hashicorp/consul:2.0.3"
    assert environment(graph) == {
        "CONSUL_HTTP_ADDR": "https://consul-server.consul.svc:8501",
        "CONSUL_CACERT": "/consul/tls/ca/tls.crt",
        "CONSUL_HTTP_TOKEN": {"secretKeyRef": {"name": "consul-bootstrap-acl-token", "key": "token"}},
    }
    assert template(graph)["metadata"]["annotations"] == {"consul.hashicorp.com/connect-inject": "false"}
    assert template(graph)["spec"]["automountServiceAccountToken"] is False


def test_the_oldest_go() -> None:
    script = container(snapshots(keep=7, hub="registry.example/hashicorp"))["command"][-1]
    assert "consul snapshot save" in script
    assert script.endswith("sort -r | tail -n +8 | xargs -r rm -f --")


def test_vault_gives_the_token_and_the_authority() -> None:
    backend = {**VAULT, "namespace": "team", "ca": {"secret_name": "vault-ca", "secret_key": "ca.crt"}}
    graph = snapshots(vault=backend)
    assert environment(graph)["CONSUL_HTTP_TOKEN_FILE"] == "/vault/secrets/bootstrap-token"
    assert environment(graph)["CONSUL_CACERT"] == "/vault/secrets/serverca.crt"
    assert template(graph)["spec"]["serviceAccountName"] == "consul-server-acl-init"
    assert template(graph)["metadata"]["annotations"] == {
        "consul.hashicorp.com/connect-inject": "false",
        "vault.hashicorp.com/agent-inject": "true",
        "vault.hashicorp.com/agent-pre-populate-only": "true",
        "vault.hashicorp.com/role": "consul-acl",
        "vault.hashicorp.com/agent-inject-secret-bootstrap-token": "consul/data/bootstrap",
        "vault.hashicorp.com/agent-inject-template-bootstrap-token": (
            '{{- with secret "consul/data/bootstrap" -}}{{- .Data.data.token -}}{{- end -}}'
        ),
        "vault.hashicorp.com/agent-inject-secret-serverca.crt": "pki/cert/ca",
        "vault.hashicorp.com/agent-inject-template-serverca.crt": (
            '{{- with secret "pki/cert/ca" -}}{{- .Data.certificate -}}{{- end -}}'
        ),
        "vault.hashicorp.com/namespace": "team",
        "vault.hashicorp.com/agent-extra-secret": "vault-ca",
        "vault.hashicorp.com/ca-cert": "/vault/custom/ca.crt",
    }
    plain = template(snapshots(vault=VAULT))["metadata"]["annotations"]
    assert "vault.hashicorp.com/namespace" not in plain


def test_a_job_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(ComponentError, match="a job that keeps no snapshot saves nothing"):
        snapshots(keep=0)
