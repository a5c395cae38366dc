"""Consul's CA: what is read of it, whether a step may be taken, what is left to do, what is wrong."""

import ssl
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshwright.certs.checks import Check, Verdict, verdict_of
from meshwright.certs.consul_gates import ConsulTold, consul_gate, is_cross_signed
from meshwright.certs.consul_horizon import consul_shown, consul_troubles
from meshwright.certs.consul_plan import make_consul_plan
from meshwright.certs.consul_seen import (
    ADDRESS_VARIABLE,
    CA_VARIABLE,
    TOKEN_VARIABLE,
    ConsulAddress,
    address_of,
    observe_consul,
)
from meshwright.certs.lockstep import Recorded
from meshwright.consul.ca.rotation import Root
from meshwright.errors import Code, ConfigError
from tests.servers.pki import Authority, signer
from tests.unit.certs.consul_scenes import (
    NEW,
    NOW,
    OLD,
    PRUNED,
    SHOWN,
    STEADY,
    SWITCHED,
    TOLD,
    authority,
    below,
    bridge,
    configuration,
    root_body,
    roots_body,
    seen,
    server,
)

DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ADDRESS_VARIABLE, TOKEN_VARIABLE, CA_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def gate(answers: Any, step: str, to: str, told: ConsulTold = TOLD) -> tuple[Check, ...]:
    return consul_gate([seen(answers)], [told], step, to, NOW)


def failed(answers: Any, step: str, to: str, told: ConsulTold = TOLD) -> list[tuple[str, str]]:
    return [
        (check.title, "; ".join(check.reasons))
        for check in gate(answers, step, to, told)
        if check.verdict is Verdict.FAILED
    ]


# What is read


def test_what_is_read_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "operator")
    with server(SWITCHED, token="operator") as address:
        found = observe_consul(address_of("", f"{address}/"), "dc1")
    assert found == seen(SWITCHED)
    assert found.active is not None
    assert found.active.certificate == authority("new").certificate
    assert is_cross_signed(found.active, found.roots)
    assert not is_cross_signed(found.roots[0], found.roots)
    assert "s.secret" not in repr(found)
    assert "operator" not in repr(ConsulAddress("https://x", "operator"))


def test_over_tls_it_is_verified(tmp_path: Path) -> None:
    authority, files = Authority("consul"), {name: tmp_path / name for name in ("ca.pem", "tls.crt", "tls.key")}
    pair = authority.server("127.0.0.1")
    files["ca.pem"].write_bytes(authority.pair.certificate)
    files["tls.crt"].write_bytes(pair.certificate)
    files["tls.key"].write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["tls.crt"], files["tls.key"])
    with server(STEADY, tls=context) as address:
        assert observe_consul(ConsulAddress(address, ca_file=str(files["ca.pem"])), "dc1") == seen(STEADY)
        with pytest.raises(ConfigError, match="CERTIFICATE_VERIFY_FAILED"):
            observe_consul(ConsulAddress(address), "dc1")


def test_what_may_not_be_read_is_a_gap() -> None:
    with server(STEADY, token="operator") as address:
        found = observe_consul(ConsulAddress(address), "dc1")
    assert list(found.gaps) == ["the live configuration"]
    assert "needs operator:write, which Consul asks even to read it" in found.gaps["the live configuration"]
    assert found.provider is None
    with server(({}, {}), status=500) as address:
        assert list(observe_consul(ConsulAddress(address), "dc1").gaps) == [
            "the list of roots",
            "the live configuration",
        ]


def test_a_broken_certificate_is_a_gap() -> None:
    found = seen((roots_body(root_body("old", RootCert="none")), configuration()))
    assert found.gaps == {"the root old:00:1": "its certificate is broken"}


def test_no_answer_and_no_consul(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"Consul does not answer at http://127.0.0.1:1: .*refused"):
        observe_consul(ConsulAddress("http://127.0.0.1:1"), "dc1")
    with server(([], [])) as address, pytest.raises(ConfigError, match="something that is not Consul's"):
        observe_consul(ConsulAddress(address), "dc1")
    with server((b"<html>", b"")) as address, pytest.raises(ConfigError, match="something that is not Consul's"):
        observe_consul(ConsulAddress(address), "dc1")
    with pytest.raises(ConfigError, match="nothing says where Consul is") as error:
        address_of("", "")
    assert error.value.problems[0].code is Code.CERTIFICATES_INPUT
    with pytest.raises(ConfigError, match="is no address of Consul's API"):
        address_of("ftp://consul", "")
    monkeypatch.setenv(ADDRESS_VARIABLE, "consul:8500")
    assert address_of("", "").address == "http://consul:8500"
    # A shell that is set up for another mesh gives no evidence of this one.
    assert address_of("", "https://written").address == "https://written"


def test_another_datacenter_is_no_evidence() -> None:
    with server(STEADY, datacenter="eu") as address:
        assert observe_consul(ConsulAddress(address, datacenter="eu"), "prod").active is not None
        found = observe_consul(ConsulAddress(address, datacenter="us"), "prod")
    assert (found.roots, found.provider) == ((), None)
    assert dict(found.gaps) == dict.fromkeys(
        ("the list of roots", "the live configuration"), "500: No path to datacenter"
    )
    verdicts = {each.verdict for each in consul_gate([found], [TOLD], "steady", "cross-signing", NOW)}
    assert verdicts == {Verdict.UNKNOWN}


# Gates


@pytest.mark.parametrize(
    ("step", "to", "answers"),
    [
        ("steady", "cross-signing", STEADY),
        ("cross-signing", "switched", STEADY),
        ("cross-signing", "steady", STEADY),
        ("switched", "old-pruned", PRUNED),
        ("switched", "cross-signing", SWITCHED),
    ],
)
def test_steps_that_may_be_taken(step: str, to: str, answers: Any) -> None:
    assert verdict_of(gate(answers, step, to)) is Verdict.PASSED


def test_the_old_root_has_to_be_dropped_first() -> None:
    ((title, why),) = failed(SWITCHED, "switched", "old-pruned")
    assert title == "Consul has dropped the old root"
    assert why.startswith("CN=old root")
    assert why.endswith("is published still, valid until 2036-01-01")
    (check,) = [each for each in gate(SWITCHED, "switched", "old-pruned") if each.verdict is Verdict.FAILED]
    assert check.remedy == "wait: Consul drops a root within 145 hours after another took its place"


def test_another_rotation_has_to_be_over() -> None:
    told = ConsulTold(NEW, Root(path="dc1/connect_root_2028"))
    assert [title for title, _ in failed(SWITCHED, "steady", "cross-signing", told)] == [
        "no earlier rotation is under way"
    ]
    assert [title for title, _ in failed(SWITCHED, "cross-signing", "switched", told)] == [
        "the old root alone is published"
    ]


def test_the_way_back_ends_with_the_old_root() -> None:
    assert [title for title, _ in failed(PRUNED, "switched", "cross-signing")] == ["the old root is published still"]


def test_helms_values_are_not_what_is_live() -> None:
    ((title, why),) = failed(STEADY, "switched", "old-pruned")
    assert title == f"the live configuration is that of switched: {NEW}"
    assert why == "Consul's live root is dc1/connect_root in Vault"
    (check,) = [each for each in gate(STEADY, "switched", "old-pruned") if each.verdict is Verdict.FAILED]
    assert "Helm's values, and the servers' files, are read once" in check.remedy
    own = (STEADY[0], configuration("", "consul"))
    assert failed(own, "steady", "cross-signing")[0][1] == "Consul's live root is the provider consul"


def test_a_key_that_consul_does_not_have() -> None:
    told = ConsulTold(Root(path=OLD.path, key_type="rsa", key_bits=2048), NEW)
    ((_, why),) = failed(STEADY, "steady", "cross-signing", told)
    assert why == "it is ec of 256 bits: Consul changes no key without another root"


def test_no_ca_and_one_that_has_ended() -> None:
    ((title, why),) = failed((roots_body(), configuration()), "steady", "cross-signing")
    assert (title, why) == (
        "Consul's CA is initialised",
        "Consul publishes no root that signs: its CA is uninitialised",
    )
    ended = below("old", date(2026, 1, 1), date(2026, 2, 1)).pem
    ((title, why),) = failed((roots_body(root_body("old", IntermediateCerts=[ended])), configuration()), "steady", "x")
    assert title == "the root, and what signs the leaves, are valid"
    assert "ended on 2026-02-01" in why


def test_what_cant_be_read_is_never_good() -> None:
    unread = seen((None, None), **{"the list of roots": "500: no"})
    (check,) = consul_gate([unread], [TOLD], "steady", "cross-signing", NOW)
    assert (check.verdict, check.reasons) == (Verdict.UNKNOWN, ("500: no",))
    without = consul_gate(
        [seen((STEADY[0], None), **{"the live configuration": "403"})], [TOLD], "steady", "cross-signing", NOW
    )
    assert verdict_of(without) is Verdict.UNKNOWN


def test_datacenters_have_the_same_roots() -> None:
    checks = consul_gate([seen(STEADY, "dc1"), seen(PRUNED, "dc2")], [TOLD, ConsulTold(NEW)], "steady", "x", NOW)
    assert [(each.cluster, each.title) for each in checks if each.verdict is Verdict.FAILED] == [
        ("dc2", "every datacenter has the same roots")
    ]
    both = consul_gate([seen(STEADY, "dc1"), seen(STEADY, "dc2")], [TOLD, TOLD], "steady", "cross-signing", NOW)
    assert verdict_of(both) is Verdict.PASSED


# Plan


def test_the_plan_names_what_each_step_changes() -> None:
    plan = make_consul_plan([Recorded("prod", "steady")], [TOLD])
    assert [each.name for each in plan.steps] == ["cross-signing", "switched", "old-pruned"]
    assert plan.steps[0].commands == (
        "meshwright certs advance --stack prod --next '{path: \"…\"}'",
        "meshwright up prod",
    )
    assert [each.earliest for each in plan.steps] == [None, None, None]
    assert "Helm" not in plan.finish
    assert "ca.rotation.next to ca.root" in plan.finish


def test_the_plan_waits_for_two_lifetimes_of_a_leaf() -> None:
    (last,) = make_consul_plan([Recorded("prod", "switched", DAY)], [TOLD]).steps
    assert last.earliest == DAY + timedelta(days=6)
    (switch, _) = make_consul_plan([Recorded("prod", "cross-signing", DAY)], [TOLD]).steps
    assert switch.earliest == DAY


def test_the_plan_of_datacenters_goes_by_the_one_that_lags() -> None:
    stacks = [Recorded("eu", "switched", DAY), Recorded("us", "cross-signing", DAY)]
    plan = make_consul_plan(stacks, [TOLD, TOLD])
    assert [each.name for each in plan.steps] == ["switched", "old-pruned"]
    assert plan.steps[0].commands[0] == "meshwright certs advance --stack eu --stack us"


# What is wrong


def test_what_is_shown() -> None:
    shown = consul_shown(seen(SWITCHED), NOW)
    assert [(each.role, each.place) for each in shown] == [
        ("root", "new:00:1, signs"),
        ("signs", "below it"),
        ("root", "old:00:1, trusted until Consul drops it"),
    ]
    # Consul renews an intermediate when half of its life is over; nobody renews a root.
    assert shown[1].horizon < timedelta(days=365) / 2
    assert shown[0].horizon > timedelta(days=330)


@pytest.mark.parametrize("step", list(SHOWN))
def test_nothing_is_wrong_at_any_step(step: str) -> None:
    assert list(consul_troubles(seen(SHOWN[step]), TOLD, step, NOW)) == []


def test_troubles() -> None:
    found = list(consul_troubles(seen(STEADY), TOLD, "switched", NOW))
    assert [each.message for each in found] == [
        f"the live configuration is that of switched: {NEW}: Consul's live root is dc1/connect_root in Vault"
    ]
    late = below("old", date(2026, 1, 1), date(2026, 12, 1)).pem
    answers = (roots_body(root_body("old", IntermediateCerts=[late])), configuration())
    (trouble,) = consul_troubles(seen(answers), None, "", NOW)
    assert "7 days left" in trouble.message
    assert "its login to Vault" in trouble.remedy
    short = signer("short", first=date(2026, 1, 1), last=date(2026, 12, 1)).pem
    (trouble,) = consul_troubles(
        seen((roots_body(root_body("old", RootCert=short, IntermediateCerts=[])), configuration())), None, "", NOW
    )
    assert trouble.remedy == "begin a rotation: meshwright certs plan"


METRICS = b"""\
# TYPE consul_agent_tls_cert_expiry gauge
consul_agent_tls_cert_expiry 0
consul_two_agent_tls_cert_expiry 2.592e+06
consul_one_agent_tls_cert_expiry 7200
consul_mesh_active_root_ca_expiry NaN
consul_leaf_certs_cert_renewal_failure{kind="service",reason="rate_limited",service="web"} 1
consul_leaf_certs_cert_renewal_failure{kind="service",reason="none",service="api"} 0
"""


def test_what_metrics_alone_tell() -> None:
    with server(STEADY, metrics=METRICS) as address:
        found = observe_consul(ConsulAddress(address), "dc1")
    assert found.agent_seconds_left == 7200
    assert [each.message for each in consul_troubles(found, TOLD, "steady", NOW)] == [
        "the agent's own TLS certificate has 2 hours left, by its metrics",
        'a leaf was not renewed, by the metrics: {kind="service",reason="rate_limited",service="web"}',
    ]
    with server(STEADY, metrics=b"consul_agent_tls_cert_expiry NaN\n") as address:
        assert observe_consul(ConsulAddress(address), "dc1") == seen(STEADY)


def test_who_has_signed_whom() -> None:
    without = seen((roots_body(root_body("old", active=False), root_body("new")), configuration(NEW.path)))
    assert without.active is not None
    assert not is_cross_signed(without.active, without.roots)
    assert bridge() != authority("new").pem
