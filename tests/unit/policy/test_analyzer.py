"""Our analyzer over the wire, as Pulumi's engine asks it: metadata, verdicts, waivers, and what it refuses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

from meshwright import __version__
from meshwright_policy import pack
from meshwright_policy.analyzer import PROBLEMS
from meshwright_policy.catalogue import BY_NAME, RULES
from meshwright_policy.record import Answer, Config, Rule, Subject

NAMESPACE = "meshwright:index:AmbientNamespace"
POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
EARLY = {"namespace": "shop", "phase": "strict"}
KUBERNETES_NAMESPACE = "kubernetes:core/v1:Namespace"
AMBIENT = {"metadata": {"name": "default", "labels": {"istio.io/dataplane-mode": "ambient"}}}
SIDECARS = {"metadata": {"name": "default", "labels": {"istio-injection": "enabled"}}}
DENY: dict[str, Any] = {
    "metadata": {"name": "deny"},
    "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]},
}


class Engine:
    """Asks as the engine does."""

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self._server, port = pack.start(rules)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = AnalyzerStub(self._channel)

    def close(self) -> None:
        self._channel.close()
        self._server.stop(0).wait()

    def configure(self, levels: dict[str, str] | None = None, waivers: Any = None, **options: dict[str, Any]) -> None:
        config = {} if waivers is None else {"meshwright:waivers": json.dumps(waivers)}
        self.stub.ConfigureStack(proto.AnalyzerStackConfigureRequest(stack="dev", config=config))
        given = {
            name: proto.PolicyConfig(enforcementLevel=proto.EnforcementLevel.Value(level.upper()))
            for name, level in (levels or {}).items()
        }
        for name, chosen in options.items():
            given[name.replace("_", "-")].properties.update(chosen)
        self.stub.Configure(proto.ConfigureAnalyzerRequest(policyConfig=given))

    def analyze(self, kind: str, name: str, properties: dict[str, Any]) -> Any:
        request = proto.AnalyzeRequest(type=kind, name=name, urn=_urn(kind, name), properties=_struct(properties))
        return self.stub.Analyze(request)

    def each(self, *resources: tuple[str, str, dict[str, Any]]) -> list[Any]:
        ask = self._channel.unary_stream(
            "/meshwright.Analyzer/AnalyzeEach",
            request_serializer=proto.AnalyzeStackRequest.SerializeToString,
            response_deserializer=proto.AnalyzeResponse.FromString,
        )
        return list(ask(_all(resources)))

    def stack(self, *resources: tuple[str, str, dict[str, Any]]) -> Any:
        return self.stub.AnalyzeStack(_all(resources))


def _all(resources: Sequence[tuple[str, str, dict[str, Any]]]) -> proto.AnalyzeStackRequest:
    return proto.AnalyzeStackRequest(
        resources=[
            proto.AnalyzerResource(type=kind, name=name, urn=_urn(kind, name), properties=_struct(properties))
            for kind, name, properties in resources
        ]
    )


def _urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def _struct(properties: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(properties)
    return struct


@pytest.fixture
def engine() -> Iterator[Engine]:
    asking = Engine()
    yield asking
    asking.close()


def _silent(answer: Any) -> dict[str, str]:
    return {entry.policy_name: entry.reason for entry in answer.not_applicable}


def _said(answer: Any) -> list[tuple[str, str]]:
    return [(diagnostic.policyName, diagnostic.message.split("\n")[1]) for diagnostic in answer.diagnostics]


def test_the_pack_says_of_each_rule_all_that_the_catalogue_has(engine: Engine) -> None:
    info = engine.stub.GetAnalyzerInfo(empty_pb2.Empty())
    assert (info.name, info.version, info.supportsConfig) == ("meshwright", __version__, True)
    assert engine.stub.GetPluginInfo(empty_pb2.Empty()).version == __version__
    assert len(info.policies) == len(RULES)
    for rule, told in zip(RULES, info.policies, strict=True):
        assert (told.name, told.description, told.displayName) == (rule.id, rule.title, rule.title)
        assert proto.EnforcementLevel.Name(told.enforcementLevel).lower() == rule.level
        assert proto.PolicySeverity.Name(told.severity).endswith(rule.severity.upper())
        assert (told.remediation_steps, told.url) == (rule.remedy, rule.url)
        assert list(told.tags) == [rule.subject, rule.slug, *rule.aliases]
        assert set(told.configSchema.properties.keys()) == set(rule.config)
        assert (told.policy_type == proto.POLICY_TYPE_STACK) == (rule.check_stack is not None)
        assert told.framework.reference == (rule.frameworks[0].id if rule.frameworks else "")


def test_each_verdict_is_told_in_the_words_of_the_sdk(engine: Engine) -> None:
    (violated,) = engine.analyze(NAMESPACE, "shop", EARLY).diagnostics[:1]
    assert violated == proto.AnalyzeDiagnostic(
        policyName="MW-ADO-001",
        policyPackName="meshwright",
        policyPackVersion=__version__,
        description="A namespace turns strict only after it was permissive",
        message="A namespace turns strict only after it was permissive\n"
        "the namespace is strict, but no permissive phase before it is on record\n"
        "→ set the phase to permissive first, and record it as `previous` when the namespace turns strict "
        "(docs/rules/MW-ADO-001.md)",
        enforcementLevel=proto.MANDATORY,
        severity=proto.POLICY_SEVERITY_HIGH,
    )
    undecided = engine.analyze(NAMESPACE, "shop", {**EARLY, "previous": UNKNOWN}).diagnostics[0]
    assert undecided.enforcementLevel == proto.ADVISORY
    assert undecided.message == (
        f"can't run policy 'MW-ADO-001' from policy pack 'meshwright@v{__version__}' during preview: "
        "its phase, or the one before it, is known only at the update"
    )
    fine = engine.analyze(NAMESPACE, "shop", {"namespace": "shop", "phase": "permissive"})
    assert not fine.diagnostics
    assert _silent(fine)["MW-ADO-001"] == "the namespace is not strict"
    assert _silent(fine)["MW-IST-001"] == "it looks at other types"
    other = engine.analyze("other:index:Type", "it", EARLY)
    assert not other.diagnostics
    assert set(_silent(other)) == {rule.id for rule in RULES if rule.check}


def test_levels_are_kept(engine: Engine) -> None:
    engine.configure({"all": "disabled", "MW-ADO-001": "advisory", "MW-ADO-002": "disabled"})
    diagnostics = engine.analyze(NAMESPACE, "shop", EARLY).diagnostics
    assert [(d.policyName, d.enforcementLevel) for d in diagnostics] == [("MW-ADO-001", proto.ADVISORY)]


def test_no_rule_mends_and_remediate_means_mandatory(engine: Engine) -> None:
    engine.configure({"MW-IST-001": "remediate"})
    told = engine.stub.Remediate(proto.AnalyzeRequest(type="meshwright:index:Waypoint", name="l7"))
    assert (list(told.remediations), _silent(told)) == ([], {"MW-IST-001": "it does not mend by itself"})
    (diagnostic,) = engine.analyze("meshwright:index:Waypoint", "l7", {}).diagnostics
    assert diagnostic.enforcementLevel == proto.MANDATORY


def test_inputs_are_remembered_whichever_rules_are_asked(engine: Engine) -> None:
    engine.configure({rule.id: "disabled" for rule in RULES if rule.id != "MW-ADO-007"})
    for name in ("cart", "shop"):
        engine.analyze(NAMESPACE, name, {"namespace": name, "phase": "permissive", "since": "2026-11-20"})
    answer = engine.stack(*((NAMESPACE, name, {"namespace": name}) for name in ("cart", "shop")))
    assert _said(answer) == [("MW-ADO-007", "the namespace changes its phase on 2026-11-20, the same day as cart")]
    assert answer.diagnostics[0].urn == _urn(NAMESPACE, "shop")
    # The next deployment begins with nothing.
    assert _said(engine.stack((NAMESPACE, "cart", {}), (NAMESPACE, "shop", {}))) == []


def test_a_violation_and_an_open_question_are_both_told(engine: Engine) -> None:
    resources = [
        (NAMESPACE, name, {"namespace": name, "phase": "permissive", "since": since})
        for name, since in (("cart", "2026-11-20"), ("shop", "2026-11-20"), ("till", UNKNOWN))
    ]
    told = engine.stack(*resources).diagnostics
    assert [diagnostic.message.startswith("can't run policy") for diagnostic in told] == [False, True]


FIRES = "its rule never fires at ztunnel, which knows no methods: what it should deny is allowed"


def test_what_came_before_a_policy_is_enough_to_refuse_it(engine: Engine) -> None:
    engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
    assert _said(engine.analyze(POLICY, "deny", DENY)) == [("MW-IST-002", FIRES)]
    assert not engine.stack((KUBERNETES_NAMESPACE, "default", AMBIENT), (POLICY, "deny", DENY)).diagnostics
    # The next deployment begins with nothing.
    assert not engine.analyze(POLICY, "deny", DENY).diagnostics


def test_a_policy_before_its_namespace_is_judged_at_the_end(engine: Engine) -> None:
    put_off = engine.analyze(POLICY, "deny", DENY)
    assert not put_off.diagnostics
    assert _silent(put_off)["MW-IST-002"] == "whether its namespace is ambient shows at the end of the stack"
    engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
    told = engine.stack((POLICY, "deny", DENY), (KUBERNETES_NAMESPACE, "default", AMBIENT))
    assert _said(told) == [("MW-IST-002", FIRES)]
    assert (told.diagnostics[0].urn, told.diagnostics[0].enforcementLevel) == (_urn(POLICY, "deny"), proto.MANDATORY)
    assert not engine.stack((POLICY, "deny", DENY)).diagnostics


@pytest.mark.parametrize("first", [KUBERNETES_NAMESPACE, POLICY])
def test_a_policy_for_sidecars_is_left_alone_in_any_order(engine: Engine, first: str) -> None:
    resources = [(KUBERNETES_NAMESPACE, "default", SIDECARS), (POLICY, "deny", DENY)]
    for resource in sorted(resources, key=lambda resource: resource[0] != first):
        assert not engine.analyze(*resource).diagnostics
    told = engine.stack(*resources)
    assert not told.diagnostics
    assert _silent(told)["MW-IST-002"] == "its namespace is on sidecars, which enforce it"


def test_a_label_that_is_added_later_is_seen(engine: Engine) -> None:
    patch = ("kubernetes:core/v1:NamespacePatch", "patch", AMBIENT)
    resources = [(KUBERNETES_NAMESPACE, "default", SIDECARS), (POLICY, "deny", DENY), patch]
    for resource in resources:
        assert not engine.analyze(*resource).diagnostics
    assert ("MW-IST-002", FIRES) in _said(engine.stack(*resources))


def test_a_policy_that_is_asked_about_twice_is_told_once(engine: Engine) -> None:
    for _ in range(2):
        engine.analyze(POLICY, "deny", DENY)
    assert _said(engine.stack((KUBERNETES_NAMESPACE, "default", AMBIENT))) == [("MW-IST-002", FIRES)]
    engine.analyze(POLICY, "deny", DENY)
    engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
    assert _said(engine.analyze(POLICY, "deny", DENY)) == [("MW-IST-002", FIRES)]
    assert not engine.stack((KUBERNETES_NAMESPACE, "default", AMBIENT)).diagnostics


def test_a_selected_waypoint_that_comes_later_is_seen(engine: Engine) -> None:
    gateway = {"metadata": {"name": "wp"}, "spec": {"gatewayClassName": "istio-waypoint"}}
    spec = {**DENY["spec"], "selector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "wp"}}}
    assert not engine.analyze(POLICY, "deny", {**DENY, "spec": spec}).diagnostics
    told = _said(engine.stack(("kubernetes:gateway.networking.k8s.io/v1:Gateway", "wp", gateway)))
    assert ("MW-IST-002", FIRES) in told


def test_a_dry_run_waits_for_what_istiod_is_told(engine: Engine) -> None:
    engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
    trial = {**DENY, "metadata": {"annotations": {"istio.io/dry-run": "true"}}}
    put_off = _silent(engine.analyze(POLICY, "trial", trial))
    assert put_off["MW-IST-005"] == "what istiod is told shows at the end of the stack"


def test_what_was_put_off_can_be_waived(engine: Engine) -> None:
    engine.configure(waivers=[{**WAIVER, "rule": "MW-IST-002", "resource": "deny"}])
    engine.analyze(POLICY, "deny", DENY)
    told = engine.stack((KUBERNETES_NAMESPACE, "default", AMBIENT))
    assert not told.diagnostics
    assert json.loads(_silent(told)["MW-IST-002"].removeprefix("waived "))["urn"] == _urn(POLICY, "deny")


def test_what_nothing_shows_is_an_open_question_about_the_policy(engine: Engine) -> None:
    engine.analyze(POLICY, "deny", DENY)
    (told,) = engine.stack((POLICY, "deny", DENY)).diagnostics
    assert told.message.endswith(": nothing in the stack shows whether its namespace is ambient")
    assert (told.urn, told.enforcementLevel) == (_urn(POLICY, "deny"), proto.ADVISORY)


WAIVER = {"rule": "MW-ADO-001", "resource": "shop", "reason": "a pilot", "owner": "us", "expires": "2026-12-01"}


def test_a_waived_violation_is_told_with_all_that_is_known_of_it(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.configure({"MW-ADO-002": "disabled"}, [{**WAIVER, "ticket": "OPS-7"}])
    answer = engine.analyze(NAMESPACE, "shop", EARLY)
    assert not answer.diagnostics
    message = "the namespace is strict, but no permissive phase before it is on record"
    assert json.loads(_silent(answer)["MW-ADO-001"].removeprefix("waived ")) == {
        "message": message,
        "urn": _urn(NAMESPACE, "shop"),
        "waiver": {**WAIVER, "ticket": "OPS-7", "urn": ""},
    }
    line = f"MW-ADO-001 waived until 2026-12-01 by us: a pilot ({message}) at {_urn(NAMESPACE, 'shop')}\n"
    assert capfd.readouterr().err == line
    assert not engine.stack().diagnostics


def test_a_kubernetes_object_carries_its_own_waiver(engine: Engine) -> None:
    key = "meshwright.dev/waive-MW-IST-002"
    for value, said in (
        ("the gateway strips it; owner=edge; expires=2026-12-01", []),
        ("the gateway strips it; owner=edge; expires=2026-11-22", ["MW-IST-002", "MW-WVR-001"]),
    ):
        engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
        metadata = {"name": "deny", "annotations": {key: value, "other": "x"}}
        told = engine.analyze(POLICY, "deny", {**DENY, "metadata": metadata}).diagnostics
        of_stack = engine.stack().diagnostics
        assert [diagnostic.policyName for diagnostic in (*told, *of_stack)] == said
    assert told[0].message.split("\n")[1].endswith("; the waiver by edge expired on 2026-11-22")
    assert of_stack[0].urn == _urn(POLICY, "deny")


def test_an_annotation_waives_for_its_own_resource_alone(engine: Engine) -> None:
    key = "meshwright.dev/waive-MW-IST-002"
    engine.analyze(KUBERNETES_NAMESPACE, "default", AMBIENT)
    annotated = {"name": "deny", "annotations": {key: "a pilot; expires=2026-12-01"}}
    assert not engine.analyze(POLICY, "deny", {**DENY, "metadata": annotated}).diagnostics
    assert engine.analyze(POLICY, "deny-too", DENY).diagnostics


def test_a_waiver_that_nothing_needs_is_told(engine: Engine) -> None:
    engine.configure(waivers=[WAIVER, {**WAIVER, "rule": "MW-ADO-002"}])
    engine.analyze(NAMESPACE, "shop", {**EARLY, "previous": UNKNOWN})
    told = engine.stack().diagnostics
    assert [diagnostic.message.rsplit(": ", 1)[-1] for diagnostic in told] == [
        "whether the waiver of MW-ADO-001 for shop by us is needed is known only at the update",
        "whether the waiver of MW-ADO-002 for shop by us is needed is known only at the update",
    ]
    engine.analyze(NAMESPACE, "shop", {**EARLY, "phase": "permissive"})
    assert [name for name, _ in _said(engine.stack())] == ["MW-WVR-002", "MW-WVR-002"]
    # Of a rule that isn't asked nobody can say whether its waiver is needed.
    engine.configure({"MW-ADO-001": "disabled", "MW-ADO-002": "disabled"}, [WAIVER])
    assert not engine.stack().diagnostics


def test_many_resources_in_one_call_are_judged_as_each_by_itself(engine: Engine) -> None:
    resources: list[tuple[str, str, dict[str, Any]]] = [
        (NAMESPACE, "shop", EARLY),
        ("other:index:Type", "it", {}),
        (POLICY, "deny", DENY),
    ]
    assert engine.each(*resources) == [engine.analyze(*resource) for resource in resources]
    wrong = {"metadata": {"annotations": {"meshwright.dev/waive-MW-ADO-099": "a; expires=2026-12-01"}}}
    code, said, _ = _refused(lambda: engine.each((POLICY, "deny", wrong)))
    assert (code, "which is no rule" in said) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def _refused(call: Any) -> tuple[grpc.StatusCode, str, list[dict[str, str]]]:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error: Any = raised.value
    told = dict(error.trailing_metadata()).get(PROBLEMS, b"[]")
    return error.code(), error.details(), json.loads(told)


def test_what_does_not_fit_is_refused_in_one_line(engine: Engine) -> None:
    code, said, problems = _refused(lambda: engine.configure({"MW-ADO-099": "advisory"}))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert said.startswith("the configuration of the pack doesn't fit: it has no rule 'MW-ADO-099'; one of: all, or ")
    assert said.endswith("(MW-E084)")
    assert [problem["code"] for problem in problems] == ["MW-E084"]
    code, said, problems = _refused(lambda: engine.configure(waivers=[{**WAIVER, "rule": "MW-ADO-099"}]))
    assert said == (
        "meshwright:waivers[0]: the waiver is for 'MW-ADO-099', which is no rule; see meshwright rules list (MW-E085)"
    )
    annotation = {"metadata": {"annotations": {"meshwright.dev/waive-MW-ADO-099": "a; expires=2026-12-01"}}}
    code, said, _ = _refused(lambda: engine.analyze("kubernetes:core/v1:ConfigMap", "web", annotation))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert said.startswith("web, annotation meshwright.dev/waive-MW-ADO-099: the waiver is for 'MW-ADO-099'")


def test_many_mistakes_are_told_as_text_alone(engine: Engine) -> None:
    _, said, problems = _refused(lambda: engine.configure(waivers=[{}] * 20))
    assert problems == []
    *lines, rest = said.splitlines()
    assert all(line.endswith("(MW-E085)") for line in lines)
    assert rest == f"and {80 - len(lines)} more"


def test_a_rule_that_raises_is_an_error_and_never_a_pass() -> None:
    def broken(subject: Subject, _: Config) -> Iterator[Answer]:
        raise ValueError(subject.properties["phase"])
        yield

    engine = Engine((replace(BY_NAME["MW-ADO-001"], check=broken),))
    code, said, _ = _refused(lambda: engine.analyze(NAMESPACE, "shop", EARLY))
    assert code is grpc.StatusCode.UNKNOWN
    assert said.startswith("rule MW-ADO-001 failed on shop: ValueError in broken, line ")
    assert "strict" not in said
    engine.close()


def test_the_engine_may_greet_and_cancel(engine: Engine) -> None:
    assert engine.stub.Handshake(proto.AnalyzerHandshakeRequest()) == proto.AnalyzerHandshakeResponse()
    assert engine.stub.Cancel(empty_pb2.Empty()) == empty_pb2.Empty()


def test_serving_prints_the_port_first_and_ends_when_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Server:
        def wait_for_termination(self) -> None:
            raise KeyboardInterrupt

        def stop(self, grace: int) -> None:
            print(f"stopped within {grace} s")

    monkeypatch.setattr(pack, "start", lambda rules: (Server(), 4711))
    pack.serve()
    assert capsys.readouterr().out == "4711\nstopped within 0 s\n"


def test_a_broken_clock_does_not_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "soon")
    pack._prepare()
