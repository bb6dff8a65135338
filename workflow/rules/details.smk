# What the page draws of every run: curves, errors by action and sequence, one sequence in 3D.
#
# Needs: metrics and training curves; data/pose3d.h5 and one experiment's predictions for the player
# Makes: tables/details.json


rule make_details:
    input:
        metrics=plan.planned("make_details", "metrics"),
        curves=plan.planned("make_details", "curves"),
        poses=plan.planned("make_details", "poses"),
        predictions=plan.planned("make_details", "predictions"),
        stamp=plan.planned("make_details", "stamp"),
    output:
        details="results/{study}/tables/details.json",
    log:
        "results/{study}/logs/tables/details.log",
    benchmark:
        "results/{study}/benchmarks/tables/details.tsv"
    params:
        fingerprint=plan.planned("make_details", "fingerprint"),
    message:
        "Gathering what the page draws"
    shell:
        "python -m posepaper.stages.details {output.details:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
