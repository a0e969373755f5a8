"""What runs by itself, or in processes of its own, over the services."""
