"""Bringing in people from files: read the file, recognise its columns, clean its values.

`readers` turns any file into a `Table`, `layouts` says which column means what, `values` makes a clean `Record` of each row.
Nothing here touches the database.
"""
