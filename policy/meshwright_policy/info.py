"""What the pack says of itself and of each rule: the catalogue in the words of Pulumi's protocol."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as proto

from meshwright import __version__
from meshwright_policy.record import Rule

NAME: Final = "meshwright"


def pack_info(rules: Iterable[Rule]) -> Any:
    """The answer to ``GetAnalyzerInfo``."""
    return proto.AnalyzerInfo(
        name=NAME,
        displayName=NAME,
        version=__version__,
        description="Keeps the adoption of a service mesh honest, before the change is made.",
        tags=["service-mesh", "istio", "kubernetes"],
        supportsConfig=True,
        policies=[_policy(rule) for rule in rules],
    )


def _policy(rule: Rule) -> Any:
    schema = Struct()
    schema.update({name: dict(option) for name, option in rule.config.items()})
    # The protocol has place for one framework.
    framework = [
        proto.PolicyComplianceFramework(
            name=requirement.framework,
            version=requirement.version,
            reference=requirement.id,
            specification=requirement.source,
        )
        for requirement in rule.frameworks[:1]
    ]
    return proto.PolicyInfo(
        name=rule.id,
        displayName=rule.title,
        description=rule.title,
        enforcementLevel=proto.EnforcementLevel.Value(rule.level.upper()),
        configSchema=proto.PolicyConfigSchema(properties=schema) if rule.config else None,
        policy_type=proto.POLICY_TYPE_RESOURCE if rule.check else proto.POLICY_TYPE_STACK,
        severity=proto.PolicySeverity.Value(f"POLICY_SEVERITY_{rule.severity.upper()}"),
        framework=framework[0] if framework else None,
        tags=[rule.subject, rule.slug, *rule.aliases],
        remediation_steps=rule.remedy,
        url=rule.url,
    )
