"""May we? Purposes, notices, consent, objection, restriction, suppression, and the one gate that is asked before data is used.

Words owned here: purpose (why data is used), ground (on which legal basis), notice (what was shown), consent record (the yes, the no, the
withdrawal), objection, restriction, suppression (an address we must not write to), decision (the gate's answer).
Nothing here is ever changed or taken away: an act stands, and a later act speaks for the time after it. What is open at a
moment is the last act up to that moment, so every past decision can be explained as it was.
"""
