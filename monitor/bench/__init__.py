"""A virtual lab: SCPI instruments on loopback fed by a workload model or a real capture."""
