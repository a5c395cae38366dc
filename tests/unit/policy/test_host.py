"""Any pack, run without the Pulumi CLI: what it is told, what is made of its answers, and how it fails."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright.engine.analyzer_messages import seconds, to_struct
from meshwright.engine.graph import UNKNOWN, Asset, Graph, Options, ResourceReference, Secret, SourcePosition
from meshwright.engine.policy import Finding, PolicyPack, PolicyReport, Verdict, Waiver, evaluate
from meshwright.errors import PolicyPackError
from meshwright_policy.examples import JUDGED_ON

from .graphs import graph, pack, resource, urn

OURS = Path(__file__).parents[3] / "policy"
NAMESPACE = "meshwright:index:AmbientNamespace"
WAIVER = {
    "rule": "MW-ADO-007",
    "resource": "cart",
    "reason": "they move together",
    "owner": "us",
    "expires": "2026-12-01",
}


@pytest.fixture(scope="session")
def running() -> Iterator[PolicyPack]:
    config = {"meshwright:waivers": json.dumps([WAIVER])}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHWRIGHT_AS_OF", JUDGED_ON)
        with PolicyPack(OURS, project="shop", stack="dev", config=config, secret_keys=["shop:token"]) as started:
            yield started


def _said(report: PolicyReport) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.verdict.value, finding.resource) for finding in report.findings]


def test_our_pack_over_the_protocol(running: PolicyPack) -> None:
    line = SourcePosition("/program/__main__.py", 7)
    report = running.evaluate(
        graph(
            resource(
                "meshwright:index:MeshWideMtls",
                "mesh-wide",
                {"mode": "STRICT", "phases": {"a": "unmeshed"}},
                source=line,
            ),
            resource(NAMESPACE, "cart", {"namespace": "cart", "phase": "permissive", "since": "2026-11-20"}),
            resource(
                NAMESPACE,
                "till",
                {"namespace": "till", "phase": "permissive", "since": "2026-11-20"},
                outputs={"namespace": "till"},
            ),
            resource("meshwright:index:Waypoint", "l7", {"reason": UNKNOWN}),
        )
    )
    assert (report.pack, report.blocks, report.remediations) == ("meshwright", True, ())
    violated, undecided, unlisted, waived = report.findings
    assert violated == Finding(
        rule="MW-ADO-003",
        title="Strict mTLS waits until every namespace is meshed",
        level="mandatory",
        severity="critical",
        verdict=Verdict.VIOLATED,
        urn=urn("meshwright:index:MeshWideMtls", "mesh-wide"),
        resource="mesh-wide",
        message="mesh-wide mTLS is STRICT, but a is unmeshed: callers that speak plaintext would be cut off",
        remedy="keep mesh-wide permissive, and set phase: strict for the namespaces that are ready",
        url="docs/rules/MW-ADO-003.md",
        source=line,
    )
    assert (unlisted.rule, unlisted.resource) == ("MW-ADO-004", "mesh-wide")
    assert unlisted.message == (
        "mesh-wide mTLS is STRICT, but cart is permissive and till is permissive: `phases` doesn't match the stack"
    )
    assert (undecided.rule, undecided.verdict, undecided.level) == ("MW-IST-001", Verdict.UNDECIDED, "advisory")
    assert undecided.message == "its reason is known only at the update"
    assert (waived.rule, waived.verdict, waived.resource) == ("MW-ADO-007", Verdict.WAIVED, "till")
    assert waived.message == (
        "until 2026-12-01 by us: they move together (the namespace changes its phase on 2026-11-20, the same day as cart)"
    )
    by_rule = {rule.rule: rule for rule in report.rules}
    assert list(by_rule) == sorted(by_rule)
    assert by_rule["MW-ADO-003"].counts == {Verdict.VIOLATED: 1, Verdict.NOT_APPLICABLE: 4}
    assert {rule: result.verdict.value for rule, result in by_rule.items() if rule.startswith("MW-ADO")} == {
        "MW-ADO-001": "not_applicable",
        "MW-ADO-002": "not_applicable",
        "MW-ADO-003": "violated",
        "MW-ADO-004": "violated",
        "MW-ADO-007": "waived",
    }


def test_what_is_fine_passes(running: PolicyPack) -> None:
    report = running.evaluate(graph(resource("meshwright:index:Waypoint", "l7", {"reason": "header routing"})))
    assert [(f.rule, f.message) for f in report.findings] == [
        ("MW-WVR-002", "the waiver of MW-ADO-007 for cart by us waives nothing")
    ]
    assert not report.blocks
    assert {rule.rule: rule.verdict for rule in report.rules}["MW-IST-001"] is Verdict.PASSED


def test_levels_and_options_can_be_set() -> None:
    strict = {
        "namespace": "cart",
        "phase": "strict",
        "since": "2026-11-20",
        "previous": {"phase": "permissive", "since": "2026-11-16"},
    }
    subject = graph(resource(NAMESPACE, "cart", strict), resource("meshwright:index:Waypoint", "l7", {}))
    rules = {
        "all": "disabled",
        "MW-ADO-002": {"enforcementLevel": "advisory", "soak_days": 5},
        "MW-IST-001": "mandatory",
    }
    report = evaluate(subject, OURS, config={}, rules=rules)
    assert [rule.rule for rule in report.rules] == ["MW-ADO-002", "MW-IST-001"]
    assert [(finding.rule, finding.level) for finding in report.findings] == [
        ("MW-ADO-002", "advisory"),
        ("MW-IST-001", "mandatory"),
    ]
    assert "4 of 5 days" in report.findings[0].message


def test_a_packs_own_settings_come_before_ours_and_after_its_schema(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        def show(args, report):
            report(json.dumps(args.get_config(), sort_keys=True))

        schema = PolicyConfigSchema({"a": {"type": "integer", "default": 1}, "b": {"type": "integer", "default": 2},
                                     "c": {"type": "string"}})
        policies = [ResourceValidationPolicy("show", "Shows", show, config_schema=schema)]
        initial = {"show": {"enforcementLevel": EnforcementLevel.MANDATORY, "a": 3, "b": 4}}
        PolicyPack("theirs", policies, initial_config=initial)
        """,
    )
    (finding,) = evaluate(graph(), folder, config={}, rules={"show": {"b": 5}}).findings
    assert (finding.level, finding.message) == ("mandatory", '{"a": 3.0, "b": 5.0}')


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"MW-NO-001": "advisory"}, "it has no rule 'MW-NO-001'"),
        ({"MW-ADO-002": "loud"}, "MW-ADO-002 can't have the level 'loud'"),
        ({"MW-ADO-002": {"days": 1}}, "MW-ADO-002 has no option 'days'; one of: soak_days"),
        ({"MW-ADO-001": {"days": 1}}, "MW-ADO-001 has no option 'days'; one of: it has no options"),
        ({"MW-ADO-002": 3}, "the entry for MW-ADO-002 is neither a level nor options"),
    ],
)
def test_settings_that_fit_no_rule_are_refused(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyPackError) as raised:
        evaluate(graph(), OURS, config={}, rules=rules)
    assert said in str(raised.value)
    assert "(MW-E084)" in str(raised.value)


def test_a_pack_sees_what_the_engine_would_show_it(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        import pulumi

        def show(args, report):
            if args.resource_type != "test:index:Thing":
                args.not_applicable("another type")
            unknown = [key for key in args.props if not readable(args.props, key)]
            known = {key: repr(args.props[key]) for key in args.props if key not in unknown}
            about = [args.name, args.opts.protect, list(args.opts.ignore_changes), args.opts.delete_before_replace,
                     args.opts.custom_timeouts.create_seconds, list(args.opts.aliases), args.provider.props["region"]]
            where = [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run(), pulumi.Config("shop").get("size")]
            report(json.dumps([known, unknown, about, where]))

        def readable(props, key):
            try:
                props[key]
            except Exception:
                return False
            return True

        def whole(args, report):
            for r in args.resources:
                if r.resource_type == "test:index:Thing":
                    report(json.dumps([r.parent.name, [d.name for d in r.dependencies],
                                       {k: [d.name for d in v] for k, v in r.property_dependencies.items()}]), r.urn)
        policies = [
            ResourceValidationPolicy("show", "Shows", show, enforcement_level=EnforcementLevel.MANDATORY, severity=Severity.LOW),
            StackValidationPolicy("whole", "Whole", whole),
        ]
        """,
    )
    provider = urn("pulumi:providers:test", "cloud")
    options = Options(
        protect=True,
        ignore_changes=("a",),
        delete_before_replace=True,
        custom_timeouts={"create": "1m30s"},
        aliases=("urn:pulumi:dev::shop::old::thing",),
    )
    inputs = {
        "text": "a",
        "number": 2,
        "list": [1, None],
        "secret": Secret({"password": "p"}),
        "unknown": UNKNOWN,
        "reference": ResourceReference(provider),
        "asset": Asset("asset", {"path": "a.txt"}),
        "__internal": "x",
    }
    report = evaluate(
        graph(
            resource("pulumi:providers:test", "cloud", {"region": "eu"}),
            resource(
                "test:index:Thing",
                "thing",
                inputs,
                provider=provider,
                options=options,
                dependencies=(provider,),
                property_dependencies={"text": (provider,), "number": ()},
            ),
        ),
        folder,
        config={"shop:size": "7"},
    )
    shown, whole = report.findings
    known, unknown, about, where = json.loads(shown.message)
    assert known.pop("asset").startswith("<pulumi.asset.FileAsset")
    assert known.pop("list").startswith("<pulumi_policy.proxy")
    assert known.pop("secret").startswith("<pulumi_policy.proxy")
    assert known == {"text": "'a'", "number": "2.0", "reference": repr(provider)}
    assert unknown == ["unknown"]
    assert about == ["thing", True, ["a"], True, 90.0, ["urn:pulumi:dev::shop::old::thing"], "eu"]
    assert where == ["shop", "dev", True, "7"]
    assert (shown.level, shown.severity, shown.title) == ("mandatory", "low", "Shows")
    assert (whole.urn, json.loads(whole.message)) == (
        urn("test:index:Thing", "thing"),
        ["shop-dev", ["cloud"], {"text": ["cloud"]}],
    )


def test_an_annotation_waives_and_the_finding_says_why_and_until_when() -> None:
    reason = "the gateway strips it; owner=edge; ticket=OPS-7; expires=2026-12-01"
    metadata = {"name": "deny", "annotations": {"meshwright.dev/waive-MW-IST-004": reason}}
    kind = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
    report = evaluate(
        graph(resource(kind, "deny", {"metadata": metadata, "spec": {"action": "CUSTOM"}})),
        OURS,
        config={},
        rules={"MW-IST-004": {"ambient_namespaces": ["default"]}},
    )
    (finding,) = report.findings
    assert (finding.verdict, finding.resource) == (Verdict.WAIVED, "deny")
    assert finding.waiver == Waiver(
        reason="the gateway strips it",
        owner="edge",
        expires="2026-12-01",
        ticket="OPS-7",
        resource="deny",
        urn=urn(kind, "deny"),
    )
    assert finding.message.startswith("until 2026-12-01 by edge: the gateway strips it (the CUSTOM policy never")


NO_RULE = "the waiver is for 'MW-ADO-099', which is no rule; see meshwright rules list (MW-E085)"


def test_a_waiver_that_can_not_be_used_is_a_mistake() -> None:
    waivers = json.dumps([{**WAIVER, "rule": "MW-ADO-099"}])
    with pytest.raises(PolicyPackError) as raised:
        evaluate(graph(), OURS, config={"meshwright:waivers": waivers})
    assert str(raised.value) == f"meshwright:waivers[0]: {NO_RULE}"
    annotations = {"meshwright.dev/waive-MW-ADO-099": "a reason; expires=2026-12-01"}
    with pytest.raises(PolicyPackError) as raised:
        evaluate(
            graph(resource("kubernetes:core/v1:Service", "web", {"metadata": {"annotations": annotations}})),
            OURS,
            config={},
        )
    assert str(raised.value) == f"web, annotation meshwright.dev/waive-MW-ADO-099: {NO_RULE}"


def test_a_value_that_does_not_fit_an_option_is_refused_by_the_pack() -> None:
    with pytest.raises(PolicyPackError) as raised:
        evaluate(graph(), OURS, config={}, rules={"MW-ADO-002": {"soak_days": "soon"}})
    assert str(raised.value).startswith(f"{OURS}: the configuration of the pack doesn't fit: the option 'soak_days'")
    assert "(MW-E084)" in str(raised.value)


@pytest.mark.parametrize("level", ["mandatory", "remediate"])
def test_a_rule_of_ours_that_raises_is_named(tmp_path: Path, level: str) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("name: ours\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        "from dataclasses import replace\n"
        "from meshwright_policy.catalogue import RULES\n"
        "from meshwright_policy.pack import serve\n"
        "def broken(subject, config):\n"
        "    raise ValueError(subject.properties)\n"
        "serve((RULES[1], replace(RULES[0], check=broken)))\n"
    )
    shop = graph(resource(NAMESPACE, "shop", {"namespace": "shop", "phase": "strict"}))
    with pytest.raises(PolicyPackError) as raised:
        evaluate(shop, tmp_path, config={}, rules={"MW-ADO-001": level})
    assert str(raised.value) == (
        f"{tmp_path}: rule MW-ADO-001 failed on shop: ValueError in broken, line 5; "
        "mend the rule, or disable it: nothing was decided (MW-E082)"
    )


def test_what_another_pack_calls_waived_is_not_applicable(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        def waived(args, report):
            args.not_applicable("waived by hand")

        policies = [ResourceValidationPolicy("a", "A", waived)]
        """,
    )
    report = evaluate(graph(), folder, config={})
    assert (report.findings, [rule.verdict for rule in report.rules]) == ((), [Verdict.NOT_APPLICABLE])


def test_undecided_is_told_from_violated_and_the_stack_has_a_name(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        def touch(args, report):
            args.props["a"]

        def both(args, report):
            report("")
            [r.props.get("a") for r in args.resources]

        policies = [ResourceValidationPolicy("touch", "Touches", touch, enforcement_level=EnforcementLevel.MANDATORY),
                    StackValidationPolicy("both", "Both", both)]
        """,
    )
    thing = resource("test:index:Thing", "thing", {"a": UNKNOWN})
    read = resource("test:index:Thing", "read", {"a": UNKNOWN}, read=True)
    report = evaluate(Graph("shop", "dev", "organization", (thing, read)), folder, config={})
    assert [(f.rule, f.verdict, f.level, f.resource, f.message) for f in report.findings] == [
        ("touch", Verdict.UNDECIDED, "mandatory", "thing", "string value at .a can't be known during preview"),
        ("both", Verdict.VIOLATED, "advisory", "thing", "Both"),
        ("both", Verdict.UNDECIDED, "advisory", "thing", "string value at .a can't be known during preview"),
    ]
    assert [(rule.rule, rule.verdict, dict(rule.counts)) for rule in report.rules] == [
        ("both", Verdict.VIOLATED, {Verdict.VIOLATED: 1, Verdict.UNDECIDED: 1}),
        ("touch", Verdict.UNDECIDED, {Verdict.UNDECIDED: 1}),
    ]
    assert not report.blocks


def test_remediations_are_stated_and_judged_but_the_graph_stays(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

        def label(args):
            if args.resource_type != "test:index:Thing":
                args.not_applicable("another type")
            if args.props["want"] == UNKNOWN_STRING_VALUE:
                raise UnknownValueError(UNKNOWN_STRING_VALUE, ["want"])
            args.props["labels"]["a"] = args.props["want"]
            return args.props

        def labelled(args, report):
            if args.resource_type == "test:index:Thing" and args.props["labels"].get("a") != "b":
                report("no label")

        policies = [ResourceValidationPolicy("label", "Labels", labelled, remediate=label,
                                             enforcement_level=EnforcementLevel.REMEDIATE),
                    ResourceValidationPolicy("check", "Checks", labelled)]
        """,
    )
    thing = resource("test:index:Thing", "thing", {"labels": {"x": "y"}, "want": "b", "gone": Secret("s")})
    wrong = resource("test:index:Thing", "wrong", {"labels": {}, "want": "c"})
    unclear = resource("test:index:Thing", "unclear", {"labels": {"a": "b"}, "want": UNKNOWN})
    report = evaluate(graph(thing, wrong, unclear), folder, config={})
    assert [(r.rule, r.urn.rsplit("::", 1)[1], r.changed) for r in report.remediations] == [
        ("label", "thing", ("labels.a",)),
        ("label", "wrong", ("labels.a",)),
        ("label", "unclear", ()),
    ]
    assert "can't run remediation 'label'" in report.remediations[2].message
    assert _said(report) == [("label", "violated", "wrong"), ("check", "violated", "wrong")]
    assert [finding.level for finding in report.findings] == ["mandatory", "advisory"]
    assert thing.inputs["labels"] == {"x": "y"}


BAD_RULE = """
def fine(args, report):
    pass

def broken(args, report):
    raise ValueError("no such thing")

policies = [ResourceValidationPolicy("fine", "Fine", fine), {kind}("broken", "Broken", broken)]
"""


@pytest.mark.parametrize(
    ("kind", "about"), [("ResourceValidationPolicy", "shop-dev"), ("StackValidationPolicy", "the stack")]
)
def test_a_rule_that_raises_is_named(tmp_path: Path, kind: str, about: str) -> None:
    folder = pack(tmp_path, BAD_RULE.replace("{kind}", kind))
    with pytest.raises(PolicyPackError, match=rf"rule broken failed on {about}: no such thing; .*\(MW-E082\)"):
        evaluate(graph(), folder, config={})


def test_a_rule_that_raises_once_is_an_error_all_the_same(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        seen = []

        def flaky(args, report):
            seen.append(args.urn)
            if len(seen) == 1:
                raise ValueError("only once")

        policies = [ResourceValidationPolicy("flaky", "Flaky", flaky)]
        """,
    )
    with pytest.raises(PolicyPackError, match=r"failed at Analyze: .*only once.*\(MW-E081\)"):
        evaluate(graph(), folder, config={})


def test_a_pack_that_dies_is_an_error(tmp_path: Path) -> None:
    folder = pack(tmp_path, 'policies = [ResourceValidationPolicy("end", "Ends", lambda args, report: os._exit(3))]')
    with pytest.raises(PolicyPackError, match=r"the policy pack failed at Analyze: .*\(MW-E081\)"):
        evaluate(graph(), folder, config={})


def test_a_rule_that_never_answers_is_given_up(tmp_path: Path) -> None:
    folder = pack(
        tmp_path, 'policies = [ResourceValidationPolicy("wait", "Waits", lambda args, report: time.sleep(60))]'
    )
    with PolicyPack(folder, project="shop", stack="dev", config={}) as running:
        running._session.result()._timeout_s = 0.5
        with pytest.raises(PolicyPackError, match=r"no answer to Analyze within 0\.5 seconds; .*\(MW-E083\)"):
            running.evaluate(graph())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('no licence')", "it ended before it served any rule: no licence"),
        ("os._exit(0)", "it ended before it served any rule: without a word"),
        ("print('hello'); policies = []", "it printed 'hello' where its port should come first"),
        ("time.sleep(60)", "it did not start within 1 seconds"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_pack_that_does_not_start_is_an_error(tmp_path: Path, code: str, said: str) -> None:
    timeout_s = 1.0 if "sleep" in code else 30.0
    with pytest.raises(PolicyPackError) as raised:
        evaluate(graph(), pack(tmp_path, code), config={}, timeout_s=timeout_s)
    assert said in str(raised.value)
    assert "(MW-E081)" in str(raised.value)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (None, "PulumiPolicy.yaml isn't there"),
        ("{", "PulumiPolicy.yaml can't be read"),
        ("[]", "the runtime is None"),
        ("runtime: nodejs", "the runtime is 'nodejs'"),
        ("runtime: {name: opa}", "the runtime is 'opa'"),
        ("runtime: python", "there is no __main__.py"),
    ],
)
def test_what_is_no_pack_is_refused(tmp_path: Path, yaml: str | None, said: str) -> None:
    if yaml is not None:
        (tmp_path / "PulumiPolicy.yaml").write_text(yaml)
    with pytest.raises(PolicyPackError) as raised:
        evaluate(graph(), tmp_path, config={})
    assert said in str(raised.value)
    assert "(MW-E080)" in str(raised.value)


def test_the_virtual_environment_of_a_pack_is_used(tmp_path: Path) -> None:
    runtime = "{name: python, options: {virtualenv: venv}}"
    folder = pack(tmp_path, "policies = []", runtime=runtime)
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho the pack\\'s own python >&2\n")
    python.chmod(0o755)
    with pytest.raises(PolicyPackError, match="it ended before it served any rule: the pack's own python"):
        evaluate(graph(), folder, config={})
    python.chmod(0o644)
    with pytest.raises(PolicyPackError, match=r"its interpreter .* can't be run \(Permission denied\)"):
        evaluate(graph(), folder, config={})


def test_a_missing_virtual_environment_is_ours(tmp_path: Path) -> None:
    runtime = "{name: python, options: {virtualenv: venv}}"
    folder = pack(
        tmp_path, 'policies = [ResourceValidationPolicy("a", "A", lambda args, report: None)]', runtime=runtime
    )
    assert [rule.verdict for rule in evaluate(graph(), folder, config={}).rules] == [Verdict.PASSED]


def test_nothing_of_a_pack_is_left_running(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        open("child", "w").write(str(child.pid))
        policies = [ResourceValidationPolicy("a", "A", lambda args, report: None)]
        """,
    )
    evaluate(graph(), folder, config={})
    status = Path(f"/proc/{(folder / 'child').read_text()}/stat")
    deadline = time.monotonic() + 5
    while status.exists() and status.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not status.exists() or status.read_text().split()[2] == "Z"


def test_a_pack_may_print_as_much_as_it_likes(tmp_path: Path) -> None:
    folder = pack(
        tmp_path,
        """
        def loud(args, report):
            print("much to say " * 100_000)

        policies = [ResourceValidationPolicy("loud", "Loud", loud)]
        """,
    )
    assert [rule.verdict for rule in evaluate(graph(), folder, config={}).rules] == [Verdict.PASSED]


@pytest.mark.parametrize(
    ("duration", "wanted"),
    [("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("", 0.0), ("soon", 0.0), ("5x", 0.0), ("h", 0.0)],
)
def test_go_durations_in_seconds(duration: str, wanted: float) -> None:
    assert seconds(duration) == wanted


def test_what_no_graph_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="a graph holds no set"):
        to_struct({"a": {1}})
