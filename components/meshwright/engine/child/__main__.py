"""The script that the parent starts: ``python child SPEC_FD RESULT_FD``.

The first process watches over the second, which runs the program: when the program ends, or the parent says so, or the
parent is gone, everything that the program started ends too, daemons included.
"""

import contextlib
import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    """Forks: the child runs the program, the parent waits and tidies up."""
    spec, result = int(sys.argv[1]), int(sys.argv[2])
    del sys.path[0]  # this folder: its modules must not stand before the program's
    os.set_inheritable(spec, False)
    os.set_inheritable(result, False)
    _control_process(_PR_SET_CHILD_SUBREAPER, 1)
    _control_process(_PR_SET_PDEATHSIG, signal.SIGTERM)
    program = os.fork()
    if program == 0:
        os.setpgid(0, 0)
        _control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _run(spec, result)
    else:
        os.close(spec)
        _watch(program, result)


def _run(spec: int, result: int) -> None:
    """Runs the program with the modules of this folder, under a name that no program has."""
    name, here = "_meshwright_child", Path(__file__).resolve().parent
    location = importlib.util.spec_from_file_location(
        name, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if location is None or location.loader is None:
        raise ImportError(f"{here} is not a package")
    sys.modules[name] = package = importlib.util.module_from_spec(location)
    location.loader.exec_module(package)
    try:
        program = importlib.import_module(f"{name}.program")
    except ImportError as error:
        os.write(result, json.dumps({"kind": "error", "form": "no pulumi", "text": str(error)}).encode() + b"\n")
        sys.exit(1)
    program.main(spec, result)


def _watch(program: int, result: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: _end(program))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = 0
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == program:
            break
    _end_everything(program)
    os.write(result, json.dumps({"kind": "exit", "status": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _end(program: int) -> None:
    _end_everything(program)
    os._exit(0)


def _end_everything(program: int) -> None:
    """Ends the program's process group, and then whatever is left: orphans become children of this process."""
    for _ in range(500):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program, signal.SIGKILL)
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _children() -> list[int]:
    me, children = str(os.getpid()), []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if entry.read_text("utf-8", "replace").rpartition(")")[2].split()[1] == me:
                children.append(int(entry.parent.name))
    return children


def _control_process(option: int, value: int) -> None:
    """``prctl``, where there is one: without it, only the program's process group is ended."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
