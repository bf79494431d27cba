"""Notifications on a member's phone or computer while Amanat is closed: web push (RFC 8030, 8291, 8292).

It owns the words "push device" (a browser in which a member switched notifications on) and "notification" (what it is told). A notification says that
something is waiting and where, never who wrote or what. It stands in messaging because only conversations are told of; what it needs of
people is the rule who may see a conversation.
"""
