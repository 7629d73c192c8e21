"""What the columns of a table hold: by their header's words, by how their values are distributed, by a known layout."""
