// Reads packed arrays, and multiplies them. Arrays are flat, the last axis changing first.

// Returns the bytes of base64.
function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// Returns halves (IEEE 754, binary16) as floats. Their bits, moved to where a float has its own, are a float
// whose exponent is too small by 112, the difference of 127 and 15.
function floatsOfHalves(halves) {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] & 0x8000) << 16 | (halves[i] & 0x7fff) << 13;
  return new Float32Array(bits.buffer).map((value) => value * 2 ** 112);
}

// Returns arrays by their paths, each with its shape: described and text are what packing.py wrote. Browsers
// run on little-endian machines alone, so that the bytes are numbers as they are.
function unpack(described, text) {
  const {buffer} = bytesOf(text);
  const all = described.value_bytes === 4 ? new Float32Array(buffer) : floatsOfHalves(new Uint16Array(buffer));
  const arrays = new Map();
  let start = 0;
  for (const {path, shape} of described.arrays) {
    const size = shape.reduce((product, length) => product * length, 1);
    arrays.set(path, {shape, values: all.subarray(start, start + size)});
    start += size;
  }
  return arrays;
}

// Returns rows times weights transposed, (rows, columns): how alike each row of x and each row of the weights
// are. Four rows at a time, so that a weight is fetched once for all of them.
// x: rows of a length, the next one beginning step behind the last; its number of rows is a multiple of four
// weights: (columns, length)
function product(x, numRows, step, weights, numColumns, length) {
  const made = new Float32Array(numRows * numColumns);
  for (let row = 0; row < numRows; row += 4) {
    const start0 = row * step;
    const start1 = start0 + step;
    const start2 = start1 + step;
    const start3 = start2 + step;
    for (let column = 0; column < numColumns; column++) {
      const first = column * length;
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let i = 0; i < length; i++) {
        const weight = weights[first + i];
        sum0 += x[start0 + i] * weight;
        sum1 += x[start1 + i] * weight;
        sum2 += x[start2 + i] * weight;
        sum3 += x[start3 + i] * weight;
      }
      const place = row * numColumns + column;
      made[place] = sum0;
      made[place + numColumns] = sum1;
      made[place + 2 * numColumns] = sum2;
      made[place + 3 * numColumns] = sum3;
    }
  }
  return made;
}

const inFours = (count) => 4 * Math.ceil(count / 4);

// Returns a matrix (rows, columns) transposed.
function transposed(values, numRows, numColumns) {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      turned[column * numRows + row] = values[row * numColumns + column];
    }
  }
  return turned;
}
