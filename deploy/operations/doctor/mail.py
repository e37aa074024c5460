"""Checks of mail: the relay, its certificate, and the DNS records of the sender's domain."""

from collections.abc import Iterator

from deploy.operations.doctor.grading import PRIVATE_HOSTS, CheckResult, GradedHost, failed, not_asked, ok, warning
from deploy.operations.doctor.probes import Probes, TlsEndpoint
from services.notifications.composing.mime import domain_of
from services.notifications.sending.smtp import parse_relay
from shared.runtime.errors import Unavailable
from shared.runtime.settings import is_loopback

SMTP_URL, MAIL_FROM = "SMTP_URL", "TROIKA_MAIL_FROM"
SELECTOR = "TROIKA_DOCTOR_DKIM_SELECTOR"
WARN_DAYS, FAIL_DAYS = 14, 2
RESERVED = frozenset({"example", "test", "invalid", "localhost", "example.org", "example.com", "example.net"})
GUIDE = "docs/how-to/operate.md, The mail relay"


def check_relay(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The mail relay accepts an encrypted and verified connection."""
    relay = parse_relay(host.value(SMTP_URL))
    about = f"{relay.host}:{relay.port}"
    try:
        probes.relay(host.value(SMTP_URL))
    except Unavailable as error:
        do = "Start the relay; check name, port, password and certificate in SMTP_URL: mails wait for 72 hours"
        yield failed(about, error.reason, do)
        return
    if relay.security == "none":
        if is_loopback(relay.host):
            yield ok(about, "accepts connections, on this machine")
        elif relay.host in host.value(PRIVATE_HOSTS).split(","):
            yield ok(about, "accepts connections, in a network of this installation alone")
        else:
            yield warning(about, "not encrypted", "Write smtps:// or ?starttls=required in SMTP_URL")
        return
    certificate = probes.certificate(
        TlsEndpoint(relay.host, relay.port, "smtp" if relay.security == "starttls" else "")
    )
    days = (certificate.ends_at - probes.now()).days
    found = f"accepts encrypted connections; its certificate has {days} days left"
    if days < FAIL_DAYS:
        yield failed(about, found, "Renew the relay's certificate now: no mail is sent without it")
    elif days < WARN_DAYS:
        yield warning(about, found, "Renew the relay's certificate")
    else:
        yield ok(about, found)


def check_mx(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The sender's domain accepts mail, so that replies and bounces arrive."""
    domain = _domain(host, probes)
    records = probes.resolve(domain, "MX")
    if records:
        yield ok(domain, f"{len(records)} MX")
    elif probes.resolve(domain, "A") or probes.resolve(domain, "AAAA"):
        yield warning(domain, "no MX, an address only", "Write an MX record: answers and bounces go to the sender")
    else:
        yield failed(
            domain, "no MX and no address", "Write an MX record: relays refuse senders whose domain accepts no mail"
        )


def check_spf(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """SPF names the hosts that may send for the domain (RFC 7208)."""
    domain = _domain(host, probes)
    records = [text for text in probes.resolve(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        yield failed(domain, "no SPF record", f"Write v=spf1 with the relay's addresses and -all: {GUIDE}")
    elif len(records) > 1:
        yield failed(domain, f"{len(records)} SPF records", "Merge them: several count as an error (RFC 7208, 4.5)")
    elif records[0].lower().split()[-1] in ("+all", "all"):
        yield failed(domain, "SPF allows everyone", "End the record with -all or ~all")
    elif records[0].lower().split()[-1] == "?all":
        yield warning(domain, "SPF is neutral about others", "End the record with -all or ~all")
    else:
        yield ok(domain, records[0])


def check_dkim(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The relay's DKIM key is published (RFC 6376)."""
    domain, selector = _domain(host, probes), host.value(SELECTOR)
    if not selector:
        yield not_asked(domain, "no selector is named", f"Name the relay's selector in {SELECTOR}")
        return
    name = f"{selector}._domainkey.{domain}"
    keys = [_tags(text).get("p") for text in probes.resolve(name, "TXT")]
    if any(keys):
        yield ok(name, "a key is published")
    elif keys:
        yield failed(name, "the key is revoked or empty", "Publish the key with which the relay signs")
    else:
        yield failed(name, "no record", "Publish the relay's key there; check the selector")


def check_dmarc(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A DMARC policy rejects mails that others send in the domain's name (RFC 7489)."""
    domain = _domain(host, probes)
    parts = domain.split(".")
    for name in (f"_dmarc.{'.'.join(parts[start:])}" for start in range(len(parts) - 1)):
        policies = [_tags(text) for text in probes.resolve(name, "TXT") if text.lower().startswith("v=dmarc1")]
        if not policies:
            continue
        policy = policies[0].get("p", "").lower()
        if len(policies) > 1 or policy not in ("none", "quarantine", "reject"):
            yield failed(name, "several records, or no policy", "Leave one record: v=DMARC1; p=none; rua=mailto:…")
        elif policy == "none":
            yield warning(name, "p=none", "Raise it to p=reject once nothing else sends in the domain's name")
        else:
            yield ok(name, f"p={policy}")
        return
    yield failed(domain, "no DMARC record", f"Write v=DMARC1; p=none; rua=mailto:… first: {GUIDE}")


def _domain(host: GradedHost, probes: Probes) -> str:
    """The domain of the sender, if DNS can be asked about it.

    Raises:
        Unavailable: it is one for examples (RFC 2606), or the resolver does not resolve public names.
    """
    domain = domain_of(host.value(MAIL_FROM))
    if domain.split(".")[-1] in RESERVED or ".".join(domain.split(".")[-2:]) in RESERVED:
        raise Unavailable(f"{domain} is for examples")
    if not probes.resolve(domain.split(".")[-1] + ".", "NS"):
        raise Unavailable("the resolver does not resolve public names")
    return domain


def _tags(text: str) -> dict[str, str]:
    """Tags of a record ``v=DKIM1; k=rsa; p=…``."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, found, value in pairs if found}
