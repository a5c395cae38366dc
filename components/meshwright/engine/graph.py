"""The resource graph of a program: what ``pulumi preview`` would have planned.

Property values are plain Python values (``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict``) with four
additions: `UNKNOWN`, `Secret`, `ResourceReference` and `Asset`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value = Any


class Unknown:
    """A value that is known only after the deployment. There is one instance: `UNKNOWN`."""

    _only: Unknown | None = None

    def __new__(cls) -> Unknown:
        """The one instance."""
        cls._only = cls._only or super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must never be printed; its ``repr`` and ``str`` don't."""

    value: Value = field(repr=False)

    def __str__(self) -> str:
        return "[secret]"


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A resource given as a property value."""

    urn: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A Pulumi asset or archive. ``kind``: ``asset`` or ``archive``; ``fields``: path, uri, text or assets."""

    kind: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """The line of the program that made a resource; ``file`` is absolute."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Options:
    """The resource options that change what Pulumi does."""

    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """URNs, or ``name=…,type=…,parent=…`` for an alias given in parts."""
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    deleted_with: str = ""
    import_id: str = ""
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    """Operation (create, update, delete, read) to a Go duration such as ``10m``."""
    version: str = ""
    plugin_download_url: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as its program registered it."""

    urn: str
    type: str
    name: str
    parent: str = ""
    """URN; empty for the root stack alone."""
    custom: bool = False
    remote: bool = False
    """A component whose children its provider makes: they are not in an offline graph."""
    read: bool = False
    """Read from the cloud (``Type.get``), not managed."""
    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Value] = field(default_factory=dict)
    """What the component registered with ``register_outputs``; empty for custom resources."""
    dependencies: tuple[str, ...] = ()
    """URNs, sorted."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    """URN of the explicit provider; empty for the default one."""
    options: Options = field(default_factory=Options)
    source: SourcePosition | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A message that the program logged. ``severity``: debug, info, warning or error."""

    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that an offline run could not know, named by resource; ``text`` is a sentence."""

    subject: str
    """A URN, or the token of an invoke."""
    text: str


@dataclass(frozen=True, slots=True)
class Graph:
    """All that a program registered, in the order in which the engine accepted it; the root stack comes first."""

    project: str
    stack: str
    organization: str
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    logs: tuple[Log, ...] = ()
    notes: tuple[Note, ...] = ()
    output: str = field(default="", repr=False)
    """What the program printed; never part of a result."""

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def by_urn(self, urn: str) -> Resource:
        """The resource with this URN. Raises `KeyError`."""
        for resource in self.resources:
            if resource.urn == urn:
                return resource
        raise KeyError(urn)

    def of_type(self, token: str) -> tuple[Resource, ...]:
        """The resources of one type, in order."""
        return tuple(resource for resource in self.resources if resource.type == token)
