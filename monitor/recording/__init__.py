"""Sessions as HDF5 files: schema, recorder, reader."""
