"""Asks the system about processes and memory, in the words of each system.

Separation runs on Linux, macOS and Windows. What else there is needs what Windows lacks (processes
that are forked, packages that are not built for it), and says so: Windows has a Linux within it.
"""

import ctypes
import os
import sys

# Of the interface of Windows: the right to wait for a process, what waiting for one that lives
# comes to, and the error for a number that no process has.
_SYNCHRONIZE = 0x00100000
_WAIT_TIMEOUT = 258
_ERROR_INVALID_PARAMETER = 87


def not_on_windows(what: str) -> ValueError:
    """Returns the error of work that does not run on Windows; ``what`` names it."""
    return ValueError(
        f"{what} does not run on Windows itself; give the same command in WSL, the Linux within "
        f"Windows."
    )


def is_running(process: int) -> bool:
    """Returns whether a process of this number lives, whoever's it is."""
    if sys.platform == "win32":
        # os.kill would send it Ctrl-C there.
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = kernel.OpenProcess(_SYNCHRONIZE, False, process)
        if not handle:
            # One that may not be looked at lives.
            return ctypes.get_last_error() != _ERROR_INVALID_PARAMETER
        state = kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0)
        kernel.CloseHandle(ctypes.c_void_p(handle))
        return bool(state == _WAIT_TIMEOUT)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It is somebody else's, and lives.
        return True
    return True


def user_number() -> int:
    """Returns what says whose a file is; on Windows, where temporary folders are one's own, 0."""
    if sys.platform == "win32":
        return 0
    return os.getuid()


def machine_memory() -> int:
    """Returns the memory of the machine in bytes: all of it, or on Windows what is left."""
    if sys.platform == "win32":
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):
            raise ctypes.WinError()
        return int(status.available_physical)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak_memory() -> int:
    """Returns the most bytes that this process has had in memory.

    Raises:
        ValueError: this is Windows.
    """
    if sys.platform == "win32":
        raise not_on_windows("work that measures its memory")
    # Windows has no such module.
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on a Mac, KiB elsewhere.
    return peak if sys.platform == "darwin" else 1024 * peak


def limit_process(memory_bytes: int, cpu_secs: int) -> None:
    """Limits this process for ever: it can take no more than that, and write no file.

    Windows has no such limits, and nothing happens there.

    Args:
        memory_bytes: that it may take.
        cpu_secs: of a processor.
    """
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_secs,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in limits.items():
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(which, (most, most))


class _MemoryStatus(ctypes.Structure):
    """Is MEMORYSTATUSEX of the interface of Windows."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("percent_used", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("available_physical", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended_virtual", ctypes.c_uint64),
    )
