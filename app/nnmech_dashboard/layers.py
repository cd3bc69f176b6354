"""What stands around the dashboard's server, however it is started."""

from starlette.middleware import Middleware

from nnmech_dashboard.guard import LocalOnly
from nnmech_dashboard.history import OneEntryAPage

LAYERS = [Middleware(LocalOnly), Middleware(OneEntryAPage)]
"""The outermost first: foreign requests are refused, and a page takes one entry of the browser's history."""
