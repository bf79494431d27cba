"""Who signs in, and where: users, workspaces, members, teams, roles, sessions, invitations, API tokens.

Words: a `user` is a human's sign-in and belongs to no workspace; a `member` is that user's seat in one workspace, with
a role; the `workspace` is the tenant.
"""
