"""Bundles: one file with a study's results, checked and signed by anyone."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, print_lines


def sign(
    file: str,
    key: Annotated[str, typer.Option(help="private key, or the public one of ssh-agent's")],
    as_json: AsJson = False,
) -> None:
    """Sign a bundle with an SSH key: FILE.sig beside it, by ssh-keygen -Y sign -n posepaper."""
    from posepaper.provenance import signature

    made = signature.sign(file, key)
    if as_json:
        print(json.dumps({"file": file, "signature": str(made)}, indent=1))
    else:
        print(f"signed {file}: {made}")


def audit(
    file: str, asked: tuple[str, ...], study: str, signers: str, everything: bool, as_json: bool
) -> None:
    """Checks a bundle, and of its numbers those asked about; ends the process."""
    from posepaper.provenance import tree
    from posepaper.provenance.crate import Crate
    from posepaper.stages.trial.bundled import Bundle

    by = _signed_by(file, signers)
    bundle = Bundle(Crate(file), study)
    answers = bundle.answers(bundle.numbers if everything else asked)
    broken = bundle.broken()
    if signers and by is None:
        broken.insert(0, f"{file}: is signed by nobody listed in {signers}, or changed since")
    told = {"file": file, "study": bundle.study, "signed_by": by, **bundle.counts()}
    single = len(asked) == 1 and answers["numbers"]
    answer = bundle.trial.answer(asked[0]) if single else answers
    if as_json:
        about = {**told, "verdict": "broken" if broken else "proven", "why": broken}
        print(json.dumps({**answer, "bundle": about}, indent=1))
    else:
        print_lines(_about(told))
        if answers["numbers"]:
            print_lines(tree.tree(answer) if single else tree.summary(answers))
        shown = {why for number in answers["numbers"] for why in number["why"]}
        print_lines(why for why in (f"broken: {fault}" for fault in broken) if why not in shown)
        if not (broken or answers["numbers"]):
            print("whole: nothing in it contradicts itself; --all puts its numbers on trial")
    sys.exit(0 if answers["verdict"] == "proven" and not broken else 1)


def _signed_by(file: str, signers: str) -> str | None:
    if not signers:
        return None
    from posepaper.provenance import signature

    return signature.signer(file, signers)


def _about(told: dict) -> list[str]:
    signed = f", signed by {told['signed_by']}" if told["signed_by"] else ""
    return [
        f"{told['file']}: study {told['study']}{signed}",
        f"  {told['files']} files inside, hashed against the manifest and their records",
        f"  {told['records']} records, held against one another and against the code inside",
        f"  {told['numbers']} numbers, computed again from metrics and looked up in print",
        f"  {told['elsewhere']} more files are known by hash alone",
    ]
