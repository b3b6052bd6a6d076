// Computes levels of sounds over time and frequency. Axes: J columns, F bins.

// The discrete Fourier transform in place (Cooley, Tukey, 1965), of a power of two of numbers.
function transform(real, imaginary) {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i++) {
    // j is i with its bits from right to left.
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k++) {
      const cosine = Math.cos(Math.PI * k / half);
      const sine = -Math.sin(Math.PI * k / half);
      for (let even = k; even < size; even += 2 * half) {
        const odd = even + half;
        const turnedReal = real[odd] * cosine - imaginary[odd] * sine;
        const turnedImaginary = real[odd] * sine + imaginary[odd] * cosine;
        real[odd] = real[even] - turnedReal;
        imaginary[odd] = imaginary[even] - turnedImaginary;
        real[even] += turnedReal;
        imaginary[even] += turnedImaginary;
      }
    }
  }
}

// Returns the levels of a sound in columns and bins, (J, F), as trainer.networks.spectra.decibels has them:
// from -2, silence, to 2, a sine of full scale; 20 dB a unit. Windows are Hann's, periodic.
function levelsOf(sound, window, hop) {
  const numColumns = 1 + Math.floor((sound.length - window) / hop);
  const numBins = window / 2 + 1;
  const levels = new Float32Array(numColumns * numBins);
  const real = new Float64Array(window);
  const imaginary = new Float64Array(window);
  for (let column = 0; column < numColumns; column++) {
    for (let i = 0; i < window; i++) real[i] = sound[column * hop + i] * Math.sin(Math.PI * i / window) ** 2;
    imaginary.fill(0);
    transform(real, imaginary);
    for (let bin = 0; bin < numBins; bin++) {
      const relative = (real[bin] ** 2 + imaginary[bin] ** 2) / (window / 4) ** 2;
      levels[column * numBins + bin] = (10 * Math.log10(relative + 1e-8) + 40) / 20;
    }
  }
  return levels;
}
