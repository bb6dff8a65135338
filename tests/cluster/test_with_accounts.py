"""A cluster that keeps accounts; after all others here, for it changes the cluster for good."""

import pytest

SITE = "workflow/profiles/slurm/site.yaml"


@pytest.fixture(scope="module")
def accounts(snapshot, slurm, tmp_path_factory):
    """A copy of the project, and root's only account ``vision`` on the cluster."""
    slurm.keep_accounts("vision")
    return snapshot.duplicate(tmp_path_factory.mktemp("accounts") / "project")


@pytest.mark.parametrize(
    ("account", "qos", "line", "code"),
    [
        ("vision", "normal", "ok     account vision: yours", 0),
        ("vsion", "null", "WRONG  account: you have no 'vsion'. Nearest: 'vision'", 1),
        ("vision", "norml", "WRONG  qos: you have no 'norml'. Nearest: 'normal'", 1),
    ],
)
def test_the_doctor_knows_one_s_accounts(accounts, account, qos, line, code):
    site = accounts.root / SITE
    text = site.read_text(encoding="utf-8").splitlines()
    text = [f"account: {account}" if row.startswith("account:") else row for row in text]
    text = [f"qos: {qos}" if row.startswith("qos:") else row for row in text]
    site.write_text("\n".join(text), encoding="utf-8")
    done = accounts.run("posepaper", "doctor", "--slurm", "--study", "smoke")
    assert done.returncode == code and line in done.stdout.splitlines(), done.stdout
    assert done.stdout.count("WRONG") == code
