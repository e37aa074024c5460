"""Removes the System V memory segment that a killed PostgreSQL leaves behind."""

import subprocess
from pathlib import Path


def segment_of(pid_file: Path) -> int | None:
    """Id of the segment of the server that wrote ``postmaster.pid`` (the end of its line 7); None without one."""
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return int(lines[6].split()[-1]) if len(lines) > 6 and lines[6].strip() else None


def segments() -> set[int]:
    """Ids of all segments of this machine."""
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {int(row.split()[1]) for row in rows}


def remove_segment(pid_file: Path) -> None:
    """Remove the segment of a PostgreSQL that was killed; nothing happens when it has gone.

    Raises:
        RuntimeError: the segment is still there.
    """
    segment = segment_of(pid_file)
    if segment is None or segment not in segments():
        return
    done = subprocess.run(["ipcrm", "-m", str(segment)], check=False, capture_output=True, text=True, timeout=10)
    # two workers may sweep the same dead run at once: the second finds the segment gone
    if done.returncode != 0 and segment in segments():
        raise RuntimeError(f"ipcrm -m {segment}: {done.stderr.strip()}")
