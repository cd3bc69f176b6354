"""The experiments of the paper. In: a source of claims and a model. Out: run directories, tables and figures of them.

Each is a package of the same files: `config` (settings and presets), `single` (one run), `report` (what a run directory
says), `tables` (that as lines), `publish` (summary and figures), `experiment` (the object that holds them together).
`registry` lists them all.
"""
