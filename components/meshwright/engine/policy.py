"""A graph judged by any Pulumi policy pack, without the Pulumi CLI.

The pack runs unmodified, in a process of its own; `meshwright.engine.analyzer` speaks with it. Booting it takes about
as long as running a program, so both are done at once::

    with PolicyPack(folder, project="shop", stack="prod", config=config) as pack:
        graph = run_program(...)
        report = pack.evaluate(graph)
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from meshwright.engine.analyzer import LEVELS, PackProcess, Policy, Session, environment_of
from meshwright.engine.analyzer_messages import analyze_request, stack_resource, to_struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from meshwright.engine.graph import Graph, Resource, SourcePosition

_WAIVED: Final = "waived "
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
class Waiver:
    """Why a violation is let stand, and until when."""

    reason: str
    owner: str
    """Empty where nobody is named."""
    expires: str
    """Its last day, YYYY-MM-DD."""
    ticket: str
    resource: str
    """What it names: a resource, or a glob."""
    urn: str
    """Of the resource whose annotation it is; empty for one of the stack's config."""

    def __str__(self) -> str:
        return f"until {self.expires} by {self.owner or 'nobody named'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should read: a violation, an open question or a waived violation."""

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
    waiver: Waiver | None = None
    """Of a waived violation; its message ends with the violation's own."""


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
        redact: Takes secrets out of what the pack says: see `meshwright.engine.redact`.
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
        redact: Callable[[str], str] = str,
        timeout_s: float = 60.0,
    ) -> None:
        self._pack = pack
        self._about = {"project": project, "stack": stack, "organization": organization}
        self._config = dict(config)
        self._secret_keys = sorted(secret_keys)
        self._rules = rules or {}
        self._redact = redact
        self._timeout_s = timeout_s

    def __enter__(self) -> Self:
        self._process = PackProcess(self._pack, environment_of(**self._about, config=self._config), self._redact)
        # gRPC and the protocol take as long to import as the pack takes to boot: nobody should wait for both.
        self._thread = ThreadPoolExecutor(1)
        self._session = self._thread.submit(self._connect)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        self._thread.shutdown()
        if self._session.exception() is None:
            self._session.result().close()

    def _connect(self) -> Session:
        import grpc

        address = f"127.0.0.1:{self._process.port(self._timeout_s)}"
        session = Session(grpc.insecure_channel(address, options=_UNLIMITED), self._process, self._timeout_s)
        session.configure_stack(self._about, self._config, self._secret_keys)
        session.configure(self._rules)
        return session

    def evaluate(self, graph: Graph) -> PolicyReport:
        """Judge a graph: every resource by its inputs, then the stack as a whole."""
        return _redacted(_judge(self._session.result(), graph), self._redact)


def _redacted(report: PolicyReport, redact: Callable[[str], str]) -> PolicyReport:
    return replace(
        report,
        findings=tuple(replace(finding, message=redact(finding.message)) for finding in report.findings),
        remediations=tuple(replace(change, message=redact(change.message)) for change in report.remediations),
    )


def _judge(session: Session, graph: Graph) -> PolicyReport:
    from pulumi.runtime.proto import analyzer_pb2 as proto

    findings: list[Finding] = []
    remediations: list[Remediation] = []
    stack_resources: list[Any] = []
    counts: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    by_urn = {resource.urn: resource for resource in graph}
    given = {
        resource.urn: stack_resource(resource, to_struct(resource.inputs), by_urn.get(resource.provider))
        for resource in graph
    }
    managed = [resource for resource in graph if not resource.read]
    at_once = None if session.remediates else session.judge_each([given[resource.urn] for resource in managed])
    answers = iter(at_once or ())
    for resource in graph:
        provider = by_urn.get(resource.provider)
        inputs = given[resource.urn].properties
        if at_once is not None and not resource.read:
            findings += _read(session, next(answers), by_urn, resource, counts, is_stack=False)
        elif not resource.read:
            if session.remediates:
                inputs = _remediated(session, resource, inputs, provider, remediations)
            answer = session.judge("Analyze", analyze_request(resource, inputs, provider), resource.name)
            findings += _read(session, answer, by_urn, resource, counts, is_stack=False)
        # At the end a component is what it registered; anything else is, at preview, what it was given.
        if resource.custom and not session.remediates:
            stack_resources.append(given[resource.urn])
        else:
            properties = inputs if resource.custom else to_struct(resource.outputs)
            stack_resources.append(stack_resource(resource, properties, provider))
    answer = session.judge("AnalyzeStack", proto.AnalyzeStackRequest(resources=stack_resources), "the stack")
    if answer is not None:
        findings += _read(session, answer, by_urn, graph.resources[0], counts, is_stack=True)
    rules = tuple(
        RuleResult(
            policy.name,
            policy.title,
            policy.level,
            next((verdict for verdict in Verdict if counts[policy.name][verdict]), Verdict.NOT_APPLICABLE),
            dict(counts[policy.name]),
        )
        for policy in sorted(session.policies.values(), key=lambda policy: policy.name)
    )
    return PolicyReport(session.name, session.version, tuple(findings), rules, tuple(remediations))


def _read(
    session: Session,
    answer: Any,
    by_urn: Mapping[str, Resource],
    about: Resource,
    counts: Mapping[str, Counter[Verdict]],
    *,
    is_stack: bool,
) -> list[Finding]:
    """The findings in an answer. The verdicts of all rules that were asked are counted."""
    found = [*_diagnosed(session, answer, by_urn, about), *_waived(session, answer, by_urn, about)]
    silent = {entry.policy_name for entry in answer.not_applicable}
    said: defaultdict[str, set[Verdict]] = defaultdict(set)
    for finding in found:
        said[finding.rule].add(finding.verdict)
    for name, policy in session.policies.items():
        # An older SDK doesn't say which rules are for the stack: what they find counts nevertheless.
        if name in said:
            counts[name].update(said[name] if is_stack else [min(said[name], key=_badness)])
        elif policy.is_stack_rule == is_stack:
            counts[name][Verdict.NOT_APPLICABLE if name in silent else Verdict.PASSED] += 1
    return found


_badness = list(Verdict).index


def _diagnosed(session: Session, answer: Any, by_urn: Mapping[str, Resource], about: Resource) -> Iterator[Finding]:
    for diagnostic in answer.diagnostics:
        policy = session.policies[diagnostic.policyName]
        preview = f"can't run policy '{policy.name}' from policy pack "
        if diagnostic.message.startswith(preview):
            # The SDK makes an advice of it, whatever the rule's level.
            reason = diagnostic.message.partition(" during preview: ")[2]
            yield _finding(policy, Verdict.UNDECIDED, by_urn.get(diagnostic.urn, about), reason)
            continue
        text = diagnostic.message.removeprefix(policy.description).strip()
        lines = text.split("\n")
        if len(lines) > 1 and policy.remedy and policy.remedy in lines[-1]:
            text = "\n".join(lines[:-1])
        level = LEVELS[diagnostic.enforcementLevel].replace("remediate", "mandatory")
        yield _finding(policy, Verdict.VIOLATED, by_urn.get(diagnostic.urn, about), text, level)


def _waived(session: Session, answer: Any, by_urn: Mapping[str, Resource], about: Resource) -> Iterator[Finding]:
    """What our pack lists as not applicable because it was waived; of another pack there is nothing."""
    for entry in answer.not_applicable:
        if not entry.reason.startswith(_WAIVED):
            continue
        try:
            told = json.loads(entry.reason.removeprefix(_WAIVED))
            waiver = Waiver(**{name: told["waiver"][name] for name in Waiver.__dataclass_fields__})
            message, urn = f"{waiver} ({told['message']})", told["urn"]
        except (ValueError, LookupError, TypeError):
            continue
        resource = by_urn.get(urn, about)
        yield replace(_finding(session.policies[entry.policy_name], Verdict.WAIVED, resource, message), waiver=waiver)


def _finding(policy: Policy, verdict: Verdict, about: Resource, text: str, level: str = "") -> Finding:
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
    session: Session, resource: Resource, inputs: Any, provider: Resource | None, remediations: list[Remediation]
) -> Any:
    """The inputs as the engine would go on with them. What changes is stated; the graph is left alone."""
    answer = session.judge("Remediate", analyze_request(resource, inputs, provider), resource.name)
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
