"""A client of the Kubernetes API, as strict as it can be: server-side apply, and no unknown field is forgiven."""

import json
import ssl
import time
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
import yaml

Object = dict[str, Any]
MANAGER = "meshwright-test"
# What the control plane writes by itself, and takes back by itself.
_FLEETING = frozenset({"Event", "Lease", "Endpoints", "EndpointSlice", "PodMetrics", "ControllerRevision"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOT_YET = (404, 429, 503)  # unknown to discovery, or its storage is being made
_LATER = urllib3.Retry(
    total=20,
    connect=0,
    read=0,
    status_forcelist=(429,),
    allowed_methods=None,
    backoff_factor=0.1,
    raise_on_status=False,
)

_BY_THE_SERVER = "kube-aggregator.kubernetes.io/automanaged"  # the APIServices of CRDs come and go with them


class ApiError(Exception):
    """An answer that is not 2xx; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Identity(NamedTuple):
    """What an object is, whatever is in it."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @staticmethod
    def of(body: Object) -> "Identity":
        """The identity of a manifest."""
        metadata = body["metadata"]
        return Identity(body["apiVersion"], body["kind"], metadata.get("namespace") or "", metadata["name"])


class _Resource(NamedTuple):
    plural: str
    namespaced: bool
    verbs: frozenset[str]


class Api:
    """One API server, with the rights of one token."""

    def __init__(self, url: str, ca: Path, token: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=str(ca)))
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._known: dict[str, dict[str, _Resource]] = {}
        self.warnings: list[str] = []
        """The texts of the `Warning` headers of all answers so far."""

    def acting_as(self, user: str) -> "Api":
        """The same server with the rights of another user, such as `system:serviceaccount:shop:default`."""
        other = copy(self)
        other._headers = {**self._headers, "Impersonate-User": user}
        return other

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def request(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: Any
    ) -> Object:
        """The JSON answer to one request; `kind` is the body's media type. Raises `ApiError`.

        Asked again only where the server says "later", as it does for some moments after a CRD was made.
        """
        answer = self._pool.request(
            method,
            f"{self.url}{path}?{urlencode(query)}",
            body=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, "Content-Type": kind},
            retries=_LATER,
            timeout=60.0,
        )
        self.warnings += answer.headers.getlist("Warning")
        if answer.status >= 300:
            raise ApiError(answer.status, _message(answer.data))
        return dict(json.loads(answer.data)) if answer.data.startswith(b"{") else {"text": answer.data.decode()}

    def apply(self, body: Object, *, force: bool = False, manager: str = MANAGER, dry_run: bool = False) -> Object:
        """Server-side apply with strict field validation; the object as stored. Raises `ApiError`."""
        query: dict[str, Any] = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        return self.request("PATCH", self.path(Identity.of(body)), body, kind="application/apply-patch+yaml", **query)

    def apply_all(self, bodies: Iterable[Object], *, force: bool = False) -> list[Object]:
        """Apply in order; CRDs are waited for, so that objects of their kinds may follow.

        Waited for until their objects can be listed: the server makes a kind's storage at the first request, and a CRD
        that is deleted before that stays in the state Terminating for minutes ("storage is (re)initializing").
        """
        applied = [self.apply(body, force=force) for body in bodies]
        for body in applied:
            if body["kind"] == "CustomResourceDefinition":
                self.wait(lambda body=body: self._is_served(body), f"{body['metadata']['name']} is served")  # type: ignore[misc]
        self._known.clear()
        return applied

    def _is_served(self, crd: Object) -> bool:
        stored = self.get(Identity.of(crd))
        if stored is None or condition(stored, "Established") != "True":
            return False
        kinds = (
            f"{crd['spec']['group']}/{version['name']}" for version in crd["spec"]["versions"] if version["served"]
        )
        try:
            return all(self.list(kind, crd["spec"]["names"]["kind"]) is not None for kind in kinds)
        except ApiError as error:
            if error.status not in _NOT_YET:
                raise
            return False

    def get(self, wanted: Identity) -> Object | None:
        """An object, or `None` where there is none."""
        try:
            return self.request("GET", self.path(wanted))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, api_version: str, kind: str, namespace: str = "", **query: Any) -> list[Object]:
        """The objects of one kind; of all namespaces, unless one is given."""
        found = self.request("GET", self.path(Identity(api_version, kind, namespace, "")), **query)["items"]
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found]

    def delete(self, wanted: Identity, *, wait_s: float = 30.0) -> None:
        """Delete an object, and wait until it is gone. Nothing happens if it is gone already."""
        self.delete_all([wanted], wait_s=wait_s)

    def delete_all(self, wanted: Iterable[Identity], *, wait_s: float = 60.0) -> None:
        """Delete objects, then wait until all of them are gone, `wait_s` seconds for each; 0: don't wait.

        A namespace takes five seconds at least. Raises `AssertionError` for what stays.
        """
        left = [each for each in wanted if self._delete(each)]
        for each in left if wait_s else ():
            self.wait(lambda each=each: self.get(each) is None, f"{each.kind} {each.name} is gone", wait_s)  # type: ignore[misc]

    def _delete(self, wanted: Identity) -> bool:
        options: Object = {"propagationPolicy": "Background"}
        if wanted.kind == "Pod":
            options["gracePeriodSeconds"] = 0
        try:
            self.request("DELETE", self.path(wanted), options)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def inventory(self) -> frozenset[Identity]:
        """Every object of the cluster but those that the control plane writes and removes by itself."""
        return frozenset(
            Identity(group, kind, item["metadata"].get("namespace") or "", item["metadata"]["name"])
            for group, kinds in self._discover().items()
            for kind, resource in kinds.items()
            if kind not in _FLEETING and {"list", "delete"} <= resource.verbs
            for item in self.list(group, kind)
            if _BY_THE_SERVER not in (item["metadata"].get("labels") or {})
        )

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
        """Wait until `condition` holds. Raises `AssertionError`, saying what was waited for."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not after {timeout_s:.0f} s: {what}")
            time.sleep(0.1)

    def path(self, wanted: Identity) -> str:
        """The path of an object, or of its kind where the name is empty. Raises `ApiError` 404 for an unknown kind."""
        resource = self._resource(wanted.api_version, wanted.kind)
        parts = [_prefix(wanted.api_version)]
        if resource.namespaced and (wanted.namespace or wanted.name):
            parts += ["namespaces", wanted.namespace or "default"]
        return "/".join([*parts, resource.plural, *([wanted.name] if wanted.name else [])])

    def _resource(self, group: str, kind: str) -> _Resource:
        if kind not in self._known.get(group, {}):
            self._known[group] = self._kinds(group)
        if kind not in self._known[group]:
            raise ApiError(404, f"no kind {kind} in {group}")
        return self._known[group][kind]

    def _kinds(self, group: str) -> dict[str, _Resource]:
        found = self.request("GET", _prefix(group))["resources"]
        return {
            each["kind"]: _Resource(each["name"], each["namespaced"], frozenset(each["verbs"]))
            for each in found
            if "/" not in each["name"]
        }

    def _discover(self) -> dict[str, dict[str, _Resource]]:
        groups = self.request("GET", "/apis")["groups"]
        return {
            group: self._kinds(group)
            for group in ("v1", *(each["preferredVersion"]["groupVersion"] for each in groups))
        }


def condition(body: Object, kind: str) -> str:
    """The status of a condition of an object: `True`, `False`, `Unknown`, or nothing."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return next((str(each["status"]) for each in conditions if each["type"] == kind), "")


def manifests(*files: Path) -> list[Object]:
    """The objects in YAML files, in order."""
    documents = (each for file in files for each in yaml.load_all(file.read_text("utf-8"), _LOADER))
    return [each for each in documents if each]


def _prefix(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode("utf-8", "replace")
