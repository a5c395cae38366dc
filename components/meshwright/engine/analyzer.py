"""A policy pack in a process of its own, and Pulumi's Analyzer protocol.

The process is started as Pulumi's Python host does it (``RunPlugin``, sdk/python/cmd/pulumi-language-python), and asked
as its engine asks it (pkg/resource/plugin/analyzer_plugin.go), so that any pack runs unmodified.
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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.engine.analyzer_messages import to_struct
from meshwright.errors import Code, PolicyPackError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import grpc
    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeResponse, AnalyzerResource

# Our pack's trailing metadata where it refuses what it was given (meshwright_policy.analyzer).
_PROBLEMS: Final = "meshwright-problems-bin"
# The Python SDK asks for the engine's address and never dials it: what a pack logs goes to its standard error.
_NO_ENGINE: Final = "127.0.0.1:0"
# `python -m pulumi.policy`, which first asks Linux to end it when meshwright ends, however that ends. Asking between
# fork and exec would run gRPC's fork handlers, and what those print would pass for the pack's words.
_START: Final = """
import ctypes, runpy, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)
"""
LEVELS: Final = ("advisory", "mandatory", "disabled", "remediate")
"""By number in the protocol's enum EnforcementLevel."""
SEVERITIES: Final = ("", "low", "medium", "high", "critical")


class PackProcess:
    """The process of a pack, from its start to its end. Starting doesn't wait: `port` does."""

    def __init__(self, pack: Path, environment: Mapping[str, str], redact: Callable[[str], str] = str) -> None:
        """Starts the process; ``redact`` takes secrets out of what it says.

        Raises:
            PolicyPackError: The folder is no pack for Python (MW-E080), or its interpreter can't be run (MW-E081).
        """
        self.pack = pack.resolve()
        self.redact = redact
        python = _interpreter(self.pack)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `stop`)
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"} | dict(environment)
        try:
            self._process = subprocess.Popen(
                [python, "-u", "-c", _START, _NO_ENGINE, str(self.pack)],
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
        """The port that the pack serves on; to be asked once.

        Raises:
            PolicyPackError: It ended, said something else, or said nothing in time (MW-E081).
        """
        try:
            line = self._first_line.get(timeout=timeout_s).decode(errors="replace").strip()
        except queue.Empty:
            raise _failed(self.pack, f"it did not start within {timeout_s:g} seconds") from None
        if not line:
            self._process.wait()
            raise _failed(self.pack, f"it ended before it served any rule: {self.last_words() or 'without a word'}")
        if not line.isdigit():
            raise _failed(self.pack, f"it printed {self.redact(line)[:60]!r} where its port should come first")
        return int(line)

    def last_words(self) -> str:
        """The last line that the pack wrote to standard error."""
        self._stderr.seek(0)
        lines = self.redact(self._stderr.read().decode(errors="replace")).split("\n")
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


@dataclass(frozen=True, slots=True)
class Policy:
    """What a pack says about one of its rules, and the level that is in force."""

    name: str
    description: str
    title: str
    level: str
    severity: str
    remedy: str
    url: str
    is_stack_rule: bool


class Session:
    """The questions that a pack is asked, and what its failures mean."""

    def __init__(self, channel: grpc.Channel, process: PackProcess, timeout_s: float) -> None:
        from pulumi.runtime.proto import analyzer_pb2 as proto
        from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

        self._stub = AnalyzerStub(channel)
        self._each = channel.unary_stream(
            "/meshwright.Analyzer/AnalyzeEach",
            request_serializer=proto.AnalyzeStackRequest.SerializeToString,
            response_deserializer=proto.AnalyzeResponse.FromString,
        )
        self.close = channel.close
        self._process = process
        self._timeout_s = timeout_s
        self._settings: dict[str, Any] = {}
        self.name = self.version = ""
        self.policies: dict[str, Policy] = {}
        self.remediates = False
        """Whether a rule may change what it judges."""

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
                enforcementLevel=LEVELS.index(own_level) if own_level else level,  # type: ignore[arg-type]
                properties=to_struct(options | own_options),
            )
            if self._settings[policy.name].enforcementLevel != proto.DISABLED:
                self.policies[policy.name] = Policy(
                    name=policy.name,
                    description=policy.description,
                    title=policy.displayName or policy.description or policy.name,
                    level=LEVELS[self._settings[policy.name].enforcementLevel].replace("remediate", "mandatory"),
                    severity=SEVERITIES[policy.severity],
                    remedy=policy.remediation_steps,
                    url=policy.url,
                    is_stack_rule=policy.policy_type == proto.POLICY_TYPE_STACK,
                )
        levels = {LEVELS[setting.enforcementLevel] for setting in self._settings.values()}
        self.remediates = "remediate" in levels
        self._ask("Configure", proto.ConfigureAnalyzerRequest(policyConfig=self._settings))

    def _choice(self, name: str, rules: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The level and the options that the user has chosen for a rule; its own entry wins over ``all``."""
        entries = [rules[key] for key in ("all", name) if key in rules]
        entries = [{"enforcementLevel": entry} if isinstance(entry, str) else entry for entry in entries]
        if not all(isinstance(entry, dict) for entry in entries):
            self._refuse(f"the entry for {name} is neither a level nor options", f"a level: {', '.join(LEVELS)}")
        options = {key: value for entry in entries for key, value in entry.items()}
        level = options.pop("enforcementLevel", "")
        if level and level not in LEVELS:
            self._refuse(f"{name} can't have the level {level!r}", f"one of: {', '.join(LEVELS)}")
        return level, options

    def _refuse(self, what: str, remedy: str) -> None:
        place = str(self._process.pack)
        raise PolicyPackError(
            Problem(Code.PACK_CONFIG, f"the configuration of the pack doesn't fit: {what}", remedy, place)
        )

    def judge(self, method: str, request: Any, about: str) -> Any:
        """Put a resource, or the stack, before the rules. ``None``: the pack doesn't answer such questions."""
        return self._ask(method, request, lambda error: self._rule_failed(method, request, about, error))

    def judge_each(self, resources: Sequence[AnalyzerResource]) -> list[AnalyzeResponse] | None:
        """Put many resources before the rules, in one call. ``None``: this pack must be asked for each by itself."""
        from pulumi.runtime.proto import analyzer_pb2 as proto

        def each(request: Any, timeout: float) -> list[AnalyzeResponse]:
            return list(self._each(request, timeout=timeout))

        request = proto.AnalyzeStackRequest(resources=resources)
        answers: list[AnalyzeResponse] | None = self._ask("Analyze", request, self._our_rule_failed, each)
        return answers

    def _ask(
        self,
        method: str,
        request: Any,
        on_failure: Callable[[grpc.RpcError], None] | None = None,
        call: Callable[..., Any] | None = None,
    ) -> Any:
        import grpc

        try:
            return (call or getattr(self._stub, method))(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            code = error.code()
            if code == grpc.StatusCode.UNIMPLEMENTED:
                return None
            if problems := _problems(error, str(self._process.pack), self._process.redact):
                raise PolicyPackError(problems) from error
            if code == grpc.StatusCode.DEADLINE_EXCEEDED:
                what, remedy = f"no answer to {method} within {self._timeout_s:g} seconds", "look for a rule that waits"
                raise PolicyPackError(Problem(Code.PACK_TIMEOUT, what, remedy, str(self._process.pack))) from error
            if on_failure is not None and code == grpc.StatusCode.UNKNOWN:
                on_failure(error)
            details = self._process.redact(error.details() or "")
            # What a raising pack writes may be half written yet; where it died, its last words tell more than gRPC.
            what = details if code == grpc.StatusCode.UNKNOWN else self._process.last_words() or details
            remedy = "mend the pack"
            problem = Problem(
                Code.PACK_FAILED, f"the policy pack failed at {method}: {what}", remedy, str(self._process.pack)
            )
            raise PolicyPackError(problem) from error

    def _our_rule_failed(self, error: grpc.RpcError) -> None:
        raise self._failure(error.details() or "") from error

    def _failure(self, what: str) -> PolicyPackError:
        remedy = "mend the rule, or disable it: nothing was decided"
        return PolicyPackError(Problem(Code.RULE_FAILED, what, remedy, str(self._process.pack)))

    def _rule_failed(self, method: str, request: Any, about: str, error: grpc.RpcError) -> None:
        """Name the rule that raised: the protocol doesn't, so each is asked alone."""
        import grpc
        from pulumi.runtime.proto import analyzer_pb2 as proto

        off = {name: proto.PolicyConfig(enforcementLevel=proto.DISABLED) for name in self._settings}
        for name in self.policies:
            alone = {**off, name: self._settings[name]}
            self._ask("Configure", proto.ConfigureAnalyzerRequest(policyConfig=alone))
            try:
                getattr(self._stub, method)(request, timeout=self._timeout_s)
            except grpc.RpcError as again:
                cause = self._process.redact(again.details() or "").removeprefix("Exception calling application: ")
                cause = cause.removeprefix(f"rule {name} failed on {about}: ")
                raise self._failure(f"rule {name} failed on {about}: {cause}") from error


def _problems(error: grpc.RpcError, pack: str, redact: Callable[[str], str]) -> list[Problem]:
    """What our own pack says is wrong with what it was given; of another pack there is nothing."""
    told = next((value for key, value in error.trailing_metadata() or () if key == _PROBLEMS), b"[]")
    return [
        Problem(Code(problem["code"]), redact(problem["message"]), problem["remedy"], problem["place"] or pack)
        for problem in json.loads(told)
    ]
