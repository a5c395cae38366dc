"""What the key `ca` of a Consul stack becomes, at each step of a rotation: in Consul, for the chart, and in Vault."""

import json
from typing import Any

import pulumi
import pytest

from meshwright.config import parse_config
from meshwright.config.consul import ConsulMesh
from meshwright.consul.vault.plan import plan_vault
from meshwright.engine.graph import UNKNOWN, Graph
from meshwright.engine.record import record
from meshwright.engine.stack import UNKNOWN_TEXT
from meshwright.errors import Code, ConfigError
from tests.unit.certs.consul_scenes import STEADY, server
from tests.unit.stacks.test_program import ROOT

VAULT = {"address": "https://vault:8200"}
LIVE = "another root comes by a rotation: meshwright certs plan; Helm's values change nothing (MW-E249)"
API = {"address": "https://consul:8501", "token": "config:consul:token"}
NEXT = {"path": "dc1/connect_root_2027", "key_bits": 384}
STEPS: dict[str, Any] = {
    "cross-signing": {"step": "cross-signing", "since": "2026-11-20", "previous": {"step": "steady"}},
    "switched": {
        "step": "switched",
        "since": "2026-11-20",
        "previous": {"step": "cross-signing", "since": "2026-11-20"},
    },
    "old-pruned": {
        "step": "old-pruned",
        "since": "2026-11-20",
        "previous": {"step": "switched", "since": "2026-11-10"},
    },
}


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


@pytest.fixture
def _as_real(monkeypatch: pytest.MonkeyPatch) -> None:
    import consul_ca

    monkeypatch.setattr(consul_ca, "is_offline", lambda: False)
    monkeypatch.delenv("CONSUL_HTTP_TOKEN", raising=False)


def mesh_of(ca: Any, **more: Any) -> ConsulMesh:
    wanted = {"kind": "consul", "cluster": {"context": "c", "platform": "kind"}, "ca": ca, "vault": VAULT, **more}
    mesh = parse_config({key: value for key, value in wanted.items() if value is not None}, None, None).mesh
    assert isinstance(mesh, ConsulMesh)
    return mesh


def at(step: str, **more: Any) -> dict[str, Any]:
    return (
        {"consul": API, "rotation": {**STEPS[step], "next": NEXT}, **more} if step in STEPS else {"consul": API, **more}
    )


def run(mesh: ConsulMesh, *, secret: bool = True) -> Graph:
    import consul_ca

    class Stands:
        def after(self) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions()

    backend = plan_vault({"address": "https://vault:8200"}, "test").backend if mesh.vault else None
    stands: Any = Stands()
    keys = ("consul:token",) if secret else ()
    return record(
        lambda: consul_ca.deploy(mesh, stands, backend), config={"consul:token": "operator"}, secret_keys=keys
    )


def refused(ca: Any, **more: Any) -> list[tuple[Code, str]]:
    with pytest.raises(ConfigError) as error:
        mesh_of(ca, **more)
    return [(each.code, each.message) for each in error.value.problems]


def component(graph: Graph) -> Any:
    return next(each for each in graph if each.type == "meshwright:index:ConnectCertificateAuthority")


def test_the_live_configuration_follows_the_steps() -> None:
    roots = {
        step: component(run(mesh_of(at(step)))).outputs["configuration"]["RootPKIPath"] for step in ("steady", *STEPS)
    }
    assert roots == {
        "steady": "dc1/connect_root",
        "cross-signing": "dc1/connect_root",
        "switched": NEXT["path"],
        "old-pruned": NEXT["path"],
    }


def test_what_vault_and_the_chart_are_told() -> None:
    import consul_ca

    stands = {step: consul_ca.stand_of(mesh_of(at(step))) for step in ("steady", *STEPS)}
    both = ("dc1/connect_root", NEXT["path"])
    assert {step: (each.mounts, each.cross_signs) for step, each in stands.items()} == {
        "steady": (("dc1/connect_root",), ()),
        "cross-signing": (both, both),
        "switched": (both, both),
        "old-pruned": ((NEXT["path"],), ()),
    }
    assert [each.installed.path for each in stands.values()] == ["dc1/connect_root"] * 3 + [NEXT["path"]]
    assert list(consul_ca.generations(mesh_of(at("switched")))) == list(both)
    assert consul_ca.stand_of(mesh_of(None)).mounts == ("dc1/connect_root",)


def test_after_the_last_step_next_takes_the_place_of_root_and_nothing_changes() -> None:
    import consul_ca

    last, after = mesh_of(at("old-pruned")), mesh_of({"consul": API, "root": NEXT})
    assert consul_ca.stand_of(last) == consul_ca.stand_of(after)
    for part in ("inputs", "outputs"):
        assert getattr(component(run(last)), part) == getattr(component(run(after)), part)


def test_the_token_is_a_secret_of_the_stack() -> None:
    graph = run(mesh_of(at("steady")))
    (provider,) = [each for each in graph if each.type == "pulumi:providers:consul"]
    assert provider.inputs["address"] == "https://consul:8501"
    assert "operator" not in repr(provider.inputs["token"])
    with pytest.raises(ConfigError, match=r"mesh\.ca\.consul\.token names .* which is no secret"):
        run(mesh_of(at("steady")), secret=False)


@pytest.mark.usefixtures("_as_real")
def test_outside_of_a_rotation_the_root_is_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    import consul_ca

    def messages(root: Any, answers: Any, **more: Any) -> list[str]:
        with server(answers, **more) as address:
            mesh = mesh_of({"consul": {"address": address}, "root": root})
            try:
                record(lambda: consul_ca.check(mesh, "Pulumi.prod.yaml"))
            except ConfigError as error:
                return [str(each) for each in error.problems]
            return []

    assert messages({}, STEADY) == []
    assert messages({"path": "dc1/other"}, STEADY) == [
        f"Pulumi.prod.yaml: mesh.ca.root is not what is live: Consul's live root is dc1/connect_root in Vault; {LIVE}"
    ]
    assert messages({"key_type": "rsa", "key_bits": 2048}, STEADY) == [
        (
            "Pulumi.prod.yaml: mesh.ca.root is not what is live: it is ec of 256 bits: Consul changes no key without "
            f"another root; {LIVE}"
        )
    ]
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "operator")
    assert messages({"path": "dc1/other"}, STEADY, token="operator") != []
    monkeypatch.delenv("CONSUL_HTTP_TOKEN")
    assert messages({"path": "dc1/other"}, STEADY, token="operator") == []


@pytest.mark.usefixtures("_as_real")
def test_consul_is_not_asked_where_it_is_not_there_or_in_a_rotation() -> None:
    import consul_ca

    def logged(ca: Any, **config: Any) -> list[str]:
        graph = record(lambda: consul_ca.check(mesh_of(ca), "p"), **config)
        return [each.message for each in graph.logs]

    nobody = {"address": "http://127.0.0.1:1"}
    (said,) = logged({"consul": nobody})
    assert said.startswith("Consul does not answer at http://127.0.0.1:1")
    assert said.endswith("; its live CA is not compared with the stack's")
    assert logged({"consul": nobody, "rotation": {**STEPS["switched"], "next": NEXT}}) == []
    assert logged({"leaf_lifetime": "24h"}) == []
    unknown = {"config": {"consul:token": UNKNOWN_TEXT}, "secret_keys": ("consul:token",)}
    assert logged({"consul": {**nobody, "token": "config:consul:token"}}, **unknown) == []


def test_offline_nobody_is_asked() -> None:
    import consul_ca

    assert not record(lambda: consul_ca.check(mesh_of({"consul": {"address": "http://127.0.0.1:1"}}), "p")).logs


def test_without_an_address_the_live_configuration_is_left_alone() -> None:
    assert [each.type for each in run(mesh_of({"leaf_lifetime": "24h"}))] == ["pulumi:pulumi:Stack"]


def test_consuls_own_ca_and_a_change_to_vault() -> None:
    own = mesh_of({"consul": {"address": "http://consul:8500"}, "root": {"provider": "consul"}}, vault=None)
    graph = run(own)
    (made,) = [each for each in graph if each.type.endswith(":CertificateAuthority")]
    assert made.inputs["connectProvider"] == "consul"
    assert json.loads(str(made.inputs["configJson"]))["LeafCertTTL"] == "72h"
    moved = run(mesh_of(at("switched", root={"provider": "consul"})))
    assert component(moved).outputs["provider"] == "vault"
    assert (
        next(each for each in moved if each.type.endswith(":CertificateAuthority") and not each.read).inputs[
            "configJson"
        ]
        is UNKNOWN
    )


def test_a_namespace_and_lifetimes() -> None:
    ca = {"consul": API, "root": {"namespace": "roots"}, "leaf_lifetime": "24h", "intermediate_lifetime": "90d"}
    told = component(run(mesh_of(ca))).outputs["configuration"]
    assert (told["RootPKINamespace"], told["LeafCertTTL"], told["IntermediateCertTTL"]) == ("roots", "24h", "2160h")


@pytest.mark.parametrize(
    ("ca", "code", "message"),
    [
        ({"leaf_lifetime": "96h"}, Code.CONNECT_CA_SETTING, "mesh.ca.leaf_lifetime is 96 hours"),
        (
            {"leaf_lifetime": "90m"},
            Code.CONNECT_CA_SETTING,
            "mesh.ca.leaf_lifetime is 90m, which is no number of hours",
        ),
        (
            {"rotation": {**STEPS["cross-signing"], "next": NEXT}},
            Code.MISSING_KEY,
            "mesh.ca: a rotation is under way, and nothing would change the live CA",
        ),
        ({"root": {"key_bits": 512}}, Code.CONNECT_CA_SETTING, "mesh.ca.root.key_bits is 512, and the type is ec"),
        (
            {"root": {"provider": "consul", "path": "x"}},
            Code.CONTRADICTION,
            "mesh.ca.root.path is not used with provider: consul",
        ),
        (
            {"root": {"certificate": "root.pem"}},
            Code.CONTRADICTION,
            "mesh.ca.root.certificate is not used with held: vault",
        ),
        (
            {"consul": API, "rotation": {**STEPS["cross-signing"], "next": {"path": "dc1/connect_root"}}},
            Code.CONNECT_CA_ROOT,
            "mesh.ca.rotation.next has the path dc1/connect_root, as the root has",
        ),
        (
            {"rotation": {**STEPS["cross-signing"], "next": {"key_bits": 384}}},
            Code.MISSING_KEY,
            "mesh.ca.rotation.next names no path",
        ),
        (
            {"consul": API, "rotation": {**STEPS["switched"], "next": {**NEXT, "held": "elsewhere"}}},
            Code.CONNECT_CA_ROOT,
            "mesh.ca.rotation.next has no certificate, and step is switched: what can't sign can't take the root's place",
        ),
        (
            {"consul": API, "rotation": {**STEPS["old-pruned"], "next": {**NEXT, "held": "elsewhere"}}},
            Code.CONNECT_CA_ROOT,
            (
                "mesh.ca.rotation.next has no certificate, and step is old-pruned: "
                "what can't sign can't take the root's place"
            ),
        ),
        (
            {"rotation": {**STEPS["cross-signing"], "next": NEXT, "without_cross_signing": "lost"}},
            Code.CONNECT_CA_FORCED,
            (
                "mesh.ca.rotation.without_cross_signing is given, and step is cross-signing: "
                "Consul's root was not changed yet"
            ),
        ),
        (
            {"rotation": {**STEPS["switched"], "next": NEXT, "without_cross_signing": " "}},
            Code.CONNECT_CA_FORCED,
            "mesh.ca.rotation.without_cross_signing gives no reason",
        ),
        (
            {
                "rotation": {
                    "step": "old-pruned",
                    "since": "2026-11-20",
                    "previous": {"step": "switched", "since": "2026-11-15"},
                    "next": NEXT,
                }
            },
            Code.ROTATION_STEP,
            "mesh.ca.rotation: step is old-pruned since 2026-11-20, and the root was changed on 2026-11-15",
        ),
        (
            {"rotation": {"step": "switched", "since": "2026-11-20", "previous": {"step": "steady"}, "next": NEXT}},
            Code.ROTATION_STEP,
            (
                "mesh.ca.rotation: step is switched, and the step before it was steady: proxies of the two don't trust "
                "each other"
            ),
        ),
    ],
)
def test_what_is_refused(ca: Any, code: Code, message: str) -> None:
    assert (code, message) in refused(ca)


def test_a_root_in_a_vault_that_the_stack_does_not_name() -> None:
    assert refused({"consul": API}, vault=None) == [
        (Code.CONTRADICTION, "mesh.ca.root is in Vault, and the stack names none")
    ]
    assert refused(
        {"consul": API, "root": {"provider": "consul"}, "rotation": {**STEPS["switched"], "next": NEXT}}, vault=None
    )[0] == (
        Code.CONTRADICTION,
        "mesh.ca.rotation.next is in Vault, and the stack names none",
    )
