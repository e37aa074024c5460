"""systemd units and timers of backups and the drill, as texts: each runs a command of `troika`, and ends.

They run as root, which becomes the account of PostgreSQL: they read keys that only root can read, or files of that
account.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.machine.units import PROTECTED

BACKUP = "backup"
"""What `troika install` calls the machine of PostgreSQL."""

KEY_ARCHIVES, FORM_KEY_ARCHIVES = "/var/backups/troika-keys", "/var/backups/troika-form-keys"
DRILLS = "/var/lib/troika/drills.jsonl"

SERVICE = """\
# Written by `troika install`; change it with `systemctl edit {name}`.
[Unit]
Description=Troika: {about}
Documentation=file:/opt/troika/docs/how-to/back-up.md
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/local/bin/troika {command}
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_KILL
{protected}\
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service
UMask=0077
"""

TIMER = """\
# Written by `troika install`; change it with `systemctl edit {name}.timer`.
[Unit]
Description=Troika: {about}

[Timer]
OnCalendar={when}
RandomizedDelaySec=10m
# A run that was missed while the machine was off is made up for.
Persistent=yes

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs at a time of day.

    Attributes:
        about: a description in a few words.
        command: words after ``troika``.
        when: systemd's calendar (systemd.time(7)).
    """

    about: str
    command: str
    when: str


JOBS: Mapping[str, Job] = {
    "troika-backup": Job("backup of the databases", "backup run", "*-*-* 02:15"),
    "troika-backup-check": Job("age of the backup, archive of the WAL", "backup check", "*-*-* *:45"),
    "troika-backup-keys": Job("archive of the keys", f"backup keys {KEY_ARCHIVES}", "*-*-* 01:45"),
    "troika-backup-form-keys": Job(
        "archive of the keys of forms", f"backup form-keys {FORM_KEY_ARCHIVES}", "*-*-* 01:50"
    ),
    "troika-drill": Job("restore for practice", f"drill --report {DRILLS}", "Sun *-*-* 04:30"),
}
"""By the name of the unit. A full backup is made once a week, by the first run that finds the last one a week old."""


def files() -> dict[str, str]:
    """Texts of all units by file name."""
    found = {}
    for name, job in JOBS.items():
        found[f"{name}.service"] = SERVICE.format(name=name, about=job.about, command=job.command, protected=PROTECTED)
        found[f"{name}.timer"] = TIMER.format(name=name, about=job.about, when=job.when)
    return found
