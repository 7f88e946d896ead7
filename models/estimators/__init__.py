"""The scikit-learn faces of the networks: estimators, saving and serving."""
