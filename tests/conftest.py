"""Which tests one process runs: those that stand on the same real run of the workflow."""

import pytest

# xdist's own groups need node ids that pytest 9.2 no longer lets it write.
TOGETHER = {
    "tests/workflow/test_smoke.py": "first",
    "tests/workflow/test_bad_input.py": "first",
    "tests/workflow/test_command.py": "first",
    "tests/workflow/test_changes.py": "second",
    "tests/workflow/test_draft.py": "second",
    "tests/workflow/test_clones.py": "second",
    "tests/workflow/mutations/test_mutations.py": "mutations",
    "tests/workflow/mutations/test_mutations_clone.py": "clone",
    "tests/workflow/test_watch.py": "second",
    "tests/workflow/traced/test_traced.py": "second",
    "tests/workflow/test_sanity.py": "mini",
    "tests/cluster/test_slurm.py": "cluster",
    "tests/cluster/test_watch.py": "cluster",
    "tests/cluster/test_doctor.py": "cluster",
    "tests/cluster/test_faults.py": "cluster",
    "tests/cluster/test_faults_of_drivers.py": "cluster",
    "tests/cluster/test_with_accounts.py": "cluster",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keeps the files of a group together, whatever ``--dist`` says of the others."""
    from xdist.scheduler import LoadGroupScheduling

    class Together(LoadGroupScheduling):
        def _split_scope(self, nodeid):
            return TOGETHER.get(nodeid.partition("::")[0]) or super()._split_scope(nodeid)

    return Together(config, log)
