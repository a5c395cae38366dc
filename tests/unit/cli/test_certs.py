"""`meshwright certs`: what is printed, what is written, and the exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from meshwright.certs.observed import Managed, Observed
from meshwright.cli import certs_looking, certs_status
from meshwright.config.clock import VARIABLE
from tests.unit.certs.scenes import NOW, issuer, proxy, root, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.cli.test_preview import Command

PROJECT = "name: shop\nruntime: python\nmain: .\n"
STACK = """\
config:
  meshwright:mesh:
    kind: linkerd
    cluster: {{context: {name}, platform: kind}}
    trust:
      anchor: {{name: "2026"}}
      rotation: {rotation}   # see the runbook
"""
BOTH = '{step: both-trusted, since: "2026-11-20", previous: {step: steady}, next: {name: "2027"}}'
SWITCHED = (
    '{step: issuer-switched, since: "2026-11-23", previous: {step: both-trusted, since: "2026-11-20"}, '
    'next: {name: "2027"}}'
)
REMOVED = (
    '{step: old-removed, since: "2026-11-23", previous: {step: issuer-switched, since: "2026-11-20"}, '
    'next: {name: "2027"}}'
)


class Ran(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "2026-11-23")
    monkeypatch.setattr(certs_looking, "moment", lambda: NOW)
    monkeypatch.setattr(certs_status, "moment", lambda: NOW)
    monkeypatch.setattr("meshwright.cli.certs_advance.moment", lambda: NOW)
    monkeypatch.setattr("meshwright.cli.certs_advance._clock_day", NOW.date)
    Path("Pulumi.yaml").write_text(PROJECT)
    Path("__main__.py").write_text("")


def stack(name: str = "eu", rotation: str = BOTH) -> Path:
    path = Path(f"Pulumi.{name}.yaml")
    path.write_text(STACK.format(name=name, rotation=rotation))
    return path


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> dict[str, Observed]:
    """What is seen by context; the commands ask here."""
    found = {name: seen("both-trusted", name) for name in ("eu", "us")}

    def look(contexts: Sequence[str], kubeconfig: Path | None) -> tuple[Observed, ...]:
        return tuple(found[context] for context in contexts)

    for module in (certs_looking, certs_status):
        monkeypatch.setattr(module, "look", look)
    monkeypatch.setattr("meshwright.cli.certs_plan.look", look)
    return found


def test_advance_writes_where_all_is_ready(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack()
    status, out, err = meshwright("certs", "advance")
    assert (status, err) == (0, "")
    assert "✓ eu: every proxy was started with the bundle" in out
    assert "written; next: meshwright up eu" in out
    assert path.read_text() == STACK.format(name="eu", rotation=SWITCHED)
    # The next one is two days away, whatever is seen.
    status, out, err = meshwright("certs", "advance", "--reason", "hurry")
    assert status == 2
    assert "wait 2 days" in err


def test_nothing_is_written_by_another_day_than_today(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack()
    was = path.read_text()
    for day in ("2026-12-24", "2026-11-22"):
        ran = Ran(*meshwright("certs", "advance", "--as-of", day))
        assert (ran.status, path.read_text()) == (2, was)
        assert f"the day to judge by is {day}, and today is 2026-11-23" in ran.err
    assert meshwright("certs", "advance", "--as-of", "2026-12-24", "--dry-run")[0] == 0


def test_the_anchors_of_the_stack_file_have_to_be_in_the_bundle(
    meshwright: Command, clusters: dict[str, Observed]
) -> None:
    path = stack()
    path.write_text(path.read_text().replace("2027", "2028"))
    ran = Ran(*meshwright("certs", "advance"))
    assert ran.status == 1
    assert "the bundle is that of both-trusted" in ran.out


def test_an_anchor_given_as_a_file_is_known_by_itself(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack()
    Path("new.pem").write_text(root("new").pem)
    Path("old.pem").write_text(root("old").pem)
    vault = "certificate: {}.pem, server: 'https://v', path: p, role: r"
    text = path.read_text().replace('name: "2026"', vault.format("new"))
    text = text.replace('name: "2027"', f'name: "2027", {vault.format("old")}')
    path.write_text(text.replace("    trust:\n", "    trust:\n      source: vault\n"))
    # The younger one is the old one here: its issuer has to be the one that signs.
    ran = Ran(*meshwright("certs", "advance"))
    assert ran.status == 1
    assert "OU=2027,CN=new root" in ran.out
    clusters["eu"] = replace(clusters["eu"], issuer=(issuer("new").certificate,))
    assert meshwright("certs", "advance")[0] == 0


@pytest.mark.parametrize("cluster", ["kubeconfig: k.yaml, platform: kind", "stack: o/p/s, output: k, platform: kind"])
def test_stacks_that_no_context_tells_apart(meshwright: Command, clusters: dict[str, Observed], cluster: str) -> None:
    for name in ("eu", "us"):
        path = stack(name)
        path.write_text(path.read_text().replace(f"context: {name}, platform: kind", cluster))
    ran = Ran(*meshwright("certs", "advance", "--stack", "eu", "--stack", "us"))
    assert ran.status == 2
    assert "give one --context for each stack" in ran.err
    given = ("--context", "eu", "--context", "us")
    assert meshwright("certs", "advance", "--stack", "eu", "--stack", "us", *given, "--dry-run")[0] == 0


def test_of_two_files_none_is_written_when_one_was_changed(
    meshwright: Command, clusters: dict[str, Observed], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [stack("eu"), stack("us")]
    was = paths[0].read_text()

    def look(contexts: Sequence[str], kubeconfig: Path | None) -> tuple[Observed, ...]:
        paths[1].write_text(f"{was}# edited\n")
        return tuple(clusters[context] for context in contexts)

    monkeypatch.setattr(certs_looking, "look", look)
    ran = Ran(*meshwright("certs", "advance", "--stack", "eu", "--stack", "us"))
    assert ran.status == 2
    assert "nothing was written" in ran.err
    assert paths[0].read_text() == was


def test_a_file_keeps_its_mode_and_its_line_ends(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack()
    path.write_bytes(path.read_text().replace("\n", "\r\n").encode())
    path.chmod(0o600)
    assert meshwright("certs", "advance")[0] == 0
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_bytes()
    assert b"issuer-switched" in written
    assert written.count(b"\n") == written.count(b"\r\n")


def test_a_dry_run_writes_nothing(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack()
    status, out, _ = meshwright("certs", "advance", "--dry-run")
    assert status == 0
    assert f"+      rotation: {SWITCHED}   # see the runbook" in out
    assert "nothing was written: --dry-run" in out
    assert path.read_text() == STACK.format(name="eu", rotation=BOTH)
    _, report, _ = meshwright("certs", "advance", "--dry-run", "--json")
    assert json.loads(report)["written"] == []


@pytest.mark.parametrize(
    ("differs", "code", "said"),
    [
        ({"proxies": tuple(proxy(f"shop/a{n}", "deployment/a", "old") for n in range(7))}, 1, "and 2 more; --json"),
        ({"gaps": {"pods": "forbidden"}}, 3, "? eu: pods can be read"),
    ],
)
def test_where_a_gate_does_not_hold(
    meshwright: Command, clusters: dict[str, Observed], differs: dict[str, Any], code: int, said: str
) -> None:
    path = stack()
    clusters["eu"] = replace(clusters["eu"], **differs)
    status, out, _ = meshwright("certs", "advance")
    assert status == code
    assert said in out
    assert out.endswith("nothing was written\n")
    assert path.read_text() == STACK.format(name="eu", rotation=BOTH)
    assert json.loads(meshwright("certs", "advance", "--json")[1])["status"] == code
    status, out, _ = meshwright("certs", "advance", "--reason", "seen by eye")
    assert status == 0
    assert "      # 2026-11-23 on to issuer-switched without its gate: seen by eye\n" in path.read_text()


def test_two_clusters_go_together(meshwright: Command, clusters: dict[str, Observed]) -> None:
    eu, us = stack("eu"), stack("us")
    both = ("certs", "advance", "--stack", "eu", "--stack", "us")
    clusters["us"] = replace(clusters["us"], proxies=(proxy("shop/a", "deployment/a", "old"),))
    assert meshwright(*both)[0] == 1
    assert eu.read_text() == STACK.format(name="eu", rotation=BOTH)
    clusters["us"] = seen("both-trusted", "us")
    assert meshwright(*both)[0] == 0
    assert us.read_text() == STACK.format(name="us", rotation=SWITCHED)
    # Broken off between two files: the one that was left behind is brought on.
    stack("us")
    status, out, _ = meshwright(*both)
    assert status == 0
    assert out.splitlines()[0] == "both-trusted to issuer-switched   us"


def test_the_first_step_brings_its_anchor(meshwright: Command, clusters: dict[str, Observed]) -> None:
    path = stack(rotation="steady")
    clusters["eu"] = seen("steady")
    status, _, err = meshwright("certs", "advance")
    assert status == 2
    assert "there is no next" in err
    assert meshwright("certs", "advance", "--next", '{name: "2027"}')[0] == 0
    assert 'previous: {step: steady}, next: {name: "2027"}}   # see' in path.read_text()


def test_the_end_of_a_rotation(meshwright: Command) -> None:
    stack(rotation=REMOVED)
    status, out, _ = meshwright("certs", "advance")
    assert (status, out) == (0, "nothing is left to do: move next to its place, and drop rotation\n")
    status, _, err = meshwright("certs", "advance", "--to", "issuer-switched")
    assert status == 2
    assert "MW-E197" in err


def test_mistakes_in_what_is_asked(meshwright: Command, clusters: dict[str, Observed]) -> None:
    stack()
    assert "MW-E197" in meshwright("certs", "advance", "--to", "switched")[2]
    assert "MW-E195" in meshwright("certs", "advance", "--context", "eu", "--context", "us")[2]
    assert "MW-E195" in meshwright("certs", "status", "--pem", "x.pem", "--context", "eu")[2]
    Path("Pulumi.us.yaml").write_text(STACK.format(name="us", rotation=BOTH) + "    trust_domain: us.example\n")
    assert "differ in trust_domain" in meshwright("certs", "plan", "--stack", "eu", "--stack", "us")[2]


def test_somebody_changed_the_file(
    meshwright: Command, clusters: dict[str, Observed], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack()

    def look(contexts: Sequence[str], kubeconfig: Path | None) -> tuple[Observed, ...]:
        path.write_text(path.read_text() + "# more\n")
        return (clusters["eu"],)

    monkeypatch.setattr(certs_looking, "look", look)
    status, _, err = meshwright("certs", "advance")
    assert status == 2
    assert "was changed by somebody else in the meantime" in err


def test_istio_waits_for_a_reason(meshwright: Command) -> None:
    authority = "{folder: pki}"
    rotation = f'{{step: both-trusted, since: "2026-11-20", previous: {{step: steady}}, next: {authority}}}'
    path = Path("Pulumi.mesh.yaml")
    path.write_text(
        "config:\n  meshwright:mesh:\n    kind: istio-ambient\n    version: '1.31'\n"
        "    cluster: {context: eu, platform: kind}\n"
        f"    certificates:\n      source: cacerts\n      authority: {authority}\n      rotation: {rotation}\n"
    )
    status, out, err = meshwright("certs", "advance")
    assert (status, err) == (3, "")
    assert "ztunnel does not tell" in out
    assert meshwright("certs", "advance", "--reason", "a day has passed")[0] == 0
    assert "step: switched" in path.read_text()
    assert "wait: each proxy takes the new roots" in meshwright("certs", "plan")[1]


def test_a_plan_names_what_is_left(meshwright: Command, clusters: dict[str, Observed]) -> None:
    stack()
    clusters["eu"] = replace(clusters["eu"], proxies=(proxy("shop/a", "deployment/a", "old"),))
    status, out, err = meshwright("certs", "plan", "--context", "eu")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == [
        "eu  both-trusted since 2026-11-20",
        "  now: kubectl rollout restart deployment/a -n shop --context eu",
    ]
    assert "1. issuer-switched   from 2026-11-22 on" in lines
    assert "2. old-removed" in lines
    assert "    back:    none: the old anchor is gone; the way on is another rotation" in lines
    report = json.loads(meshwright("certs", "plan", "--json")[1])
    assert [each["name"] for each in report["steps"]] == ["issuer-switched", "old-removed"]
    assert report["steps"][0]["earliest"] == "2026-11-22"


def test_a_plan_restarts_controllers_that_are_late(meshwright: Command, clusters: dict[str, Observed]) -> None:
    stack(rotation="steady")
    late = clusters["eu"].controllers[0]
    clusters["eu"] = replace(clusters["eu"], controllers=(replace(late, started=NOW.replace(year=2025)),))
    out = meshwright("certs", "plan", "--context", "eu")[1]
    assert "now: kubectl rollout restart deployment/linkerd-identity -n linkerd --context eu" in out
    assert "meshwright certs advance --stack eu --next '{name: \"…\"}'" in out


def test_status_of_a_cluster(meshwright: Command, clusters: dict[str, Observed]) -> None:
    stack()
    status, out, err = meshwright("certs", "status", "eu", "--context", "eu")
    assert (status, err) == (0, "")
    assert out.startswith("eu   read only, nothing was changed\n  ✓ anchor   OU=2026,CN=old root (")
    assert "2 pods with a proxy, 1 identity controller" in out
    assert out.endswith("rotation: both-trusted since 2026-11-20; next: issuer-switched\n")
    clusters["eu"] = replace(clusters["eu"], issuer=(issuer("old").certificate,), bundle=(root("new").certificate,))
    status, out, _ = meshwright("certs", "status", "--context", "eu")
    assert status == 1
    assert "does not lead to an anchor of the bundle" in out
    managed = Managed("linkerd/x", "x", False, None, "", None, timedelta(days=90), timedelta(days=30), None)
    clusters["eu"] = replace(seen("both-trusted"), gaps={"pods": "forbidden"}, managed=(managed,))
    status, out, _ = meshwright("certs", "status", "--context", "eu")
    assert status == 3
    assert "· renewed  linkerd/x  lives 90 days, renewed 30 days before its end" in out


def test_status_of_files(meshwright: Command) -> None:
    Path("all.pem").write_text(root("old").pem + issuer("old").pem)
    status, report, err = meshwright("certs", "status", "--pem", "all.pem", "--json")
    assert (status, err) == (0, "")
    assert [each["role"] for each in json.loads(report)["certificates"]] == ["anchor", "issuer"]


def test_status_of_a_program(meshwright: Command) -> None:
    Path("__main__.py").write_text("")
    Path("Pulumi.none.yaml").write_text(
        "config:\n  meshwright:mesh:\n    kind: none\n    because: [under_20_services]\n"
    )
    status, out, err = meshwright("certs", "status", "none")
    assert (status, err) == (3, "")
    assert "? it shows no certificates; a cluster does, by --context" in out
