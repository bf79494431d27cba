"""The desk's lists in an export of the whole workspace, taken back: catalogue, service records, payments, tasks.

Papers are not among them: their files and numbers never leave the workspace.
"""
