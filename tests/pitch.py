"""How high a voice is."""

import numpy as np

from frontdesk.voice.base import OUTPUT_RATE, Samples


def pitch(sound: Samples) -> float:
    """Median fundamental frequency of 24 kHz speech, Hz: windows of 100 ms, by autocorrelation."""
    found: list[float] = []
    size = OUTPUT_RATE // 10
    lags = slice(OUTPUT_RATE // 400, OUTPUT_RATE // 70)
    for at in range(0, len(sound) - size, size // 2):
        window = sound[at : at + size] - sound[at : at + size].mean()
        energies = np.correlate(window, window, "full")[size - 1 :]
        lag = lags.start + int(np.argmax(energies[lags]))
        if energies[0] > size * 0.001 and energies[lag] > 0.5 * energies[0]:
            found.append(OUTPUT_RATE / lag)
    return float(np.median(found))
