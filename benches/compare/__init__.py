"""Trefoil beside others that do the same, and beside the disk below them: one command."""
