"""How a command ends: a sentence on standard error and a number, never a traceback for bad input."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import typer
from rich.console import Console

from matcher.cli.faults import MOST_SHOWN, BadInputError, FileFault
from matcher.domain.errors import CalendarRangeError, InvalidProblemError, MatcherError, TooLargeError
from matcher.matching.verify import Violation
from matcher.settings import SettingsError
from matcher.storage.database import DatabaseStartError

__all__ = ["ExitCode", "listed", "readable", "stop"]


class ExitCode(IntEnum):
    """What the number of a finished command means."""

    OK = 0
    BAD_INPUT = 2
    FAILED = 3


@contextmanager
def readable() -> Iterator[None]:
    """Turn what a person can mend into lines on standard error and an exit code."""
    try:
        yield
    except BadInputError as error:
        stop(ExitCode.BAD_INPUT, str(error))
    except InvalidProblemError as error:
        faults = [FileFault("", fault.pointer or "/", fault.detail.in_language("en")) for fault in error.faults]
        stop(ExitCode.BAD_INPUT, str(BadInputError(faults)))
    except (CalendarRangeError, TooLargeError, SettingsError) as error:
        stop(ExitCode.BAD_INPUT, str(error))
    except (DatabaseStartError, MatcherError) as error:
        stop(ExitCode.FAILED, str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            raise
        stop(ExitCode.BAD_INPUT, f"{error.filename}: {error.strerror}")


def stop(code: ExitCode, text: str) -> NoReturn:
    """End the command with a text on standard error.

    Raises
    ------
    typer.Exit
        Always.
    """
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"matcher: {text}", style="red", markup=False)
    raise typer.Exit(code)


def listed(found: Sequence[Violation]) -> str:
    """Return the first violations, one a line."""
    lines = [
        f"{item.code}: {', '.join(filter(None, (item.request_id, item.volunteer_id))) or 'plan'}: {item.detail}"
        for item in found[:MOST_SHOWN]
    ]
    return "\n".join([*lines, *([f"… and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else [])])
