# The study in one file that anyone can check offline: snakemake bundle.
#
# Needs: everything that all makes, and the code as git tracks it
# Makes: bundle/{study}.crate.zip, a Workflow Run RO-Crate
# Steps: heavy files stay outside, known by their hashes; posepaper audit --bundle checks it.


rule bundle:
    input:
        plan.targets(),
        code=bundle.code_files(),
    output:
        crate=bundle.path_of(plan.study.name),
    log:
        f"{plan.base}/logs/bundle.log",
    benchmark:
        f"{plan.base}/benchmarks/bundle.tsv"
    params:
        study=plan.study.name,
        data=plan.roots,
    message:
        "Packing results, records and code into one file"
    shell:
        "python -m posepaper.stages.bundle {params.study} --data {params.data:q} 2>&1 | tee {log:q}"
