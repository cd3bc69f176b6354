"""Charts as Vega-Lite specifications, in the colours of the figures, for a light and a dark page."""
