"""A private PostgreSQL as a separate process, on a port of loopback: its settings and its command."""

from pathlib import Path

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # no DETAIL in the log: it holds the whole row that was refused
    "log_error_verbosity": "terse",
    "jit": "off",
    # shared memory in the data folder: a killed server leaves nothing in /dev/shm
    "dynamic_shared_memory_type": "mmap",
}


def server_command(bin_folder: Path, folder: Path, port: int, settings: dict[str, str]) -> list[str]:
    """Starts the server of ``folder/data`` on ``port`` of loopback, without a Unix socket."""
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(bin_folder / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", "", *words]
