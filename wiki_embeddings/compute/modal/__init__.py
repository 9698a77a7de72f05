"""The Modal compute: stages as functions of the deployed app, over its volume."""
