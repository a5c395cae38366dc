"""Each scenario's plan: its commands to the letter, what it says of downtime, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from meshwright.consul.breakglass import authority, bootstrap, sealed
from meshwright.consul.health.apis import VAULT_HEALTH
from meshwright.errors import Code, ConfigError
from meshwright.kubernetes.reading import ReadError
from tests.unit.certs import consul_scenes
from tests.unit.consul.breakglass.clusters import (
    CONSUL,
    IN_VAULT,
    JOB,
    OBJECTS,
    OPEN,
    PODS,
    SEALED,
    TOKEN,
    config_map,
    look,
    static_token,
)
from tests.unit.consul.health.test_snapshots import CONSUL as ANSWERS
from tests.unit.consul.health.test_snapshots import server

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.breakglass.plan import Plan
    from meshwright.consul.breakglass.looking import Look

NO_QUORUM = OBJECTS.replace("readyReplicas: 3", "readyReplicas: 1")
SERVERS = [
    "rollout restart statefulset/consul-server --namespace=consul",
    "rollout status statefulset/consul-server --namespace=consul --timeout=300s",
]


def commands(plan: Plan) -> list[str]:
    return [" ".join(step.command) for step in plan.steps]


def said(make: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as error:
        make()
    assert error.value.problems[0].code is Code.BREAK_GLASS_TARGET
    return str(error.value)


# Vault is sealed


def test_a_sealed_vault_is_opened_by_people_and_then_what_waited_is_brought_back() -> None:
    plan = sealed.plan(look(IN_VAULT + SEALED))
    assert plan.before[0].startswith("unseal Vault: its keys are with those who hold them")
    assert plan.risks[0] == "no downtime yet: proxies go on with the leaves that they have, of 72 hours at most"
    assert plan.risks[-1] == "what waits: consul-connect-injector-a, consul-server-1"


def test_once_it_is_open_only_what_waits_gets_new_pods() -> None:
    plan = sealed.plan(look(IN_VAULT + PODS))
    assert plan.before == ()
    assert commands(plan) == [
        "delete pod consul-server-1 --namespace=consul --ignore-not-found",
        SERVERS[1],
        "rollout restart deployment/consul-connect-injector --namespace=consul",
        "rollout status deployment/consul-connect-injector --namespace=consul --timeout=300s",
    ]


@pytest.mark.parametrize(("is_sealed", "first"), [(True, 1), (False, 0)])
def test_vaults_api_goes_before_the_labels_of_its_pods(is_sealed: bool, first: int) -> None:
    answer = (503 if is_sealed else 200, json.dumps({"sealed": is_sealed, "initialized": True}).encode())
    with server({VAULT_HEALTH: answer}) as address:
        assert bool(sealed.plan(look(IN_VAULT + PODS, vault_address=address)).before) is bool(first)


def test_where_vault_is_not_to_blame() -> None:
    ready = PODS.partition("- kind: Pod\n  metadata: {namespace: consul, name: consul-connect")[0].partition("- kind")[
        0
    ]
    open_vault = OPEN.replace("vault-sealed", "openbao-sealed")
    assert "keeps its secrets itself" in said(lambda: sealed.plan(look()))
    assert "name it by --vault-address" in said(lambda: sealed.plan(look(IN_VAULT)))
    assert "no pod of Consul's waits for it" in said(lambda: sealed.plan(look(IN_VAULT + ready + open_vault)))
    away = look(IN_VAULT, vault_address="http://127.0.0.1:1")
    assert "does not answer" in said(lambda: sealed.plan(away))


# The CA


def test_a_static_token_gives_way_to_an_auth_method_and_is_not_shown() -> None:
    plan = authority.expired(look(IN_VAULT, static_token()))
    assert plan.steps == ()
    assert "`meshwright up STACK`" in plan.before[1]
    assert plan.risks[0].startswith("no new pod gets a leaf; those that run have theirs, of 72 hours at most")
    assert "s.secret" not in repr(plan)
    assert authority.expired(look(IN_VAULT), by_token=True).before == plan.before


def test_where_no_static_token_is_seen() -> None:
    method = {"connect": {"ca_config": {"token": "s.old", "auth_method": {"type": "kubernetes"}}}}
    more = config_map("consul-server-tmp-extra-config", **{"extra-from-values.json": method})
    assert "say so with --by-token" in said(lambda: authority.expired(look(IN_VAULT, more)))
    forbidden = {f"{CONSUL}/configmaps/consul-server-config": ReadError(403, "forbidden")}
    assert "can't be read: forbidden" in said(lambda: authority.expired(look(IN_VAULT, forbidden)))


def test_a_ca_that_does_not_start_gets_another_leader() -> None:
    plan = authority.uninitialised(look(IN_VAULT + PODS))
    assert commands(plan) == SERVERS
    assert any("within 256 seconds, so wait that long first" in each for each in plan.risks)
    assert any("no leader can start: see root-lost" in each for each in plan.risks)
    assert commands(authority.uninitialised(look())) == SERVERS


def test_where_another_leader_would_not_help() -> None:
    assert "see vault-sealed" in said(lambda: authority.uninitialised(look(IN_VAULT + SEALED)))
    assert "see token-expired" in said(lambda: authority.uninitialised(look(IN_VAULT + OPEN, static_token())))
    for make in (authority.uninitialised, authority.expired, bootstrap.plan):
        assert "1 of 3 servers are ready: without a quorum" in said(lambda make=make: make(look(NO_QUORUM)))  # type: ignore[misc]


def test_a_lost_root_is_changed_while_what_it_signed_lives() -> None:
    with server(ANSWERS) as address:
        plan = authority.lost(look(consul_address=address), key_is_lost=True)
        assert "say so with --key-is-lost" in said(lambda: authority.lost(look(consul_address=address)))
        assert authority.uninitialised(look(consul_address=address)).risks[0].startswith("no new pod gets a leaf")
    assert plan.steps == ()
    assert "signs leaves until 2027-11-01 00:00 UTC; Consul can't renew it after 2027-05-02" in plan.risks[0]
    assert plan.risks[1].startswith("do NOT restart the servers before the change")
    assert "-force-without-cross-signing" in plan.before[2]
    assert plan.before[0].endswith("tokens are in it, so keep it as you keep those")
    assert "144 hours" in plan.risks[3]


def test_a_root_that_signs_itself_and_where_none_is_lost() -> None:
    assert "name it by --consul-address" in said(lambda: authority.lost(look()))
    body = consul_scenes.root_body("old", IntermediateCerts=None)
    for roots, provider, wanted in (
        (consul_scenes.roots_body(), "vault", "see ca-uninitialised"),
        (consul_scenes.roots_body(body), "consul", "Consul holds its root's key itself"),
        (consul_scenes.roots_body(body), "vault", ""),
    ):
        configuration = consul_scenes.configuration(provider=provider)
        with consul_scenes.server((roots, configuration)) as address:
            there = look(consul_address=address)
            if wanted:
                assert wanted in said(lambda there=there: authority.lost(there, key_is_lost=True))  # type: ignore[misc]
            else:
                assert "signs leaves until 2036-01-01" in authority.lost(there, key_is_lost=True).risks[0]


# The bootstrap token


def test_a_lost_token_needs_a_file_on_the_leader_first() -> None:
    plan = bootstrap.plan(look(OBJECTS + JOB, {TOKEN: []}))
    assert any("acl-bootstrap-reset" in each for each in plan.before)
    assert "it shows a token that may do all: keep that one, and stop here" in plan.before[1]
    assert plan.before[-1].startswith("at once run this command again, with --reset-written")
    assert plan.risks[0].startswith("no downtime")
    without = bootstrap.plan(look(more={TOKEN: []}))
    assert without.steps == ()
    assert "`meshwright up STACK` with any change" in without.before[-1]


def test_then_the_job_is_made_anew_without_what_its_controller_added() -> None:
    plan = bootstrap.plan(look(OBJECTS + JOB, {TOKEN: []}), reset_written=True)
    assert plan.before == ()
    assert commands(plan) == [
        "replace --force --filename=-",
        "wait job/consul-server-acl-init --namespace=consul --for=condition=complete --timeout=600s",
    ]
    assert json.loads(plan.steps[0].manifest) == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"namespace": "consul", "name": "consul-server-acl-init", "labels": {"app": "consul"}},
        "spec": {
            "backoffLimit": 6,
            "template": {
                "metadata": {"annotations": {"a": "b"}, "labels": {"app": "consul"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "job"}]},
            },
        },
    }
    assert plan.steps[0].why_no_undo != "nothing to undo"


def test_a_token_in_vault_is_made_by_the_next_leader() -> None:
    plan = bootstrap.plan(look(IN_VAULT + OPEN + JOB))
    assert commands(plan)[:2] == SERVERS
    assert commands(plan)[2].startswith("replace --force")
    assert commands(bootstrap.plan(look(IN_VAULT + OPEN))) == SERVERS


@pytest.mark.parametrize("make", [authority.uninitialised, bootstrap.plan])
def test_no_server_is_restarted_that_would_not_come_back(make: Callable[[Look], Plan]) -> None:
    assert "see vault-sealed" in said(lambda: make(look(IN_VAULT + SEALED)))
    assert "nothing here tells whether Vault is sealed" in said(lambda: make(look(IN_VAULT)))
    with server({VAULT_HEALTH: (200, json.dumps({"sealed": False, "initialized": True}).encode())}) as address:
        assert commands(make(look(IN_VAULT, vault_address=address))) == SERVERS


@pytest.mark.parametrize("make", [authority.uninitialised, bootstrap.plan])
@pytest.mark.parametrize(
    ("wanted", "ready", "wording"),
    [
        (3, 3, "the quorum stays"),
        (5, 4, "the quorum stays"),
        (1, 1, "of 1 servers none may be away"),
        (2, 2, "of 2 servers none may be away"),
        (3, 2, "2 of 3 servers are ready: with one more away there is no quorum"),
    ],
)
def test_a_rollout_takes_a_ready_server_although_another_is_away(
    make: Callable[[Look], Plan], wanted: int, ready: int, wording: str
) -> None:
    objects = (IN_VAULT + OPEN).replace(
        "{replicas: 3, selector: {matchLabels: {component: server}}",
        f"{{replicas: {wanted}, selector: {{matchLabels: {{component: server}}}}",
        1,
    )
    objects = objects.replace("readyReplicas: 3", f"readyReplicas: {ready}")
    if ready < wanted == 3:
        assert wording in said(lambda: make(look(objects)))
    else:
        assert any(wording in each for each in make(look(objects)).risks)


def test_nothing_is_overwritten_and_nothing_is_run_twice() -> None:
    there = {TOKEN: [{"metadata": {"name": "consul-bootstrap-acl-token"}}]}
    assert "is there, and is not overwritten" in said(lambda: bootstrap.plan(look(more=there)))
    gone = look(more={TOKEN: []})
    assert "to be run again: a hook took it away" in said(lambda: bootstrap.plan(gone, reset_written=True))
    active = JOB.replace('{conditions: [{type: Failed, status: "True"}]}', "{active: 1}")
    assert "runs, and tries again by itself" in said(lambda: bootstrap.plan(look(OBJECTS + active, {TOKEN: []})))


def test_plans_are_json_and_say_whose_they_are() -> None:
    for plan in (authority.uninitialised(look()), bootstrap.plan(look(IN_VAULT + OPEN))):
        assert json.loads(json.dumps(asdict(plan)))["mesh"] == "consul"
        assert plan.tool == "meshwright consul break-glass"
        assert not any(each.endswith(".") for each in (*plan.risks, *plan.afterwards, *plan.before))
