"""A real SLURM on this machine: slurmctld, two virtual nodes with two GPUs each, munge.

``python tests/cluster/slurm.py up FOLDER`` and ``down FOLDER`` do by hand what the tests do.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ETC = Path("/etc/slurm")
NODES = ("n1", "n2")
GPUS = 2
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurm-wlm-basic-plugins")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue")
ACCOUNTING = ("slurmdbd", "mariadb-server")
SQL_PORT = 16818
READY_SECONDS = 60
CONFIG = ("slurm.conf", "gres.conf", "cgroup.conf", "slurmdbd.conf")
# Names the cluster whose configuration stands in /etc/slurm: its folder, and who brought it up.
MARK = "posepaper.mark"
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


class Unavailable(RuntimeError):
    """This machine cannot have a SLURM, and why."""


def install(packages=PACKAGES, programs=PROGRAMS) -> None:
    """Installs Debian's packages where their programs are missing.

    Raises:
        Unavailable: they are missing, and this is not root on a Debian.
        RuntimeError: apt-get failed.
    """
    if all(map(shutil.which, programs)):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"no SLURM here, and no right to install {' '.join(packages)}")
    # A package's own daemons must not start: they would take the place of ours.
    for command in (
        ("apt-get", "update", "-q"),
        ("apt-get", "install", "-qy", "--no-install-recommends", *packages),
    ):
        done = subprocess.run(
            command, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            # Where there is a right to install, a failure is one, and no reason to skip.
            raise RuntimeError(f"{' '.join(command[:2])} failed: {done.stderr.strip()[-300:]}")


class Cluster:
    """The daemons of one cluster; configuration, state and logs lie in ``root``."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def up(self) -> None:
        """Starts everything and waits until both nodes are idle.

        Raises:
            Unavailable: not root, so munge and /etc/slurm are out of reach, or they are in use.
        """
        if os.geteuid() != 0:
            raise Unavailable("a SLURM of our own needs root")
        install()
        self._stop_earlier()
        self._write()
        self._munge()
        self.start("slurmctld")
        for node in NODES:
            self.start(node)
        self.wait_until_idle()

    def down(self) -> None:
        """Stops every daemon this cluster started, and what its jobs left running."""
        if self.pid("slurmctld"):
            subprocess.run(("scancel", "-u", "root"), capture_output=True, check=False)
        for name in (*NODES, "slurmctld", "slurmdbd", "mariadbd", "munged"):
            self.stop(name)
        for name in (*CONFIG, MARK):
            (ETC / name).unlink(missing_ok=True)

    def keep_accounts(self, account: str) -> None:
        """Adds slurmdbd and lets root submit under ``account`` only."""
        install(ACCOUNTING, ("slurmdbd", "mariadbd"))
        data = self.root / "sql"
        own = ("--no-defaults", f"--datadir={data}", "--user=root")
        made = ("mariadb-install-db", *own, "--auth-root-authentication-method=normal")
        subprocess.run(made, check=True, capture_output=True)
        served = (f"--port={SQL_PORT}", "--bind-address=127.0.0.1", f"--socket={data}/sql.sock")
        with open(self.root / "log/mariadbd.log", "w") as log:
            database = subprocess.Popen(("mariadbd", *own, *served), stdout=log, stderr=log)
        (self.root / "mariadbd.pid").write_text(str(database.pid))
        _retry("mariadb", "--no-defaults", f"--socket={data}/sql.sock", "-e",
               "create database slurm_acct_db; create user slurm@localhost identified by 'slurm';"
               "grant all on slurm_acct_db.* to slurm@localhost")  # fmt: skip
        dbd = ETC / "slurmdbd.conf"
        dbd.write_text((HERE / "slurmdbd.conf.in").read_text().replace("@ROOT@", str(self.root)))
        dbd.chmod(0o600)
        subprocess.run(("slurmdbd",), check=True, timeout=30)
        conf = ETC / "slurm.conf"
        text = conf.read_text().replace("accounting_storage/none", "accounting_storage/slurmdbd")
        conf.write_text(f"{text}AccountingStorageHost=127.0.0.1\n")
        for what in (("cluster", "posepaper"), ("account", account), ("user", "root")):
            more = (f"account={account}",) if what[0] == "user" else ()
            _retry("sacctmgr", "-i", "add", *what, *more)
        self.stop("slurmctld")
        self.start("slurmctld")
        self.wait_until_idle()

    def start(self, name: str) -> None:
        """Starts ``slurmctld`` or a node's slurmd."""
        own = ("slurmctld",) if name == "slurmctld" else ("slurmd", "-N", name)
        subprocess.run(own, check=True, timeout=30, env=_plain())

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        """Ends one daemon, by SIGKILL where it does not go within 10 s."""
        pid = self.pid(name)
        if pid is None:
            return
        os.kill(pid, how)
        deadline = time.monotonic() + 10
        while _alive(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def pid(self, name: str) -> int | None:
        """A daemon's process, where it lives: ``slurmctld``, ``munged``, ``n1`` or ``n2``."""
        file = self.root / (f"slurmd-{name}.pid" if name in NODES else f"{name}.pid")
        if not file.exists() or not file.read_text().strip():
            return None
        pid = int(file.read_text())
        return pid if _alive(pid) else None

    def wait_until_idle(self) -> None:
        """Waits until both nodes take jobs."""
        deadline = time.monotonic() + READY_SECONDS
        while (shown := self.states()) != dict.fromkeys(NODES, "idle"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"SLURM did not come up: {shown}; logs in {self.root}/log")
            time.sleep(0.2)

    def states(self) -> dict[str, str]:
        """Each node's state, as sinfo shows it; empty where slurmctld does not answer."""
        done = subprocess.run(
            ("sinfo", "-N", "-h", "-o", "%N %t"),
            capture_output=True, text=True, env=_plain(), check=False,
        )  # fmt: skip
        return dict(line.split() for line in done.stdout.splitlines())

    def jobs(self) -> dict[str, dict[str, str]]:
        """Every job that has ended, by its id: ``Partition``, ``JobState``, ``NodeList``..."""
        lines = (self.root / "log/jobs.log").read_text().splitlines()
        shown = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return {job["JobId"]: job for job in shown}

    def _write(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in ("state", "log", "dev", *(f"spool/{node}" for node in NODES)):
            (self.root / folder).mkdir(parents=True)
        for gpu in range(GPUS):
            subprocess.run(("mknod", self.root / f"dev/gpu{gpu}", "c", "1", "3"), check=True)
        ETC.mkdir(exist_ok=True)
        conf = (HERE / "slurm.conf.in").read_text()
        host = socket.gethostname().split(".")[0]
        conf = conf.replace("@HOST@", host).replace("@ROOT@", str(self.root))
        (ETC / "slurm.conf").write_text(conf)
        gres = f"AutoDetect=off\nName=gpu File={self.root}/dev/gpu[0-{GPUS - 1}]\n"
        (ETC / "gres.conf").write_text(gres)
        # Nothing here confines a job to its devices or memory by cgroups.
        (ETC / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (ETC / MARK).write_text(f"{self.root}\n{os.getpid()}\n")

    def _munge(self) -> None:
        """munged as user munge, where none answers yet."""
        if subprocess.run(("munge", "-n"), capture_output=True, check=False).returncode == 0:
            return
        run = Path("/run/munge")
        run.mkdir(exist_ok=True)
        shutil.chown(run, "munge", "munge")
        run.chmod(0o755)
        subprocess.run(
            ("munged", "--force"), user="munge", group="munge", extra_groups=[], check=True
        )
        shutil.copy(run / "munged.pid", self.root / "munged.pid")

    def _stop_earlier(self) -> None:
        """Ends a cluster of ours that a killed test run left; touches nobody else's."""
        mark = ETC / MARK
        if mark.exists():
            root, owner = mark.read_text().split()
            if int(owner) != os.getpid() and _alive(int(owner)):
                raise Unavailable(f"process {owner} runs these tests on this machine already")
            Cluster(root).down()
        elif (ETC / "slurm.conf").exists():
            raise Unavailable("/etc/slurm/slurm.conf is somebody else's")


def _retry(*command: str) -> None:
    """Runs a command until it succeeds: the daemon it asks is just starting."""
    deadline = time.monotonic() + READY_SECONDS
    while (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr or done.stdout}")
        time.sleep(0.3)


def _plain() -> dict[str, str]:
    """The environment without SLURM's variables: a test may itself run in a job."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


if __name__ == "__main__":
    {"up": Cluster.up, "down": Cluster.down}[sys.argv[1]](Cluster(sys.argv[2]))
