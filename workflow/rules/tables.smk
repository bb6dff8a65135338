# The papers' tables: printed claims beside the numbers of this study.
#
# Needs: metrics of every experiment a table's rows are bound to; report/papers/{paper}/table-N.yaml
# Makes: tables/{paper}/table-N.json and .csv
# Steps: rows without a number say why; a number measured otherwise than its column is refused.


rule make_table:
    input:
        metrics=plan.planned("make_table", "metrics"),
        stamp=plan.planned("make_table", "stamp"),
    output:
        json="results/{study}/tables/{paper}/table-{table}.json",
        csv="results/{study}/tables/{paper}/table-{table}.csv",
    log:
        "results/{study}/logs/tables/{paper}/table-{table}.log",
    benchmark:
        "results/{study}/benchmarks/tables/{paper}/table-{table}.tsv"
    params:
        fingerprint=plan.planned("make_table", "fingerprint"),
    message:
        "Making table {wildcards.table} of {wildcards.paper}"
    shell:
        "python -m posepaper.stages.tables {output.json:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
