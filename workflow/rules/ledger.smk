# What the papers claim, judged: contradictions, a verdict on every claim, differences of ablations.
#
# Needs: tables/, metrics; report/papers/{paper}/claims.yaml, comparisons.yaml, published.yaml
# Makes: tables/parameters.json, ledger.json, ledger.csv, findings.json and comparisons.json
# Steps: parameters are counted on the networks built at full size; verdicts follow the study's rules.


rule make_parameters:
    input:
        stamp=plan.planned("make_parameters", "stamp"),
    output:
        parameters="results/{study}/tables/parameters.json",
    log:
        "results/{study}/logs/tables/parameters.log",
    benchmark:
        "results/{study}/benchmarks/tables/parameters.tsv"
    params:
        fingerprint=plan.planned("make_parameters", "fingerprint"),
    message:
        "Counting the networks' parameters"
    shell:
        "python -m posepaper.stages.ledger {output.parameters:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule make_ledger:
    input:
        metrics=plan.planned("make_ledger", "metrics"),
        tables=plan.planned("make_ledger", "tables"),
        parameters=plan.planned("make_ledger", "parameters"),
        stamp=plan.planned("make_ledger", "stamp"),
    output:
        ledger="results/{study}/tables/ledger.json",
        csv="results/{study}/tables/ledger.csv",
        findings="results/{study}/tables/findings.json",
        comparisons="results/{study}/tables/comparisons.json",
    log:
        "results/{study}/logs/tables/ledger.log",
    benchmark:
        "results/{study}/benchmarks/tables/ledger.tsv"
    params:
        fingerprint=plan.planned("make_ledger", "fingerprint"),
    message:
        "Judging every claim"
    shell:
        "python -m posepaper.stages.ledger {output.ledger:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
