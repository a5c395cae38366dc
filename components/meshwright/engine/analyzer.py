"""A policy pack in a process of its own, and Pulumi's Analyzer protocol.

The process is started as Pulumi's Python host does it (``RunPlugin``, sdk/python/cmd/pulumi-language-python), and
resources are marshalled as its engine marshals them (pkg/resource/plugin/analyzer_plugin.go), so that any pack runs
unmodified.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.engine.graph import UNKNOWN, Asset, Resource, ResourceReference, Secret
from meshwright.errors import Code, PolicyPackError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import Struct

    from meshwright.engine.graph import Graph, Value

# Signatures and sentinels of the wire format: sdk/go/common/resource/sig, sdk/go/common/resource/plugin/rpc.go.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
_ASSETS: Final = {"asset": "c44067f5952c0a294b673a41bacd8c17", "archive": "0def7320c3a5731c473e5ecbe6d01bc7"}
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# The Python SDK asks for the engine's address and never dials it: what a pack logs goes to its standard error.
_NO_ENGINE: Final = "127.0.0.1:0"
_GO_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class PackProcess:
    """The process of a pack, from its start to its end. Starting doesn't wait: `port` does."""

    def __init__(self, pack: Path, environment: Mapping[str, str]) -> None:
        """Starts the process.

        Raises:
            PolicyPackError: The folder is no pack for Python (MW-E080), or its interpreter can't be run (MW-E081).
        """
        self.pack = pack.resolve()
        python = _interpreter(self.pack)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `stop`)
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"} | dict(environment)
        try:
            self._process = subprocess.Popen(
                [python, "-u", "-m", "pulumi.policy", _NO_ENGINE, str(self.pack)],
                cwd=self.pack,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise _failed(self.pack, f"its interpreter {python} can't be run ({error.strerror})") from error
        self._port = 0
        self._first_line: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None  # noqa: S101  (it was asked for above)
        self._first_line.put(output.readline())
        # A pack may print: an unread pipe would stop it.
        while output.read(65536):
            pass

    def port(self, timeout_s: float) -> int:
        """The port that the pack serves on. Asked again, it is the same one.

        Raises:
            PolicyPackError: It ended, said something else, or said nothing in time (MW-E081).
        """
        if self._port:
            return self._port
        try:
            line = self._first_line.get(timeout=timeout_s).decode(errors="replace").strip()
        except queue.Empty:
            raise _failed(self.pack, f"it did not start within {timeout_s:g} seconds") from None
        if not line:
            self._process.wait()
            raise _failed(self.pack, f"it ended before it served any rule: {self.last_words() or 'without a word'}")
        if not line.isdigit():
            raise _failed(self.pack, f"it printed {line[:60]!r} where its port should come first")
        self._port = int(line)
        return self._port

    def last_words(self) -> str:
        """The last line that the pack wrote to standard error."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def stop(self) -> None:
        """Ends the process and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._stderr.close()


def _failed(pack: Path, what: str) -> PolicyPackError:
    remedy = "mend it, or install what it needs into its virtual environment"
    return PolicyPackError(Problem(Code.PACK_FAILED, f"the policy pack doesn't run: {what}", remedy, str(pack)))


def _interpreter(pack: Path) -> str:
    """The Python of the pack's virtual environment where it names one that exists, else our own."""
    project = pack / "PulumiPolicy.yaml"
    try:
        settings = yaml.safe_load(project.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = "can't be read" if project.exists() else "isn't there"
        raise PolicyPackError(
            Problem(Code.NO_PACK, f"PulumiPolicy.yaml {what}", "name the folder of a Pulumi policy pack", str(pack))
        ) from error
    runtime = settings.get("runtime") if isinstance(settings, dict) else None
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    if name != "python" or not (pack / "__main__.py").is_file():
        what = "there is no __main__.py" if name == "python" else f"the runtime is {name!r}"
        raise PolicyPackError(
            Problem(Code.NO_PACK, what, "offline, packs written in Python with a __main__.py are run", str(project))
        )
    environment = options.get("virtualenv") if isinstance(options, dict) else None
    if isinstance(environment, str):
        folder = pack / environment
        for python in (folder / "bin" / "python", folder / "Scripts" / "python.exe"):
            if python.exists():
                return str(python)
    return sys.executable


def environment_of(*, project: str, stack: str, organization: str, config: Mapping[str, str]) -> dict[str, str]:
    """The variables by which a pack learns what it judges."""
    return {
        "PULUMI_ORGANIZATION": organization,
        "PULUMI_PROJECT": project,
        "PULUMI_STACK": stack,
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": json.dumps(dict(config)),
    }


def to_struct(properties: Mapping[str, Value]) -> Struct:
    """Property values as the engine sends them to a pack."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    # Keys that begin with two underscores are the provider's own: the engine leaves them out.
    struct.update({key: _marshal(value) for key, value in properties.items() if not key.startswith("__")})
    return struct


def _marshal(value: Value) -> Any:
    if value is UNKNOWN:
        return _UNKNOWN
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": _marshal(value.value)}
    if isinstance(value, ResourceReference):
        return value.urn
    if isinstance(value, Asset):
        return {_SIGNATURE: _ASSETS[value.kind], **{key: _marshal(field) for key, field in value.fields.items()}}
    if isinstance(value, dict):
        return {key: _marshal(field) for key, field in value.items()}
    if isinstance(value, list | tuple):
        return [_marshal(element) for element in value]
    return value


def resource_messages(graph: Graph, resource: Resource, properties: Struct) -> tuple[Message, Message]:
    """A resource as Analyze (and Remediate) get it, and as AnalyzeStack gets it, with the same properties."""
    from pulumi.runtime.proto import analyzer_pb2 as proto

    options = _options(resource)
    provider = None
    if resource.provider:
        given = graph.by_urn(resource.provider)
        provider = proto.AnalyzerProviderResource(
            urn=given.urn, type=given.type, name=given.name, properties=to_struct(given.inputs)
        )
    common: dict[str, Any] = {
        "type": resource.type,
        "urn": resource.urn,
        "name": resource.name,
        "properties": properties,
        "options": options,
        "provider": provider,
    }
    dependencies = {
        key: proto.AnalyzerPropertyDependencies(urns=urns)
        for key, urns in resource.property_dependencies.items()
        if urns
    }
    return proto.AnalyzeRequest(**common), proto.AnalyzerResource(
        **common, parent=resource.parent, dependencies=resource.dependencies, propertyDependencies=dependencies
    )


def _options(resource: Resource) -> Message:
    from pulumi.runtime.proto import analyzer_pb2 as proto

    options = resource.options
    timeouts = {operation: seconds(duration) for operation, duration in options.custom_timeouts.items()}
    return proto.AnalyzerResourceOptions(
        protect=options.protect,
        ignoreChanges=options.ignore_changes,
        deleteBeforeReplace=bool(options.delete_before_replace),
        deleteBeforeReplaceDefined=options.delete_before_replace is not None,
        additionalSecretOutputs=options.additional_secret_outputs,
        aliases=options.aliases,
        customTimeouts=proto.AnalyzerResourceOptions.CustomTimeouts(
            create=timeouts.get("create", 0),
            update=timeouts.get("update", 0),
            delete=timeouts.get("delete", 0),
            read=timeouts.get("read", 0),
        ),
        parent=resource.parent,
    )


def seconds(duration: str) -> float:
    """A Go duration such as ``1h30m`` in seconds; what isn't one is 0."""
    total, number, unit = 0.0, "", ""
    for character in duration + "0":
        if unit and (character.isdigit() or character == "."):
            if unit not in _GO_UNITS or not number:
                return 0.0
            total += float(number) * _GO_UNITS[unit]
            number, unit = "", ""
        if character.isdigit() or character == ".":
            number += character
        else:
            unit += character
    return total
