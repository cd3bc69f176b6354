"""What was found, for people and for machines. In: findings. Out: a table, a page, JSON, SARIF."""

from nnmech.audit.report.page import write_page
from nnmech.audit.report.sarif import SarifWriter
from nnmech.audit.report.stream import JsonWriter
from nnmech.audit.report.table import print_table

__all__ = ["JsonWriter", "SarifWriter", "print_table", "write_page"]
