"""Load a trained model, embed a dataset, search it, export the model."""
