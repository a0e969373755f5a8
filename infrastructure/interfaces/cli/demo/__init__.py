"""The demonstration: a triage of GitHub webhooks that goes through the whole cycle."""
