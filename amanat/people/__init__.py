"""The people a workspace knows: contacts and companies, how they are found, merged, brought in and taken out.

Words owned here: contact, company, phone, e-mail, address, tag, stage, custom field, saved list, duplicate, merge, import run.
"""
