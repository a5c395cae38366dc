"""Files that somebody hands to the gate: read whole, with one line for each way in which that can fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from meshwright.errors import Code, ConfigError, Problem

STDIN: Final = Path("-")
_LARGEST: Final = 1024 * 1024 * 1024  # bytes


def read_text(path: Path) -> str:
    """The text of a file, or of standard input for ``-``. Raises `ConfigError` (MW-E035)."""
    try:
        if path == STDIN:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if path.stat().st_size > _LARGEST:
            raise unreadable(path, "is larger than 1 GB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise unreadable(path, f"can't be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise unreadable(path, "isn't UTF-8 text") from None


def unreadable(path: Path, why: str) -> ConfigError:
    """The error for a file that can't be read."""
    return ConfigError(Problem(Code.INPUT_UNREADABLE, why, "name a file that can be read", name_of(path)))


def foreign(path: Path, what: str, remedy: str, line: int = 0) -> ConfigError:
    """The error for a file that is something else than was asked for."""
    place = name_of(path) + (f":{line}" if line else "")
    return ConfigError(Problem(Code.INPUT_FOREIGN, what, remedy, place))


def name_of(path: Path) -> str:
    """How messages name it."""
    return "standard input" if path == STDIN else f"{path}"


def parse_json(text: str) -> Any:
    """JSON as Python values. Raises `ValueError`, also for NaN and for what is nested too deep."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
