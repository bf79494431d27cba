"""The published policy as data: clauses, versions, periods.

One file per workspace says what is promised. From it come the page people read, the JSON machines read, and the tables the running
system obeys. Words owned here: policy, clause, rule, term, figure (a number of the law), floor (what a law forces us to keep), finding.
Nothing here touches the database.
"""
