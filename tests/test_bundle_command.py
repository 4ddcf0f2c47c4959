# SPDX-License-Identifier: EUPL-1.2
"""``bundle`` and ``verify`` by their real commands, and by the tools of an auditor: unzip, sha256sum, ssh-keygen, openssl."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import files
from nis2check.bundle import archive, manifest, sshsig, timestamp
from nis2check.errors import InputError

GOLDEN = Path(__file__).parent / "golden" / "result.json"
SCHEMAS = Path(__file__).parent.parent / "schemas"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
KEYS = {"ed25519": [], "rsa": ["-b", "2048"], "ecdsa": ["-b", "256"], "ecdsa-521": ["-b", "521"]}


def facts(count: int) -> list[dict[str, Any]]:
    """Two facts a target: TLS accepted, in an old version."""
    found: list[dict[str, Any]] = []
    for n in range(count // 2):
        values = {"tls.accepted": True, "tls.versions": ["TLSv1", "TLSv1.2"]}
        found += [
            {
                "name": name, "subject": f"h{n}.exemple.test:443", "address": "192.0.2.1", "value": value,
                "source": "probe", "where": "tls hello", "seen_at": "2026-11-22T13:05:30+00:00",
            }
            for name, value in values.items()
        ]  # fmt: skip
    return found


def padded(document: dict[str, Any], count: int) -> dict[str, Any]:
    """As many facts in all, as one look at a target gives dozens; no rule reads these."""
    filler = document["facts"][0]
    for n in range(count - len(document["facts"])):
        document["facts"].append(filler | {"name": f"old.fact_{n}", "value": f"value {n}"})
    return document


def evidence(count: int = 6) -> dict[str, Any]:
    return {
        "schema": "nis2check.evidence/1",
        "tool": {"name": "nis2check", "version": "0.1.0"},
        "run": {"started": "2026-11-22T13:05:12+00:00", "finished": "2026-11-22T13:06:24+00:00", "complete": True},
        "body": {"siren": "243400819"},
        "settings": {"regime": "senate-2025", "plan": {"days_per_month": 4}},
        "targets": [
            {"kind": "tls", "name": f"h{n}.exemple.test:443", "location": {"file": "n.yaml", "line": n + 2}, "options": {}}
            for n in range(count // 2)
        ],
        "facts": facts(count),
        "gaps": [],
    }  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Evidence, and the result that the real command makes of it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "e.json").write_bytes(files.canonical(evidence()))
    words = ["scan", "--evidence", "e.json", "--exit-zero", "--json"]
    done = subprocess.run([sys.executable, "-m", "nis2check", *words], cwd=folder, capture_output=True, check=True)
    return (folder / "e.json").read_bytes(), done.stdout


@pytest.fixture
def judged(made: tuple[bytes, bytes], tmp_path: Path) -> Path:
    """Both, as ``e.json`` and ``r.json`` in the folder."""
    for name, data in zip(("e.json", "r.json"), made, strict=True):
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def key(tool: Callable[..., str], tmp_path: Path) -> Callable[..., Path]:
    """A fresh key of ssh-keygen: ``key("ed25519")``."""

    def make(kind: str = "ed25519", passphrase: str = "") -> Path:
        path = tmp_path / f"key-{kind}"
        words = [tool("ssh-keygen"), "-q", "-t", kind.partition("-")[0], *KEYS[kind], "-N", passphrase, "-f", str(path)]
        subprocess.run([*words, "-C", ""], check=True, capture_output=True)
        return path

    return make


def signers(key: Path, name: str = "dsi@ville.test") -> Path:
    path = key.with_name("signataires")
    path.write_text(f'{name} namespaces="{sshsig.NAMESPACE}" {key.with_suffix(".pub").read_text()}')
    return path


def read(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """What ``verify --json`` said, checked against its schema."""
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, json.loads((SCHEMAS / "verify.schema.json").read_bytes()))
    return found


# ---------------------------------------------------------------------------------------------------------- content


def test_it_holds_everything_and_says_what_is_absent(inside: Command, judged: Path) -> None:
    (judged / "pv").mkdir()
    (judged / "pv" / "restauration 2026.pdf").write_bytes(b"%PDF-1.7 proof")
    done = inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json", "--proof", "pv")
    assert done.returncode == 0
    assert "non signée" in done.stderr.decode()
    found = archive.unpack((judged / "B.zip").read_bytes())
    assert found.faults == ()
    wanted = {
        "resultat.json", "preuves.json", "rapport.html", "constats.csv", "constats.ods", "constats.xlsx", "oscal/poam.json",
        "oscal/catalog.json", "oscal/assessment-results.json", "pieces/pv/restauration 2026.pdf", "manifest.json", "SHA256SUMS",
        "VERIFIER.txt",
    }  # fmt: skip
    assert set(found.parts) == wanted
    assert found.parts["resultat.json"] == (judged / "r.json").read_bytes()
    assert found.parts["preuves.json"] == (judged / "e.json").read_bytes()
    listed = manifest.read(found.parts["manifest.json"])
    jsonschema.validate(listed, json.loads((SCHEMAS / "bundle.schema.json").read_bytes()))
    assert listed["absent"] == {}


def test_what_is_not_there_is_said(inside: Command, tmp_path: Path) -> None:
    done = inside("bundle", str(GOLDEN), "-o", "B.zip")
    assert done.returncode == 0
    assert "preuves.json" in done.stderr.decode()
    listed = manifest.read(archive.unpack((tmp_path / "B.zip").read_bytes()).parts["manifest.json"])
    assert set(listed["absent"]) == {"preuves.json", "pieces/"}
    found = read(inside("verify", "B.zip", "--json"))
    assert found["intact"]
    assert (found["signature"]["state"], found["replay"]["state"]) == ("absent", "not_possible")


def test_two_proofs_of_one_name_are_refused_and_two_folders_are_not(inside: Command, tmp_path: Path) -> None:
    for folder, name in (("a", "pv.pdf"), ("b", "PV.pdf")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(folder.encode())
    done = inside("bundle", str(GOLDEN), "-o", "B.zip", "--proof", "a/pv.pdf", "--proof", "b/PV.pdf")
    assert done.returncode == 2
    assert not (tmp_path / "B.zip").exists()
    assert inside("bundle", str(GOLDEN), "-o", "B.zip", "--proof", "a", "--proof", "b/../b").returncode == 0
    parts = archive.unpack((tmp_path / "B.zip").read_bytes()).parts
    assert (parts["pieces/a/pv.pdf"], parts["pieces/b/PV.pdf"]) == (b"a", b"b")


def test_links_of_a_folder_of_proofs_are_not_followed(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "pv").mkdir()
    (tmp_path / "pv" / "lien").symlink_to(tmp_path / "secret")
    (tmp_path / "pv" / "dossier").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "pv" / "vrai.txt").write_bytes(b"proof")
    assert inside("bundle", str(GOLDEN), "-o", "B.zip", "--proof", "pv").returncode == 0
    parts = archive.unpack((tmp_path / "B.zip").read_bytes()).parts
    assert [name for name in parts if name.startswith("pieces/")] == ["pieces/pv/vrai.txt"]


def test_the_same_input_gives_the_same_bytes(inside: Command, judged: Path, key: Callable[..., Path]) -> None:
    path = str(key())
    for name in ("one.zip", "two.zip"):
        inside("bundle", "r.json", "-o", name, "--evidence", "e.json", "--key", path)
    assert (judged / "one.zip").read_bytes() == (judged / "two.zip").read_bytes()


# ----------------------------------------------------------------------------------------------------------- replay


def test_the_evidence_judged_again_gives_the_same_findings(inside: Command, judged: Path) -> None:
    inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
    done = inside("verify", "B.zip", "--json")
    assert done.returncode == 0
    assert read(done)["replay"]["state"] == "same"
    assert "identiques" in inside("verify", "B.zip").stdout.decode()


def test_findings_that_the_evidence_does_not_give_are_seen(inside: Command, judged: Path) -> None:
    result = json.loads((judged / "r.json").read_bytes())
    changed = next(one for one in result["findings"] if one["rule"] == "tls/versions")
    changed["verdict"] = "pass"
    (judged / "r.json").write_bytes(files.canonical(result))
    inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
    done = inside("verify", "B.zip", "--json")
    assert done.returncode == 1
    assert read(done)["replay"]["state"] == "different"


def test_findings_of_another_version_of_the_judge_prove_nothing(inside: Command, judged: Path) -> None:
    result = json.loads((judged / "r.json").read_bytes())
    result["tool"]["version"] = "99.0"
    for verdict, state in (("fail", "same"), ("pass", "not_possible")):
        next(one for one in result["findings"] if one["rule"] == "tls/versions")["verdict"] = verdict
        (judged / "r.json").write_bytes(files.canonical(result))
        inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
        done = inside("verify", "B.zip", "--json")
        assert done.returncode == 0
        assert read(done)["replay"]["state"] == state


def test_since_comes_from_the_history_and_is_no_difference(inside: Command, judged: Path) -> None:
    result = json.loads((judged / "r.json").read_bytes())
    for one in result["findings"]:
        one["since"] = "2026-06-01"
    (judged / "r.json").write_bytes(files.canonical(result))
    inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
    assert read(inside("verify", "B.zip", "--json"))["replay"]["state"] == "same"


@pytest.mark.parametrize(
    "options", [("--regime", "government-2024"), ("--no-waivers",), ("--on", "2027-06-01")], ids=str
)
def test_what_the_run_was_asked_is_replayed_too(inside: Command, judged: Path, options: tuple[str, ...]) -> None:
    (judged / "nis2check.yaml").write_text(
        "schema: nis2check.body/1\nbody: {siren: '243400819'}\ntargets: {domains: [exemple.test]}\nwaivers: w.yaml\n"
    )
    (judged / "w.yaml").write_text(
        "waivers:\n  - {id: D-1, rule: tls/versions, target: '*', reason: essai, author: DSI, approver: DGS, "
        "created: 2026-11-01, until: 2027-01-01}\n"
    )
    words = [
        "scan",
        "--evidence",
        "e.json",
        "--config",
        "nis2check.yaml",
        "--exit-zero",
        "--output",
        "json=r.json",
        "-q",
        *options,
    ]
    assert inside(*words).returncode == 0
    waived = sum(one["waiver"] is not None for one in json.loads((judged / "r.json").read_bytes())["findings"])
    assert waived == (0 if {"--no-waivers", "2027-06-01"} & set(options) else 3)
    inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
    assert read(inside("verify", "B.zip", "--json"))["replay"]["state"] == "same"


def test_other_rules_cannot_replay_and_say_so(inside: Command, judged: Path) -> None:
    result = json.loads((judged / "r.json").read_bytes())
    result["tool"]["rules"] = {"version": "2019.01", "sha256": "0" * 64}
    (judged / "r.json").write_bytes(files.canonical(result))
    inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json")
    done = inside("verify", "B.zip", "--json")
    assert done.returncode == 0
    found = read(done)["replay"]
    assert found["state"] == "not_possible"
    assert "2019.01" in found["reason"]


# ------------------------------------------------------------------------------------------------------- tampering


@pytest.fixture
def sealed(tmp_path: Path) -> bytes:
    """A small bundle, ``B.zip``: what is verified of it hangs on no format."""
    parts = {"resultat.json": GOLDEN.read_bytes()[:2000], "rapport.html": b"<!doctype html>", "oscal/poam.json": b"{}"}
    data = archive.pack(manifest.build(parts, json.loads(GOLDEN.read_bytes()), {}))
    (tmp_path / "B.zip").write_bytes(data)
    return data


def zipped(parts: dict[str, bytes], *, compressed: bool = False, twice: str = "") -> bytes:
    """A zip as another program would write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as other:
        for name, data in parts.items():
            other.writestr(zipfile.ZipInfo(name), data)
        if twice:
            with pytest.warns(UserWarning):
                other.writestr(zipfile.ZipInfo(twice), b"second")
    return out.getvalue()


def test_any_changed_byte_is_seen(sealed: bytes) -> None:
    """Each of them, headers and directory included."""
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        found = archive.unpack(bytes(changed))
        assert found.faults or list(manifest.faults(found.parts)), at


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_seen(sealed: bytes, kept: float) -> None:
    assert archive.unpack(sealed[: int(len(sealed) * kept)]).faults


@pytest.mark.parametrize(
    "trick",
    [
        lambda data, parts: data + b"x",
        lambda data, parts: b"x" + data,
        lambda data, parts: archive.pack({**parts, "ajout.txt": b"added"}),
        lambda data, parts: archive.pack({name: one for name, one in parts.items() if name != "rapport.html"}),
        lambda data, parts: archive.pack({**parts, "SHA256SUMS": b""}),
        lambda data, parts: archive.pack({**parts, "manifest.json": b"{}"}),
        lambda data, parts: archive.pack({**parts, "manifest.json": b'{"schema": "nis2check.bundle/1", "files": [1]}'}),
        lambda data, parts: archive.pack({}),
        lambda data, parts: archive.pack({**parts, "../fuite.txt": b"x"}),
        lambda data, parts: archive.pack({**parts, "/etc/x": b"x"}),
        lambda data, parts: archive.pack({**parts, "a\\..\\b": b"x"}),
        lambda data, parts: archive.pack({**parts, "Resultat.json": b"x"}),
        lambda data, parts: zipped(parts),
        lambda data, parts: zipped(parts, compressed=True),
        lambda data, parts: zipped(parts, twice="resultat.json"),
        lambda data, parts: zipped({"bombe": b"\0" * 50_000_000}, compressed=True),
    ],
    ids=[
        "byte after", "byte before", "file added", "file removed", "sums emptied", "manifest emptied", "manifest of lists",
        "empty archive", "dotdot",
        "absolute", "backslash", "same name in capitals", "another program", "compressed", "twice", "bomb",
    ],
)  # fmt: skip
def test_every_trick_of_zip_is_seen(
    inside: Command, sealed: bytes, tmp_path: Path, trick: Callable[[bytes, dict[str, bytes]], bytes]
) -> None:
    changed = trick(sealed, dict(archive.unpack(sealed).parts))
    (tmp_path / "T.zip").write_bytes(changed)
    done = inside("verify", "T.zip", "--json")
    assert done.returncode == 1
    found = read(done)
    assert found["faults"] and not found["intact"]


def test_overlapping_members_are_not_even_read(sealed: bytes) -> None:
    """A bomb of stored members: many directory entries of one and the same stretch."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as other:
        other.writestr("a", b"\0" * 100_000)
        first = other.infolist()[0]
        for n in range(500):
            again = zipfile.ZipInfo(f"a{n}")
            again.header_offset, again.file_size, again.compress_size = 0, first.file_size, first.compress_size
            again.CRC = first.CRC
            other.filelist.append(again)
    found = archive.unpack(out.getvalue())
    assert found.faults and found.parts == {}


@pytest.mark.parametrize(
    "name", ["a/../b", "..", "./a", "a/", "/a", "C:/a", "a\nb", "nul", "x/COM1.txt", "a" * 201, ""]
)
def test_names_that_no_member_may_have(name: str) -> None:
    assert not archive.possible(name)


def test_a_file_that_is_missing_is_2(inside: Command) -> None:
    done = inside("verify", "absent.zip")
    assert done.returncode == 2
    assert b"absent.zip" in done.stderr


def test_terminal_controls_of_an_archive_are_not_obeyed(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "T.zip").write_bytes(zipped({"a\x1b]0;PWNED\x07\u202e": b"x"}))
    done = inside("verify", "T.zip")
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout and "\u202e" not in done.stdout.decode()


# ------------------------------------------------------------------------------------------------------- signature


@pytest.mark.parametrize("kind", KEYS)
def test_stock_ssh_keygen_verifies_our_signature_and_we_its(
    inside: Command, tool: Callable[..., str], tmp_path: Path, key: Callable[..., Path], kind: str
) -> None:
    path = key(kind)
    assert inside("bundle", str(GOLDEN), "-o", "B.zip", "--key", str(path)).returncode == 0
    parts = archive.unpack((tmp_path / "B.zip").read_bytes()).parts
    (tmp_path / "m.sig").write_bytes(parts["manifest.json.sig"])
    words = [
        tool("ssh-keygen"),
        "-Y",
        "verify",
        "-f",
        str(signers(path)),
        "-I",
        "dsi@ville.test",
        "-n",
        sshsig.NAMESPACE,
    ]
    done = subprocess.run(
        [*words, "-s", str(tmp_path / "m.sig")], input=parts["manifest.json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = read(inside("verify", "B.zip", "--json", "--require-signature", "--allowed-signers", str(signers(path))))
    assert found["intact"]
    assert (found["signature"]["state"], found["signature"]["signer"]) == ("known", "dsi@ville.test")
    assert found["signature"]["fingerprint"].encode() in done.stdout

    (tmp_path / "manifest.json").write_bytes(parts["manifest.json"])
    subprocess.run(
        [tool("ssh-keygen"), "-Y", "sign", "-f", str(path), "-n", sshsig.NAMESPACE, str(tmp_path / "manifest.json")],
        check=True,
        capture_output=True,
    )
    theirs = (tmp_path / "manifest.json.sig").read_bytes()
    assert (
        sshsig.verify(parts["manifest.json"], theirs).key
        == sshsig.verify(parts["manifest.json"], parts["manifest.json.sig"]).key
    )
    assert inside("bundle", str(GOLDEN), "-o", "C.zip", "--signature", "manifest.json.sig").returncode == 0
    assert read(inside("verify", "C.zip", "--json"))["signature"]["state"] == "unknown_key"


def test_an_unsigned_bundle_is_refused_when_a_signature_is_required(inside: Command, sealed: bytes) -> None:
    assert inside("verify", "B.zip").returncode == 0
    done = inside("verify", "B.zip", "--require-signature")
    assert done.returncode == 1
    assert "Signature" in done.stdout.decode()


def test_a_key_that_nobody_allowed_is_refused(inside: Command, tmp_path: Path, key: Callable[..., Path]) -> None:
    inside("bundle", str(GOLDEN), "-o", "B.zip", "--key", str(key("ed25519")))
    other = signers(key("rsa"))
    assert inside("verify", "B.zip").returncode == 0
    done = inside("verify", "B.zip", "--allowed-signers", str(other), "--json")
    assert done.returncode == 1
    assert read(done)["signature"]["state"] == "invalid"


def test_a_resealed_bundle_does_not_pass_for_the_signed_one(
    inside: Command, tmp_path: Path, key: Callable[..., Path]
) -> None:
    """Change the result, write the manifest again: the signature is that of another manifest."""
    inside("bundle", str(GOLDEN), "-o", "B.zip", "--key", str(key()))
    parts = dict(archive.unpack((tmp_path / "B.zip").read_bytes()).parts)
    signature = parts.pop("manifest.json.sig")
    kept = {name: data for name, data in parts.items() if name not in manifest.UNLISTED | {manifest.SUMS}}
    kept["rapport.html"] += b" "
    resealed = manifest.build(kept, json.loads(GOLDEN.read_bytes()), {})
    (tmp_path / "T.zip").write_bytes(archive.pack({**resealed, "manifest.json.sig": signature}))
    done = inside("verify", "T.zip", "--json")
    assert done.returncode == 1
    assert read(done)["signature"]["state"] == "invalid"


@pytest.mark.parametrize("at", range(0, 200, 13))
def test_a_signature_with_a_changed_byte_is_refused(key: Callable[..., Path], at: int) -> None:
    from nis2check.bundle.signers import private_key

    armored = bytearray(sshsig.sign(b"message", private_key(key(), str)))
    armored[30 + at] ^= 1
    with pytest.raises(sshsig.Refused):
        sshsig.verify(b"message", bytes(armored))


@pytest.mark.parametrize("namespace", ["file", "git", "nis2check-bundle2"])
def test_a_signature_made_for_something_else_is_refused(
    tool: Callable[..., str], tmp_path: Path, key: Callable[..., Path], namespace: str
) -> None:
    (tmp_path / "m").write_bytes(b"message")
    subprocess.run(
        [tool("ssh-keygen"), "-Y", "sign", "-f", str(key()), "-n", namespace, str(tmp_path / "m")],
        check=True,
        capture_output=True,
    )
    with pytest.raises(sshsig.Refused, match="autre usage"):
        sshsig.verify(b"message", (tmp_path / "m.sig").read_bytes())


def test_a_signature_file_of_another_manifest_is_2(
    inside: Command, tool: Callable[..., str], tmp_path: Path, key: Callable[..., Path]
) -> None:
    (tmp_path / "m").write_bytes(b"another manifest")
    words = [tool("ssh-keygen"), "-Y", "sign", "-f", str(key()), "-n", sshsig.NAMESPACE, str(tmp_path / "m")]
    subprocess.run(words, check=True, capture_output=True)
    done = inside("bundle", str(GOLDEN), "-o", "B.zip", "--signature", "m.sig")
    assert done.returncode == 2
    assert not (tmp_path / "B.zip").exists()


def test_a_key_with_a_passphrase_is_not_asked_of_nobody(inside: Command, key: Callable[..., Path]) -> None:
    """Without a terminal nobody can type it: exit 2 and one line that says how to sign all the same."""
    done = inside("bundle", str(GOLDEN), "-o", "B.zip", "--key", str(key("ed25519", "secret")))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and b"--signature" in done.stderr


def test_the_passphrase_is_asked_when_the_key_has_one(key: Callable[..., Path]) -> None:
    from nis2check.bundle.signers import private_key

    path = key("ed25519", "secret")
    armored = sshsig.sign(b"message", private_key(path, lambda: "secret"))
    assert sshsig.verify(b"message", armored).key == " ".join(path.with_suffix(".pub").read_text().split()[:2])
    with pytest.raises(InputError, match="phrase fausse"):
        private_key(path, lambda: "other")


def test_without_bcrypt_it_says_what_to_install(key: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    from nis2check.bundle.signers import private_key

    def without(_data: bytes, password: bytes | None) -> None:
        raise TypeError if password is None else UnsupportedAlgorithm("Need bcrypt module")

    monkeypatch.setattr(serialization, "load_ssh_private_key", without)
    with pytest.raises(InputError, match="bcrypt") as caught:
        private_key(key("ed25519", "secret"), lambda: "secret")
    assert "--signature" in caught.value.advice


ARMOR = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize("content", [b"", b"no key", ARMOR])
def test_what_is_no_key_is_2(inside: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)
    done = inside("bundle", str(GOLDEN), "-o", "B.zip", "--key", "k")
    assert done.returncode == 2
    assert b"k:" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "seul",
        "a b",
        "x cert-authority ssh-ed25519 AAAA",
        'x valid-before="20270101" ssh-ed25519 AAAA',
        'x "ssh-ed25519',
    ],
)
def test_a_line_of_signers_that_is_not_read_is_2(inside: Command, sealed: bytes, tmp_path: Path, line: str) -> None:
    (tmp_path / "s").write_text(f"# qui peut signer\n\n{line}\n")
    done = inside("verify", "B.zip", "--allowed-signers", "s")
    assert done.returncode == 2
    assert b"s:3" in done.stderr


# ------------------------------------------------------------------------------------------------------ time stamp


@pytest.fixture
def authority(tool: Callable[..., str], tmp_path: Path) -> Callable[[bytes, str], bytes]:
    """An RFC 3161 authority of openssl: the answer to a query for some bytes."""
    openssl = tool("openssl")
    (tmp_path / "ts.cnf").write_text(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n"
        "digests = sha1, sha256, sha512\ness_cert_id_alg = sha256\n[req]\ndistinguished_name = dn\n[dn]\n"
        "[ext]\nextendedKeyUsage = critical,timeStamping\n"
    )
    (tmp_path / "serial").write_text("01\n")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], check=True, capture_output=True, cwd=tmp_path)

    run("req", "-config", "ts.cnf", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem",
        "-subj", "/CN=Autorite d'essai", "-extensions", "ext", "-days", "2")  # fmt: skip

    def answer(message: bytes, digest: str = "sha256") -> bytes:
        (tmp_path / "m").write_bytes(message)
        run("ts", "-query", "-config", "ts.cnf", "-data", "m", f"-{digest}", "-cert", "-out", "q.tsq")
        run("ts", "-reply", "-config", "ts.cnf", "-section", "one", "-queryfile", "q.tsq", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-out", "a.tsr")  # fmt: skip
        return (tmp_path / "a.tsr").read_bytes()

    return answer


def test_a_token_of_the_manifest_is_taken_and_openssl_verifies_it(
    inside: Command, tool: Callable[..., str], tmp_path: Path, authority: Callable[..., bytes]
) -> None:
    inside("bundle", str(GOLDEN), "-o", "B.zip")
    message = archive.unpack((tmp_path / "B.zip").read_bytes()).parts["manifest.json"]
    (tmp_path / "t.tsr").write_bytes(authority(message))
    assert inside("bundle", str(GOLDEN), "-o", "C.zip", "--timestamp-token", "t.tsr").returncode == 0
    found = read(inside("verify", "C.zip", "--json"))
    assert found["intact"] and found["timestamp"]["state"] == "of_this_manifest"
    assert found["timestamp"]["time"].endswith("Z")
    parts = archive.unpack((tmp_path / "C.zip").read_bytes()).parts
    for name in ("manifest.json", "manifest.json.tsr"):
        (tmp_path / name).write_bytes(parts[name])
    words = ["ts", "-verify", "-data", "manifest.json", "-in", "manifest.json.tsr", "-CAfile", "tsa.pem"]
    done = subprocess.run([tool("openssl"), *words], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_token_of_something_else_is_refused(
    inside: Command, tmp_path: Path, authority: Callable[..., bytes], sealed: bytes
) -> None:
    token = authority(b"something else")
    (tmp_path / "t.tsr").write_bytes(token)
    assert inside("bundle", str(GOLDEN), "-o", "C.zip", "--timestamp-token", "t.tsr").returncode == 2
    parts = dict(archive.unpack(sealed).parts)
    (tmp_path / "T.zip").write_bytes(archive.pack({**parts, "manifest.json.tsr": token}))
    done = inside("verify", "T.zip", "--json")
    assert done.returncode == 1
    assert read(done)["timestamp"]["state"] == "invalid"


def test_hashes_of_a_token(authority: Callable[..., bytes]) -> None:
    assert timestamp.read(b"m", authority(b"m", "sha512")).time
    with pytest.raises(timestamp.Refused, match="faible"):
        timestamp.read(b"m", authority(b"m", "sha1"))
    whole = authority(b"m")
    for cut in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(timestamp.Refused):
            timestamp.read(b"m", whole[:cut])


# -------------------------------------------------------------------------------------------- an auditor's own tools


def test_the_commands_of_verifier_txt_do_what_they_say(
    inside: Command, tool: Callable[..., str], tmp_path: Path, key: Callable[..., Path]
) -> None:
    path = key()
    inside("bundle", str(GOLDEN), "-o", "dossier.zip", "--key", str(path))
    subprocess.run([tool("unzip"), "-q", "dossier.zip", "-d", "dossier"], check=True, cwd=tmp_path)
    folder = tmp_path / "dossier"
    (folder / "signataires").write_bytes(signers(path, "NOM").read_bytes())
    said = (folder / "VERIFIER.txt").read_text()
    for line in (
        "sha256sum -c SHA256SUMS",
        "ssh-keygen -Y verify -f signataires -I NOM -n nis2check-bundle -s manifest.json.sig < manifest.json",
    ):
        assert f"     {line}\n" in said
        subprocess.run(["bash", "-ec", line], check=True, cwd=folder, capture_output=True)
    asked = "grep -A 1 '\"SHA256SUMS\"' manifest.json"
    assert asked in said
    shown = subprocess.run(["bash", "-ec", asked], check=True, cwd=folder, capture_output=True).stdout
    summed = subprocess.run([tool("sha256sum"), "SHA256SUMS"], check=True, cwd=folder, capture_output=True).stdout
    assert summed.split()[0] in shown
    (folder / "constats.csv").write_text("changed")
    done = subprocess.run(["bash", "-c", "sha256sum -c SHA256SUMS"], check=False, cwd=folder, capture_output=True)
    assert done.returncode != 0


def test_a_bundle_of_a_thousand_evidences_is_verified_soon(inside: Command, tmp_path: Path) -> None:
    """A thousand facts and a thousand files of proof. The aim is 1 s; a loaded runner must not make a false alarm."""
    import time

    (tmp_path / "e.json").write_bytes(files.canonical(padded(evidence(40), 1000)))
    inside("scan", "--evidence", "e.json", "--exit-zero", "--output", "json=r.json", "-q")
    (tmp_path / "pv").mkdir()
    for n in range(1000):
        (tmp_path / "pv" / f"piece-{n}.txt").write_text(f"proof {n}\n" * 100)
    assert inside("bundle", "r.json", "-o", "B.zip", "--evidence", "e.json", "--proof", "pv").returncode == 0
    started = time.process_time()
    found = read(inside("verify", "B.zip", "--json"))
    assert time.process_time() - started < 10
    assert found["intact"] and found["files"] > 1000
    assert found["replay"]["state"] == "same"
