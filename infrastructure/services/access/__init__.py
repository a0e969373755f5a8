"""Tokens: who may use the pages and the API of a store."""
