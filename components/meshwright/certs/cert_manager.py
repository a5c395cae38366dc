"""cert-manager's Certificates as they renew themselves, and the moments that objects tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from meshwright.certs.observed import Managed
from meshwright.linkerd import labels

_Object = Mapping[str, Any]
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def managed_in(certificates: Sequence[_Object], issuers: Sequence[_Object] | None) -> tuple[Managed, ...]:
    """What Certificates say.

    Args:
        certificates: The Certificates.
        issuers: The Issuers and ClusterIssuers, with their kind; None where they could not be read.
    """
    signed = None if issuers is None else _signed(certificates, issuers)
    return tuple(_managed(each, signed) for each in certificates)


def _signed(certificates: Sequence[_Object], issuers: Sequence[_Object]) -> defaultdict[tuple[str, str], set[str]]:
    """Namespace and name of a Secret with an authority -> the Secrets that are signed with it.

    A ClusterIssuer has its Secret in a namespace that cert-manager alone knows: for it the namespace is empty.
    """
    keys = {}
    for each in issuers:
        if secret := ((each.get("spec") or {}).get("ca") or {}).get("secretName"):
            home = "" if each["kind"] == "ClusterIssuer" else each["metadata"].get("namespace", "")
            keys[each["kind"], home, each["metadata"]["name"]] = (home, str(secret))
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for each in certificates:
        spec, namespace = each.get("spec") or {}, each["metadata"].get("namespace", "")
        reference = spec.get("issuerRef") or {}
        kind = reference.get("kind") or "Issuer"
        key = keys.get((kind, "" if kind == "ClusterIssuer" else namespace, reference.get("name")))
        if key:
            found[key].add(f"{namespace}/{spec.get('secretName')}")
    return found


def _managed(body: _Object, signed: defaultdict[tuple[str, str], set[str]] | None) -> Managed:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    ready, secret = _ready(body), str(spec.get("secretName") or "")
    ends, begins = moment_of(status.get("notAfter")), moment_of(status.get("notBefore"))
    renewal = moment_of(status.get("renewalTime"))
    duration = duration_of(spec.get("duration")) or (ends - begins if ends and begins else None)
    home = str(body["metadata"].get("namespace", ""))
    policy = (spec.get("privateKey") or {}).get("rotationPolicy")
    return Managed(
        name=called(body),
        secret=secret,
        is_authority=bool(spec.get("isCA")),
        ready={"True": True, "False": False}.get(str(ready.get("status"))),
        message=str(ready.get("message") or ""),
        ends=ends,
        duration=duration,
        renew_before=duration_of(spec.get("renewBefore")) or (ends - renewal if ends and renewal else None),
        rotates_key=None if policy is None else policy == "Always",
        signs=None if signed is None else tuple(sorted(signed[home, secret] | signed["", secret])),
    )


def issuer_since(certificates: list[dict[str, Any]], secrets: list[dict[str, Any]]) -> datetime | None:
    """When the issuer was made below the authority of now, renewals not counted.

    Of cert-manager's that is when its Certificate was changed, or became ready after that: with another issuerRef it
    isn't ready until the new authority has signed, which may take long. Of any other it is when the Secret was changed.
    """
    asked = [
        each
        for each in certificates
        if each["metadata"].get("namespace") == labels.NAMESPACE
        and (each.get("spec") or {}).get("secretName") == labels.ISSUER_SECRET
    ]
    if not asked:
        return max(filter(None, (changed_at(each, "f:data") for each in secrets)), default=None)
    changed = [changed_at(each, "f:spec") for each in asked]
    if not all(changed):
        return None
    conditions = map(_ready, asked)
    ready = [moment_of(each.get("lastTransitionTime")) for each in conditions if each.get("status") == "True"]
    return max(filter(None, (*changed, *ready)))


def _ready(certificate: _Object) -> _Object:
    conditions = (certificate.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == "Ready"), {})


def moment_of(text: Any) -> datetime | None:
    """A moment as the API writes it; None for what is none."""
    return datetime.fromisoformat(str(text)) if text else None


def changed_at(body: _Object, field: str) -> datetime | None:
    """No later than this a field of an object got its value: the newest of those who wrote it."""
    found = [
        moment_of(each.get("time"))
        for each in body["metadata"].get("managedFields") or ()
        if not each.get("subresource") and field in (each.get("fieldsV1") or {})
    ]
    newest = max(filter(None, found), default=None)
    # What was never changed, nobody can have read in another form, however soon it was read.
    is_first = newest is not None and newest == moment_of(body["metadata"].get("creationTimestamp"))
    return newest - timedelta(seconds=1) if newest and is_first else newest


def called(body: _Object) -> str:
    """``namespace/name``."""
    return f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"


def duration_of(text: object) -> timedelta | None:
    """A duration as Go writes it, ``25h0m0s``; None for what is none."""
    parts = _DURATION.findall(str(text or ""))
    if not parts or "".join(map("".join, parts)) != text:
        return None
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
