"""The dashboard: how probes drift while a model learns, from run directories alone.

make dashboard                                   runs in ./runs, and the sample run
streamlit run app/dashboard.py -- FOLDER ...     runs in or below these folders
"""

from nnmech_dashboard.start import main

main()
