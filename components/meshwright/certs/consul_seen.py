"""What a Consul datacenter shows of its certificate authority, by GET alone: its roots, its live configuration.

Sources: consul 1.22 ``agent/connect_ca_endpoint.go``, ``agent/structs/connect_ca.go``. The moment at which a root was
rotated out is in Consul's state and not in the API: that it is gone from the list is the only sign of its end.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from math import isnan
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, Request, build_opener

from meshwright.certs.pem import certificates_in
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509

ROOTS: Final = "/v1/connect/ca/roots"
CONFIGURATION: Final = "/v1/connect/ca/configuration"
METRICS: Final = "/v1/agent/metrics?format=prometheus"
ROOTS_ANSWER: Final = "the list of roots"
"""What a gap calls it."""
ADDRESS_VARIABLE: Final = "CONSUL_HTTP_ADDR"
TOKEN_VARIABLE: Final = "CONSUL_HTTP_TOKEN"  # noqa: S105 - a variable's name
CA_VARIABLE: Final = "CONSUL_CACERT"
_ANSWER_S: Final = 20.0
_GAUGE: Final = re.compile(
    r"^consul_(?:\S*_)?(agent_tls_cert_expiry|leaf_certs_cert_renewal_failure)(\{[^}]*\})? (\S+)$", re.M
)
"""What of the metrics no certificate tells. The host's name may be in a metric's; renewals are counted since 2.0."""
_KEPT: Final = ("RootPKIPath", "root_pki_path", "IntermediatePKIPath", "LeafCertTTL", "IntermediateCertTTL", "Address")
"""Of the configuration nothing else is looked at: it may hold a token, or a private key."""


@dataclass(frozen=True, slots=True)
class ConsulRoot:
    """A root that Consul publishes to its proxies."""

    name: str
    """The beginning of its fingerprint, by which Consul knows it."""
    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...] = ()
    """What is handed out with leaves: what another root signed of this one, then what signs the leaves."""
    is_active: bool = True
    """Whether it signs; the others are trusted still."""
    key: tuple[str, int] = ("ec", 256)
    """Type and bits."""


@dataclass(frozen=True, slots=True)
class ConsulSeen:
    """The certificate authority of one datacenter."""

    name: str
    """Of the stack, or the address."""
    trust_domain: str = ""
    roots: tuple[ConsulRoot, ...] = ()
    provider: str | None = None
    """``vault`` or ``consul``; None where the live configuration could not be read."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Of the live configuration, what is no secret."""
    agent_seconds_left: float | None = None
    """Of the TLS certificate of the agent that answered, by its metrics; None where it has none, or no such metric."""
    renewals_failed: tuple[str, ...] = ()
    """Leaves that were not renewed, by the metrics: their labels."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """What could not be read -> why."""

    @property
    def active(self) -> ConsulRoot | None:
        """The root that signs."""
        return next((each for each in self.roots if each.is_active), None)


@dataclass(frozen=True, slots=True)
class ConsulAddress:
    """How Consul's API is reached."""

    address: str
    """``https://consul.internal:8501``."""
    token: str = field(default="", repr=False)
    ca_file: str = ""
    """PEM that its certificate is verified with. Default: the system's roots."""
    datacenter: str = ""
    """The one that has to answer, or to be reached by who does. Default: that of who answers."""


def address_of(given: str, written: str) -> ConsulAddress:
    """How Consul is reached: the token and the CA from its command line's variables, which no stack file need hold.

    The address is the stack's before it is the environment's: what that one shows would be evidence of another mesh.

    Args:
        given: The address by an option; empty for none.
        written: The stack file's; empty for none.

    Raises:
        ConfigError: there is none, or it is no URL (MW-E195).
    """
    address = given or written or os.environ.get(ADDRESS_VARIABLE, "")
    remedy = f"give --consul https://…:8501, set {ADDRESS_VARIABLE}, or write mesh.ca.consul.address"
    if not address:
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, "nothing says where Consul is", remedy))
    address = address if "://" in address else f"http://{address}"
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, f"{address} is no address of Consul's API", remedy))
    return ConsulAddress(address.rstrip("/"), os.environ.get(TOKEN_VARIABLE, ""), os.environ.get(CA_VARIABLE, ""))


def observe_consul(at: ConsulAddress, name: str) -> ConsulSeen:
    """What a datacenter shows; what it doesn't let us read is a gap.

    Raises:
        ConfigError: there is no answer, or one that is not Consul's (MW-E195).
    """
    gaps: dict[str, str] = {}
    answers = {}
    for path, what in ((ROOTS, ROOTS_ANSWER), (CONFIGURATION, "the live configuration")):
        status, content = answer_of(at, f"{path}?{urlencode({'dc': at.datacenter})}" if at.datacenter else path)
        if status == HTTPStatus.OK:
            answers[path] = _object(at, path, content)
        else:
            gaps[what] = _refusal(status, content)
    # Where Prometheus is off there are no metrics to read, and no rotation depends on them.
    status, content = answer_of(at, METRICS)
    metrics = content.decode("utf-8", "replace") if status == HTTPStatus.OK else ""
    return observed_consul(name, answers.get(ROOTS), answers.get(CONFIGURATION), gaps, metrics)


def observed_consul(
    name: str,
    roots: Mapping[str, Any] | None,
    configuration: Mapping[str, Any] | None,
    gaps: dict[str, str],
    metrics: str = "",
) -> ConsulSeen:
    """What these answers say; None for one that there is not. Of a broken certificate a gap is added."""
    gauges = [(key, labels, float(value)) for key, labels, value in _GAUGE.findall(metrics)]
    # Before it is measured a gauge is 0; so it stays under this name where the host's is put into it, or without TLS.
    left = [value for key, _, value in gauges if key.startswith("agent_") and value and not isnan(value)]
    found = []
    for each in (roots or {}).get("Roots") or ():
        try:
            found.append(_root(each))
        except (ValueError, IndexError):
            gaps[f"the root {str(each.get('ID', ''))[:8]}"] = "its certificate is broken"
    config = (configuration or {}).get("Config") or {}
    return ConsulSeen(
        name,
        str((roots or {}).get("TrustDomain") or ""),
        tuple(found),
        str(configuration["Provider"]) if configuration else None,
        {key: config[key] for key in _KEPT if key in config},
        min(left, default=None),
        tuple(labels for key, labels, value in gauges if key.startswith("leaf_") and value > 0),
        gaps,
    )


def _root(body: Mapping[str, Any]) -> ConsulRoot:
    (certificate, *_) = certificates_in(body["RootCert"])
    texts = body.get("IntermediateCerts") or ()
    return ConsulRoot(
        str(body["ID"])[:8],
        certificate,
        tuple(one for text in texts for one in certificates_in(text)),
        bool(body.get("Active")),
        (str(body.get("PrivateKeyType") or ""), int(body.get("PrivateKeyBits") or 0)),
    )


def answer_of(at: ConsulAddress, path: str) -> tuple[int, bytes]:
    """Status and content of the answer to a GET. Raises `ConfigError` (MW-E195) where there is none."""
    headers = {"X-Consul-Token": at.token} if at.token else {}
    request = Request(f"{at.address}{path}", headers=headers)  # noqa: S310 - the scheme was looked at
    try:
        with _opener(at).open(request, timeout=_ANSWER_S) as answer:
            return int(answer.status), bytes(answer.read())
    except HTTPError as error:
        return error.code, error.read()
    except (URLError, OSError) as error:
        why = str(getattr(error, "reason", error))
        remedy = f"see that it is reached from here, and that {CA_VARIABLE} names what its certificate is verified with"
        raise ConfigError(
            Problem(Code.CERTIFICATES_INPUT, f"Consul does not answer at {at.address}: {why}", remedy)
        ) from None


def _opener(at: ConsulAddress) -> OpenerDirector:
    if at.address.startswith("http://"):
        return build_opener()
    return build_opener(HTTPSHandler(context=ssl.create_default_context(cafile=at.ca_file or None)))


def _object(at: ConsulAddress, path: str, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"{at.address}{path} answers with something that is not Consul's"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, "give the address of Consul's HTTP API"))
    return found


def _refusal(status: int, content: bytes) -> str:
    said = " ".join(content.decode("utf-8", "replace").split())[:200]
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"{said or 'permission denied'}; {TOKEN_VARIABLE} needs operator:write, which Consul asks even to read it"
        )
    return f"{status}: {said}"
