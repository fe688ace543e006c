"""Locks on open files, which the operating system frees when a process dies."""

from __future__ import annotations

from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, which refuses to remove a file that is open
    fcntl = None


def lock_file(file: int, *, shared: bool, wait: bool = True) -> bool:
    """Lock an open file against other processes, and against other openings of it in this one.

    Args:
        file: descriptor; the lock is freed when it is closed.
        shared: together with others who share it, or alone.
        wait: until the lock is free.

    Returns:
        Whether the file is locked; also true where the system or the file system knows no locks.
    """
    if fcntl is not None:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:  # some network file systems
            return True
    return True
