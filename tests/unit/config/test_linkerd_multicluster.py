"""What a Linkerd stack may say of linked clusters, what is refused there with its line, and what the page shows."""

import re
from pathlib import Path

import pytest

from meshwright.config import load_stack
from meshwright.config.linkerd import LinkerdMesh
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, mesh

PAGE = Path(__file__).parents[3] / "docs" / "linkerd" / "multicluster.md"
SNIPPETS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
SERVED = "api_server: 'https://eu.example', readers: [us]"
GATEWAY = "gateway: {source_ranges: [10.40.0.0/16]}"
LINK = "cluster: us, stack: acme/meshwright/us"
CATALOG = "namespaces: [{name: catalog, phase: audit}]"


def load(write: Write, place: str, *more: str) -> LinkerdMesh:
    """A stack whose place among clusters is on line 4."""
    found = load_stack(write(mesh("linkerd", f"multicluster: {{{place}}}", *more))).mesh
    assert isinstance(found, LinkerdMesh)
    return found


@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("cluster: eu", ()),
        (f"cluster: eu, {SERVED}, {GATEWAY}, links: [{{{LINK}}}]", ()),
        (f"cluster: eu, {GATEWAY}, exports: {{catalog: {{hierarchical: [products]}}}}", (CATALOG,)),
        (
            (
                f"cluster: eu, pod_networks: [10.1.0.0/16], links: [{{{LINK}, modes: [flat, federated]}}], "
                "exports: {catalog: {flat: [a], federated: [a, b]}}"
            ),
            (CATALOG,),
        ),
        ("cluster: eu, gateway: {public: partners call in, replicas: 2}", ("nodes: 3",)),
    ],
)
def test_what_can_work(stack_file: Write, place: str, more: tuple[str, ...]) -> None:
    assert load(stack_file, place, *more).multicluster is not None


def test_a_link_is_hierarchical_unless_it_says_otherwise(stack_file: Write) -> None:
    wanted = load(stack_file, f"cluster: eu, links: [{{{LINK}}}]").multicluster
    assert wanted is not None
    assert wanted.links[0].modes == ("hierarchical",)


OPEN = (
    "the gateway would take connections from every network; name the other clusters' networks in source_ranges, or say "
    "in public why it is open (MW-E215)"
)
APART = "add pod_networks, routed between the clusters, or use hierarchical alone (MW-E217)"
UNKNOWN = "has pods called directly, and the pod networks of here are unknown"


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ("cluster: eu, gateway: {}", [f"gateway: {OPEN}"]),
        (
            "cluster: eu, gateway: {source_ranges: [0.0.0.0/1, 128.0.0.0/1]}",
            [
                (
                    "gateway: source_ranges let every network connect; name the other clusters' networks, or say in public "
                    "why it is open (MW-E215)"
                )
            ],
        ),
        (
            "cluster: eu, gateway: {source_ranges: [office]}",
            ["gateway: 'office' is no network; write it as 10.20.0.0/16 (MW-E215)"],
        ),
        (
            "cluster: eu, gateway: {source_ranges: [10.0.0.0/8], replicas: 1}",
            ["gateway.replicas is 1: every restart of it cuts the clusters apart; write 2 or more (MW-E015)"],
        ),
        (
            "cluster: eu, readers: [us, us]",
            [
                'readers[1] is "us", as is readers[0]; keep one of the two (MW-E017)',
                "readers are given, and they can't reach the API server; add api_server (MW-E011)",
            ],
        ),
        (
            f"cluster: us, {SERVED}, links: [{{{LINK}}}]",
            [
                'readers[0] is "us", which is this cluster; leave it out (MW-E018)',
                'links[0].cluster is "us", which is this cluster; leave it out (MW-E018)',
            ],
        ),
        (
            f"cluster: eu, links: [{{{LINK}}}, {{{LINK}}}]",
            [
                'links[1].cluster is "us", as is links[0].cluster; keep one of the two (MW-E017)',
                'links[1].stack is "acme/meshwright/us", as is links[0].stack; keep one of the two (MW-E017)',
            ],
        ),
        (f"cluster: eu, links: [{{{LINK}, modes: [flat]}}]", [f"links[0].modes {UNKNOWN}; {APART}"]),
        (
            f"cluster: eu, links: [{{{LINK}, modes: [star]}}]",
            ['links[0].modes[0] is "star"; one of: hierarchical, flat, federated (MW-E014)'],
        ),
        (
            f"cluster: eu, links: [{{{LINK}, modes: []}}]",
            [
                "links[0].modes: a Link of no mode mirrors nothing; one or more of: hierarchical, flat, federated (MW-E217)"
            ],
        ),
        (
            f"cluster: eu, pod_networks: [10.1.0.0/16], links: [{{{LINK}, modes: [flat, flat]}}]",
            ['links[0].modes[1] is "flat", as is modes[0]; keep one of the two (MW-E017)'],
        ),
        (
            "cluster: eu, api_server: eu.example",
            ['api_server is "eu.example", which is no address; begin it with https:// (MW-E015)'],
        ),
        (
            "cluster: eu, exports: {catalog: {hierarchical: [a, a], federated: [b]}}",
            [
                'exports.catalog.hierarchical[1] is "a", as is hierarchical[0]; keep one of the two (MW-E017)',
                (
                    "exports.catalog.hierarchical goes through the gateway, and there is none; add gateway, or export them as "
                    "flat (MW-E217)"
                ),
                f"exports.catalog.federated {UNKNOWN}; {APART}",
            ],
        ),
        (
            f"cluster: eu, {GATEWAY}, pod_networks: [10.1.0.0/16], exports: {{catalog: {{hierarchical: [a], flat: [a]}}}}",
            [
                (
                    'exports.catalog.flat[0] is "a", which is hierarchical too: both are values of one label; keep one of the '
                    "two (MW-E217)"
                )
            ],
        ),
        (
            f"cluster: eu, {GATEWAY}, exports: {{catalog: {{hierarchical: [a]}}}}",
            [
                "exports.catalog is of no namespace that is in the mesh; list it in namespaces, with phase: audit (MW-E018)"
            ],
        ),
    ],
)
def test_what_is_refused_with_its_line(stack_file: Write, place: str, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        load(stack_file, place)
    assert str(refused.value).splitlines() == [f"{FILE}:4: mesh.multicluster.{line}" for line in lines]


def test_each_replica_of_the_gateway_needs_a_node(stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load(stack_file, f"cluster: eu, {GATEWAY}", "nodes: 2", "high_availability: false")
    said = "is 3, each of which needs a node, and there are 2; lower it, or add nodes (MW-E180)"
    assert str(refused.value) == f"{FILE}:4: mesh.multicluster.gateway.replicas {said}"


DENIES = (
    "namespaces:",
    "  - name: catalog",
    "    phase: deny",
    "    since: 2026-11-16",
    "    previous: {phase: authenticated, since: 2026-11-02}",
    "    security:",
    "      workloads: {products: {ports: [{port: 8080}]}}",
)
EXPORTED = f"cluster: eu, {GATEWAY}, exports: {{catalog: {{hierarchical: [products]}}}}"


def test_who_denies_lets_the_gateway_in(stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load(stack_file, EXPORTED, *DENIES, "      calls: [{from: catalog/cart, to: products}]")
    assert str(refused.value) == (
        f"{FILE}:4: mesh.multicluster.exports.catalog.hierarchical is of a namespace in phase deny, which lets no call from "
        "linkerd-multicluster/linkerd-gateway in; add {from: linkerd-multicluster/linkerd-gateway, to: ...} to its "
        "security.calls (MW-E018)"
    )
    for call in ("from: linkerd-multicluster/linkerd-gateway", "networks: [10.0.0.0/8]"):
        load(stack_file, EXPORTED, *DENIES, f"      calls: [{{{call}, to: products}}]")


def test_the_page_has_snippets() -> None:
    assert len(SNIPPETS) >= 3


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_loads(stack_file: Write, snippet: str) -> None:
    assert load_stack(stack_file(mesh("linkerd", *snippet.splitlines()))).mesh.kind == "linkerd"
