# SPDX-License-Identifier: EUPL-1.2
"""Our facts of TLS beside those of sslyze, sslscan and testssl.sh, server by server: every difference is printed.

python tools/agree_tls.py                       ten configurations of nginx on loopback; sslscan when installed
python tools/agree_tls.py --all                 and some thirty servers more: Apache, Postfix, Dovecot, PostgreSQL, GnuTLS…
python tools/agree_tls.py --peers VENV          sslyze too, from that virtual environment
python tools/agree_tls.py --testssl             testssl.sh too (versions only, some 20 s a server)

Ends with 1 when something differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from pathlib import Path
from typing import Any

from tls_lab import HOST, Lab, Server, find, lab
from tls_servers import servers

from nis2check.evidence.net import tls
from nis2check.evidence.net.tls import suites
from nis2check.evidence.observe import Seen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Kind, Target

Facts = dict[str, Any]
# what others call a protocol
_SSLSCAN = {"postgresql": "psql"}
_SSLYZE = {"postgresql": "postgres"}

SSLYZE_VERSIONS = {
    "ssl_2_0": "SSLv2", "ssl_3_0": "SSLv3", "tls_1_0": "TLSv1", "tls_1_1": "TLSv1.1", "tls_1_2": "TLSv1.2",
    "tls_1_3": "TLSv1.3",
}  # fmt: skip
SSLSCAN_VERSIONS = {
    "ssl2": "SSLv2",
    "ssl3": "SSLv3",
    "tls1.0": "TLSv1",
    "tls1.1": "TLSv1.1",
    "tls1.2": "TLSv1.2",
    "tls1.3": "TLSv1.3",
}
TESTSSL_VERSIONS = {
    "SSLv2": "SSLv2",
    "SSLv3": "SSLv3",
    "TLS1": "TLSv1",
    "TLS1_1": "TLSv1.1",
    "TLS1_2": "TLSv1.2",
    "TLS1_3": "TLSv1.3",
}


def ours(server: Server, roots: Path) -> Facts:
    """Our facts at full depth; a fact of two certificates becomes a sorted list."""
    found: dict[str, list[Any]] = {}

    async def run() -> None:
        settings = Settings(
            pace=PACES["lab"],
            internal=True,
            full=True,
            ca_file=str(roots),
            resolve={(HOST, server.port): ("127.0.0.1",)},
        )
        options = {"starttls": server.starttls} if server.starttls else {}
        async for one in tls.look(Target(Kind.TLS, f"{HOST}:{server.port}", options=options), Wire(settings)):
            if isinstance(one, Seen):
                found.setdefault(one.name, []).append(one.value)

    asyncio.run(run())
    facts: Facts = {name: values[0] for name, values in found.items()}
    facts["tls.cipher_suites"] = {key: sorted(names) for key, names in facts.get("tls.cipher_suites", {}).items()}
    facts["certificate.sha256"] = sorted(set(found.get("certificate.sha256", [])))
    return facts


def of_sslyze(program: Path, server: Server, folder: Path) -> Facts:
    out = folder / "sslyze.json"
    out.unlink(missing_ok=True)
    asked = ["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--certinfo", "--compression"]
    asked += ["--fallback", "--reneg", "--ems"]
    asked += [f"--starttls={_SSLYZE.get(server.starttls, server.starttls)}"] if server.starttls else []
    command = [str(program), *asked, "--mozilla_config", "disable", "--json_out", str(out), f"127.0.0.1:{server.port}"]
    subprocess.run(command, capture_output=True, check=False)
    result = json.loads(out.read_text())["server_scan_results"][0]["scan_result"]
    if result is None:
        return {}  # its own first connection failed: it told nothing

    def of(name: str) -> Facts:
        return (result.get(name) or {}).get("result") or {}

    listed = {
        version: sorted(
            one["cipher_suite"]["name"] for one in of(f"{key}_cipher_suites").get("accepted_cipher_suites", [])
        )
        for key, version in SSLYZE_VERSIONS.items()
    }
    chains = of("certificate_info").get("certificate_deployments", [])
    return {
        "tls.versions": [version for version in SSLYZE_VERSIONS.values() if listed[version]],
        "tls.cipher_suites": {version: names for version, names in listed.items() if names},
        "tls.compression": of("tls_compression").get("supports_compression"),
        "tls.fallback_scsv": of("tls_fallback_scsv").get("supports_fallback_scsv"),
        "tls.secure_renegotiation": of("session_renegotiation").get("supports_secure_renegotiation"),
        "tls.extended_master_secret": of("tls_extended_master_secret").get("supports_ems_extension"),
        "certificate.sha256": sorted(
            {b64decode(chain["received_certificate_chain"][0]["fingerprint_sha256"]).hex() for chain in chains}
        ),
    }


def of_sslscan(program: str, server: Server, folder: Path) -> Facts:
    out = folder / f"sslscan-{server.port}.xml"
    behind = [f"--starttls-{_SSLSCAN.get(server.starttls, server.starttls)}"] if server.starttls else []
    subprocess.run(
        [program, f"--xml={out}", f"--sni-name={HOST}", *behind, f"127.0.0.1:{server.port}"],
        capture_output=True,
        check=False,
    )
    root = ElementTree.fromstring(out.read_bytes())
    listed: dict[str, list[str]] = {}
    for one in root.iter("cipher"):
        version = {"TLSv1.0": "TLSv1"}.get(one.get("sslversion", ""), one.get("sslversion", ""))
        listed.setdefault(version, []).append(suites.name(int(one.get("id", "0"), 16)))
    offered = {
        SSLSCAN_VERSIONS[f"{one.get('type')}{one.get('version')}"]
        for one in root.iter("protocol")
        if one.get("enabled") == "1"
    }

    def flag(name: str, attribute: str = "supported") -> bool | None:
        one = root.find(f".//{name}")
        return None if one is None else one.get(attribute) == "1"

    return {
        "tls.versions": [version for version in SSLSCAN_VERSIONS.values() if version in offered],
        "tls.cipher_suites": {version: sorted(names) for version, names in listed.items()},
        "tls.compression": flag("compression"),
        "tls.fallback_scsv": flag("fallback"),
    }


def of_testssl(program: str, server: Server, folder: Path) -> Facts:
    out = folder / "testssl.json"
    out.unlink(missing_ok=True)
    command = [program, "--protocols", "--ip", "127.0.0.1", "--jsonfile", str(out), "--color", "0", "--warnings", "off"]
    command += ["-t", server.starttls] if server.starttls else []
    subprocess.run([*command, f"{HOST}:{server.port}"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = {one["id"]: one["finding"] for one in json.loads(out.read_text())}
    return {
        "tls.versions": [
            version for key, version in TESTSSL_VERSIONS.items()
            if found.get(key, "").startswith(("offered", "vulnerable"))
        ]
    }  # fmt: skip


# Differences that are the other tool's, and how that is known.
EXPLAINED = {
    (
        "dovecot",
        "sslscan",
    ): "Dovecot without ssl_dh breaks off when it chooses DHE, and sslscan offers DHE among the rest; "
    "openssl s_client shows the suites accepted, asked one by one",
}


def explained(server: Server, tool: str) -> str:
    return EXPLAINED.get((server.profile.name.split()[0], tool.split()[0]), "")


def compare(tool: str, mine: Facts, theirs: Facts) -> list[str]:
    """The differences in words. What either does not tell is no difference."""
    out = []
    for name, value in theirs.items():
        if value is None or name not in mine or mine[name] == value:
            continue
        if isinstance(value, dict):
            for version in sorted(value.keys() | mine[name].keys()):
                here, there = set(mine[name].get(version, [])), set(value.get(version, []))
                if here != there:
                    out.append(
                        f"{name} {version}: only ours {sorted(here - there)}, only {tool} {sorted(there - here)}"
                    )
        else:
            out.append(f"{name}: ours {mine[name]}, {tool} {value}")
    return out


def tools(peers: str, testssl: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    sslyze = Path(peers) / "bin" / "sslyze"
    if peers and sslyze.exists():
        found["sslyze"] = lambda server, folder: of_sslyze(sslyze, server, folder)
    if sslscan := find("sslscan"):
        said = subprocess.run([sslscan, "--version"], capture_output=True, text=True, check=False).stdout
        name = "sslscan 2.0" if "2.0." in said else "sslscan"
        found[name] = lambda server, folder: of_sslscan(sslscan, server, folder)
    if testssl and (program := find("testssl") or find("testssl.sh")):
        found["testssl.sh"] = lambda server, folder: of_testssl(program, server, folder)
    return found


def run(place: Lab, peers: dict[str, Any], folder: Path) -> int:
    different = 0
    for server in place.servers:
        mine = ours(server, place.roots)
        for tool, ask in peers.items():
            theirs = ask(server, folder)
            if not theirs:
                print(f"{server.profile.name:18} {tool:12} told nothing of this server", flush=True)
                continue
            differences = compare(tool, mine, theirs)
            why = explained(server, tool)
            different += 0 if why else len(differences)
            both = sum(value is not None and name in mine for name, value in theirs.items())
            print(f"{server.profile.name:18} {tool:12} {both} facts, {len(differences)} differ", flush=True)
            for line in differences:
                print(f"    {line}" + (f" (explained: {why})" if why else ""))
    return different


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--peers", default="", metavar="VENV")
    parser.add_argument("--testssl", action="store_true")
    given = parser.parse_args()
    peers = tools(given.peers, given.testssl)
    if not peers:
        print("no other tool is there: install sslscan or testssl.sh, or give --peers", file=sys.stderr)
        return 2
    with servers() if given.all else lab(given.servers) as place, tempfile.TemporaryDirectory() as folder:
        different = run(place, peers, Path(folder))
    print(f"{different} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
