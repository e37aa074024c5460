"""Folders that only their owner may enter."""

from pathlib import Path

from deploy.local.secrets import make_keys
from deploy.servers.supervisor import Supervisor


def test_folder_of_form_keys_is_private_also_if_it_was_open(tmp_path: Path) -> None:
    (tmp_path / "form-keys").mkdir(mode=0o755)
    make_keys(tmp_path)
    assert (tmp_path / "form-keys").stat().st_mode & 0o777 == 0o700


def test_folder_of_logs_is_private(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, [])
    supervisor.run(supervisor.stop)
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
