"""The one clock: every date in a stack file is judged by the same day."""

import os
from datetime import UTC, date, datetime

from meshwright.errors import Code, ConfigError, Problem

VARIABLE = "MESHWRIGHT_AS_OF"
"""The environment variable that sets the day. `--as-of` sets it, so that child processes and policy packs agree."""


def is_pinned() -> bool:
    """Whether a day is set, which may be any, by which everything is judged."""
    return bool(os.environ.get(VARIABLE))


def today() -> date:
    """The day by which everything is judged: MESHWRIGHT_AS_OF if it is set, else today in UTC.

    Raises:
        ConfigError: MESHWRIGHT_AS_OF is no date of the form YYYY-MM-DD (MW-E034).
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return datetime.now(UTC).date()
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        problem = Problem(Code.BAD_CLOCK, f'{VARIABLE} is "{text[:40]}"', "give a date as YYYY-MM-DD")
        raise ConfigError(problem) from None
