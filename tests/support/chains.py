"""Chains of layers that between them have every layer, norm, order and shape, on images of 8×8 pixels."""

from hpsearch.models.layers import (
    Activation,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    Residual,
    SpatialDropout,
)

PIXELS = 64

CHAINS = {
    "no layers": [],
    "filters": [Conv2D(3, 3)],
    "filters and a pool, stored by tiles": [Conv2D(3, 3), MaxPool2D(2), Dense(5)],
    "sigmoid filters under a maximum": [Conv2D(3, 3, activation="sigmoid"), MaxPool2D(2), Dense(5)],
    "mean pool": [Conv2D(3, 3, activation="tanh"), AvgPool2D(2), Dense(5, activation="gelu")],
    "two convolutions, padding, windows that overlap": [
        Conv2D(3, 3, padding="same"), MaxPool2D(2), Conv2D(4, 2, padding=1), MaxPool2D(2, 1), Dense(5),
    ],
    "strides, many channels, a rest that no window covers": [
        Conv2D(5, 3, padding=(1, 0)), Conv2D(4, (3, 2), stride=(1, 2)), MaxPool2D((2, 2)), AvgPool2D((2, 1), 1),
    ],
    "spatial batch norm": [Conv2D(4, 3, activation="sigmoid"), BatchNorm(), MaxPool2D(2), Dense(6), BatchNorm()],
    "group norm": [Conv2D(4, 3, activation="elu"), GroupNorm(2), MaxPool2D(2), Dense(6), GroupNorm(3), Dense(4)],
    "layer norm": [LayerNorm(), Conv2D(4, 3), LayerNorm(), AvgPool2D(2), Dense(6), LayerNorm()],
    "a norm behind the activation": [
        Conv2D(4, 3), MaxPool2D(2), BatchNorm(), Flatten(), Dense(6, activation="identity"), Activation("sigmoid"),
    ],
    "dropout of all kinds": [
        Dropout(0.2), Conv2D(4, 3), SpatialDropout(0.3), MaxPool2D(2), Dense(6), Dropout(0.5), BatchNorm(),
    ],
    "residual": [
        Conv2D(4, 3, padding="same"),
        Residual([
            Conv2D(4, 3, padding="same"), BatchNorm(), SpatialDropout(0.2),
            Conv2D(4, 3, padding="same", activation="identity"),
        ]),
        Activation("relu"),
        Residual([Conv2D(6, 3, stride=2, padding=1)], shortcut=[Conv2D(6, 1, stride=2, activation="identity")]),
        AvgPool2D(4),
    ],
    "residual at the bottom": [Residual([Dense(64, activation="tanh"), Dropout(0.3)]), Dense(4)],
    "a pool at the bottom": [MaxPool2D(2), Dense(4)],
    "an activation at the bottom": [
        Activation("tanh"), Dense(4, activation="swish"), Dense(4, activation="leaky_relu"),
    ],
}  # fmt: skip
