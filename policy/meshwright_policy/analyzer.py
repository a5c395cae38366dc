"""The pack as Pulumi's engine sees it: the service ``Analyzer``, answered from an index of the rules.

The SDK makes one policy object of each rule, and for each of them reads a resource anew before the rule can say that it
looks at other types. Here a resource is read once, if a rule looks at its type, and the stack by those types that a
rule asks for.

A verdict is told in the SDK's words, so that every host understands it: a violation is a diagnostic, an open question
the diagnostic that begins with "can't run policy", and what does not apply is listed. A waived violation is listed
there as well, with all that is known of it as JSON after the word ``waived``; since Pulumi's engine drops such reasons,
it is also said on standard error, which the engine shows.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import wraps
from typing import Any, Final
from urllib.parse import quote

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer

from meshwright import __version__
from meshwright.errors import MeshwrightError
from meshwright_policy import wire
from meshwright_policy.catalogue import BY_NAME
from meshwright_policy.info import NAME, pack_info
from meshwright_policy.judge import Outcome, RuleError, judge_resource, judge_stack
from meshwright_policy.record import Level, Rule, Subject, Undecided, Violation
from meshwright_policy.settings import Chosen, Setting, Settings
from meshwright_policy.stack import Stack
from meshwright_policy.waivers import ANNOTATION, CONFIG, Ledger, annotated_waivers, parse_waivers

PROBLEMS: Final = "meshwright-problems-bin"
"""Trailing metadata of a refused call: its problems, as a JSON list of objects."""
_OURS: Final = "meshwright:index:"
_LEVELS: Final = ("advisory", "mandatory", "disabled", "remediate")
_ENFORCED: Final = {Level.ADVISORY: proto.ADVISORY, Level.MANDATORY: proto.MANDATORY}
_MOST_METADATA: Final = 2000
_MOST_TEXT: Final = 3000  # bytes as gRPC sends them; beyond 8 KiB in all it drops an answer now and then


def _refusing(
    method: Callable[["Analyzer", Any], Any],
) -> Callable[["Analyzer", Any, grpc.ServicerContext], Any]:
    """A call that ends with one line where what we were given is wrong, or where a rule raised."""

    @wraps(method)
    def call(self: "Analyzer", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request)
        except (MeshwrightError, RuleError) as error:
            return _refuse(error, context)

    return call


def _refuse(error: MeshwrightError | RuleError, context: grpc.ServicerContext) -> Any:
    if isinstance(error, RuleError):
        return context.abort(grpc.StatusCode.UNKNOWN, str(error))
    told = json.dumps([asdict(problem) for problem in error.problems]).encode()
    if len(told) < _MOST_METADATA:
        context.set_trailing_metadata(((PROBLEMS, told),))
    return context.abort(grpc.StatusCode.INVALID_ARGUMENT, _bounded(str(error).splitlines()))


def _bounded(lines: list[str]) -> str:
    """The first lines, as many as an answer can carry, and how many are left."""
    said: list[str] = []
    size = 0
    for line in lines:
        size += len(quote(line))
        if said and size > _MOST_TEXT:
            return "\n".join([*said, f"and {len(lines) - len(said)} more"])
        said.append(line)
    return "\n".join(said)


class Analyzer(AnalyzerServicer):
    """The service. Its methods are called one after the other, in the order of the deployment.

    Args:
        rules: The rules to serve.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._waivers = "[]"
        self._configure({})
        self._forget()

    def _configure(self, chosen: dict[str, Chosen]) -> None:
        self._settings = Settings(self._rules, chosen)
        self._ledger = Ledger(parse_waivers(self._waivers, BY_NAME))
        self._silent: dict[str, Any] = {}

    def _forget(self) -> None:
        # The inputs of our components: rules on the stack get outputs, which leave out most of what a component was
        # given. They are kept whichever rules are asked.
        self._inputs: dict[str, Any] = {}
        # Resources that rules take into account for others, and those whose rules wait for more of them.
        self._before: dict[str, Subject] = {}
        self._so_far: Stack | None = None
        self._put_off: dict[tuple[str, str], tuple[Setting, Subject]] = {}
        self._ledger = Ledger(self._ledger.of_stack)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: D102, N802
        return proto.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: D102, N802
        return plugin_pb2.PluginInfo(version=__version__)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:  # noqa: D102, N802
        return pack_info(self._rules)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: D102, N802
        return empty_pb2.Empty()

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Learn the stack's waivers. A mistake in them is told by `Configure`, whose errors the engine shows."""
        self._waivers = request.config.get(CONFIG) or "[]"
        return proto.AnalyzerStackConfigureResponse()

    @_refusing
    def Configure(self, request: Any) -> Any:  # noqa: N802
        """Set levels and options."""
        self._configure(
            {
                name: Chosen(_LEVELS[given.enforcementLevel], wire.properties(given.properties))
                for name, given in request.policyConfig.items()
            }
        )
        return empty_pb2.Empty()

    @_refusing
    def Analyze(self, request: Any) -> Any:  # noqa: N802
        """Judge one resource by its inputs."""
        return self._analyze(request)

    def AnalyzeEach(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Judge many resources by their inputs, each as `Analyze` does: for our own host, which has them all at once.

        A call costs three times what ninety rules cost on a resource.
        """
        try:
            for resource in request.resources:
                yield self._analyze(resource)
        except (MeshwrightError, RuleError) as error:
            _refuse(error, context)

    def _analyze(self, request: Any) -> Any:
        if request.type.startswith(_OURS):
            self._inputs[request.urn] = request.properties
        annotations = wire.annotations(request.properties, ANNOTATION)
        self._ledger.annotated(request.urn, annotated_waivers(annotations, request.urn, request.name, BY_NAME))
        settings = self._settings.of_type(request.type)
        response = self._silence(request.type)
        is_context = request.type in self._settings.context
        if not settings and not is_context:
            return response
        answer = proto.AnalyzeResponse()
        answer.CopyFrom(response)
        subject = Subject(request.type, request.name, request.urn, wire.properties(request.properties))
        if is_context:
            self._before[request.urn] = subject
            self._so_far = None
        waivers = self._ledger.about(request.urn)
        for setting in settings:
            seen = replace(subject, stack=self._stack_so_far()) if setting.rule.context else subject
            outcome = judge_resource(setting.rule, seen, setting.config, waivers)
            # A resource that is replaced may be asked about twice: the last answer counts.
            self._put_off.pop((setting.rule.id, request.urn), None)
            if outcome.put_off:
                self._put_off[setting.rule.id, request.urn] = (setting, subject)
            self._tell(setting, outcome, subject, answer)
        return answer

    @_refusing
    def AnalyzeStack(self, request: Any) -> Any:  # noqa: N802
        """Judge the stack as a whole: custom resources by their outputs, our components by their inputs."""
        stack = Stack((resource.type, self._lazily(resource)) for resource in request.resources)
        answer = proto.AnalyzeResponse()
        for setting, subject in self._put_off.values():
            whole = replace(subject, stack=stack)
            outcome = judge_resource(setting.rule, whole, setting.config, self._ledger.about(subject.urn))
            self._tell(setting, outcome, subject, answer)
        # What became of the waivers is known when all other rules have spoken.
        for setting in sorted(self._settings.of_stack, key=lambda setting: not setting.rule.applies_to):
            if not setting.rule.applies_to:
                stack.waivers = self._ledger.uses(self._settings.judged)
            self._tell(setting, judge_stack(setting.rule, stack, setting.config, self._ledger.all()), None, answer)
        self._forget()
        return answer

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change nothing: which version, phase or policy is meant, only its owner knows."""
        reason = "it does not mend by itself"
        return proto.RemediateResponse(
            not_applicable=[
                proto.PolicyNotApplicable(policy_name=name, reason=reason) for name in self._settings.unmending
            ]
        )

    def _stack_so_far(self) -> Stack:
        if self._so_far is None:
            self._so_far = Stack.of_subjects(self._before.values(), complete=False)
        return self._so_far

    def _lazily(self, resource: Any) -> Callable[[], Subject]:
        def subject() -> Subject:
            known = wire.properties(resource.properties)
            if resource.urn in self._inputs:
                known |= wire.properties(self._inputs[resource.urn])
            return Subject(resource.type, resource.name, resource.urn, known, resource.parent)

        return subject

    def _silence(self, token: str) -> Any:
        """The answer for a type in which all rules that don't look at it are listed; made once for each type."""
        if token not in self._silent:
            self._silent[token] = proto.AnalyzeResponse(
                not_applicable=[
                    proto.PolicyNotApplicable(policy_name=setting.rule.id, reason="it looks at other types")
                    for setting in self._settings.of_resources
                    if token not in setting.rule.applies_to
                ]
            )
        return self._silent[token]

    def _tell(self, setting: Setting, outcome: Outcome, about: Subject | None, answer: Any) -> None:
        self._ledger.note(outcome.met, outcome.still_open)
        rule = setting.rule
        answer.diagnostics.extend(_violated(setting, violation) for violation in outcome.violations)
        answer.diagnostics.extend(_undecided(setting, undecided) for undecided in outcome.undecided)
        for waived in outcome.waived:
            subject = waived.violation.subject or about
            urn = subject.urn if subject is not None else ""
            sys.stderr.write(f"{rule.id} {waived} at {urn}\n")
            details = {"message": waived.violation.message, "urn": urn, "waiver": asdict(waived.waiver)}
            reason = f"waived {json.dumps(details, default=str)}"
            answer.not_applicable.append(proto.PolicyNotApplicable(policy_name=rule.id, reason=reason))
        if reason := outcome.not_applicable or outcome.put_off:
            answer.not_applicable.append(proto.PolicyNotApplicable(policy_name=rule.id, reason=reason))


def _violated(setting: Setting, violation: Violation) -> Any:
    rule = setting.rule
    text = f"{rule.title}\n{violation.message}\n→ {rule.remedy} ({rule.url})"
    return _diagnostic(rule, text, violation.subject, _ENFORCED[setting.level])


def _undecided(setting: Setting, undecided: Undecided) -> Any:
    rule = setting.rule
    text = f"can't run policy '{rule.id}' from policy pack '{NAME}@v{__version__}' during preview: {undecided.reason}"
    return _diagnostic(rule, text, undecided.subject, proto.ADVISORY)


def _diagnostic(rule: Rule, text: str, subject: Subject | None, level: Any) -> Any:
    return proto.AnalyzeDiagnostic(
        policyName=rule.id,
        policyPackName=NAME,
        policyPackVersion=__version__,
        description=rule.title,
        message=text,
        enforcementLevel=level,
        urn=subject.urn if subject is not None else "",
        severity=proto.PolicySeverity.Value(f"POLICY_SEVERITY_{rule.severity.upper()}"),
    )
