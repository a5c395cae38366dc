import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from meshwright.config import IstioAmbientMesh, MeshNamespace, StackConfig, load_stack, parse_config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.errors import Code, ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import istio, namespaces

STACKS = Path(__file__).parents[3] / "stacks"


def istio_mesh(stack: StackConfig) -> IstioAmbientMesh:
    assert isinstance(stack.mesh, IstioAmbientMesh)
    return stack.mesh


def only_namespace(stack: StackConfig) -> MeshNamespace:
    (namespace,) = istio_mesh(stack).namespaces
    return namespace


def test_defaults(stack_file: Write) -> None:
    path = stack_file(istio())
    stack = load_stack(path)
    mesh = istio_mesh(stack)
    assert stack.path == path
    assert (mesh.version, mesh.mtls, mesh.charts, mesh.gateway_api.mode) == ("1.31", "permissive", None, "create")
    assert (mesh.cluster.context, mesh.cluster.output, mesh.istiod.min_replicas) == ("prod", "kubeconfig", None)
    assert (mesh.namespaces, stack.waivers, mesh.values.istiod) == ((), (), {})


def test_a_namespace_with_all_that_it_can_have(stack_file: Write) -> None:
    namespace = only_namespace(
        load_stack(
            stack_file(
                namespaces(
                    "name: shop, phase: permissive, since: 2026-11-16, previous: {phase: unmeshed}, adopt: true, "
                    "services: [a, b], waypoint: {for: all, reason: routing, ingress: true, max_replicas: 9}"
                )
            )
        )
    )
    assert namespace.since == date(2026, 11, 16)
    assert namespace.previous is not None
    assert (namespace.previous.phase, namespace.previous.since) == ("unmeshed", None)
    assert namespace.waypoint is not None
    assert (namespace.waypoint.waypoint_for, namespace.waypoint.min_replicas, namespace.waypoint.max_replicas) == (
        "all",
        2,
        9,
    )


@pytest.mark.parametrize("since", ["2026-10-12", "2026-10-12T00:00:00Z", "2026-10-12 00:00:00 +0000 UTC"])
def test_a_date_as_people_write_it_and_as_pulumi_passes_it_on(since: str) -> None:
    mesh = {
        "kind": "istio-ambient",
        "version": "1.31",
        "cluster": {"stack": "org/eks/prod", "platform": "eks"},
        "namespaces": [{"name": "shop", "phase": "strict", "since": since}],
    }
    assert only_namespace(parse_config(mesh, None)).since == date(2026, 10, 12)


def test_the_sources_of_charts(stack_file: Write) -> None:
    for charts, address in (
        ("{source: oci}", None),
        ("{source: repository}", None),
        ("{source: mirror, url: 'oci://mirror.corp/istio'}", "oci://mirror.corp/istio"),
        ("{source: path, path: charts}", "charts"),
    ):
        source = istio_mesh(load_stack(stack_file(istio(f"    charts: {charts}\n")))).charts
        assert source is not None
        assert source.address == address


def test_a_kubeconfig_may_name_its_context(stack_file: Write) -> None:
    cluster = "{kubeconfig: ./kubeconfig, context: prod, platform: k3s, kubernetes_version: '1.32.4', compute: [ec2]}"
    assert istio_mesh(load_stack(stack_file(istio(cluster=cluster)))).cluster.kubeconfig == "./kubeconfig"


def test_what_is_unwise_but_possible_is_not_refused(stack_file: Write) -> None:
    """Strict everywhere at once, an old version past its end of life, no soak: policy judges these."""
    text = istio("    mtls: strict\n    namespaces: [{name: shop, phase: unmeshed}]\n", version='"1.29"')
    assert istio_mesh(load_stack(stack_file(text))).mtls == "strict"
    insecure = istio_mesh(load_stack(stack_file(istio(version='"1.30.5"'))))
    assert insecure.version == "1.30.5"


def test_aliases_and_merges_are_followed(stack_file: Write) -> None:
    text = istio(
        "    namespaces:\n      - &shop {name: shop, phase: strict}\n      - {<<: [*shop, {adopt: true}], name: cart}\n"
    )
    shop, cart = istio_mesh(load_stack(stack_file(text))).namespaces
    assert (cart.name, cart.phase, cart.adopt, shop.adopt) == ("cart", "strict", True, False)


def test_keys_of_others_are_left_alone(stack_file: Write) -> None:
    text = istio() + "  kubernetes:context: prod\n  shop:password: {secure: AAAB}\nencryptionsalt: v1:abc\n"
    assert load_stack(stack_file(text)).mesh.kind == "istio-ambient"


def test_waivers(stack_file: Write) -> None:
    text = istio(
        "  meshwright:waivers:\n    - {rule: MW-ADO-007, resource: 'cat*', reason: later, expires: 2026-01-01, ticket: T-1}\n"
    )
    (waiver,) = load_stack(stack_file(text)).waivers
    assert (waiver.rule, waiver.expires, waiver.owner, waiver.ticket) == ("MW-ADO-007", date(2026, 1, 1), None, "T-1")


def test_a_config_does_not_change(stack_file: Write) -> None:
    stack = load_stack(stack_file(istio()))
    with pytest.raises(ValueError, match="frozen"):
        stack.mesh.environment = "dev"


@pytest.mark.parametrize("path", sorted(STACKS.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_the_example_stacks_load(path: Path) -> None:
    assert load_stack(path).path == path


@pytest.mark.parametrize(
    ("channel", "version"), [("edge", "2.20"), ("edge", "edge-26.8.3"), ("enterprise", "enterprise-2.20.2")]
)
def test_linkerd_releases(channel: str, version: str) -> None:
    mesh = parse_config({"kind": "linkerd", "channel": channel, "version": version}, []).mesh
    assert isinstance(mesh, LinkerdMesh)
    assert mesh.version == version


def test_no_mesh_may_name_its_cluster() -> None:
    cluster = {"context": "dev", "platform": "kind", "kubernetes_version": "1.20", "compute": ["fargate"]}
    assert parse_config({"kind": "none", "because": ["few_services"], "cluster": cluster}, []).mesh.kind == "none"


def test_nothing_of_pulumi_is_imported() -> None:
    code = "import sys, meshwright.config.schema; sys.exit(any(name.startswith('pulumi') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load_stack(path)
    return str(refused.value)


def test_a_missing_file_names_the_near_ones(stack_file: Write) -> None:
    stack_file(istio())
    Path("stacks/Pulumi.dev.yaml").touch()
    assert refusal(Path("stacks/Pulumi.prd.yaml")) == (
        "stacks/Pulumi.prd.yaml: there is no such file; in that folder: Pulumi.prod.yaml, Pulumi.dev.yaml (MW-E024)"
    )
    assert "there is no YAML file in that folder (MW-E024)" in refusal(Path("nowhere/Pulumi.prod.yaml"))


def test_a_big_file_is_refused_at_once(stack_file: Write) -> None:
    assert refusal(stack_file("# " + "x" * 10_000_000)).startswith("stacks/Pulumi.prod.yaml: the file is over 1 MiB; ")
    with pytest.raises(ConfigError, match="MW-E027"):
        load_stack(stack_file("x" * (1024 * 1024 + 1)))


def test_what_is_no_text_is_refused(stack_file: Write) -> None:
    path = stack_file("")
    path.write_bytes(b"config: \xff")
    assert refusal(path) == (
        "stacks/Pulumi.prod.yaml: the file can't be read: byte 8 is not UTF-8; save it as UTF-8 (MW-E026)"
    )
    assert "the file can't be read: Is a directory" in refusal(Path("stacks"))


def test_the_file_is_named_from_where_we_are(
    stack_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack_file("").absolute()
    assert refusal(path).startswith("stacks/Pulumi.prod.yaml: ")
    monkeypatch.chdir(tmp_path / "stacks")
    assert refusal(Path("Pulumi.prod.yaml")).startswith("stacks/Pulumi.prod.yaml: ")
    monkeypatch.chdir("/")
    assert refusal(path).startswith(str(path.relative_to("/")))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Pulumi.yaml").touch()
    monkeypatch.chdir(elsewhere)
    assert refusal(path).startswith(str(path))


def test_the_codes_are_those_of_the_enum(stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load_stack(stack_file(""))
    assert [problem.code for problem in refused.value.problems] == [Code.EMPTY_FILE]


def test_what_a_config_is_made_of_can_be_dates_and_models() -> None:
    mesh = {
        "kind": "vpc-lattice",
        "region": "eu-west-1",
        "network": {"name": "shop"},
        "services": [
            {
                "name": "cart",
                "phase": "strict",
                "since": date(2026, 10, 12),
                "listeners": [
                    {"protocol": "https", "rules": [{"path_prefix": "/", "targets": [{"pool": "a"}, {"pool": "b"}]}]}
                ],
            }
        ],
    }
    assert parse_config(mesh, []).mesh.model_dump()["services"][0]["since"] == date(2026, 10, 12)


def test_a_bundle_of_the_gateway_api_can_be_chosen(stack_file: Write) -> None:
    text = istio('    gateway_api: {mode: adopt, version: "1.5.1", path: gateway-api.yaml}\n')
    assert istio_mesh(load_stack(stack_file(text))).gateway_api.version == "1.5.1"
