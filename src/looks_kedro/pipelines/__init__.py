"""The study as Kedro pipelines, from acquisition to reporting.

Each folder wires (``pipeline.py``), types its parameters (``parameters.py``) and calls the plain packages from thin
nodes (``nodes.py``); whatever computes lives in those packages.
"""
