"""The local compute: stages in worker processes of this machine."""
