"""Redis as the store: one string a record, one slot a step, one round trip a turn of the loop.

It wants Redis 6.2 or later, which neither evicts nor forgets: `inspection` tells.
"""
