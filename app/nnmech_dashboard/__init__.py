"""The dashboard: pages that read run directories and write nothing.

`state` is what the reader looks at, `charts` are Vega-Lite specifications, `parts` are the pieces that pages share, and
`views` are the pages, a folder each.
"""
