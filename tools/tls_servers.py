# SPDX-License-Identifier: EUPL-1.2
"""Real servers of many kinds on loopback, each configured otherwise, beside the ten nginx of ``tls_lab``.

Each maker writes its configuration into the lab's folder, gives what it started and the servers to look at. A maker whose
program is not there gives nothing: what ran is printed by who asks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tls_lab import HOST, Lab, Profile, Server, find, free_ports, keys, lab, wait

TLS12, TLS13, OLD = "TLSv1.2", "TLSv1.3", "TLSv1 TLSv1.1 TLSv1.2"
NOT_TLS = ""  # versions of a server that speaks something else


@dataclass(slots=True)
class Started:
    """What a maker started. ``end`` stops what is not a child of ours."""

    servers: list[Server] = field(default_factory=list)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    end: list[Callable[[], object]] = field(default_factory=list)

    def add(self, name: str, versions: str, port: int, starttls: str = "", keys: tuple[str, ...] = ("rsa",)) -> None:
        self.servers.append(Server(Profile(name, versions, "", keys), port, starttls))


def _run(folder: Path, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)


# ---------------------------------------------------------------------------------------------------------------- web

_APACHE = Path("/usr/lib/apache2/modules")
_VHOSTS = (
    ("apache modern", TLS13, "SSLProtocol -all +TLSv1.3", "ec"),
    ("apache intermediate", f"{TLS12} {TLS13}", "SSLProtocol -all +TLSv1.2 +TLSv1.3\nSSLCipherSuite ECDHE+AESGCM", "rsa"),
    ("apache old", OLD, "SSLProtocol -all +TLSv1 +TLSv1.1 +TLSv1.2\nSSLCipherSuite ALL:!aNULL:!eNULL:@SECLEVEL=0", "rsa"),
)  # fmt: skip


def apache(folder: Path) -> Started:
    started, program = Started(), find("apache2")
    if not program or not _APACHE.is_dir():
        return started
    ports = free_ports(len(_VHOSTS))
    hosts = ""
    for (name, versions, settings, key), port in zip(_VHOSTS, ports, strict=True):
        hosts += (
            f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nServerName {HOST}\nSSLEngine on\n{settings}\n"
        )
        hosts += f"SSLCertificateFile {folder}/{key}.pem\nSSLCertificateKeyFile {folder}/{key}.key\n</VirtualHost>\n"
        started.add(name, versions, port, keys=(key,))
    loads = "".join(f"LoadModule {one}_module {_APACHE}/mod_{one}.so\n" for one in ("mpm_event", "authz_core", "ssl"))
    (folder / "httpd.conf").write_text(
        f"ServerRoot {folder}\nPidFile {folder}/httpd.pid\nErrorLog {folder}/httpd.log\nServerName {HOST}\n{loads}{hosts}"
        f"{'User www-data' if os.geteuid() == 0 else ''}\nMutex file:{folder}\nSSLSessionCache none\n"
    )
    started.children.append(_run(folder, program, "-f", str(folder / "httpd.conf"), "-DFOREGROUND"))
    return started


def haproxy(folder: Path) -> Started:
    started, program = Started(), find("haproxy")
    if not program:
        return started
    modern, old = free_ports(2)
    (folder / "both.pem").write_bytes((folder / "rsa.pem").read_bytes() + (folder / "rsa.key").read_bytes())
    binds = f"bind 127.0.0.1:{modern} ssl crt {folder}/both.pem ssl-min-ver TLSv1.2\n"
    binds += (
        f"bind 127.0.0.1:{old} ssl crt {folder}/both.pem ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 ciphers ECDHE+AES\n"
    )
    (folder / "haproxy.cfg").write_text(f"frontend f\nmode http\ntimeout client 5s\n{binds}")
    started.children.append(_run(folder, program, "-db", "-f", str(folder / "haproxy.cfg")))
    started.add("haproxy modern", f"{TLS12} {TLS13}", modern)
    started.add("haproxy tls12", TLS12, old)
    return started


def caddy(folder: Path) -> Started:
    started, program = Started(), find("caddy")
    if not program:
        return started
    plain, secure = free_ports(2)
    (folder / "Caddyfile").write_text(
        f"{{\nadmin off\nskip_install_trust\ndefault_bind 127.0.0.1\nhttp_port {plain}\nhttps_port {secure}\n}}\n"
        f"https://{HOST}:{secure} {{\ntls {folder}/ec.pem {folder}/ec.key\nrespond ok\n}}\n"
    )
    home = {"HOME": str(folder), "PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder)}
    command = (program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    started.children.append(_run(folder, *command, env=home))
    started.add("caddy", f"{TLS12} {TLS13}", secure, keys=("ec",))
    return started


# ----------------------------------------------------------------------------------------------------- TLS libraries

_GNUTLS = (
    ("gnutls normal", f"{OLD} {TLS13}", "NORMAL"),
    ("gnutls tls12", TLS12, "NORMAL:-VERS-ALL:+VERS-TLS1.2"),
    ("gnutls tls13 ccm", TLS13, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-CCM:+AES-128-GCM"),
)
_OPENSSL = (
    ("openssl client certificate", f"{TLS12} {TLS13}", ("-verify", "1"), "rsa"),
    ("openssl one suite", TLS13, ("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "ec"),
    ("openssl ccm8", TLS12, ("-tls1_2", "-cipher", "AESCCM8:AESCCM:@SECLEVEL=0"), "ec"),
    ("openssl camellia", TLS12, ("-tls1_2", "-cipher", "CAMELLIA"), "rsa"),
    ("openssl aria", TLS12, ("-tls1_2", "-cipher", "ARIAGCM"), "rsa"),
    ("openssl anonymous", TLS12, ("-tls1_2", "-nocert", "-cipher", "aNULL:@SECLEVEL=0"), ""),
    ("openssl rsa-pss", f"{TLS12} {TLS13}", (), "pss"),
    ("openssl ed25519", f"{TLS12} {TLS13}", (), "ed25519"),
    ("openssl p521", f"{TLS12} {TLS13}", ("-groups", "P-521:P-384"), "ec"),
    ("openssl no tickets", f"{TLS12} {TLS13}", ("-no_ticket", "-no_renegotiation"), "rsa"),
    ("openssl tls11", "TLSv1.1", ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "rsa"),
    ("openssl tls10", "TLSv1", ("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "rsa"),
)


def gnutls(folder: Path) -> Started:
    started, program = Started(), find("gnutls-serv")
    if not program:
        return started
    for (name, versions, priority), port in zip(_GNUTLS, free_ports(len(_GNUTLS)), strict=True):
        files = ("--x509certfile", str(folder / "rsa.pem"), "--x509keyfile", str(folder / "rsa.key"))
        command = (
            program,
            "--port",
            str(port),
            "--http",
            "--quiet",
            "--disable-client-cert",
            *files,
            "--priority",
            priority,
        )
        started.children.append(_run(folder, *command))
        started.add(name, versions, port)
    return started


def openssl(folder: Path) -> Started:
    started, program = Started(), find("openssl")
    if not program:
        return started
    for (name, versions, options, key), port in zip(_OPENSSL, free_ports(len(_OPENSSL)), strict=True):
        files = ("-cert", f"{key}.pem", "-key", f"{key}.key") if key else ()
        command = (
            program,
            "s_server",
            "-quiet",
            "-accept",
            f"127.0.0.1:{port}",
            "-dhparam",
            "dh.pem",
            *files,
            *options,
        )
        started.children.append(_run(folder, *command))
        started.add(name, versions, port, keys=(key,) if key else ())
    return started


# ------------------------------------------------------------------------------------------------- mail, data, names


def dovecot(folder: Path) -> Started:
    started, program = Started(), find("dovecot")
    if not program or os.geteuid() != 0:
        return started
    imap, imaps, pop3 = free_ports(3)
    (folder / "dovecot.conf").write_text(
        f"ssl = yes\nssl_min_protocol = TLSv1.2\nssl_cert = <{folder}/rsa.pem\nssl_key = <{folder}/rsa.key\nssl_dh =\n"
        f"base_dir = {folder}/dovecot\nstate_dir = {folder}/dovecot-state\nprotocols = imap pop3\nlisten = 127.0.0.1\n"
        f"log_path = {folder}/dovecot.log\nmail_location = maildir:{folder}/mail\n"
        "passdb {\n  driver = static\n  args = password=nobody\n}\nuserdb {\n  driver = static\n}\n"
        f"service imap-login {{\n  inet_listener imap {{\n    port = {imap}\n  }}\n"
        f"  inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n"
        f"service pop3-login {{\n  inet_listener pop3 {{\n    port = {pop3}\n  }}\n"
        f"  inet_listener pop3s {{\n    port = 0\n  }}\n}}\n"
    )
    started.children.append(_run(folder, program, "-F", "-c", str(folder / "dovecot.conf")))
    started.add("dovecot imaps", f"{TLS12} {TLS13}", imaps)
    started.add("dovecot imap", f"{TLS12} {TLS13}", imap, "imap")
    started.add("dovecot pop3", f"{TLS12} {TLS13}", pop3, "pop3")
    return started


_MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {host}
mydestination =
alias_maps =
default_database_type = hash
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
meta_directory = /etc/postfix
smtpd_tls_chain_files = {folder}/rsa.key, {folder}/rsa.pem
smtpd_client_connection_rate_limit = 0
"""
_MASTER = """127.0.0.1:{modern} inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_tls_protocols=>=TLSv1.2
127.0.0.1:{old} inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_tls_protocols=TLSv1.2
127.0.0.1:{wrapped} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_mandatory_protocols=>=TLSv1.2
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
"""


def postfix(folder: Path) -> Started:
    started, program = Started(), find("postfix")
    if not program or os.geteuid() != 0:
        return started
    home = Path(tempfile.mkdtemp(prefix="postfix"))  # its queue must not lie under a folder of others
    home.chmod(0o755)
    for name in ("etc", "queue", "data"):
        (home / name).mkdir()
    shutil.chown(home / "data", "postfix")
    for name in ("rsa.pem", "rsa.key"):
        shutil.copy(folder / name, home / name)
    modern, old, wrapped = free_ports(3)
    own = ""
    for name in ("daemon_directory", "shlib_directory", "command_directory"):
        value = subprocess.run(["postconf", "-dh", name], check=True, capture_output=True, text=True).stdout
        own += f"{name} = {value}"
    (home / "etc" / "main.cf").write_text(_MAIN.format(folder=home, host=HOST) + own)
    (home / "etc" / "master.cf").write_text(_MASTER.format(modern=modern, old=old, wrapped=wrapped))
    command = [program, "-c", str(home / "etc")]
    subprocess.run([*command, "start"], check=True, capture_output=True, timeout=20)
    started.end.append(lambda: subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=20))
    started.end.append(lambda: shutil.rmtree(home, ignore_errors=True))
    started.add("postfix smtp", f"{TLS12} {TLS13}", modern, "smtp")
    started.add("postfix smtp tls12", TLS12, old, "smtp")
    started.add("postfix smtps", f"{TLS12} {TLS13}", wrapped)
    return started


def postgresql(folder: Path) -> Started:
    started = Started()
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        return started
    (port,) = free_ports(1)
    home = Path(tempfile.mkdtemp(prefix="nis2check-pg-"))
    for name in ("rsa.pem", "rsa.key"):
        shutil.copy(folder / name, home / name)
        (home / name).chmod(0o600)
    as_other = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        for one in (home, home / "rsa.pem", home / "rsa.key"):
            shutil.chown(one, "postgres", "postgres")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='{home}' -c fsync=off -c ssl=on"
    options += f" -c ssl_cert_file={home}/rsa.pem -c ssl_key_file={home}/rsa.key"
    here = programs[-1].parent
    quiet = {"cwd": home, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    init = [*as_other, str(here / "initdb"), "-D", "data", "-U", "owner", "-A", "trust", "--no-sync"]
    subprocess.run(init, check=True, timeout=60, **quiet)  # type: ignore[call-overload]
    control = [*as_other, str(here / "pg_ctl"), "-D", "data", "-w"]
    subprocess.run([*control, "-l", "log", "-o", options, "start"], check=True, timeout=60, **quiet)  # type: ignore[call-overload]
    started.end.append(lambda: subprocess.run([*control, "-m", "immediate", "stop"], check=False, timeout=60, **quiet))  # type: ignore[call-overload]
    started.end.append(lambda: shutil.rmtree(home, ignore_errors=True))
    started.add("postgresql", f"{TLS12} {TLS13}", port, "postgresql")
    return started


def bind(folder: Path) -> Started:
    """DNS over TLS (RFC 7858)."""
    started, program = Started(), find("named")
    if not program:
        return started
    plain, secure = free_ports(2)
    (folder / "named.conf").write_text(
        f'tls t {{ cert-file "{folder}/rsa.pem"; key-file "{folder}/rsa.key"; protocols {{ TLSv1.2; TLSv1.3; }}; }};\n'
        f'options {{ directory "{folder}"; listen-on port {plain} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;\n'
        f"listen-on port {secure} tls t {{ 127.0.0.1; }}; session-keyfile none; recursion no; }}; controls {{ }};\n"
    )
    started.children.append(_run(folder, program, "-f", "-n", "1", "-c", str(folder / "named.conf")))
    started.add("bind dot", f"{TLS12} {TLS13}", secure)
    return started


def openssh(folder: Path) -> Started:
    started, program = Started(), find("sshd")
    if not program:
        return started
    (port,) = free_ports(1)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    options = ("-p", str(port), "-h", str(folder / "host"), "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none")
    started.children.append(_run(folder, program, "-D", "-e", "-f", "/dev/null", *options))
    started.add("openssh", NOT_TLS, port)
    return started


MAKERS = (apache, haproxy, caddy, gnutls, openssl, dovecot, postfix, postgresql, bind, openssh)


@contextmanager
def servers(makers: Sequence[Callable[[Path], Started]] = MAKERS) -> Iterator[Lab]:
    """The nginx of `lab` and every other server that can start here; ended on leaving."""
    with ExitStack() as stack:
        first = stack.enter_context(lab(10))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nis2check-servers-")))
        folder.chmod(0o755)
        keys(folder)
        found = list(first.servers)
        for make in makers:
            started = make(folder)
            for end in reversed(started.end):
                stack.callback(end)
            for child in started.children:
                stack.callback(child.wait, 10)
                stack.callback(child.terminate)
            found += started.servers
        wait(found)
        yield Lab(tuple(found), folder / "roots.pem", 0)
