# SPDX-License-Identifier: EUPL-1.2
"""The ports that an audit asks about, the class of each, and the service that first bytes show."""

from __future__ import annotations

# Ports that should not face the Internet, and the few that usually may. Chosen for authorities: remote administration,
# databases, file shares, consoles of what they run (backup, virtualisation, cameras, printers, heating).
_TABLE = """
21    ftp            file_sharing
22    ssh            remote_admin
23    telnet         cleartext_admin
25    smtp           mail
53    dns            other
80    http           web
102   s7             other
110   pop3           mail
111   rpcbind        file_sharing
135   msrpc          remote_admin
139   netbios        file_sharing
143   imap           mail
389   ldap           directory
443   https          web
445   smb            file_sharing
465   smtps          mail
502   modbus         other
512   rexec          cleartext_admin
513   rlogin         cleartext_admin
514   rsh            cleartext_admin
515   lpd            other
548   afp            file_sharing
554   rtsp           other
587   submission     mail
631   ipp            other
636   ldaps          directory
873   rsync          file_sharing
902   vmware         management
993   imaps          mail
995   pop3s          mail
1194  openvpn        vpn
1433  mssql          database
1521  oracle         database
1723  pptp           vpn
1883  mqtt           other
2049  nfs            file_sharing
2375  docker         management
2376  docker-tls     management
2379  etcd           database
3128  proxy          other
3268  global-catalog directory
3306  mysql          database
3389  rdp            remote_admin
4786  smart-install  management
5000  nas-console    management
5432  postgresql     database
5555  adb            remote_admin
5601  kibana         management
5900  vnc            remote_admin
5984  couchdb        database
5985  winrm          remote_admin
5986  winrm-tls      remote_admin
6379  redis          database
6443  kubernetes     management
8006  proxmox        management
8080  http-alt       web
8291  winbox         management
8443  https-alt      web
9000  portainer      management
9090  cockpit        management
9100  jetdirect      other
9200  elasticsearch  database
10000 webmin         management
10250 kubelet        management
11211 memcached      database
15672 rabbitmq       management
27017 mongodb        database
50000 db2            database
"""

CLASSES = (
    "database",
    "remote_admin",
    "file_sharing",
    "cleartext_admin",
    "management",
    "web",
    "mail",
    "vpn",
    "directory",
    "other",
)

_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
DEFAULT_PORTS = tuple(int(row[0]) for row in _ROWS)
_CLASS = {int(row[0]): row[2] for row in _ROWS}
# Second ports of the same services: judged when declared, not tried unless asked for.
_CLASS |= {
    1434: "database", 2380: "database", 3269: "directory", 5433: "database", 5901: "remote_admin", 8000: "web",
    8888: "web", 9300: "database", 9443: "management", 27018: "database", 33060: "database", 990: "file_sharing",
}  # fmt: skip

_TELNET = (b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xfe")
_STARTS = (
    (b"SSH-", "ssh"),
    (b"RFB ", "vnc"),
    (b"+OK", "pop3"),
    (b"* OK", "imap"),
    (b"* PREAUTH", "imap"),
    (b"HTTP/", "http"),
    (b"@RSYNCD:", "rsync"),
    (b"AMQP", "amqp"),
    (b"( success ( ", "svn"),
    (b"-NOAUTH", "redis"),
    (b"-DENIED Redis", "redis"),
)


def class_of(port: int) -> str:
    """The class of a port: what usually listens there."""
    return _CLASS.get(port, "other")


def service(first: bytes) -> str:
    """The service that the first bytes of a server show, "" when they show none. Never a version, never the bytes."""
    for start, name in _STARTS:
        if first.startswith(start):
            return name
    if first.startswith((b"220 ", b"220-")):
        return _greeting(first)
    if first.startswith(_TELNET):
        return "telnet"
    if len(first) > 5 and first[3] == 0 and first[4] in {9, 10} and first[:3] != b"\0\0\0":
        return "mysql"  # packet length, sequence 0, protocol version 9 or 10
    return ""


def _greeting(first: bytes) -> str:
    """220 greets for FTP, for SMTP and for VMware alike."""
    text = first.upper()
    if b"SMTP" in text:
        return "smtp"
    if b"VMWARE" in text:
        return "vmware"
    return "ftp" if b"FTP" in text else ""
