"""What each milestone says of its paper, as data, where that would make its file too long to read."""
