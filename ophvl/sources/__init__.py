"""Where videos come from: source lists, block lists, search terms and results, licences."""
