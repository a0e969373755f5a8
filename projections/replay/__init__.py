"""The results of executing recorded runs again."""
