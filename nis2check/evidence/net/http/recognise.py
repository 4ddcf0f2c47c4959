# SPDX-License-Identifier: EUPL-1.2
"""Names what a page is when it is not a site: a portal of remote access or administration, a page left by an installation, a
listing of files. Pure; by public signs in what any visitor gets, never by asking for more.

A sign names a product only when nothing else is known to send it. No sign is no proof of absence: the rules say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What an entry point is for: remote_access (VPN and desktop gateways), mail, administration.
# product | for | sign | value: `cookie` is a cookie's whole name (or its beginning, with *), `server` the beginning of that
# header, `path` a part of the path of a page met or redirected to, `title` the beginning of the title, `body` a literal.
_PORTALS = """
Fortinet FortiGate   | administration | cookie | APSCOOKIE_*
Fortinet FortiGate   | remote_access  | cookie | SVPNCOOKIE
Fortinet FortiGate   | remote_access  | cookie | SVPNNETWORKCOOKIE
Fortinet FortiGate   | remote_access  | body   | top.location="/remote/login
Fortinet FortiGate   | remote_access  | path   | /remote/login
Fortinet FortiGate   | remote_access  | server | xxxxxxxx-xxxxx
Ivanti Connect Secure| remote_access  | path   | /dana-na/
Ivanti Connect Secure| remote_access  | cookie | DSSIGNIN
Ivanti EPMM          | administration | path   | /mifs/
Palo Alto GlobalProtect | remote_access | path | /global-protect/
Palo Alto GlobalProtect | remote_access | title | GlobalProtect Portal
Citrix Gateway       | remote_access  | cookie | NSC_AAAC
Citrix Gateway       | remote_access  | cookie | NSC_TMAS
Citrix Gateway       | remote_access  | cookie | NSC_TMAA
Citrix Gateway       | remote_access  | path   | /logon/LogonPoint/
Citrix Gateway       | remote_access  | path   | /vpn/index.html
Citrix Gateway       | remote_access  | title  | Citrix Gateway
Citrix Gateway       | remote_access  | title  | NetScaler Gateway
Cisco ASA            | remote_access  | path   | /+CSCOE+/
Cisco ASA            | remote_access  | cookie | webvpnlogin
Cisco ASA            | remote_access  | cookie | webvpncontext
F5 BIG-IP APM        | remote_access  | path   | /my.policy
F5 BIG-IP APM        | remote_access  | cookie | MRHSession
F5 BIG-IP            | administration | path   | /tmui/
Check Point          | remote_access  | path   | /sslvpn/Login/
Check Point          | remote_access  | cookie | CPCVPN_SESSION_ID
Check Point          | remote_access  | server | Check Point SVN foundation
SonicWall            | remote_access  | server | SonicWALL SSL-VPN Web Server
SonicWall            | remote_access  | path   | /sslvpnLogin.html
SonicWall            | remote_access  | server | SonicWALL
Sophos Firewall      | remote_access  | path   | /userportal/
Sophos Firewall      | administration | path   | /webconsole/
Stormshield          | remote_access  | path   | /auth/plain.html
Microsoft RD Web     | remote_access  | path   | /RDWeb/
VMware Horizon       | remote_access  | title  | VMware Horizon
Omnissa Horizon      | remote_access  | title  | Omnissa Horizon
Apache Guacamole     | remote_access  | title  | Apache Guacamole
Microsoft Exchange   | mail           | path   | /owa/
Zimbra               | mail           | cookie | ZM_TEST
Zimbra               | mail           | cookie | ZM_LOGIN_CSRF
Zimbra               | mail           | title  | Zimbra Web Client
Roundcube            | mail           | cookie | roundcube_sessid
pfSense              | administration | title  | pfSense - Login
OPNsense             | administration | title  | Login | OPNsense
Proxmox              | administration | server | pve-api-daemon/
VMware ESXi          | administration | body   | ID_EESX_Welcome
VMware vCenter       | administration | body   | ID_VC_Welcome
Synology DSM         | administration | title  | Synology DiskStation
Synology DSM         | administration | title  | SynologyNAS
Webmin               | administration | server | MiniServ/
phpMyAdmin           | administration | cookie | phpMyAdmin*
phpMyAdmin           | administration | title  | phpMyAdmin
Plesk                | administration | title  | Plesk Obsidian
cPanel               | administration | title  | cPanel Login
HPE iLO              | administration | server | HPE-iLO-Server/
HPE iLO              | administration | server | HP-iLO-Server/
Hikvision            | administration | server | App-webs/
Hikvision            | administration | path   | /doc/page/login.asp
UniFi                | administration | title  | UniFi Network
UniFi                | administration | title  | UniFi OS
Zabbix               | administration | cookie | zbx_session
Grafana              | administration | title  | Grafana
Portainer            | administration | title  | Portainer
"""

# Titles, or openings of them, of pages that an installation leaves until a site replaces them.
_DEFAULT_TITLES = (
    ("welcome to nginx", "nginx"),
    ("test page for the nginx http server", "nginx"),
    ("apache2 debian default page", "Apache"),
    ("apache2 ubuntu default page", "Apache"),
    ("apache http server test page", "Apache"),
    ("test page for the apache http server", "Apache"),
    ("test page for the http server", "Apache"),
    ("http server test page", "Apache"),
    ("apache tomcat/", "Tomcat"),
    ("iis windows", "IIS"),
    ("iis7", "IIS"),
    ("iis8", "IIS"),
    ("internet information services", "IIS"),
    ("welcome to caddy", "Caddy"),
    ("caddy works!", "Caddy"),
    ("domain default page", "Plesk"),
    ("web server's default page", "Plesk"),
    ("default web site page", "cPanel"),
    ("wordpress › installation", "WordPress"),
    ("wordpress › setup configuration file", "WordPress"),
)
_DEFAULT_PATHS = (("/wp-admin/install.php", "WordPress"), ("/wp-admin/setup-config.php", "WordPress"))
_IT_WORKS = re.compile(
    rb"\s*(?:<!doctype html>\s*)?<html>\s*(?:<head>.{0,200}</head>\s*)?<body>\s*<h1>It works!</h1>", re.I | re.S
)
_LISTING_TITLE = re.compile(r"(?:Index of /|Directory listing for /|Directory Listing For \[/)", re.IGNORECASE)
_LISTING_BODY = (
    b"Parent Directory",
    b"<h1>Index of /",
    b"<h2>Index of /",
    b"<h1>Directory listing for /",
    b"Directory Listing For",
)
_IIS_LISTING = b"[To Parent Directory]"
SMALL = 65536  # a portal's or an installation's page is short; in a long page a literal may be a quotation


@dataclass(frozen=True, slots=True)
class Portal:
    """An entry point that was recognised. ``use`` is remote_access, mail or administration."""

    product: str
    use: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What any visitor gets of a page: cookie names, Server headers, paths met or led to, title and body of the last."""

    cookies: Sequence[str] = ()
    servers: Sequence[str] = ()
    paths: Sequence[str] = ()
    title: str = ""
    body: bytes = b""


_ROWS = [re.split(r"\s*\|\s*", line, maxsplit=3) for line in _PORTALS.strip().splitlines()]


def portal(shown: Shown) -> Portal | None:
    """The first entry point of the table whose sign is there."""
    for product, use, sign, value in _ROWS:
        if _has(shown, sign, value):
            return Portal(product, use)
    return None


def _has(shown: Shown, sign: str, value: str) -> bool:
    if sign == "cookie":
        return _one_of(shown.cookies, value) if value.endswith("*") else value in shown.cookies
    if sign == "server":
        return any(server.startswith(value) for server in shown.servers)
    if sign == "path":
        return any(value.lower() in path.partition("?")[0].lower() for path in shown.paths)
    if sign == "title":
        return shown.title.lower().startswith(value.lower())
    return len(shown.body) <= SMALL and value.encode() in shown.body


def _one_of(names: Iterable[str], beginning: str) -> bool:
    return any(name.startswith(beginning[:-1]) for name in names)


def default_page(shown: Shown) -> str:
    """The product whose installation left this page, or "". An installer that anybody may run is one too."""
    title = shown.title.lower()
    for beginning, product in _DEFAULT_TITLES:
        if title.startswith(beginning) and len(shown.body) <= SMALL:
            return product
    for end, product in _DEFAULT_PATHS:
        if any(path.partition("?")[0].endswith(end) for path in shown.paths):
            return product
    return "Apache" if len(shown.body) <= 1024 and _IT_WORKS.match(shown.body) else ""


def directory_listing(shown: Shown) -> bool:
    """Whether the page is a server's own listing of a folder: by its title and a second sign, so that no article is one."""
    if _LISTING_TITLE.match(shown.title):
        return any(sign in shown.body for sign in _LISTING_BODY)
    return _IIS_LISTING in shown.body and shown.title.endswith("- /")
