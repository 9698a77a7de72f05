"""Pictures for people, as SVG: plain functions on numbers, drawn where the numbers are.

Four charts are no reason for a plotting library: matplotlib would add a second to every process
that draws, and a hundred megabytes to every container image.
"""
