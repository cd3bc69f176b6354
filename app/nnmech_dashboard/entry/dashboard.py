"""What Streamlit runs of an installed dashboard; its settings lie beside it and hold in any working directory."""

from nnmech_dashboard.start import main

main()
