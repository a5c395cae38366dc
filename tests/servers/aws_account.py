"""What one account has in one Region of VPC Lattice, and the errors that AWS answers with.

An item is a dict with the API's own names: ``id``, ``arn``, ``name``, ``createdAt`` and so on. Items of others are known
by their ids: a rule has a ``listenerId``, a listener a ``serviceId``.
"""

import secrets
from datetime import UTC, datetime
from typing import Any, Final

Item = dict[str, Any]

ACCOUNT_ID: Final = "123456789012"
PREFIXES: Final = {
    "servicenetwork": "sn",
    "service": "svc",
    "listener": "listener",
    "rule": "rule",
    "targetgroup": "tg",
    "servicenetworkvpcassociation": "snva",
    "servicenetworkserviceassociation": "snsa",
    "servicenetworkresourceassociation": "snra",
    "accesslogsubscription": "als",
    "resourcegateway": "rgw",
    "resourceconfiguration": "rcfg",
}


class LatticeError(Exception):
    """An error of the API: ``name`` is its shape in the service model, ``fields`` are its members."""

    def __init__(self, name: str, message: str, **fields: str) -> None:
        super().__init__(message)
        self.name = name
        self.fields = {"message": message, **fields}


def invalid(message: str) -> LatticeError:
    """400: the request is wrong in itself."""
    return LatticeError("ValidationException", message, reason="fieldValidationFailed")


def conflict(message: str, kind: str, item_id: str) -> LatticeError:
    """409: the request is at odds with what there is."""
    return LatticeError("ConflictException", message, resourceType=kind, resourceId=item_id)


class Account:
    """All items by kind and id, the tags and the policies by ARN."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.tags: dict[str, dict[str, str]] = {}
        self.auth_policies: dict[str, Item] = {}
        self.resource_policies: dict[str, str] = {}
        self.targets: dict[str, list[Item]] = {}
        self._items: dict[str, dict[str, Item]] = {kind: {} for kind in PREFIXES}

    def add(self, kind: str, given: Item, *, under: str = "", **fields: Any) -> Item:
        """Make an item of what was given; ``under`` is the parent's part of the ARN, such as ``service/svc-1/``."""
        item_id = f"{PREFIXES[kind]}-{secrets.token_hex(9)[:17]}"
        arn = f"arn:aws:vpc-lattice:{self.region}:{ACCOUNT_ID}:{under}{kind}/{item_id}"
        now = datetime.now(UTC).isoformat()
        kept = {name: value for name, value in given.items() if name not in ("clientToken", "tags")}
        item = {**kept, **fields, "id": item_id, "arn": arn, "createdAt": now, "lastUpdatedAt": now}
        self._items[kind][item_id] = item
        self.tags[arn] = dict(given.get("tags", {}))
        return item

    def update(self, item: Item, **fields: Any) -> Item:
        """Change what isn't None."""
        item.update({name: value for name, value in fields.items() if value is not None})
        item["lastUpdatedAt"] = datetime.now(UTC).isoformat()
        return item

    def find(self, kind: str, identifier: str) -> Item:
        """An item by its id or ARN; 404 ResourceNotFoundException."""
        item = self._items[kind].get(identifier.rsplit("/", 1)[-1])
        if item is None:
            message = f"{kind} {identifier} not found"
            raise LatticeError("ResourceNotFoundException", message, resourceType=kind, resourceId=identifier)
        return item

    def either(self, kinds: tuple[str, ...], identifier: str) -> Item:
        """An item of one of several kinds; 404 when there is none."""
        name = identifier.rsplit("/", 1)[-1]
        kind = next((kind for kind in kinds if name in self._items[kind]), kinds[0])
        return self.find(kind, identifier)

    def where(self, kind: str, **fields: Any) -> list[Item]:
        """Items with these values, in the order of their creation; a field that is None isn't looked at."""
        wanted = [(name, value) for name, value in fields.items() if value is not None]
        return [item for item in self._items[kind].values() if all(item.get(name) == value for name, value in wanted)]

    def remove(self, kind: str, item: Item) -> Item:
        """Delete an item with its tags, policies, targets and access log subscriptions."""
        for subscription in self.where("accesslogsubscription", resourceArn=item["arn"]):
            self.remove("accesslogsubscription", subscription)
        for store in (self.tags, self.auth_policies, self.resource_policies):
            store.pop(item["arn"], None)
        self.targets.pop(item["id"], None)
        return self._items[kind].pop(item["id"])

    def must_be_new(self, kind: str, name: str, **among: str) -> None:
        """409 when an item of the kind, among those with the given values, has the name."""
        for other in self.where(kind, name=name, **among):
            raise conflict(f"{kind} with name {name} already exists", kind, other["id"])

    def must_fit(self, kind: str, number: int, quota: int, code: str) -> None:
        """402 ServiceQuotaExceededException when ``number`` is more than the quota."""
        if number > quota:
            message = f"the quota of {quota} ({code}) for {kind} is exceeded"
            fields = {"resourceType": kind, "serviceCode": "vpc-lattice", "quotaCode": code}
            raise LatticeError("ServiceQuotaExceededException", message, **fields)
