"""What the component registers at each step, and what it refuses."""

import json
from typing import Any

import pulumi
import pulumi_consul as consul
import pulumi_kubernetes as kubernetes
import pytest

from meshwright import ConnectCertificateAuthority
from meshwright.consul.ca import connect_certificate_authority
from meshwright.consul.ca.connect_certificate_authority import _once_it_follows, check_live
from meshwright.consul.vault.plan import plan_vault
from meshwright.engine.graph import UNKNOWN, Graph
from meshwright.engine.record import record
from meshwright.errors import Code
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find

BACKEND = plan_vault({"address": "https://vault:8200"}, "test").backend
OLD, NEW = {"path": "dc1/connect_root"}, {"path": "dc1/connect_root_2027"}
DAY = "2026-11-20"
ROTATION: dict[str, Any] = {
    "cross-signing": {"step": "cross-signing", "since": DAY, "previous": {"step": "steady"}},
    "switched": {"step": "switched", "since": DAY, "previous": {"step": "cross-signing", "since": DAY}},
    "old-pruned": {"step": "old-pruned", "since": DAY, "previous": {"step": "switched", "since": "2026-11-01"}},
}


def arguments(step: str = "steady", **more: Any) -> dict[str, Any]:
    args: dict[str, Any] = {"root": OLD, "backend": BACKEND}
    if step != "steady":
        args |= {"next": NEW, "rotation": ROTATION[step]}
    return args | more


def recorded(args: Any) -> Graph:
    def program() -> None:
        provider = consul.Provider("consul", address="https://consul:8501")
        ConnectCertificateAuthority("connect-ca", args, pulumi.ResourceOptions(providers=[provider]))

    return record(program)


def refused(**more: Any) -> list[tuple[Code, str]]:
    with pytest.raises(ComponentError) as error:
        recorded(arguments(**more))
    return [(each.code, each.message) for each in error.value.problems]


def authority(graph: Graph) -> dict[str, Any]:
    (found,) = [each for each in graph if each.type.endswith(":CertificateAuthority") and not each.read]
    return dict(found.inputs)


def test_the_live_configuration_is_set_and_nothing_in_it_is_secret() -> None:
    graph = recorded(arguments())
    made = authority(graph)
    assert made["connectProvider"] == "vault"
    # A token that somebody has set by hand would be in the state in plain text, after the next refresh.
    (kept,) = [each for each in graph if each.type.endswith(":CertificateAuthority")]
    assert set(kept.options.additional_secret_outputs) == {"configJson", "config"}
    assert json.loads(made["configJson"])["RootPKIPath"] == "dc1/connect_root"
    component = next(each for each in graph if each.type == "meshwright:index:ConnectCertificateAuthority")
    assert component.outputs["provider"] == "vault"
    assert component.outputs["configuration"]["LeafCertTTL"] == "72h"
    assert not [each for each in graph if each.read]


def test_consuls_own_ca() -> None:
    made = authority(recorded({"root": {"provider": "consul"}, "leaf_lifetime_hours": 24}))
    assert made["connectProvider"] == "consul"
    assert json.loads(made["configJson"])["LeafCertTTL"] == "24h"


@pytest.mark.parametrize(("step", "path"), [("cross-signing", OLD), ("switched", NEW), ("old-pruned", NEW)])
def test_in_a_rotation_what_is_live_is_read_first(step: str, path: dict[str, str]) -> None:
    graph = recorded(arguments(step))
    # What is live nobody knows offline; so what is told waits for it.
    assert authority(graph)["configJson"] is UNKNOWN
    read = find(graph, "connect-ca-live")
    assert read.read
    assert set(read.options.additional_secret_outputs) == {"configJson", "config"}
    component = next(each for each in graph if each.type == "meshwright:index:ConnectCertificateAuthority")
    assert component.outputs["configuration"]["RootPKIPath"] == path["path"]


@pytest.mark.parametrize(
    ("step", "live"),
    [
        ("cross-signing", OLD),
        ("switched", OLD),
        ("switched", NEW),
        ("old-pruned", NEW),
    ],
)
def test_a_step_follows_from_what_is_live(step: str, live: dict[str, str]) -> None:
    args: Any = arguments(step)
    check_live(("vault", live["path"]), args, "test")


def test_what_is_told_is_told_once_it_follows() -> None:
    args: Any = arguments("old-pruned")

    def program(path: str) -> None:
        live = pulumi.Output.from_input(("vault", path))
        pulumi.export("told", _once_it_follows(live, "text", args, "test"))

    assert record(lambda: program(NEW["path"])).outputs == {"told": "text"}
    with pytest.raises(ComponentError, match="the step old-pruned follows from"):
        record(lambda: program(OLD["path"]))


@pytest.mark.parametrize(
    ("step", "live", "named"),
    [
        ("cross-signing", ("vault", NEW["path"]), "dc1/connect_root_2027 in Vault"),
        ("switched", ("consul", ""), "that of the provider consul"),
        ("old-pruned", ("vault", OLD["path"]), "dc1/connect_root in Vault"),
    ],
)
def test_a_step_that_does_not_follow_from_what_is_live(step: str, live: tuple[str, str], named: str) -> None:
    args: Any = arguments(step)
    with pytest.raises(ComponentError, match="Helm's values don't change what is live") as error:
        check_live(live, args, "ConnectCertificateAuthority connect-ca")
    assert error.value.problems[0].code is Code.CONNECT_CA_LIVE
    assert f"Consul's live root is {named}, and the step {step} follows from" in str(error.value)


def test_what_is_refused() -> None:
    assert refused(leaf_lifetime_hours=96)[0][0] is Code.CONNECT_CA_SETTING
    assert refused(root={**OLD, "key_type": "dsa"})[0][0] is Code.CONNECT_CA_SETTING
    additional = {
        **BACKEND,
        "connect_ca": {**BACKEND["connect_ca"], "additional": {"token": "s.x", "leaf_cert_ttl": "1h"}},
    }
    assert [code for code, _ in refused(backend=additional)] == [Code.CONNECT_CA_TOKEN, Code.CONNECT_CA_SETTING]
    assert refused(step="switched", next=OLD) == [
        (Code.CONNECT_CA_ROOT, "next has the path dc1/connect_root, as the root has")
    ]
    assert refused(step="cross-signing", rotation={**ROTATION["cross-signing"], "without_cross_signing": "lost"}) == [
        (
            Code.CONNECT_CA_FORCED,
            "the root is changed without cross-signing, and no step and reason are recorded for it",
        )
    ]
    assert refused(step="switched", rotation={**ROTATION["switched"], "without_cross_signing": " "})[0][0] is (
        Code.CONNECT_CA_FORCED
    )
    skipped = {"step": "switched", "since": DAY, "previous": {"step": "steady", "since": DAY}}
    assert refused(step="switched", rotation=skipped)[0][0] is Code.ROTATION_STEP
    assert refused(rotation={"step": "both-trusted"}) == [(Code.BAD_ARGUMENT, "the step both-trusted is unknown")]
    assert refused(root={})[0][1] == "root is in Vault, and has no path"
    with pytest.raises(ComponentError, match="nothing says where Vault is"):
        recorded({"root": OLD})


def test_it_takes_a_provider_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> None:
        cluster = kubernetes.Provider("cluster", context="test")
        args: Any = arguments()
        ConnectCertificateAuthority("connect-ca", args, pulumi.ResourceOptions(providers=[cluster]))

    with pytest.raises(ComponentError, match="no Consul provider was given"):
        record(without)
    monkeypatch.setattr(connect_certificate_authority, "find_spec", lambda name: None)
    assert refused() == [(Code.EXTRA_MISSING, "it needs the package pulumi_consul")]
