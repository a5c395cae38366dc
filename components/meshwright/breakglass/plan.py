"""A plan: the commands in their order, what each changes, how it is undone, and what remains to be feared."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING_TO_UNDO: Final = "nothing to undo"
DRIFT: Final = (
    "undo before `pulumi up`: it shows this as drift with --refresh, and else reports a conflict of field managers"
)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(
    r"(?P<key>([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
    r"=(?P<value>[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of kubectl's."""

    says: str
    """What it does, as a sentence without a full stop."""
    command: tuple[str, ...]
    """kubectl's arguments, without those that name the cluster. Running it twice does no more harm than once."""
    undo: tuple[str, ...] = ()
    """The arguments that take it back; empty where there is nothing to take back, or no way."""
    why_no_undo: str = NOTHING_TO_UNDO
    manifest: str = ""
    """What it reads from standard input, as JSON."""
    undo_manifest: str = ""
    done_if_says: str = ""
    """What kubectl says where an earlier run, of which the end was not seen, had done it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done."""

    scenario: str
    goal: str
    """What holds once it is done, as a sentence without a full stop."""
    target: str
    """What it is done to, as a person names it."""
    risks: tuple[str, ...]
    """What remains, and what it costs, each as a sentence without a full stop."""
    steps: tuple[Step, ...]
    afterwards: tuple[str, ...]
    """How the stack and the cluster are brought back in line, each as a sentence without a full stop."""
    mesh: str = "istio"
    """Whose command it is; journals of the time when Istio's was the only one don't name it."""
    before: tuple[str, ...] = ()
    """What a person has to do first, for kubectl can't, each as a sentence; until then nothing is run."""

    @property
    def tool(self) -> str:
        """The command that made it, and that goes on with it."""
        return f"meshwright {self.mesh} break-glass"


def shell(command: Sequence[str], cluster: Sequence[str], manifest: str = "") -> str:
    """A command as a person would type it."""
    typed = shlex.join(["kubectl", *cluster, *command])
    return f"{typed} <<< {shlex.quote(manifest)}" if manifest else typed


def checked_name(text: str, what: str) -> str:
    """The text, if it can be the name of an object. Raises `ConfigError` (MW-E172)."""
    if not _NAME.fullmatch(text):
        raise refused(f"{what} {text!r} is no name of Kubernetes'", "lower-case letters, digits, - and .")
    return text


def checked_label(text: str) -> tuple[str, str]:
    """Key and value of a label. Raises `ConfigError` (MW-E172)."""
    match = _LABEL.fullmatch(text)
    if match is None:
        raise refused(f"--workload {text!r} is no label", "write KEY=VALUE, as app=cart")
    return match["key"], match["value"]


def refused(message: str, remedy: str) -> ConfigError:
    """The error for a plan that can't be made."""
    return ConfigError(Problem(Code.BREAK_GLASS_TARGET, message, remedy))


def as_json(value: Any) -> str:
    """JSON on one line, always in the same order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
