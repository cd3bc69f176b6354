"""Documents of a training set. In: files, folders, standard input. Out: rows in bounded batches, bad lines named."""

from nnmech.audit.reading.batches import BadLine, Batch, Row, batches_of
from nnmech.audit.reading.files import Source, find_sources
from nnmech.audit.reading.records import Part, Record, read_record

__all__ = ["BadLine", "Batch", "Part", "Record", "Row", "Source", "batches_of", "find_sources", "read_record"]
