"""What can't work in a stack's control plane: each line with its place."""

import pytest

from meshwright.config import IstioAmbientMesh, load_stack
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio

WAYPOINT = "waypoint: {reason: routing}"


def old(more: str) -> str:
    """A stack on 1.30.7 with a revision; `more` begins on line 7."""
    return istio("    revision: 1-30-7\n" + more, version='"1.30.7"')


def namespace(item: str) -> str:
    return f"    namespaces:\n      - {{name: shop, phase: permissive, {item}}}\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            istio('    upgrade: {to: "1.31"}\n', version='"1.29.9"'),
            [
                "6: mesh.upgrade.to: an upgrade from 1.29.9 to 1.31.1 passes over 1.30; upgrade to 1.30 first; istio-cni and ztunnel may be one minor behind istiod (MW-E110)"
            ],
        ),
        (
            old('    upgrade: {to: "1.30.5"}\n'),
            [
                "7: mesh.upgrade.to: an upgrade from 1.30.7 to 1.30.5 doesn't go up; name a newer version; to go back, take back the upgrade's steps (MW-E110)"
            ],
        ),
        (
            old('    upgrade: {to: "1.31", revision: 1-30-7}\n'),
            [
                '7: mesh.upgrade.revision is "1-30-7", as is mesh.revision: the new control plane would replace the old one; leave it out, or choose another (MW-E018)'
            ],
        ),
        (
            istio("    revision: default\n"),
            [
                '6: mesh.revision is "default", as Istio calls the control plane without a revision; leave it out, or name it after its version, with dashes: "1-31-1" (MW-E015)'
            ],
        ),
        (
            old('    upgrade: {to: "1.31", revision: default}\n'),
            [
                '7: mesh.upgrade.revision is "default", as Istio calls the control plane without a revision; leave it out, or name it after its version, with dashes: "1-31-1" (MW-E015)'
            ],
        ),
        (
            old("    tags: {stable: 1-31-1}\n"),
            [
                "7: mesh.tags.stable: the tag stable stands for the revision 1-31-1, which has no control plane; one of: 1-30-7 (MW-E111)"
            ],
        ),
        (
            old("    tags: {Stable: 1-30-7}\n"),
            [
                "7: mesh.tags.Stable is no name for a tag; use lower-case letters, digits and '-', at most 43, with a letter or digit at both ends (MW-E015)"
            ],
        ),
        (
            istio("    tags: {default: default}\n"),
            [
                "6: mesh.tags.default: the tag default is a revision's name too, and istiod can't tell them apart; name the tag after its purpose: stable (MW-E111)",
            ],
        ),
        (
            istio('    tags: {default: 1-31-1}\n    upgrade: {to: "1.31", revision: 1-31-1}\n', version='"1.30.7"'),
            [
                "6: mesh.tags.default: the tag default is a revision's name too, and istiod can't tell them apart; name the tag after its purpose: stable (MW-E111)"
            ],
        ),
        (
            old(f"    tags: {{stable: 1-30-7}}\n{namespace('tag: stabel')}"),
            ['9: mesh.namespaces[0].tag is "stabel", which is no tag; one of: stable (MW-E111)'],
        ),
        (
            old(namespace("tag: stable")),
            ['8: mesh.namespaces[0].tag is "stable", which is no tag; add it to tags, or remove it (MW-E111)'],
        ),
        (
            old(f"    tags: {{stable: 1-30-7, early: 1-30-7}}\n{namespace(WAYPOINT)}"),
            [
                "9: mesh.namespaces[0] has a waypoint, and there are 2 tags that it could follow; add tag: one of stable, early (MW-E011)"
            ],
        ),
        (
            old('    upgrade: {to: "1.31"}\n    gateway_api: {version: "1.6.1"}\n'),
            [
                "7: mesh.upgrade.to: Gateway API CRDs 1.6.1 do not suit all of their users: istio 1.30.7 takes 1.1.0 to 1.5.1, istio 1.31.1 takes 1.1.0 to 1.6.3; leave the version out, and the newest that suits all is chosen (MW-E032)",
                "8: mesh.gateway_api.version: Gateway API CRDs 1.6.1 do not suit all of their users: istio 1.30.7 takes 1.1.0 to 1.5.1; leave the version out, and the newest that suits all is chosen (MW-E032)",
            ],
        ),
        (
            istio("    gke: {project: p, control_plane_cidr: 172.16.0.0/28, node_tags: [n]}\n"),
            ["6: mesh.gke is for gke, and the cluster is on eks; remove it, or set cluster.platform to gke (MW-E018)"],
        ),
        (
            istio("    eks: {node_security_group: sg-0123456789abcdef0}\n"),
            [
                "6: mesh.eks opens ports, and region and control_plane_security_group isn't said; name the region and both security groups, or none (MW-E011)"
            ],
        ),
        (
            istio("    eks: {security_groups_for_pods: strict}\n", version='"1.29.3"'),
            [
                "6: mesh.eks.security_groups_for_pods is strict, and with istio 1.29.3 health probes of captured pods fail then; set POD_SECURITY_GROUP_ENFORCING_MODE=standard on aws-node, or choose 1.29.4, 1.30.0 or newer (MW-E112)"
            ],
        ),
        (
            istio(
                "    cilium: {bpf_masquerade: true, exclusive: true}\n",
                cluster="{context: c, platform: eks, cni: cilium}",
            ),
            [
                "6: mesh.cilium.exclusive is true, and Cilium then removes the configuration by which istio-cni is called; set Cilium's cni.exclusive to false (MW-E112)",
                "6: mesh.cilium.bpf_masquerade is true, and the kubelet's probes then fail for captured pods; set Cilium's bpf.masquerade to false (MW-E112)",
            ],
        ),
        (
            istio("    cilium: {}\n"),
            [
                "6: mesh.cilium describes Cilium, which cluster.cni doesn't name; remove it, or set cluster.cni to cilium (MW-E018)"
            ],
        ),
        (
            istio("    node_agents: {grace_period: 2h}\n"),
            ["6: mesh.node_agents.grace_period is 2h, and ztunnel drains for a second less; write 2s to 1h (MW-E015)"],
        ),
        (
            istio("    images: {digests: {pilot: latest}}\n"),
            [
                '6: mesh.images.digests.pilot is "latest", which is no digest; write sha256: and 64 hexadecimal digits (MW-E015)'
            ],
        ),
        (
            istio("    images: {pull_secrets: [a, a]}\n"),
            ['6: mesh.images.pull_secrets[1] is "a", as is pull_secrets[0]; keep one of the two (MW-E017)'],
        ),
        (
            istio(
                "    gke: {project: p, control_plane_cidr: 10.0.0.1/8, node_tags: [n, n]}\n",
                cluster="{context: c, platform: gke}",
            ),
            [
                '6: mesh.gke.control_plane_cidr is "10.0.0.1/8", which is no network; write it as "172.16.0.0/28" (MW-E015)'
            ],
        ),
    ],
)
def test_each_mistake_is_one_line(text: str, lines: list[str], stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load_stack(stack_file(text))
    assert str(refused.value).splitlines() == [f"{FILE}:{line}" for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        old('    upgrade: {to: "1.31", step: ztunnel}\n    tags: {stable: 1-31-1, early: 1-31-1}\n'),
        istio('    upgrade: {to: "1.31"}\n', version='"1.30.7"'),
        istio('    upgrade: {to: "1.31", revision: 1-31-1}\n    tags: {stable: default}\n', version='"1.30.7"'),
        old(f"    tags: {{stable: 1-30-7}}\n{namespace(WAYPOINT)}"),
        istio("    eks: {security_groups_for_pods: strict}\n"),
        istio(
            "    cilium: {exclusive: false, bpf_masquerade: false}\n",
            cluster="{context: c, platform: aks, cni: cilium}",
        ),
    ],
)
def test_what_works_is_taken(text: str, stack_file: Write) -> None:
    assert isinstance(load_stack(stack_file(text)).mesh, IstioAmbientMesh)


def test_a_target_that_is_not_in_the_catalog_is_told_once(stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load_stack(stack_file(old('    upgrade: {to: "1.99"}\n    tags: {stable: 1-30-7}\n')))
    (line,) = str(refused.value).splitlines()
    assert 'mesh.upgrade.to: istio "1.99" is not in the catalog' in line
