"""The scikit-learn face of a study: ``StudySearchCV``, used as ``GridSearchCV`` is."""
