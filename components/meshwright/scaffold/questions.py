"""What has to be known before a stack file can be written, for each kind of mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from meshwright.catalog import load_catalog
from meshwright.config import LADDERS
from meshwright.config.clock import today
from meshwright.config.platforms import signs_of_platform
from meshwright.config.shared import EnvironmentName, PlatformName
from meshwright.config.stack import KINDS
from meshwright.errors import Code, ConfigError, Problem

Answers = Mapping[str, Sequence[str]]
"""Option of the command line -> what was said; nothing for a question that was left out."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know."""

    option: str
    """The option that answers it, without dashes."""
    text: str
    """The question as a person is asked."""
    needed: bool = False
    """Without it there is no file that the loader accepts."""
    choices: tuple[str, ...] = ()
    default: Callable[[Answers], str] = lambda _: ""
    """What is taken where nothing is said, as long as it is not empty; from what was said before."""
    many: bool = False


def _newest(product: str) -> Callable[[Answers], str]:
    return lambda _: load_catalog().newest(product).minor


def _platform(answers: Answers) -> str:
    """What the kubeconfig tells of the context."""
    signs = signs_of_platform({"context": next(iter(answers.get("context", ())), None)}, Path())
    return signs[0].platform if signs else "generic"


_CONTEXT = Question("context", "Context of the cluster in the kubeconfig")
_PLATFORM = Question("platform", "What the cluster runs on", choices=get_args(PlatformName), default=_platform)
_ENVIRONMENT = Question("environment", "What the stack is for", choices=get_args(EnvironmentName))
_NAMESPACES = Question("namespace", "Namespaces, separated by commas", many=True)

QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "istio-ambient": (
        Question("mesh-version", "Istio's version", default=_newest("istio")),
        Question("context", _CONTEXT.text, needed=True),
        _PLATFORM,
        _ENVIRONMENT,
        _NAMESPACES,
    ),
    "linkerd": (_CONTEXT, _PLATFORM, _ENVIRONMENT, _NAMESPACES),
    "consul": (
        Question("vault", "Address of the Vault or OpenBao that holds the CA; empty for Consul's own"),
        _CONTEXT,
        _PLATFORM,
        _ENVIRONMENT,
        _NAMESPACES,
    ),
    "vpc-lattice": (
        Question("region", "AWS region", needed=True),
        Question("network", "Name of the service network", needed=True),
        _ENVIRONMENT,
        Question("namespace", "Services, separated by commas", many=True),
    ),
    "none": (
        Question("because", "Reasons, such as under_20_services, separated by commas", needed=True, many=True),
        _ENVIRONMENT,
    ),
}
"""Kind -> its questions, in the order in which they are asked."""


def mesh_of(kind: str, answers: Answers) -> dict[str, Any]:
    """The object `meshwright:mesh` that the answers make, as the loader takes it.

    Namespaces (with VPC Lattice: services) begin outside of the mesh: `NAME`, or in a phase of the kind's ladder since
    today: `NAME=PHASE`.

    Raises:
        ConfigError: an answer is missing, or of another kind's (MW-E102), or the clock is broken.
    """
    asked = {question.option: question for question in QUESTIONS[kind]}
    _check(kind, asked, answers)
    said = {option: [text for text in answers.get(option, ()) if text] for option in asked}
    single = {option: (texts or [asked[option].default(said)])[0] for option, texts in said.items()}
    mesh: dict[str, Any] = {"kind": kind}
    if kind == "vpc-lattice":
        mesh |= {"region": single["region"], "network": {"name": single["network"]}}
    if "mesh-version" in asked:
        mesh["version"] = single["mesh-version"]
    if kind == "none":
        mesh["because"] = list(said["because"])
    if single.get("context"):
        mesh["cluster"] = {"context": single["context"], "platform": single["platform"]}
    if single.get("vault"):
        mesh["vault"] = {"address": single["vault"]}
    if single.get("environment"):
        mesh["environment"] = single["environment"]
    if said.get("namespace"):
        mesh["services" if kind == "vpc-lattice" else "namespaces"] = [_entry(kind, text) for text in said["namespace"]]
    return mesh


def _check(kind: str, asked: Mapping[str, Question], answers: Answers) -> None:
    problems = [
        Problem(Code.ANSWERS, f"a stack of kind {kind} has no use for --{option}", f"it takes {_options(asked)}")
        for option, said in answers.items()
        if any(said) and option not in asked
    ]
    problems += [
        Problem(Code.ANSWERS, f"a stack of kind {kind} needs --{question.option}", "add it, or run on a terminal")
        for question in asked.values()
        if question.needed and not any(answers.get(question.option, ()))
    ]
    if any(answers.get("platform", ())) and not any(answers.get("context", ())) and not problems:
        problems.append(Problem(Code.ANSWERS, "--platform is a cluster's, and none is named", "add --context"))
    if problems:
        raise ConfigError(problems)


def _options(asked: Mapping[str, Question]) -> str:
    return ", ".join(f"--{option}" for option in asked)


def _entry(kind: str, text: str) -> dict[str, Any]:
    """A namespace or service on its rung; what is in the mesh already has been since today."""
    name, _, phase = text.partition("=")
    lowest = LADDERS[kind].phases[0]
    entry: dict[str, Any] = {"name": name.strip(), "phase": phase.strip() or lowest}
    return entry if entry["phase"] == lowest else entry | {"since": str(today())}


assert QUESTIONS.keys() == KINDS.keys()  # noqa: S101  a kind without questions could not be begun
