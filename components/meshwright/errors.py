"""Every mistake that meshwright reports, and how it is said.

    MeshwrightError            one or more Problems; the command line prints one line each and exits with 2
     ├─ ConfigError            a stack file, a catalog overlay or a values file
     ├─ ProgramError           a Pulumi program that failed, or asked for what an offline run can't know
     ├─ PolicyPackError        a policy pack that doesn't start, or a rule that raised
     └─ OutputError            a folder or file that can't be written as asked

Components raise `meshwright.kubernetes.errors.ComponentError`, which is also a `pulumi.RunError`, so that a Pulumi
program ends with one line and no traceback. It stands there because this module must not import Pulumi: the command
line starts without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable error codes. A code is never reused; each has a section in docs/errors.md."""

    UNKNOWN_KEY = "MW-E010"
    MISSING_KEY = "MW-E011"
    WRONG_TYPE = "MW-E012"
    UNQUOTED = "MW-E013"
    UNKNOWN_VALUE = "MW-E014"
    BAD_VALUE = "MW-E015"
    BAD_DATE = "MW-E016"
    DUPLICATE_NAME = "MW-E017"
    CONTRADICTION = "MW-E018"
    SECRET_IN_MESH = "MW-E019"
    YAML_SYNTAX = "MW-E020"
    DUPLICATE_KEY = "MW-E021"
    YAML_TAG = "MW-E022"
    TOO_MANY_VALUES = "MW-E023"
    NO_FILE = "MW-E024"
    EMPTY_FILE = "MW-E025"
    UNREADABLE = "MW-E026"
    TOO_BIG = "MW-E027"
    NO_MESH = "MW-E028"
    UNKNOWN_VERSION = "MW-E030"
    NO_SAFE_VERSION = "MW-E031"
    GATEWAY_API_CLASH = "MW-E032"
    BAD_OVERLAY = "MW-E033"
    BAD_CLOCK = "MW-E034"
    INPUT_UNREADABLE = "MW-E035"
    INPUT_FOREIGN = "MW-E036"
    PREVIEW_FAILED = "MW-E037"
    BASELINE_INVALID = "MW-E038"
    BASELINE_ELSEWHERE = "MW-E039"
    NO_BASE = "MW-E040"
    BASE_FAILED = "MW-E041"
    UNKNOWN_CHOICE = "MW-E042"
    EVIDENCE_BROKEN = "MW-E043"
    EVIDENCE_UNREADABLE = "MW-E044"
    EVIDENCE_KEY = "MW-E045"
    BAD_ARGUMENT = "MW-E050"
    NO_PROVIDER = "MW-E051"
    CHART_FOLDER = "MW-E052"
    CHART_SOURCE = "MW-E053"
    CHART_VALUE = "MW-E054"
    DOWNGRADE = "MW-E055"
    KUBERNETES_TOO_OLD = "MW-E056"
    NO_NODE_AGENTS = "MW-E057"
    KIND_NOT_PROVISIONED = "MW-E058"
    PROGRAM_FAILED = "MW-E060"
    DUPLICATE_URN = "MW-E061"
    PROGRAM_EXITED = "MW-E062"
    PROGRAM_TIMEOUT = "MW-E063"
    PROJECT_INVALID = "MW-E064"
    PROJECT_CONFIG = "MW-E065"
    STACK_SETTINGS = "MW-E066"
    NO_STACK = "MW-E067"
    SECRETS = "MW-E068"
    GIVEN_INVALID = "MW-E069"
    INVOKE_UNKNOWN = "MW-E070"
    NO_INTERPRETER = "MW-E071"
    PROGRAM_PROTOCOL = "MW-E072"
    NO_PACK = "MW-E080"
    PACK_FAILED = "MW-E081"
    RULE_FAILED = "MW-E082"
    PACK_TIMEOUT = "MW-E083"
    PACK_CONFIG = "MW-E084"
    BAD_WAIVER = "MW-E085"
    UNKNOWN_RULE = "MW-E086"
    OUTPUT_NOT_OURS = "MW-E090"
    OUTPUT_NOT_WRITABLE = "MW-E091"
    OUTPUT_DISK_FULL = "MW-E092"
    OUTPUT_IN_THE_WAY = "MW-E093"
    OUTPUT_LOCKED = "MW-E094"
    OUTPUT_AROUND_WORKING_FOLDER = "MW-E095"
    USAGE = "MW-E096"
    STACK_NOT_CHOSEN = "MW-E097"
    NO_REPOSITORY = "MW-E098"
    UNEXPECTED = "MW-E099"
    NO_HELM = "MW-E100"
    CHART_NOT_EXPANDED = "MW-E101"
    ANSWERS = "MW-E102"
    FILE_EXISTS = "MW-E103"
    VERSION_SKEW = "MW-E110"
    NO_REVISION = "MW-E111"
    CLUSTER_NETWORK = "MW-E112"
    L7_WITHOUT_WAYPOINT = "MW-E120"
    NOT_AT_ZTUNNEL = "MW-E121"
    WAYPOINT_IDENTITY = "MW-E122"
    DRY_RUN_UNSAFE = "MW-E123"
    NO_SUCH_WAYPOINT = "MW-E124"
    CANARY_WAYPOINT = "MW-E125"
    UNKNOWN_CALLER = "MW-E126"
    EXCEPTION_OVER = "MW-E127"
    MTLS_DISABLE = "MW-E128"
    NEVER_MATCHES = "MW-E129"
    NO_WAYPOINT_FOR_TRAFFIC = "MW-E130"
    HOST_TAKEN = "MW-E131"
    ROUTE_ORDER = "MW-E132"
    ROUTE_MATCH = "MW-E133"
    UNSAFE_RETRY = "MW-E134"
    NOT_AT_A_WAYPOINT = "MW-E135"
    ROUTE_TARGET = "MW-E136"
    TIMEOUTS = "MW-E137"
    EGRESS_HOST = "MW-E138"
    EMPTY_TRAFFIC_RULE = "MW-E139"
    TELEMETRY_CONFLICT = "MW-E140"
    TELEMETRY_PROVIDER = "MW-E141"
    CERTIFICATE_UNREADABLE = "MW-E145"
    CERTIFICATE_CHAIN = "MW-E146"
    CERTIFICATE_UNFIT = "MW-E147"
    CERTIFICATE_REVOCATION = "MW-E148"
    ROTATION_STEP = "MW-E149"
    UNFIT_AUTHORITY = "MW-E150"
    CLUSTER_TOPOLOGY = "MW-E151"
    EAST_WEST_ADDRESS = "MW-E152"
    CLUSTERS_DIFFER = "MW-E153"
    UNKNOWN_API_VERSION = "MW-E160"
    OBJECT_TWICE = "MW-E161"
    NOTHING_TO_MIGRATE = "MW-E162"
    MIGRATION_EXISTS = "MW-E163"
    NOT_A_SIDECAR_NAMESPACE = "MW-E164"
    CLUSTER_UNREADABLE = "MW-E170"
    NO_KUBECTL = "MW-E171"
    BREAK_GLASS_TARGET = "MW-E172"
    BREAK_GLASS_STOPPED = "MW-E173"
    BREAK_GLASS_JOURNAL = "MW-E174"
    PROMETHEUS_UNREADABLE = "MW-E175"
    PLATFORM_UNTOLD = "MW-E176"
    PLATFORM_CONTRADICTED = "MW-E177"
    LINKERD_NODES = "MW-E180"
    LINKERD_STABLE = "MW-E181"
    LINKERD_LICENCE = "MW-E182"
    LINKERD_CHART = "MW-E183"
    ANCHOR_RENEWAL = "MW-E185"
    ISSUER_RENEWAL = "MW-E186"
    ISSUER_OUTLIVES_ANCHOR = "MW-E187"
    DUPLICATE_ANCHOR = "MW-E188"
    ANCHOR_KEY_ALONE = "MW-E189"
    EXTRA_MISSING = "MW-E190"
    CERTIFICATES_INPUT = "MW-E195"
    STACKS_APART = "MW-E196"
    ROTATION_REFUSED = "MW-E197"
    ROTATION_EDIT = "MW-E198"
    NO_ROTATION = "MW-E199"
    LINKERD_ACCESS = "MW-E200"
    SERVER_OVERLAP = "MW-E201"
    LINKERD_PROBES = "MW-E202"
    LINKERD_NO_PROXY = "MW-E203"
    LINKERD_INJECTION = "MW-E204"
    LINKERD_ROUTE = "MW-E205"
    SERVICE_PROFILE = "MW-E206"
    NOT_IN_LINKERD = "MW-E207"
    LINKERD_RETRIES = "MW-E208"
    CIRCUIT_BREAKER = "MW-E209"
    RATE_LIMIT = "MW-E210"
    EGRESS_NETWORK = "MW-E211"
    TRANSLATION_EXISTS = "MW-E212"
    LINKERD_UPGRADE = "MW-E213"
    GATEWAY_API_DELETED = "MW-E214"
    GATEWAY_OPEN = "MW-E215"
    LINKED_CLUSTERS = "MW-E216"
    LINK_MODE = "MW-E217"
    BREAK_GLASS_EARLY = "MW-E225"
    CONSUL_SERVERS = "MW-E230"
    CONSUL_BUDGET = "MW-E231"
    CONSUL_VALUES = "MW-E232"
    CONSUL_RELEASE = "MW-E233"
    CONNECT_CA_SETTING = "MW-E245"
    CONNECT_CA_TOKEN = "MW-E246"
    CONNECT_CA_ROOT = "MW-E247"
    CONNECT_CA_FORCED = "MW-E248"
    CONNECT_CA_LIVE = "MW-E249"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: what is wrong, where, and what would be right."""

    code: Code
    message: str
    """What is wrong, without a full stop: ``mesh.namespaces[2].phase is "strickt"``."""
    remedy: str
    """What would be right, in the imperative or as the list of what is allowed."""
    place: str = ""
    """``file:line`` where it is known, else the file, else empty."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}; {self.remedy} ({self.code})"


class MeshwrightError(Exception):
    """A mistake of the user's, or of what the user gave us: exit status 2, one line a problem."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(MeshwrightError):
    """A stack file, a catalog overlay or a values file that can't be used as it is."""


class ProgramError(MeshwrightError):
    """A Pulumi program that failed, or that asked for what an offline run can't know."""


class PolicyPackError(MeshwrightError):
    """A policy pack that doesn't start, or a rule that raised."""


class OutputError(MeshwrightError):
    """A folder or file that can't be written as asked."""
