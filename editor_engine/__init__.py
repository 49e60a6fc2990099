"""The editor engine: key-value memories in front of a frozen causal LM (MedREK), usable as a library of its own.

Names are loaded lazily, so that importing the package (for a rollback, a status) never imports torch.
"""
