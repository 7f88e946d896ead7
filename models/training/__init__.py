"""The machine behind the networks: many that share their shapes train as one program.

From the data to an epoch, in the order in which a reader meets them:

- `data`: training and validation samples in the form that networks read; `augmented_images`: those of one epoch,
  distorted.
- `members`: one network of a population (its hyper-parameters, seed and state), what an epoch of it gives, and which
  networks may train together.
- `population`: the only training loop, an epoch at a time. A population has K *lanes*, one per member.
- `stacks`: the arrays of all lanes stacked on each other, shape (K, ...), and the chunks of lanes that share the cache.
- `step`: one step of training (forward, error, backward on one mini-batch), not computed but emitted as a list of
  operations (see `hpsearch.models.kernels`); an optimizer appends its update.
- `training_pass`: all steps of an epoch, compiled once and run at every epoch; `validation_pass`: the same for data
  that is only measured; `samples`: what both read, and how costs and hits are summed.
- `outputs`: what steps leave of outputs, whole or of each sample's class alone.
- `scores`: from those sums to metrics; `monitors`: gradient norms and saturated neurons.
- `callbacks`: scikit-learn's, for the estimators.
"""
