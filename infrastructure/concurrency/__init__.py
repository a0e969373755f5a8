"""Threads, forks and async variants of blocking methods."""
