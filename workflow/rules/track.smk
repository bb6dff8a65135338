# Data, checkpoints, numbers and report of the study, with their records, under DVC.
#
# Needs: everything else
# Makes: stamps/tracked.json; the .dvc pointers are side effects, for Snakemake would delete them
# Steps: one local job at the end, and again after a failure (Snakefile: onerror).


rule track_results:
    input:
        plan.targets(),
    output:
        tracked="results/{study}/stamps/tracked.json",
    log:
        "results/{study}/logs/track.log",
    benchmark:
        "results/{study}/benchmarks/track.tsv"
    message:
        "Handing data, checkpoints and results to DVC"
    shell:
        "python -m posepaper.stages.track {wildcards.study} 2>&1 | tee {log:q}"
