"""A graph judged by any Pulumi policy pack, without the Pulumi CLI.

The pack runs unmodified, in a process of its own; `meshwright.engine.analyzer` speaks with it. Booting it takes about
as long as running a program, so do both at once::

    with PolicyPack(folder, project="shop", stack="prod", config=config) as pack:
        graph = run_program(...)
        report = pack.evaluate(graph)
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from meshwright.engine.analyzer import PackProcess, environment_of, resource_messages, to_struct
from meshwright.errors import Code, PolicyPackError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    import grpc
    from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

    from meshwright.engine.graph import Graph, Resource, SourcePosition

_LEVELS: Final = ("advisory", "mandatory", "disabled", "remediate")
"""By number in the protocol's enum EnforcementLevel."""
_SEVERITIES: Final = ("", "low", "medium", "high", "critical")
_WAIVED = re.compile(r"waived (?P<text>until \S+ .*?)(?: at (?P<urn>urn:pulumi:.*))?")
_UNLIMITED: Final = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Verdict(StrEnum):
    """What a rule says of a resource, worst first."""

    VIOLATED = "violated"
    UNDECIDED = "undecided"
    """It needs a value that is unknown at preview. Never a pass."""
    WAIVED = "waived"
    PASSED = "passed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should read: a violation, an open question or a waiver in force."""

    rule: str
    title: str
    level: str
    """``advisory`` or ``mandatory``: what a violation of the rule does."""
    severity: str
    """``low``, ``medium``, ``high``, ``critical``, or empty where the pack gives none."""
    verdict: Verdict
    urn: str
    resource: str
    """Pulumi's name for the resource; the stack's for the stack as a whole."""
    message: str
    remedy: str
    url: str
    source: SourcePosition | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule over the whole stack."""

    rule: str
    title: str
    level: str
    verdict: Verdict
    """The worst over all resources."""
    counts: Mapping[Verdict, int]
    """Resources by verdict; a stack rule counts once for each verdict that it gave."""


@dataclass(frozen=True, slots=True)
class Remediation:
    """What a rule at level ``remediate`` would change. The graph stays as it is."""

    rule: str
    urn: str
    changed: tuple[str, ...]
    """Property paths, without values; empty where the rule could not decide."""
    message: str


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """All that a pack says about a graph."""

    pack: str
    version: str
    findings: tuple[Finding, ...]
    """In the order of the graph; what is said of the stack as a whole comes last."""
    rules: tuple[RuleResult, ...]
    """By id. Rules that are disabled are left out."""
    remediations: tuple[Remediation, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether a mandatory rule is violated."""
        return any(finding.verdict is Verdict.VIOLATED and finding.level == "mandatory" for finding in self.findings)


def evaluate(
    graph: Graph,
    pack: Path,
    *,
    config: Mapping[str, str],
    secret_keys: Collection[str] = (),
    rules: Mapping[str, Any] | None = None,
    timeout_s: float = 60.0,
) -> PolicyReport:
    """Start a pack, judge a graph and end the pack. See `PolicyPack`."""
    with PolicyPack(
        pack,
        project=graph.project,
        stack=graph.stack,
        organization=graph.organization,
        config=config,
        secret_keys=secret_keys,
        rules=rules,
        timeout_s=timeout_s,
    ) as running:
        return running.evaluate(graph)


class PolicyPack:
    """A pack that boots when the ``with`` block is entered, and has ended when it is left.

    Args:
        pack: Folder of the pack, with a ``PulumiPolicy.yaml`` for Python. Its virtual environment is used where it
            names one that exists, else our own interpreter.
        project: Name of the project that is judged.
        stack: Name of its stack.
        organization: Name of its organization.
        config: Config of the stack, ``namespace:key`` to text; values that are unknown are left out.
        secret_keys: Keys of ``config`` that are secrets.
        rules: As in the CLI's ``--policy-pack-config``: rule, or ``all``, to a level (``advisory``, ``mandatory``,
            ``remediate``, ``disabled``) or to options, of which ``enforcementLevel`` is one.
        timeout_s: Seconds for the start, and again for each question.

    Raises:
        PolicyPackError: MW-E080 no pack, MW-E081 it doesn't run, MW-E082 a rule raised, MW-E083 no answer in time,
            MW-E084 ``rules`` don't fit.
    """

    def __init__(
        self,
        pack: Path,
        *,
        project: str,
        stack: str,
        organization: str = "organization",
        config: Mapping[str, str],
        secret_keys: Collection[str] = (),
        rules: Mapping[str, Any] | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._pack = pack
        self._about = {"project": project, "stack": stack, "organization": organization}
        self._config = dict(config)
        self._secret_keys = sorted(secret_keys)
        self._rules = rules or {}
        self._timeout_s = timeout_s

    def __enter__(self) -> Self:
        environment = environment_of(**self._about, config=self._config)
        self._process = PackProcess(self._pack, environment)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def evaluate(self, graph: Graph) -> PolicyReport:
        """Judge a graph: every resource by its inputs, then the stack as a whole."""
        import grpc
        from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

        address = f"127.0.0.1:{self._process.port(self._timeout_s)}"
        with grpc.insecure_channel(address, options=_UNLIMITED) as channel:
            session = _Session(AnalyzerStub(channel), self._process, self._timeout_s)
            session.configure_stack(self._about, self._config, self._secret_keys)
            session.configure(self._rules)
            return _judge(session, graph)


@dataclass(slots=True)
class _Policy:
    """What a pack says about one of its rules, and the level that is in force."""

    name: str
    description: str
    title: str
    level: str
    severity: str
    remedy: str
    url: str
    is_stack_rule: bool
    counts: Counter[Verdict] = field(default_factory=Counter)


class _Session:
    """The questions that a pack is asked, and what its failures mean."""

    def __init__(self, stub: AnalyzerStub, process: PackProcess, timeout_s: float) -> None:
        self._stub = stub
        self._process = process
        self._timeout_s = timeout_s
        self._settings: dict[str, Any] = {}
        self.name = self.version = ""
        self.policies: dict[str, _Policy] = {}

    def configure_stack(self, about: Mapping[str, Any], config: Mapping[str, str], secrets: list[str]) -> None:
        """Tell the pack what it judges."""
        from pulumi.runtime.proto import analyzer_pb2 as proto

        folder = str(self._process.pack)
        self._ask(
            "Handshake",
            proto.AnalyzerHandshakeRequest(engine_address="", root_directory=folder, program_directory=folder),
        )
        request = proto.AnalyzerStackConfigureRequest(**about, dry_run=True, config=config, config_secret_keys=secrets)
        self._ask("ConfigureStack", request)

    def configure(self, rules: Mapping[str, Any]) -> None:
        """Learn the rules of the pack, and set their levels and options."""
        from google.protobuf import empty_pb2, json_format
        from pulumi.runtime.proto import analyzer_pb2 as proto

        info = self._ask("GetAnalyzerInfo", empty_pb2.Empty())
        self.name, self.version = info.name, info.version
        known = {policy.name for policy in info.policies} | {"all"}
        if strangers := sorted(set(rules) - known):
            self._refuse(f"it has no rule {strangers[0]!r}", f"one of: {', '.join(sorted(known))}")
        for policy in info.policies:
            initial = info.initialConfig.get(policy.name)
            schema = json_format.MessageToDict(policy.configSchema.properties)
            options = {key: option["default"] for key, option in schema.items() if "default" in option}
            level = policy.enforcementLevel
            if initial is not None:
                level = initial.enforcementLevel
                options |= json_format.MessageToDict(initial.properties)
            own_level, own_options = self._choice(policy.name, rules)
            if strangers := sorted(set(own_options) - set(schema)):
                wanted = ", ".join(sorted(schema)) or "it has no options"
                self._refuse(f"{policy.name} has no option {strangers[0]!r}", f"one of: {wanted}")
            self._settings[policy.name] = proto.PolicyConfig(
                enforcementLevel=_LEVELS.index(own_level) if own_level else level,  # type: ignore[arg-type]
                properties=to_struct(options | own_options),
            )
            if self._settings[policy.name].enforcementLevel != proto.DISABLED:
                self.policies[policy.name] = _Policy(
                    name=policy.name,
                    description=policy.description,
                    title=policy.displayName or policy.description or policy.name,
                    level=_LEVELS[self._settings[policy.name].enforcementLevel].replace("remediate", "mandatory"),
                    severity=_SEVERITIES[policy.severity],
                    remedy=policy.remediation_steps,
                    url=policy.url,
                    is_stack_rule=policy.policy_type == proto.POLICY_TYPE_STACK,
                )
        self._ask("Configure", proto.ConfigureAnalyzerRequest(policyConfig=self._settings))

    def _choice(self, name: str, rules: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The level and the options that the user has chosen for a rule; its own entry wins over ``all``."""
        entries = [rules[key] for key in ("all", name) if key in rules]
        entries = [{"enforcementLevel": entry} if isinstance(entry, str) else entry for entry in entries]
        if not all(isinstance(entry, dict) for entry in entries):
            self._refuse(f"the entry for {name} is neither a level nor options", f"a level: {', '.join(_LEVELS)}")
        options = {key: value for entry in entries for key, value in entry.items()}
        level = options.pop("enforcementLevel", "")
        if level and level not in _LEVELS:
            self._refuse(f"{name} can't have the level {level!r}", f"one of: {', '.join(_LEVELS)}")
        return level, options

    def _refuse(self, what: str, remedy: str) -> None:
        place = str(self._process.pack)
        raise PolicyPackError(
            Problem(Code.PACK_CONFIG, f"the configuration of the pack doesn't fit: {what}", remedy, place)
        )

    @property
    def remediates(self) -> bool:
        """Whether a rule may change what it judges."""
        return any(_LEVELS[setting.enforcementLevel] == "remediate" for setting in self._settings.values())

    def judge(self, method: str, request: Any, about: str) -> Any:
        """Put a resource, or the stack, before the rules. ``None``: the pack doesn't answer such questions."""
        return self._ask(method, request, lambda error: self._rule_failed(method, request, about, error))

    def _ask(self, method: str, request: Any, on_failure: Callable[[grpc.RpcError], None] | None = None) -> Any:
        import grpc

        try:
            return getattr(self._stub, method)(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            code = error.code()
            if code == grpc.StatusCode.UNIMPLEMENTED:
                return None
            if code == grpc.StatusCode.DEADLINE_EXCEEDED:
                what, remedy = f"no answer to {method} within {self._timeout_s:g} seconds", "look for a rule that waits"
                raise PolicyPackError(Problem(Code.PACK_TIMEOUT, what, remedy, str(self._process.pack))) from error
            if on_failure is not None and code == grpc.StatusCode.UNKNOWN:
                on_failure(error)
            what = self._process.last_words() or error.details()
            remedy = "mend the pack"
            problem = Problem(
                Code.PACK_FAILED, f"the policy pack failed at {method}: {what}", remedy, str(self._process.pack)
            )
            raise PolicyPackError(problem) from error

    def _rule_failed(self, method: str, request: Any, about: str, error: grpc.RpcError) -> None:
        """Name the rule that raised: the protocol doesn't, so each is asked alone."""
        import grpc
        from pulumi.runtime.proto import analyzer_pb2 as proto

        off = {name: proto.PolicyConfig(enforcementLevel=proto.DISABLED) for name in self._settings}
        for name in self.policies:
            alone = {**off, name: self._settings[name]}
            self._stub.Configure(proto.ConfigureAnalyzerRequest(policyConfig=alone), timeout=self._timeout_s)
            try:
                getattr(self._stub, method)(request, timeout=self._timeout_s)
            except grpc.RpcError as again:
                cause = (again.details() or "").removeprefix("Exception calling application: ")
                raise PolicyPackError(
                    Problem(
                        Code.RULE_FAILED,
                        f"rule {name} failed on {about}: {cause}",
                        "mend the rule, or disable it: nothing was decided",
                        str(self._process.pack),
                    )
                ) from error


def _judge(session: _Session, graph: Graph) -> PolicyReport:
    from pulumi.runtime.proto import analyzer_pb2 as proto

    findings: list[Finding] = []
    remediations: list[Remediation] = []
    stack_resources: list[Any] = []
    by_urn = {resource.urn: resource for resource in graph}
    for resource in graph:
        inputs = to_struct(resource.inputs)
        if session.remediates and not resource.read:
            request, _ = resource_messages(graph, resource, inputs)
            inputs = _remediated(session, resource, inputs, request, remediations)
        request, _ = resource_messages(graph, resource, inputs)
        if not resource.read:
            answer = session.judge("Analyze", request, resource.name)
            findings += _read(session, answer, by_urn, resource, is_stack=False)
        # At the end a component is what it registered; anything else is, at preview, what it was given.
        properties = inputs if resource.custom else to_struct(resource.outputs)
        stack_resources.append(resource_messages(graph, resource, properties)[1])
    answer = session.judge("AnalyzeStack", proto.AnalyzeStackRequest(resources=stack_resources), "the stack")
    if answer is not None:
        findings += _read(session, answer, by_urn, graph.resources[0], is_stack=True)
    rules = tuple(
        RuleResult(
            policy.name,
            policy.title,
            policy.level,
            next((verdict for verdict in Verdict if policy.counts[verdict]), Verdict.NOT_APPLICABLE),
            dict(policy.counts),
        )
        for policy in sorted(session.policies.values(), key=lambda policy: policy.name)
    )
    return PolicyReport(session.name, session.version, tuple(findings), rules, tuple(remediations))


def _read(
    session: _Session, answer: Any, by_urn: Mapping[str, Resource], about: Resource, *, is_stack: bool
) -> list[Finding]:
    """The findings in an answer. Counts the verdicts of all rules that were asked."""
    found = [
        *_diagnosed(session, answer, by_urn, about),
        *(waived for entry in answer.not_applicable for waived in _waived(session, entry, by_urn, about)),
    ]
    silent = {entry.policy_name for entry in answer.not_applicable}
    for policy in session.policies.values():
        if policy.is_stack_rule == is_stack:
            verdicts = {finding.verdict for finding in found if finding.rule == policy.name}
            nothing_found = Verdict.NOT_APPLICABLE if policy.name in silent else Verdict.PASSED
            policy.counts.update(
                verdicts if is_stack and verdicts else [min(verdicts or {nothing_found}, key=_badness)]
            )
    return found


_badness = list(Verdict).index


def _diagnosed(session: _Session, answer: Any, by_urn: Mapping[str, Resource], about: Resource) -> Iterator[Finding]:
    for diagnostic in answer.diagnostics:
        policy = session.policies[diagnostic.policyName]
        preview = f"can't run policy '{policy.name}' from policy pack "
        if diagnostic.message.startswith(preview):
            # The SDK makes an advice of it, whatever the rule's level.
            text = diagnostic.message.partition(" during preview: ")[2]
            yield _finding(policy, Verdict.UNDECIDED, about, text)
            continue
        text = diagnostic.message.removeprefix(policy.description).strip()
        lines = text.split("\n")
        if len(lines) > 1 and policy.remedy and policy.remedy in lines[-1]:
            text = "\n".join(lines[:-1])
        level = _LEVELS[diagnostic.enforcementLevel].replace("remediate", "mandatory")
        yield _finding(policy, Verdict.VIOLATED, by_urn.get(diagnostic.urn, about), text, level)


def _waived(session: _Session, entry: Any, by_urn: Mapping[str, Resource], about: Resource) -> Iterator[Finding]:
    for line in entry.reason.split("\n"):
        if match := _WAIVED.fullmatch(line):
            resource = by_urn.get(match["urn"] or "", about)
            yield _finding(session.policies[entry.policy_name], Verdict.WAIVED, resource, match["text"])


def _finding(policy: _Policy, verdict: Verdict, about: Resource, text: str, level: str = "") -> Finding:
    return Finding(
        rule=policy.name,
        title=policy.title,
        level=level or policy.level,
        severity=policy.severity,
        verdict=verdict,
        urn=about.urn,
        resource=about.name,
        message=text or policy.description,
        remedy=policy.remedy,
        url=policy.url,
        source=about.source,
    )


def _remediated(
    session: _Session, resource: Resource, inputs: Any, request: Any, remediations: list[Remediation]
) -> Any:
    """The inputs as the engine would go on with them. What changes is stated; the graph is left alone."""
    answer = session.judge("Remediate", request, resource.name)
    for entry in answer.remediations if answer is not None else ():
        changed: tuple[str, ...] = ()
        if not entry.diagnostic:
            changed = tuple(_changes(inputs, entry.properties))
            inputs = entry.properties
        text = entry.diagnostic or entry.description
        remediations.append(Remediation(entry.policyName, resource.urn, changed, text))
    return inputs


def _changes(before: Any, after: Any) -> Iterator[str]:
    """The paths at which two property values differ."""
    from google.protobuf import json_format

    def walk(old: Any, new: Any, path: str) -> Iterator[str]:
        if isinstance(old, dict) and isinstance(new, dict):
            for key in sorted(old.keys() | new.keys()):
                yield from walk(old.get(key), new.get(key), f"{path}.{key}" if path else key)
        elif old != new:
            yield path

    yield from walk(json_format.MessageToDict(before), json_format.MessageToDict(after), "")
