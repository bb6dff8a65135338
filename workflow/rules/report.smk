# What a reader opens: one HTML page, and each paper as LaTeX and PDF.
#
# Needs: tables/, figures/ and the templates in report/
# Makes: report/index.html, report/{paper}.tex, costs.json; report/{paper}.pdf where a TeX is there
# Steps: `snakemake draft` renders from whatever exists, into draft/, and is never up to date.


rule make_report:
    input:
        tables=plan.planned("make_report", "tables"),
        figures=plan.planned("make_report", "figures"),
        ledger=plan.planned("make_report", "ledger"),
        findings=plan.planned("make_report", "findings"),
        comparisons=plan.planned("make_report", "comparisons"),
        details=plan.planned("make_report", "details"),
        stamp=plan.planned("make_report", "stamp"),
    output:
        index="results/{study}/report/index.html",
        gsam="results/{study}/report/gsam.tex",
        lifting="results/{study}/report/lifting.tex",
        costs="results/{study}/costs.json",
    log:
        "results/{study}/logs/report/report.log",
    benchmark:
        "results/{study}/benchmarks/report/report.tsv"
    params:
        fingerprint=plan.planned("make_report", "fingerprint"),
    message:
        "Writing the report"
    shell:
        "python -m posepaper.stages.report {output.index:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule make_pdf:
    input:
        tex=plan.planned("make_pdf", "tex"),
        figures=plan.planned("make_pdf", "figures"),
        stamp=plan.planned("make_pdf", "stamp"),
    output:
        pdf="results/{study}/report/{paper}.pdf",
    log:
        "results/{study}/logs/report/{paper}.log",
    benchmark:
        "results/{study}/benchmarks/report/{paper}.tsv"
    params:
        fingerprint=plan.planned("make_pdf", "fingerprint"),
    message:
        "Typesetting {wildcards.paper}"
    shell:
        "python -m posepaper.stages.report {output.pdf:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule draft:
    log:
        f"{plan.base}/logs/report/draft.log",
    params:
        study=plan.study.name,
    message:
        "Writing a draft of both papers from whatever exists"
    shell:
        "python -m posepaper.stages.report --draft {params.study} 2>&1 | tee {log:q}"
