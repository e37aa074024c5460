"""The closed list of checks: what each needs, and the function that makes its results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deploy.operations.doctor import backups, broker, database, host, keys, mail, network
from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, not_asked
from deploy.operations.doctor.probes import Probes
from deploy.operations.doctor.redacting import passwords_of, redact
from shared.runtime.errors import Unavailable

Run = Callable[[GradedHost, Probes], Iterable[CheckResult]]


class Need(StrEnum):
    """Settings that a check needs; the value is the remedy if they are missing."""

    NOTHING = ""
    DATABASES = "Run the doctor where the settings files of the processes are"
    BROKER = "Run the doctor where the settings files of relay and consume are (a bus in PostgreSQL needs no broker)"
    BROKER_MEMBERS = (
        f"Name the management API in {broker.MANAGEMENT_URL}, or every node's metrics in {broker.METRICS_URLS}"
    )
    BROKER_METRICS = f"Name the address of every node's metrics in {broker.METRICS_URLS}: http://broker-1:15692"
    KEYS = "Run the doctor as root where the settings files of the processes are; with Compose: doctor-logins"
    PUBLIC_URL = f"Name the public address in {network.PUBLIC_URL}"
    RELAY = f"Name the mail relay in {mail.SMTP_URL}"
    MAIL_FROM = f"Name the sender in {mail.MAIL_FROM}"
    PROMETHEUS = f"Name the address of Prometheus in {network.PROMETHEUS_URL}"


_GIVEN: dict[Need, Callable[[GradedHost], bool]] = {
    Need.NOTHING: lambda _host: True,
    Need.DATABASES: lambda graded: bool(graded.databases),
    Need.BROKER: lambda graded: bool(graded.brokers),
    Need.BROKER_MEMBERS: lambda graded: any(map(graded.value, (broker.MANAGEMENT_URL, broker.METRICS_URLS))),
    Need.KEYS: lambda graded: bool(graded.key_files),
}
SETTINGS: dict[Need, str] = {
    Need.BROKER_METRICS: broker.METRICS_URLS,
    Need.PUBLIC_URL: network.PUBLIC_URL,
    Need.RELAY: mail.SMTP_URL,
    Need.MAIL_FROM: mail.MAIL_FROM,
    Need.PROMETHEUS: network.PROMETHEUS_URL,
}
"""The name of the setting that is needed."""


@dataclass(frozen=True, slots=True)
class HostCheck:
    """A check.

    Attributes:
        name: ``<subject>-<thing>``; the report and ``--only`` use it.
        need: the settings that it needs.
        run: makes the results; its docstring is the requirement.
    """

    name: str
    need: Need
    run: Run

    @property
    def subject(self) -> str:
        """The subject of the check: the first part of its name."""
        return self.name.partition("-")[0]

    @property
    def meaning(self) -> str:
        """The requirement, in a sentence."""
        return (self.run.__doc__ or "").strip()


CHECKS: Sequence[HostCheck] = (
    HostCheck("settings-insecure", Need.NOTHING, host.check_insecure),
    HostCheck("database-logins", Need.DATABASES, database.check_logins),
    HostCheck("database-version", Need.DATABASES, database.check_version),
    HostCheck("database-limits", Need.DATABASES, database.check_limits),
    HostCheck("database-functions", Need.DATABASES, database.check_functions),
    HostCheck("database-schema", Need.DATABASES, database.check_schema),
    HostCheck("database-quarantine", Need.DATABASES, database.check_quarantine),
    HostCheck("database-durability", Need.DATABASES, database.check_durability),
    HostCheck("database-standby", Need.DATABASES, database.check_standby),
    HostCheck("database-connections", Need.DATABASES, database.check_connections),
    HostCheck("database-archive", Need.DATABASES, backups.check_archive),
    HostCheck("database-tls", Need.DATABASES, database.check_tls),
    HostCheck("broker-logins", Need.BROKER, broker.check_logins),
    HostCheck("broker-version", Need.BROKER, broker.check_version),
    HostCheck("broker-topology", Need.BROKER, broker.check_topology),
    HostCheck("broker-rights", Need.BROKER, broker.check_rights),
    HostCheck("broker-members", Need.BROKER_MEMBERS, broker.check_members),
    HostCheck("broker-alarms", Need.BROKER_METRICS, broker.check_alarms),
    HostCheck("keys-files", Need.KEYS, keys.check_files),
    HostCheck("keys-fingerprints", Need.KEYS, keys.check_fingerprints),
    HostCheck("keys-forms", Need.DATABASES, keys.check_form_keys),
    HostCheck("clock-databases", Need.DATABASES, database.check_clock),
    HostCheck("clock-synchronised", Need.NOTHING, host.check_time),
    HostCheck("backup-age", Need.NOTHING, backups.check_backup),
    HostCheck("backup-drill", Need.NOTHING, backups.check_drill),
    HostCheck("network-public", Need.PUBLIC_URL, network.check_public_url),
    HostCheck("network-headers", Need.PUBLIC_URL, network.check_headers),
    HostCheck("network-operations", Need.PUBLIC_URL, network.check_operations),
    HostCheck("network-certificates", Need.NOTHING, network.check_certificates),
    HostCheck("network-proxies", Need.NOTHING, network.check_proxies),
    HostCheck("network-prometheus", Need.PROMETHEUS, network.check_prometheus),
    HostCheck("mail-relay", Need.RELAY, mail.check_relay),
    HostCheck("mail-mx", Need.MAIL_FROM, mail.check_mx),
    HostCheck("mail-spf", Need.MAIL_FROM, mail.check_spf),
    HostCheck("mail-dkim", Need.MAIL_FROM, mail.check_dkim),
    HostCheck("mail-dmarc", Need.MAIL_FROM, mail.check_dmarc),
    HostCheck("host-disks", Need.NOTHING, host.check_disks),
    HostCheck("host-memory", Need.NOTHING, host.check_memory),
    HostCheck("host-descriptors", Need.NOTHING, host.check_descriptors),
)


def run_checks(
    graded: GradedHost, probes: Probes, checks: Iterable[HostCheck] = CHECKS
) -> Iterator[tuple[HostCheck, CheckResult]]:
    """Every result of every check, in the order of the list, without passwords.

    A check that gets no answer is "not asked": one fault is one line, of the check of logins or of the public address.
    """
    passwords = passwords_of(graded)
    for check in checks:
        for result in _results(check, graded, probes):
            yield check, redact(result, passwords)


def _results(check: HostCheck, graded: GradedHost, probes: Probes) -> list[CheckResult]:
    setting = SETTINGS.get(check.need, "")
    if not (graded.value(setting) if setting else _GIVEN[check.need](graded)):
        return [not_asked(check.subject, "not in the settings", check.need.value)]
    try:
        return list(check.run(graded, probes))
    except Unavailable as error:
        return [not_asked(check.subject, f"no answer ({error.reason})")]
    except (ValueError, LookupError) as error:
        do = f"Check {setting or 'the settings files and the server'}"
        return [failed(check.subject, f"a setting or an answer is not understood ({type(error).__name__})", do)]
