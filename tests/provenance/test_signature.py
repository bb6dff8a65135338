"""A bundle's signature is OpenSSH's own: who signed, and that nothing changed since."""

import shutil
import subprocess

import pytest

from posepaper.errors import InputError
from posepaper.provenance import signature


@pytest.fixture
def key(tmp_path):
    """``key(name)``: a private key, and the line of ``allowed_signers`` that lists it."""

    def make(name: str):
        path = tmp_path / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(command, check=True)
        kind, public, _ = path.with_name(f"{name}.pub").read_text().split()
        return path, f"{name}@example.org {kind} {public}\n"

    return make


@pytest.fixture
def bundle(tmp_path):
    file = tmp_path / "a.crate.zip"
    file.write_bytes(b"a bundle" * 1000)
    return file


def test_who_signed_is_told_and_nobody_else(bundle, key, tmp_path):
    mine, my_line = key("mine")
    _, other_line = key("other")
    signers = tmp_path / "allowed_signers"
    signers.write_text(other_line + my_line)
    assert signature.signer(bundle, signers) is None
    assert signature.sign(bundle, mine) == tmp_path / "a.crate.zip.sig"
    assert signature.signer(bundle, signers) == "mine@example.org"
    signers.write_text(other_line)
    assert signature.signer(bundle, signers) is None


def test_a_changed_bundle_is_signed_by_nobody(bundle, key, tmp_path):
    mine, line = key("mine")
    (tmp_path / "allowed_signers").write_text(line)
    signature.sign(bundle, mine)
    bundle.write_bytes(bundle.read_bytes() + b".")
    assert signature.signer(bundle, tmp_path / "allowed_signers") is None
    signature.path_of(bundle).write_text("no signature")
    assert signature.signer(bundle, tmp_path / "allowed_signers") is None


def test_a_signature_for_another_purpose_does_not_count(bundle, key, tmp_path):
    mine, line = key("mine")
    (tmp_path / "allowed_signers").write_text(line)
    command = ["ssh-keygen", "-Y", "sign", "-f", str(mine), "-n", "file", str(bundle)]
    subprocess.run(command, check=True, capture_output=True)
    assert signature.path_of(bundle).exists()
    assert signature.signer(bundle, tmp_path / "allowed_signers") is None


def test_what_cannot_sign_is_one_line(bundle, key, tmp_path, monkeypatch):
    mine, _ = key("mine")
    for file, private, what in (
        (tmp_path / "no.zip", mine, r"no\.zip: is not there"),
        (bundle, tmp_path / "nokey", "nokey: is not there"),
        (bundle, bundle, "cannot sign"),
    ):
        with pytest.raises(InputError, match=what):
            signature.sign(file, private)
    assert not signature.path_of(bundle).exists()
    with pytest.raises(InputError, match="List who may sign"):
        signature.signer(bundle, tmp_path / "no_signers")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="ssh-keygen: is not installed"):
        signature.sign(bundle, mine)
