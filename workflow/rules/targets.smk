# Parts of a study by name: snakemake lifting_table_3, gsam, figures, pose2d.
#
# Needs: what a part is made of; posepaper.stages.targets says what each name stands for
# Makes: nothing itself
# Steps: `posepaper targets` lists the names with a line each.


for part, artefacts in targets.named(plan).items():

    rule:
        name:
            part
        input:
            artefacts,
