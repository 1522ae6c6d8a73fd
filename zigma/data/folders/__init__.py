"""From a user's folder of pictures or videos, with captions and classes, to shards."""
