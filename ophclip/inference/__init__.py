"""Loading a trained model, embedding, search and export."""
