"""Each scenario's plan: its commands to the letter, how they are taken back, and what is refused."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from meshwright.breakglass.plan import Plan, checked_label, checked_name, shell
from meshwright.errors import ConfigError
from meshwright.istio.breakglass import istiod, mtls, root, upgrade, waypoint
from meshwright.istio.breakglass.looking import Look
from meshwright.kubernetes.reading import ReadError
from tests.unit.istio.breakglass.clusters import EXPIRED, PUBLISHED, SHOP, ca_secret, published, reader, revision
from tests.unit.istio.health.scenes import pem

FILES = "ca-cert.pem, ca-key.pem, root-cert.pem, cert-chain.pem"


def look(objects: str = SHOP, **more: Any) -> Look:
    return Look(reader(objects, **more))  # type: ignore[arg-type]


def commands(plan: Plan) -> list[str]:
    return [" ".join(step.command) for step in plan.steps]


def undoing(plan: Plan) -> list[str]:
    return [" ".join(step.undo) for step in plan.steps]


def test_a_strict_namespace_takes_plaintext_again_by_its_oldest_policy() -> None:
    plan = mtls.plan(look(), "shop")
    place = "patch peerauthentication default --namespace=shop --type=merge"
    assert commands(plan) == [f'{place} --patch={{"spec":{{"mtls":{{"mode":"PERMISSIVE"}}}}}}']
    assert undoing(plan) == [f'{place} --patch={{"spec":{{"mtls":{{"mode":"STRICT"}}}}}}']
    assert plan.risks[1:3] == (
        "PeerAuthentication shop/cart keeps its own mode for the pods that it selects",
        "AuthorizationPolicy shop/callers still refuses a caller without an identity",
    )


def test_one_workload_with_ports_of_its_own() -> None:
    plan = mtls.plan(look(), "shop", "app=cart")
    (step,) = plan.steps
    assert step.command[-1] == (
        '--patch={"spec":{"mtls":{"mode":"PERMISSIVE"},"portLevelMtls":{"8080":{"mode":"PERMISSIVE"}}}}'
    )
    assert step.undo[-1] == '--patch={"spec":{"mtls":{"mode":"STRICT"},"portLevelMtls":{"8080":{"mode":"STRICT"}}}}'
    assert plan.target == "Namespace shop, workload app=cart"


@pytest.mark.parametrize(
    ("namespace", "workload", "name", "selector"),
    [("search", "", "default", {}), ("shop", "app=My_Web", "break-glass-my-web", {"matchLabels": {"app": "My_Web"}})],
)
def test_a_policy_is_made_where_the_mesh_is_strict_for_all(
    namespace: str, workload: str, name: str, selector: dict[str, Any]
) -> None:
    (step,) = mtls.plan(look(), namespace, workload).steps
    assert step.command == ("apply", "--server-side", "--field-manager=meshwright-break-glass", "--filename=-")
    body = json.loads(step.manifest)
    assert body["metadata"] == {"name": name, "namespace": namespace}
    assert body["spec"] == {"mtls": {"mode": "PERMISSIVE"}, **({"selector": selector} if selector else {})}
    assert " ".join(step.undo) == f"delete peerauthentication {name} --namespace={namespace} --ignore-not-found"


def test_a_policy_without_a_mode_gets_none_back() -> None:
    unset = "[{kind: Namespace, metadata: {name: a}}, {kind: PeerAuthentication, metadata: {namespace: a, name: x}}]"
    (step,) = mtls.plan(look(unset), "a").steps
    assert step.undo[-1] == '--patch={"spec":{"mtls":null}}'
    assert step.says == "PeerAuthentication a/x: UNSET becomes PERMISSIVE"


def test_a_waypoint_is_restarted() -> None:
    plan = waypoint.plan(look(), "shop", "waypoint")
    assert commands(plan) == [
        "rollout restart deployment/waypoint --namespace=shop",
        "rollout status deployment/waypoint --namespace=shop --timeout=300s",
    ]
    assert [step.why_no_undo for step in plan.steps] == ["nothing to undo", "nothing to undo"]


def test_traffic_goes_past_a_waypoint_and_past_what_guards_it() -> None:
    plan = waypoint.plan(look(), "shop", "waypoint", bypass=True)
    patch = "patch authorizationpolicies.security.istio.io guard --namespace=shop --type=merge"
    rest = '{"source":{"namespaces":["bad"]}}]},{"to":[{"operation":{"ports":["22"]}}]}]'
    assert commands(plan) == [
        f'{patch} --patch={{"spec":{{"rules":[{{"from":[{{"source":{{"notPrincipals":["*"]}}}},{rest}}}}}',
        "label namespace shop --overwrite istio.io/use-waypoint=none",
        "label service index --namespace=search --overwrite istio.io/use-waypoint=none",
    ]
    assert undoing(plan) == [
        f'{patch} --patch={{"spec":{{"rules":[{{"from":[{{"source":{{"notPrincipals":["cluster.local/ns/shop/sa/waypoint"]}}}},{rest}}}}}',
        "label namespace shop --overwrite istio.io/use-waypoint=waypoint",
        "label service index --namespace=search --overwrite istio.io/use-waypoint=waypoint",
    ]
    assert "L7 policies" in plan.risks[0]
    assert plan.risks[1].startswith("AuthorizationPolicy shop/l7 is applied at the waypoint alone")
    assert plan.risks[2].startswith("AuthorizationPolicy shop/callers allows the waypoint alone")


def test_what_is_made_has_a_name_that_nothing_else_has() -> None:
    others = (
        "- {kind: PeerAuthentication, metadata: {namespace: search, name: default}, spec: {selector: {matchLabels: {a: b}}}}\n"
        "- {kind: PeerAuthentication, metadata: {namespace: shop, name: break-glass-web}, spec: {selector: {matchLabels: {app: web}}}}\n"
    )
    (step,) = mtls.plan(look(SHOP + others), "search").steps
    assert step.undo[2] == json.loads(step.manifest)["metadata"]["name"] == "default-2"
    (step,) = mtls.plan(look(SHOP + others), "shop", "name=web").steps
    assert step.undo[2] == json.loads(step.manifest)["metadata"]["name"] == "break-glass-web-2"


def test_the_mesh_as_a_whole_and_older_policies_for_the_same_pods_are_told_of() -> None:
    mesh = mtls.plan(look(SHOP + "- {kind: Namespace, metadata: {name: istio-system}}\n"), "istio-system")
    assert mesh.risks[1] == "istio-system is where istiod runs: what is set there holds for the whole mesh"
    pods = "- {kind: Pod, metadata: {namespace: shop, name: cart-1, labels: {app: cart, tier: web}}}\n"
    assert "PeerAuthentication shop/cart keeps" in mtls.plan(look(SHOP + pods), "shop", "tier=web").risks[1]
    assert "shop/cart" not in mtls.plan(look(SHOP + pods), "shop", "tier=db").risks[1]


def test_pods_that_use_a_waypoint_and_guards_by_account_are_seen() -> None:
    shop = SHOP.replace(
        "name: waypoint}, spec:", "name: waypoint, annotations: {gateway.istio.io/service-account: wp}}, spec:"
    )
    more = """\
- {kind: Pod, metadata: {namespace: shop, name: db-0, labels: {istio.io/use-waypoint: waypoint}}}
- {kind: WorkloadEntry, metadata: {namespace: shop, name: vm, labels: {istio.io/use-waypoint: waypoint}}}
- {kind: AuthorizationPolicy, metadata: {namespace: shop, name: same}, spec: {action: DENY, rules: [{from: [{source: {notServiceAccounts: [wp]}}]}]}}
- {kind: AuthorizationPolicy, metadata: {namespace: search, name: far}, spec: {action: DENY, rules: [{from: [{source: {notServiceAccounts: [shop/wp]}}]}]}}
- {kind: AuthorizationPolicy, metadata: {namespace: search, name: other}, spec: {action: DENY, rules: [{from: [{source: {notServiceAccounts: [wp]}}]}]}}
- {kind: AuthorizationPolicy, metadata: {namespace: shop, name: only}, spec: {rules: [{from: [{source: {serviceAccounts: [shop/wp]}}]}]}}
"""
    plan = waypoint.plan(look(shop + more), "shop", "waypoint", bypass=True)
    assert [" ".join(step.command[:3]) for step in plan.steps] == [
        "patch authorizationpolicies.security.istio.io far",
        "patch authorizationpolicies.security.istio.io same",
        "label namespace shop",
        "label service index",
        "label workloadentry vm",
        "label pod db-0",
    ]
    assert plan.steps[0].command[-1] == '--patch={"spec":{"rules":[{"from":[{"source":{"notPrincipals":["*"]}}]}]}}'
    assert plan.steps[0].undo[-1] == (
        '--patch={"spec":{"rules":[{"from":[{"source":{"notServiceAccounts":["shop/wp"]}}]}]}}'
    )
    assert "AuthorizationPolicy shop/only allows the waypoint alone, and denies callers who come straight" in plan.risks
    assert "new pods of the same workloads have the old label again" in plan.risks


def test_istiod_comes_back() -> None:
    plan = istiod.plan(look(), relax_webhooks=True)
    relax = (
        '[{"op":"test","path":"/webhooks/0/name","value":"rev.validation.istio.io"},'
        '{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]'
    )
    assert commands(plan) == [
        f"patch validatingwebhookconfiguration istio-validator-istio-system --type=json --patch={relax}",
        "rollout restart deployment/istiod --namespace=istio-system",
        "rollout status deployment/istiod --namespace=istio-system --timeout=300s",
    ]
    assert '"value":"Fail"' in undoing(plan)[0]
    assert len(istiod.plan(look()).steps) == 2


def test_istiod_that_was_scaled_to_nothing() -> None:
    nothing = "[{kind: Deployment, metadata: {namespace: m, name: istiod, labels: {app: istiod}}, spec: {replicas: 0}}]"
    plan = istiod.plan(look(nothing))
    assert commands(plan) == [
        "scale deployment/istiod --namespace=m --replicas=2",
        "rollout status deployment/istiod --namespace=m --timeout=300s",
    ]
    assert undoing(plan)[0] == "scale deployment/istiod --namespace=m --replicas=0"


def test_an_upgrade_goes_back_where_it_got_to_with_the_data_plane_first() -> None:
    plan = upgrade.plan(look())
    assert commands(plan) == [
        "rollout undo daemonset/istio-cni-node --namespace=istio-system --to-revision=6",
        "rollout status daemonset/istio-cni-node --namespace=istio-system --timeout=300s",
        "rollout undo deployment/istiod --namespace=istio-system --to-revision=9",
        "rollout status deployment/istiod --namespace=istio-system --timeout=300s",
    ]
    assert undoing(plan)[::2] == [
        "rollout undo daemonset/istio-cni-node --namespace=istio-system --to-revision=7",
        "rollout undo deployment/istiod --namespace=istio-system --to-revision=10",
    ]
    assert plan.steps[0].says == "DaemonSet istio-system/istio-cni-node: from istio/c:1.31.1 back to istio/c:1.30.5"
    assert plan.target == "DaemonSet istio-system/istio-cni-node, Deployment istio-system/istiod"


def test_istiods_side_by_side_stay_as_they_are() -> None:
    second = "- {kind: Deployment, metadata: {namespace: istio-system, name: istiod-1-30-5, labels: {app: istiod}}}\n"
    assert commands(upgrade.plan(look(SHOP + second))) == [
        "rollout undo daemonset/istio-cni-node --namespace=istio-system --to-revision=6",
        "rollout status daemonset/istio-cni-node --namespace=istio-system --timeout=300s",
    ]


CNI_HISTORY = "/apis/apps/v1/namespaces/istio-system/controllerrevisions"


def cni_history(*versions: str) -> dict[str, Any]:
    """istio-cni's revisions, the oldest first."""
    return {CNI_HISTORY: [revision("c", number, each, daemon=True) for number, each in enumerate(versions, 1)]}


def test_of_several_versions_it_goes_back_to_the_one_that_the_other_agents_run() -> None:
    tried = cni_history("1.30.5", "1.30.9", "1.31.1")
    (step, *_) = upgrade.plan(look(answers=tried)).steps
    assert step.says == "DaemonSet istio-system/istio-cni-node: from istio/c:1.31.1 back to istio/c:1.30.5"
    assert step.command[-1] == "--to-revision=1"
    # Named alone, istio-cni stands between 200 ztunnels and two istiods of other versions.
    large = SHOP.replace("name: ztunnel}}, spec:", "name: ztunnel}}, status: {desiredNumberScheduled: 200}, spec:")
    large = large.replace("istio/i:1.31.1", "istio/i:1.30.9")
    (step, _) = upgrade.plan(look(large, answers=tried), ["istio-cni"]).steps
    assert step.command[-1] == "--to-revision=1"


def test_agents_go_back_also_where_istiod_is_gone() -> None:
    alone = "".join(line for line in SHOP.splitlines(keepends=True) if "name: istiod," not in line)
    assert len(upgrade.plan(look(alone), ["ztunnel"]).steps) == 2
    assert refusal(lambda: upgrade.plan(look(alone), ["istiod"])).startswith("nothing of that is installed")


@pytest.mark.parametrize(
    ("objects", "versions"),
    [
        (SHOP, ("1.30.4", "1.30.9", "1.31.1")),
        (SHOP.replace("istio/i:1.31.1", "istio/i:1.30.9").replace("{replicas: 2,", "{replicas: 1,"), ("1.30.5", "1.30.9", "1.31.1")),
        (SHOP, ("latest", "main", "1.31.1")),
    ],
)  # fmt: skip
def test_a_version_that_cannot_be_told_is_refused(objects: str, versions: tuple[str, ...]) -> None:
    said = refusal(lambda: upgrade.plan(look(objects, answers=cni_history(*versions)), ["istio-cni"]))
    ran = ", ".join(f"istio/c:{each}" for each in versions[:2])
    assert said == (
        f"DaemonSet istio-system/istio-cni-node ran {ran} before: which of them is meant can't be told; "
        "bring it back with its chart (MW-E172)"
    )


def test_a_part_that_is_named_goes_back_to_another_image_not_to_other_settings() -> None:
    (step, _) = upgrade.plan(look(), ["ztunnel"]).steps
    assert " ".join(step.command) == "rollout undo daemonset/ztunnel --namespace=istio-system --to-revision=1"
    assert " ".join(step.undo) == "rollout undo daemonset/ztunnel --namespace=istio-system --to-revision=3"


def test_a_root_of_istiods_own() -> None:
    plan = root.plan(look(secrets=("istio-ca-secret",)))
    assert commands(plan) == [
        "delete secret istio-ca-secret --namespace=istio-system --ignore-not-found",
        "rollout restart deployment/istiod --namespace=istio-system",
        "rollout status deployment/istiod --namespace=istio-system --timeout=300s",
        "rollout restart daemonset/ztunnel --namespace=istio-system",
        "rollout status daemonset/ztunnel --namespace=istio-system --timeout=300s",
        "rollout restart deployment/waypoint --namespace=shop",
        "rollout status deployment/waypoint --namespace=shop --timeout=300s",
    ]
    assert plan.steps[0].why_no_undo == "the old CA is of no use: it has expired"


def test_a_wait_is_as_long_as_the_pods_need_that_are_renewed() -> None:
    large = SHOP.replace("name: ztunnel}}, spec:", "name: ztunnel}}, status: {desiredNumberScheduled: 200}, spec:")
    large = large.replace("spec: {replicas: 2,", "spec: {replicas: 6,")
    waits = [each for each in commands(root.plan(look(large, secrets=("istio-ca-secret",)))) if "status" in each]
    assert waits == [
        "rollout status deployment/istiod --namespace=istio-system --timeout=360s",
        "rollout status daemonset/ztunnel --namespace=istio-system --timeout=12000s",
        "rollout status deployment/waypoint --namespace=shop --timeout=300s",
    ]
    assert commands(upgrade.plan(look(large), ["ztunnel"]))[-1].endswith("--timeout=12000s")
    assert commands(istiod.plan(look(large)))[-1].endswith("--timeout=360s")
    many = SHOP.replace("istio-waypoint}}}", "istio-waypoint}}, spec: {replicas: 10}}")
    assert commands(waypoint.plan(look(many), "shop", "waypoint"))[-1].endswith("--timeout=600s")


def ca(folder: Path, **until: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("ca-cert.pem", "root-cert.pem", "cert-chain.pem"):
        (folder / name).write_text(pem(name, datetime.date.fromisoformat(until.get(name[:2], "2036-01-01"))))
    (folder / "ca-key.pem").write_text("a private key")
    return folder


def test_a_root_of_yours(tmp_path: Path) -> None:
    plan = root.plan(look(secrets=("cacerts",)), ca(tmp_path / "ca"))
    assert commands(plan)[:2] == [
        "delete secret cacerts --namespace=istio-system --ignore-not-found",
        "create secret generic cacerts --namespace=istio-system "
        + " ".join(
            f"--from-file={name}={tmp_path}/ca/{name}"
            for name in ("ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem")
        ),
    ]
    assert "a private key" not in repr(plan)
    assert plan.steps[1].done_if_says == "already exists"


def refusal(make: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make()
    return str(caught.value)


def test_what_cannot_be_planned_is_refused(tmp_path: Path) -> None:
    said = {
        refusal(lambda: mtls.plan(look(), "shop; rm -rf /")),
        refusal(lambda: mtls.plan(look(), "--all-namespaces")),
        refusal(lambda: mtls.plan(look(), "shop", "app in (a)")),
        refusal(lambda: mtls.plan(look(), "gone")),
        refusal(lambda: waypoint.plan(look(), "shop", "gone")),
        refusal(lambda: waypoint.plan(look(), "shop", "ingress")),
        refusal(lambda: waypoint.plan(look(), "shop", "idle", bypass=True)),
        refusal(lambda: istiod.plan(look("[]"))),
        refusal(lambda: upgrade.plan(look(), ["kiali"])),
        refusal(lambda: upgrade.plan(look("[]"), ["ztunnel"])),
        refusal(lambda: root.plan(look())),
        refusal(lambda: root.plan(look(secrets=("cacerts",)))),
        refusal(lambda: root.plan(look(), tmp_path)),
        refusal(lambda: root.plan(look(), ca(tmp_path / "old", ro="2026-11-23"))),
        refusal(lambda: mtls.plan(look(answers={"/api/v1/namespaces": ReadError(403, "forbidden")}), "shop")),
    }
    assert said == {
        "--namespace 'shop; rm -rf /' is no name of Kubernetes'; lower-case letters, digits, - and . (MW-E172)",
        "--namespace '--all-namespaces' is no name of Kubernetes'; lower-case letters, digits, - and . (MW-E172)",
        "--workload 'app in (a)' is no label; write KEY=VALUE, as app=cart (MW-E172)",
        "there is no Namespace gone; name one of this cluster's (MW-E172)",
        "there is no Gateway shop/gone; name one of this cluster's (MW-E172)",
        "Gateway shop/ingress is no waypoint; name a Gateway of the class istio-waypoint (MW-E172)",
        "nothing is told to use the waypoint shop/idle; name the one that fails (MW-E172)",
        "no istiod is installed in this cluster; install it: `pulumi up` (MW-E172)",
        "--part 'kiali' is unknown; one of: ztunnel, istio-cni, istiod (MW-E172)",
        "nothing of that is installed in this cluster; choose among: ztunnel, istio-cni, istiod (MW-E172)",
        "istiod has no CA in istio-system: another one signs; renew its issuer, then restart ztunnel (MW-E172)",
        f"the CA is yours, in the Secret cacerts; name a folder with {FILES} by --ca-files (MW-E172)",
        f"{tmp_path} has no ca-cert.pem; put there: {FILES} (MW-E172)",
        f"{tmp_path}/old/root-cert.pem has a certificate that has expired; issue a new one (MW-E172)",
        "Namespace can't be read: forbidden; use an account that may read it (MW-E172)",
    }


def test_what_else_is_refused_of_files_and_histories(tmp_path: Path) -> None:
    folder = ca(tmp_path / "ca")
    (folder / "cert-chain.pem").write_text("nonsense")
    assert refusal(lambda: root.plan(look(), folder)).startswith(f"{folder}/cert-chain.pem holds no certificate;")
    history: dict[str, Any] = {"/apis/apps/v1/namespaces/istio-system/replicasets": []}
    assert refusal(lambda: upgrade.plan(look(answers=history), ["istiod"])) == (
        "Deployment istio-system/istiod has no revision of another version; bring it back with its chart (MW-E172)"
    )
    even = SHOP.replace("istio/z:1.30.5", "istio/z:1.31.1")
    assert refusal(lambda: upgrade.plan(look(even))) == (
        "all parts are 1.31.1: no upgrade is half-done; name what is to go back with --part (MW-E172)"
    )
    digest = SHOP.replace("istio/z:1.30.5", "host:5000/z@sha256:00")
    assert refusal(lambda: upgrade.plan(look(digest))).startswith(
        "the image of DaemonSet istio-system/ztunnel doesn't tell its version;"
    )
    forbidden = {"/api/v1/namespaces/istio-system/secrets?metadata.name=cacerts": ReadError(404, "no such path")}
    assert "no CA" in refusal(lambda: root.plan(look(answers=forbidden)))


def test_a_root_is_not_replaced_where_it_would_not_help_or_stop_half_way(tmp_path: Path) -> None:
    elsewhere = SHOP.replace('image: "istio/i:1.31.1"', 'env: [{name: ENABLE_CA_SERVER, value: "false"}]')
    said = refusal(lambda: root.plan(look(elsewhere, secrets=("istio-ca-secret",))))
    assert said.startswith("istiod doesn't sign in istio-system: another one does; renew its issuer")
    for name in ("a=b", "a,b"):
        assert "kubectl can't take files from" in refusal(lambda: root.plan(look(), ca(tmp_path / name)))  # noqa: B023


def test_a_root_that_has_not_expired_is_not_replaced(tmp_path: Path) -> None:
    valid, longer = (pem("root", datetime.date(year, 1, 1)) for year in (2030, 2036))
    said = (
        "the CA in istio-system has not expired: it is valid until 2030-01-01 00:00 UTC; see what else fails: "
        "`meshwright istio check`; rotate a valid root with both in the bundle (MW-E172)"
    )
    own = {**ca_secret("istio-ca-secret", ca_cert=valid, root_cert=EXPIRED + longer), **published(longer)}
    assert refusal(lambda: root.plan(look(secrets=("istio-ca-secret",), answers=own))) == said
    yours = {**ca_secret("cacerts", ca_cert=valid, cert_chain=valid, root_cert=valid), **published(valid)}
    assert refusal(lambda: root.plan(look(secrets=("cacerts",), answers=yours), ca(tmp_path / "ca"))) == said


def test_a_root_is_replaced_once_anything_of_its_chain_has_ended(tmp_path: Path) -> None:
    valid = pem("root", datetime.date(2036, 1, 1))
    chain = {**ca_secret("cacerts", ca_cert=valid, cert_chain=EXPIRED + valid), **published(valid)}
    assert root.plan(look(secrets=("cacerts",), answers=chain), ca(tmp_path / "ca")).steps
    # istiod publishes what it has started with: files that were put there since have not reached it.
    waits = {**ca_secret("cacerts", ca_cert=valid, cert_chain="", root_cert=valid), **published(EXPIRED)}
    assert root.plan(look(secrets=("cacerts",), answers=waits), ca(tmp_path / "ca")).steps
    hours = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    cluster: Any = reader(secrets=("istio-ca-secret",))
    assert root.plan(Look(cluster, hours)).steps
    assert "has not expired" in refusal(lambda: root.plan(Look(cluster, hours - datetime.timedelta(seconds=1))))


@pytest.mark.parametrize(
    "answers",
    [
        published("nonsense"),
        published(EXPIRED, "elsewhere"),
        {PUBLISHED: ReadError(404, "not found"), **ca_secret("cacerts")},
        {**ca_secret("cacerts", ca_cert="nonsense"), **published("")},
        {"/api/v1/namespaces/istio-system/secrets/cacerts": {"metadata": {"namespace": "", "name": ""}, "data": {"ca-cert.pem": "/"}}, PUBLISHED: []},
    ],
)  # fmt: skip
def test_a_root_that_nothing_shows_is_left_alone(answers: dict[str, Any]) -> None:
    assert refusal(lambda: root.plan(look(secrets=("istio-ca-secret",), answers=answers))) == (
        "it can't be told whether the root has expired: neither a Secret nor istio-system/istio-ca-root-cert shows it; "
        "see what istiod's log says of its CA (MW-E172)"
    )


def test_certificates_that_may_not_be_read_are_told_of() -> None:
    forbidden = {"/api/v1/namespaces/istio-system/secrets/cacerts": ReadError(403, "forbidden")}
    assert refusal(lambda: root.plan(look(secrets=("cacerts",), answers=forbidden))).startswith("Secret can't be read:")
    forbidden = {PUBLISHED: ReadError(403, "forbidden")}
    said = refusal(lambda: root.plan(look(secrets=("cacerts",), answers=forbidden)))
    assert said.startswith("ConfigMap can't be read: forbidden;")


def test_a_history_that_may_not_be_read_is_refused_in_a_sentence() -> None:
    forbidden = {"/apis/apps/v1/namespaces/istio-system/controllerrevisions": ReadError(403, "forbidden")}
    assert refusal(lambda: upgrade.plan(look(answers=forbidden))) == (
        "controllerrevisions can't be read: forbidden; use an account that may read it (MW-E172)"
    )


@pytest.mark.parametrize("name", ["a", "a-b.c", "0" * 253])
def test_names(name: str) -> None:
    assert checked_name(name, "--x") == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a\n", "a$(x)", "a/b", "--all", "0" * 254, "ä"])
def test_no_names(name: str) -> None:
    assert refusal(lambda: checked_name(name, "--x")).endswith("(MW-E172)")


@pytest.mark.parametrize("label", ["", "a", "=b", "a=", "a=b,c=d", "a=b\n", "a==b", "a=-b", "a!=b", "A/B=c"])
def test_no_labels(label: str) -> None:
    assert refusal(lambda: checked_label(label)).endswith("(MW-E172)")


def test_a_label_with_a_prefix() -> None:
    assert checked_label("app.kubernetes.io/name=Cart_1") == ("app.kubernetes.io/name", "Cart_1")


def test_a_command_can_be_pasted_into_a_shell() -> None:
    assert shell(["a", "b c"], ["--context=x y"]) == "kubectl '--context=x y' a 'b c'"
    assert shell(["apply"], [], '{"a":"it\'s"}') == 'kubectl apply <<< \'{"a":"it\'"\'"\'s"}\''
