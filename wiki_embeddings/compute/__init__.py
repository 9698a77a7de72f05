"""Where stages run: in processes of this machine, or in containers on Modal.

A compute runs any stage without knowing it: it hands out specs and brings back reports.
"""
