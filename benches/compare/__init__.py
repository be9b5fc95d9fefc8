"""Trefoil beside other NBD servers and beside the disk below them: one command, one table."""
