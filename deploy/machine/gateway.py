"""nginx in front of the web processes, on a machine with systemd: its configuration and its unit, as texts.

What an operator adds, names and certificates, is in files of their own, which no later `troika install` writes again.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from deploy.machine.units import PROTECTED, port_of
from deploy.shape import WEB_PROCESSES, worker_name
from deploy.up.gateway import gateway_configuration
from deploy.up.ports import InstallationPorts

GATEWAY_UNIT = "troika-gateway"
CONFIGURATION, PARTS = "/etc/troika/nginx.conf", "/etc/troika/gateway"
STATE = "/var/lib/troika/gateway"
"""What does not fit into nginx's memory, and its pid; the unit makes it."""

PORTS = {"public": 8080, "desk": 8081, "operations": 8082}
"""On loopback: of the public host, of the coordinators' host, and for operators."""

UNIT = f"""\
# Written by `troika install`; change it with `systemctl edit {GATEWAY_UNIT}`.
[Unit]
Description=Troika: gateway (nginx)
Documentation=file:/opt/troika/docs/how-to/operate.md
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/sbin/nginx -c {CONFIGURATION} -e stderr -g "user www-data;"
ExecReload=/usr/sbin/nginx -t -q -c {CONFIGURATION} -e stderr
ExecReload=/bin/kill -s HUP $MAINPID
Restart=always
RestartSec=500ms
KillSignal=SIGQUIT
KillMode=mixed
TimeoutStopSec=40
LimitNOFILE=16384
StateDirectory=troika/gateway
# The main process opens ports and certificates; its workers are www-data.
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE CAP_KILL
ProtectSystem=strict
{PROTECTED}\
PrivateTmp=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
"""

PART = """\
# Part of nginx's server of {host}. Written once: it is yours. Then: systemctl reload {unit}
#listen 443 ssl;
#listen [::]:443 ssl;
#server_name {host};
#ssl_certificate /etc/ssl/troika/{host}.pem;
#ssl_certificate_key /etc/ssl/troika/{host}.key;
# Behind a TLS proxy on another machine: an address that it reaches, and its network
#listen 10.0.0.1:{port};
#set_real_ip_from 10.0.0.0/8;
"""


def gateway(hosts: Sequence[str], public_url: str) -> str:
    """The text of ``nginx.conf`` for web processes on ``hosts``."""
    ports = InstallationPorts({**PORTS, **{worker_name(*web): port_of(*web) for web in WEB_PROCESSES}})
    behind = {worker_name(*web): [f"{host}:{port_of(*web)}" for host in hosts] for web in WEB_PROCESSES}
    text = gateway_configuration(Path(STATE), ports, behind=behind, public_url=public_url)
    for name in ("public", "desk"):
        listen = f"    listen 127.0.0.1:{PORTS[name]};\n"
        text = text.replace(listen, f"{listen}    include {PARTS}/{name}.conf;\n")
    return text


def parts(public_url: str, console_url: str) -> dict[str, str]:
    """Texts of the files that are an operator's, by name below ``PARTS``."""
    hosts = {"public": urlsplit(public_url).hostname, "desk": urlsplit(console_url).hostname}
    return {f"{name}.conf": PART.format(host=host, unit=GATEWAY_UNIT, port=PORTS[name]) for name, host in hosts.items()}
