"""The store: every table and all the SQL; nothing outside this room speaks SQL.

SQLite by default. What the other rooms call is `store.Store`.
"""
